"""What the spiking layers of Sinabs 3.1 compute, as nodes. Measured rules, one step being one time step of Sinabs:

``I' = alpha_syn (I + x)``, or ``I' = x`` without ``tau_syn``; ``v* = alpha v + g I'`` with ``g = 1 - alpha`` under
``norm_input``, else 1; then the spikes, the reset, and last ``v' = max(v, min_v_mem)``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.connections.base import Shape
from neurodeploy.errors import UnsupportedNode
from neurodeploy.frontends.neuron_node import neuron_node
from neurodeploy.graph import Node

LAYERS = ("IAF", "IAFSqueeze", "IAFRecurrent", "LIF", "LIFSqueeze", "LIFRecurrent", "ExpLeak", "ExpLeakSqueeze")
REASONS = {
    "ALIF": "its threshold adapts, for which no chip's neuron here has a register",
    "ALIFRecurrent": "its threshold adapts, for which no chip's neuron here has a register",
    "ALIFSqueeze": "its threshold adapts, for which no chip's neuron here has a register",
}


def node_of(layer: Any, name: str, shape: Shape, where: str, dt_s: float) -> Node:
    """The node of a layer without its recurrence.

    Args:
        layer: One of ``sinabs.layers``.
        name: For the node.
        shape: Of the layer, without batch and time.
        where: For messages.
        dt_s: Seconds that a time step stands for.

    Raises:
        UnsupportedNode: Something in the layer has no exact equal.
    """
    kind = type(layer).__name__
    if not type(layer).__module__.startswith("sinabs.") or kind not in LAYERS:
        raise UnsupportedNode(
            f"{kind}: {REASONS.get(kind, 'not a layer of Sinabs whose equations are known here')}",
            where=where,
            remedy=f"use one of sinabs.layers: {', '.join(LAYERS)}",
        )
    alpha = _factor(layer.alpha_mem_calculated, "alpha_mem", where)
    synaptic = layer.alpha_syn_calculated
    alpha_syn = None if synaptic is None else _factor(synaptic, "alpha_syn", where)
    conventions: dict[str, Any] = {"v_init": "zero"}
    spiking = layer.spike_fn is not None
    if spiking:
        conventions |= _spikes(layer.spike_fn, where) | _reset(layer, where)
    if layer.min_v_mem is not None:
        if not spiking:
            raise UnsupportedNode(
                f"{kind} sends its membrane before min_v_mem bounds it", where=where, remedy="drop min_v_mem there"
            )
        conventions["v_min"] = _spread(layer.min_v_mem, shape, "min_v_mem", where)
    return neuron_node(
        name,
        shape,
        dt_s=dt_s,
        b=_spread(alpha, shape, "tau_mem", where),
        k=_spread(1 - alpha, shape, "tau_mem", where) if layer.norm_input else 1.0,
        a=None if alpha_syn is None else _spread(alpha_syn, shape, "tau_syn", where),
        w=1.0 if alpha_syn is None else _spread(alpha_syn, shape, "tau_syn", where),
        theta=_spread(layer.spike_threshold, shape, "spike_threshold", where) if spiking else None,
        conventions=conventions,
    )


def _spikes(spike_fn: Any, where: str) -> dict[str, Any]:
    own = spike_fn if isinstance(spike_fn, type) else type(spike_fn)
    name = own.__name__ if own.__module__ == "sinabs.activation.spike_generation" else None
    if name == "SingleSpike":
        return {"spike": "ge"}
    if name == "MultiSpike":
        return {"spike": "multi_trunc"}
    if name == "MaxSpike":
        most = spike_fn.max_num_spikes_per_bin
        if most is None:
            return {"spike": "multi_trunc"}
        if most >= 1 and int(most) == most:
            return {"spike": "ge"} if most == 1 else {"spike": "multi_trunc", "max_spikes": int(most)}
        raise UnsupportedNode(f"MaxSpike({most})", where=where, remedy="allow a whole number of spikes per step")
    raise UnsupportedNode(
        f"spike_fn {getattr(spike_fn, '__name__', own.__name__)} is not one of Sinabs",
        where=where,
        remedy="use MultiSpike, SingleSpike or MaxSpike",
    )


def _reset(layer: Any, where: str) -> dict[str, Any]:
    reset = layer.reset_fn
    own = type(reset)
    name = own.__name__ if own.__module__ == "sinabs.activation.reset_mechanism" else None
    if name == "MembraneSubtract":
        amount = reset.subtract_value
        if amount is not None and np.any(_array(layer.spike_threshold) != amount):
            raise UnsupportedNode(
                f"MembraneSubtract(subtract_value={amount}), which is not the threshold",
                where=where,
                remedy="leave subtract_value away, and train with that",
            )
        return {"reset": "subtract"}
    if name == "MembraneReset":
        if reset.reset_value != 0:
            raise UnsupportedNode(
                f"MembraneReset(reset_value={reset.reset_value}): Sinabs adds the value to every neuron at every step",
                where=where,
                remedy="reset to 0",
            )
        return {"reset": "value"}
    raise UnsupportedNode(
        f"reset_fn {getattr(reset, '__name__', own.__name__)} is not one of Sinabs",
        where=where,
        remedy="use MembraneSubtract() or MembraneReset()",
    )


def _factor(value: Any, name: str, where: str) -> NDArray[Any]:
    """A decay in the module's precision, so that 1 - alpha rounds as it does there."""
    factor = _array(value)
    if not np.all((factor >= 0) & (factor <= 1)):
        raise UnsupportedNode(
            f"{name} lies in {factor.min():g}..{factor.max():g}, outside 0..1", where=where, remedy="retrain the decays"
        )
    return factor


def _spread(value: Any, shape: Shape, name: str, where: str) -> NDArray[np.float64]:
    array = _array(value).astype(np.float64)
    if array.size == 1:
        return array.reshape(())
    try:
        return np.broadcast_to(array, shape)
    except ValueError:
        raise UnsupportedNode(
            f"{name} has shape {array.shape}, the layer {shape}",
            where=where,
            remedy="give one value, or one per neuron",
        ) from None


def _array(value: Any) -> NDArray[Any]:
    return np.asarray(value.detach().cpu().numpy() if hasattr(value, "detach") else value)
