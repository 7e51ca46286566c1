"""Norse 1.1's neurons as nodes, with the factors that their code really uses.

Equations (``norse/torch/functional``, one step; ``k = dt * tau_mem_inv``):

* LIF: ``j = i + x``; ``v* = v + k ((v_leak - v) + j)``; ``i' = j - dt tau_syn_inv j``; fires where ``v* > v_th``;
  ``v' = v_reset`` on a spike. In our form the current is ``j``: it takes the whole input and acts undecayed at once.
* LIFBox: ``v* = v + k (x + v_leak - v)``; fires likewise; reset by ``reset_value`` or ``reset_subtract``.
* IAF: ``v* = v + x``, whatever dt is. LI and LIBox are LIF and LIFBox without a threshold.

A sample starts at ``v_leak``, an IAF at ``v_reset``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from neurodeploy.connections.base import Array, Shape
from neurodeploy.errors import UnsupportedNode
from neurodeploy.graph import Node

STEP_FUNCTIONS = ("super", "heaviside", "tanh", "triangle", "circ", "heavi_erfc")
"""Methods whose forward is the Heaviside function; they differ in their gradients alone."""

REASONS: Mapping[str, str] = {
    "LSNN": "its threshold adapts to its spikes",
    "LIFAdExRefrac": "its current grows exponentially with the membrane, adapts, and it has a refractory period",
    "LIFAdEx": "its current grows exponentially with the membrane and adapts",
    "LIFEx": "its current grows exponentially with the membrane",
    "LIFRefrac": "it has a refractory period, which our float networks do not have",
    "LIFMCRefrac": "it has several compartments and a refractory period",
    "LIFMC": "it has several compartments",
    "LIFCorrelation": "it measures correlations of spikes, for learning",
    "CobaLIF": "its synapses are conductances, which multiply the membrane",
    "Izhikevich": "its membrane grows with its own square",
    "ConstantCurrentLIFEncoder": "it makes spikes out of real values",
    "PoissonEncoder": "it draws random spikes",
    "SignedPoissonEncoder": "it draws random spikes",
    "PopulationEncoder": "it makes spikes out of real values",
    "SpikeLatency": "it makes spikes out of real values",
    "ExpFilter": "it filters over time without a neuron",
    "TemporalReceptiveField": "it filters over time without a neuron",
    "SpikesToTimesDecoder": "it turns spikes into times",
}
"""Why a class is refused, by the beginning of its name, longest first."""
INSTEAD = "use LIF, LIFBox, IAF, LI or LIBox cells"


def cell_node(name: str, module: Any, shape: Shape, where: str) -> Node:
    """One of Norse's cells without weights as a node.

    Args:
        name: Of the node.
        module: A cell, or a layer over time: anything with ``p`` and ``dt``.
        shape: Of one sample.
        where: For messages.

    Raises:
        UnsupportedNode: A parameter that has no equal here.
    """
    kind = type(module).__name__.removesuffix("Cell").removesuffix("Linear").removesuffix("Recurrent")
    cell = _Parameters(module, shape, where)
    if kind == "IAF":
        v_reset = cell["v_reset"]
        params = {"r": np.ones(shape), "v_threshold": cell["v_th"], "v_reset": v_reset}
        exact = _exact(shape, a=0, w=1, b=1, k=1, l=0, theta=cell["v_th"], v_reset=v_reset, v0=v_reset)
        return Node(name, "IF", params, conventions(module, where), exact)
    gain, leak = cell.per_step("tau_mem_inv"), cell["v_leak"]
    params = {"r": np.ones(shape), "v_leak": leak}
    exact = {"a": np.zeros(shape), "b": 1 - gain, "k": gain, "l": gain * leak, "v0": leak}
    if kind in ("LIF", "LI"):
        loss = cell.per_step("tau_syn_inv")
        params |= {"tau_mem": 1 / cell["tau_mem_inv"], "tau_syn": 1 / cell["tau_syn_inv"], "w_in": 1 / loss}
        exact["a"] = 1 - loss
    else:
        params["tau"] = 1 / cell["tau_mem_inv"]
    if kind in ("LI", "LIBox"):
        exact = _exact(shape, w=1, theta=np.inf, v_reset=0, **exact)
        return Node(name, "CubaLI" if kind == "LI" else "LI", params, {}, exact)
    params |= {"v_threshold": cell["v_th"], "v_reset": cell["v_reset"]}
    exact = _exact(shape, w=1, theta=cell["v_th"], v_reset=cell["v_reset"], **exact)
    return Node(name, "CubaLIF" if kind == "LIF" else "LIF", params, conventions(module, where), exact)


def conventions(module: Any, where: str) -> dict[str, str]:
    """What fires and what a spike does; nothing for integrators.

    Raises:
        UnsupportedNode: A threshold or reset that has no equal here.
    """
    from norse.torch.functional.reset import reset_subtract, reset_value

    p = module.p
    if not hasattr(p, "v_th"):
        return {}
    if p.method not in STEP_FUNCTIONS:
        raise UnsupportedNode(
            f"its threshold method is '{p.method}'",
            where=where,
            remedy=f"use one of {', '.join(STEP_FUNCTIONS)}; the spikes are the same",
        )
    resets = {reset_value: "value", reset_subtract: "subtract"}
    method = getattr(p, "reset_method", reset_value)
    if method not in resets:
        raise UnsupportedNode(
            f"its reset_method is {getattr(method, '__name__', method)!r}",
            where=where,
            remedy="use reset_value or reset_subtract",
        )
    return {"reset": resets[method], "spike": "gt"}


def refuse_class(module: Any, where: str) -> UnsupportedNode:
    """The error for a class of Norse's that has no equal here."""
    name = type(module).__name__
    known = [begin for begin in sorted(REASONS, key=len, reverse=True) if name.startswith(begin)]
    reason = REASONS[known[0]] if known else "its equations are not known here"
    return UnsupportedNode(f"Norse's {name} is not supported: {reason}", where=where, remedy=INSTEAD)


class _Parameters:
    """A module's parameters, as arrays of the layer's shape in float64."""

    def __init__(self, module: Any, shape: Shape, where: str) -> None:
        self._p, self._dt = module.p, module.dt
        self._shape = shape
        self._where = where

    def __getitem__(self, name: str) -> Array:
        return self._full(getattr(self._p, name), name)

    def per_step(self, name: str) -> Array:
        """``dt * name`` as Norse multiplies it: in the precision of the parameter."""
        import torch

        with torch.no_grad():
            return self._full(self._dt * torch.as_tensor(getattr(self._p, name)), name)

    def _full(self, value: Any, name: str) -> Array:
        import torch

        array = np.asarray(torch.as_tensor(value).detach().cpu().numpy(), np.float64)
        while array.ndim > len(self._shape) and array.shape[0] == 1:
            array = array[0]
        try:
            return np.broadcast_to(array, self._shape).copy()
        except ValueError:
            raise UnsupportedNode(
                f"{name} has shape {array.shape}, the layer {self._shape}",
                where=self._where,
                remedy="give one value, or one for each neuron",
            ) from None


def _exact(shape: Shape, **factors: Any) -> dict[str, Array]:
    return {name: np.broadcast_to(np.asarray(value, np.float64), shape).copy() for name, value in factors.items()}
