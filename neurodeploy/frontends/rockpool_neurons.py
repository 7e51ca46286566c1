"""What the neurons of Rockpool 3.1's torch modules compute, as nodes. Measured rules:

``LIFTorch``, and ``LIFBitshiftTorch``, which rounds the decays: ``I' = beta (I + x + W_rec^T z)`` with the spikes z of
the step before; ``v* = alpha v + I' + bias``. ``LIFNeuronTorch``: ``v* = alpha v + x + bias``. They send
``floor(v* / threshold)`` spikes where ``v* >= threshold``, at most ``max_spikes_per_dt``, and subtract the threshold as
often. ``ExpSynTorch`` sends ``I' = beta (I + x)``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.connections.base import Shape
from neurodeploy.errors import UnsupportedNode
from neurodeploy.frontends.neuron_node import neuron_node
from neurodeploy.graph import Node

NEURONS = ("LIFTorch", "LIFBitshiftTorch", "LIFNeuronTorch", "ExpSynTorch")
REASONS = {
    "aLIFTorch": "its spikes drive a second current of the neuron, for which no chip's neuron here has a register",
    "LowPass": "it takes time before the batch, unlike all others, and sends membranes",
    "RateTorch": "it sends rates, not spikes",
    "UpDownTorch": "it encodes a signal; encode the data before they go to the network",
}
STATEFUL = ("LIFBaseTorch", "LIFNeuronTorch", "ExpSynTorch", "LowPass", "RateTorch", "UpDownTorch", "BooleanState")
"""Classes of Rockpool whose modules, and those derived from them, hold a state."""
SURROGATES = ("StepPWL", "PeriodicExponential")


def check_kind(module: Any, where: str) -> None:
    """Refuse modules with a state that are none of the above.

    Raises:
        UnsupportedNode: Names the class and the reason.
    """
    kind = type(module).__name__
    if not type(module).__module__.startswith("rockpool.") or kind not in NEURONS:
        raise UnsupportedNode(
            f"{kind}: {REASONS.get(kind, 'not a module of Rockpool whose equations are known here')}",
            where=where,
            remedy=f"use {', '.join(NEURONS)}, LinearTorch and torch's layers",
        )


def node_of(module: Any, name: str, where: str) -> Node:
    """The node of a module without its recurrence, of the step that the module has in seconds.

    Raises:
        UnsupportedNode: Something in the module has no exact equal.
    """
    kind = type(module).__name__
    if np.any(_array(module.noise_std) != 0):
        raise UnsupportedNode(
            f"noise_std = {float(module.noise_std):g}: what it sends is random", where=where, remedy="set noise_std=0"
        )
    shape: Shape = (int(module.size_out),)
    dt_s = float(module.dt)
    if kind == "ExpSynTorch":
        beta = _decay(module.tau, module.dt)
        return neuron_node(name, shape, dt_s=dt_s, b=beta, k=beta, conventions={"v_init": "zero"})
    conventions = {"v_init": "zero", "reset": "subtract", **_spikes(module, where)}
    threshold = _array(module.threshold)
    if kind == "LIFNeuronTorch":
        alpha = _decay(module.tau_mem, module.dt)
        return neuron_node(
            name, shape, dt_s=dt_s, b=alpha, constant=_array(module.bias), theta=threshold, conventions=conventions
        )
    if module.n_synapses != 1:
        raise UnsupportedNode(
            f"{module.n_synapses} synapses per neuron, each with a current of its own",
            where=where,
            remedy="give LIFTorch as many inputs as neurons",
        )
    beta = _array(module.beta).reshape(-1)
    return neuron_node(
        name,
        shape,
        dt_s=dt_s,
        b=_array(module.alpha),
        a=beta,
        w=beta,
        constant=_array(module.bias),
        theta=threshold,
        conventions=conventions,
    )


def recurrent_weights(module: Any) -> NDArray[Any] | None:
    """(n, n) weights, target first, from a LIFTorch's spikes to its own currents; None where it has none."""
    if not type(module).__name__.startswith("LIF") or not hasattr(module, "w_rec") or not np.any(_array(module.w_rec)):
        return None
    return _array(module.w_rec).T.copy()


def _spikes(module: Any, where: str) -> dict[str, Any]:
    function = getattr(module.spike_generation_fn, "__self__", module.spike_generation_fn)
    name = getattr(function, "__name__", type(function).__name__)
    if name not in SURROGATES or not str(getattr(function, "__module__", "")).startswith("rockpool."):
        raise UnsupportedNode(
            f"spike_generation_fn {name} is not one of Rockpool", where=where, remedy=f"use {' or '.join(SURROGATES)}"
        )
    most = float(_array(module.max_spikes_per_dt))
    if most < 1 or most != int(most):
        raise UnsupportedNode(
            f"max_spikes_per_dt = {most:g}", where=where, remedy="allow a whole number of spikes per step"
        )
    return {"spike": "ge"} if most == 1 else {"spike": "multi_trunc", "max_spikes": int(most)}


def _decay(tau_s: Any, dt_s: float) -> NDArray[Any]:
    """As the module computes it: in its own precision."""
    import torch

    return _array(torch.exp(-dt_s / tau_s))


def _array(value: Any) -> NDArray[Any]:
    return np.asarray(value.detach().cpu().numpy() if hasattr(value, "detach") else value)
