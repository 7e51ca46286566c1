"""SpikingJelly 2.0's neurons as nodes, with the factors that their code really uses.

Equations (``spikingjelly/_ops``, one step; a soft reset counts as ``v_reset = 0`` in the decay):

* IFNode: ``h = v + x``.
* LIFNode, ParametricLIFNode with ``tau = 1 / sigmoid(w)``: ``h = v + (x - (v - v_reset)) / tau`` with decay_input, else
  ``h = v - (v - v_reset) / tau + x``.
* CUBALIFNode: ``c = c_decay c + x``; ``h = v_decay v + c``.

All fire where ``h >= v_threshold``; a spike sets ``v = v_reset``, or takes v_threshold off where v_reset is None. A
sample starts at v_reset (None: 0), in a HalfThresholdIFNode at half the threshold, in the Simple nodes at 0.
SLTTLIFNode is LIFNode but for its gradients. Time constants count in steps; dt only labels them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from neurodeploy.connections.base import Array, Shape
from neurodeploy.errors import UnsupportedNode
from neurodeploy.graph import Node

NODES = (
    *("IFNode", "LIFNode", "ParametricLIFNode", "CUBALIFNode"),
    *("HalfThresholdIFNode", "SLTTLIFNode", "SimpleIFNode", "SimpleLIFNode"),
)
REASONS: Mapping[str, str] = {
    **dict.fromkeys(("IzhikevichNode", "QIFNode"), "its membrane grows with its own square"),
    **dict.fromkeys(("PSN", "MaskedPSN", "SlidingPSN"), "it weighs several steps at once"),
    **dict.fromkeys(("FewSpikeNode", "HGNode"), "its spikes have a size that changes from step to step"),
    **dict.fromkeys(("DSRIFNode", "DSRLIFNode"), "its spikes have the size of its threshold"),
    **dict.fromkeys(
        ("STBIFNode", "TernaryIFNode", "TernaryLIFNode", "OutlierAwareThresholdNode"), "its spikes are signed"
    ),
    **dict.fromkeys(("ILCIFNode", "ILCLIFNode", "ILCCUBALIFNode"), "its neurons talk to each other within the layer"),
    **dict.fromkeys(("NonSpikingIFNode", "NonSpikingLIFNode"), "it returns membranes of a whole sequence as a list"),
    "ActivationAwareIFNode": "it has an offset beside its threshold",
    "ComplementaryLIFNode": "it has a second, complementary membrane",
    "EIFNode": "its membrane grows exponentially",
    "FlexSN": "its equations are a function of the user's",
    "GatedLIFNode": "learnt gates mix its equations",
    "ILIFNode": "it sends several spikes per step",
    "KLIFNode": "it scales and clips its membrane before it fires",
    "LIAFNode": "it sends real values",
    "MPBNLIFNode": "it normalises its membrane",
    "OTTTLIFNode": "it is for online training",
    "RAFNode": "it resonates",
    "SynapseFilter": "it filters over time without a neuron",
    "Delay": "it delays by several steps",
    "NeuNorm": "it divides by the activity of other channels",
}
"""Why a class is refused."""
INSTEAD = f"use {', '.join(NODES)}"


def neuron_node(name: str, module: Any, shape: Shape, dt_s: float, precision: str, where: str) -> Node:
    """One of SpikingJelly's neurons as a node.

    Args:
        name: Of the node.
        module: One of ``NODES``.
        shape: Of one sample.
        dt_s: Of a step, for the time constants.
        precision: In which the module computes.
        where: For messages.

    Raises:
        UnsupportedNode: A parameter that has no equal here.
    """

    def held(value: Any) -> float:
        """A number of Python's as the module's arithmetic takes it."""
        if not isinstance(value, (int, float)):
            what = f"a parameter is a {type(value).__name__}, not a number"
            raise UnsupportedNode(what, where=where, remedy="give SpikingJelly's neurons numbers, one for the layer")
        return float(np.dtype(precision).type(value))

    soft = module.v_reset is None
    theta, v_reset = held(module.v_threshold), 0.0 if soft else held(module.v_reset)
    kind = type(module).__name__
    start = held(module.get_reset_value("v"))
    if "c" in dict(module.named_memories()) and module.get_reset_value("c") != 0:
        raise UnsupportedNode("its current starts at another value than 0", where=where, remedy="let it start at 0")
    factors = {"a": 0.0, "w": 1.0, "b": 1.0, "k": 1.0, "l": 0.0, "theta": theta, "v_reset": v_reset, "v0": start}
    params = {"v_threshold": theta, "v_reset": v_reset, "r": 1.0}
    if kind in ("IFNode", "HalfThresholdIFNode", "SimpleIFNode"):
        type_ = "IF"
    elif kind == "CUBALIFNode":
        type_ = "CubaLIF"
        factors |= {"a": held(module.c_decay), "b": held(module.v_decay)}
        gains = {"tau_mem": 1 - factors["b"], "tau_syn": 1 - factors["a"]}
        for tau, loss in gains.items():
            if not 0 < loss <= 1:
                raise UnsupportedNode(
                    f"a decay of {1 - loss:g} has no time constant", where=where, remedy="keep it in [0, 1)"
                )
            params[tau] = dt_s / loss
        params |= {"v_leak": 0.0, "r": 1 / gains["tau_mem"], "w_in": 1 / gains["tau_syn"]}
    else:
        type_ = "LIF"
        loss = _loss(module, held)
        gain = loss if module.decay_input else 1.0
        factors |= {"b": 1 - loss, "k": gain, "l": loss * v_reset}
        params |= {"tau": dt_s / loss, "v_leak": v_reset, "r": gain / loss}
    conventions = {"reset": "subtract" if soft else "value", "spike": "ge"}
    return Node(name, type_, _full(params, shape), conventions, _full(factors, shape))


def check_surrogate(function: Any, where: str) -> None:
    """Its forward must be the step function; surrogates differ in their gradients alone.

    Raises:
        UnsupportedNode: It is another function.
    """
    import torch

    x = torch.tensor([-3.0, -1.0, -1e-30, 0.0, 1e-30, 1.0, 3.0])
    try:
        with torch.no_grad():
            made = function(x)
    except RuntimeError:  # PoissonPass takes probabilities
        made = None
    if made is None or not torch.equal(made, (x >= 0).to(x)):
        raise UnsupportedNode(
            f"its surrogate {type(function).__name__} does not make spikes [x >= 0]",
            where=where,
            remedy="use a surrogate of spikingjelly.activation_based.surrogate with spiking=True",
        )


def refuse_class(module: Any, where: str) -> UnsupportedNode:
    """The error for a class of SpikingJelly's that has no equal here."""
    name = type(module).__name__
    reason = REASONS.get(name, "its equations are not known here")
    return UnsupportedNode(f"SpikingJelly's {name} is not supported: {reason}", where=where, remedy=INSTEAD)


def _loss(module: Any, held: Any) -> float:
    """What the membrane loses per step, ``1 / tau``."""
    if type(module).__name__ == "ParametricLIFNode":
        return float(module.w.detach().sigmoid())
    return 1 / float(held(module.tau))


def _full(values: Mapping[str, float], shape: Shape) -> dict[str, Array]:
    return {name: np.full(shape, value, np.float64) for name, value in values.items()}
