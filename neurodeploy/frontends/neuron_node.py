"""A neuron's node from its discrete-time factors, for frameworks whose modules hold or compute these."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurodeploy.connections.base import Shape
from neurodeploy.graph import Node

SLOWEST = 2.0**24
"""Longest time constant, in steps; of integrators too, where they have a synaptic current."""


def neuron_node(
    name: str,
    shape: Shape,
    *,
    dt_s: float,
    b: ArrayLike,
    k: ArrayLike = 1.0,
    a: ArrayLike | None = None,
    w: ArrayLike = 1.0,
    constant: ArrayLike = 0.0,
    theta: ArrayLike | None = None,
    v0: ArrayLike = 0.0,
    conventions: Mapping[str, Any] | None = None,
) -> Node:
    """The node for ``I' = a I + w x``, ``v* = b v + constant + k I'``; spikes against ``theta``.

    Its parameters are NIR's, chosen so that forward Euler at ``dt_s`` gives these factors up to single precision:
    ``tau = dt / (1 - b)``, ``r = k / (1 - b)``, ``v_leak = constant / (1 - b)``. ``exact`` has the factors as they are.

    Args:
        name: Of the node.
        shape: Of the layer; all factors are broadcast to it.
        dt_s: Time step in seconds.
        b: Factor of the membrane, in 0..1.
        k: Gain into the membrane, > 0.
        a: Factor of the synaptic current, in 0..1; None for neurons without.
        w: Gain into the synaptic current, > 0.
        constant: Added to the membrane at every step.
        theta: Threshold, > 0; None for neurons that never fire.
        v0: Membrane at the start of a sample; an array is kept as it is, and broadcasts to ``shape``.
        conventions: As of :class:`Node`.
    """

    def full(value: ArrayLike) -> NDArray[np.float64]:
        return np.broadcast_to(np.asarray(value, np.float64), shape).copy()

    membrane, gain, added = full(b), full(k), full(constant)
    exact = {"b": membrane, "k": gain, "l": added, "a": full(0.0), "w": full(1.0)}
    exact["v0"] = np.array(v0, np.float64) if np.ndim(v0) else full(v0)
    threshold = {} if theta is None else {"v_threshold": full(theta), "v_reset": full(0.0)}
    if theta is not None:
        exact |= {"theta": full(theta), "v_reset": full(0.0)}
    if a is None and theta is not None and np.all(membrane == 1) and np.all(gain == 1) and not np.any(added):
        return Node(name, "IF", {"r": full(1.0), **threshold}, conventions or {}, exact)
    steps = _steps(membrane)
    params = {"r": gain * steps, "v_leak": added * steps, **threshold}
    if a is None:
        type_ = "LI" if theta is None else "LIF"
        return Node(name, type_, {"tau": steps * dt_s, **params}, conventions or {}, exact)
    exact |= {"a": full(a), "w": full(w)}
    synaptic = _steps(exact["a"])
    params |= {"tau_mem": steps * dt_s, "tau_syn": synaptic * dt_s, "w_in": exact["w"] * synaptic}
    return Node(name, "CubaLI" if theta is None else "CubaLIF", params, conventions or {}, exact)


def _steps(factor: NDArray[np.float64]) -> NDArray[np.float64]:
    """Time constant in steps of which forward Euler makes ``factor``."""
    return 1 / np.maximum(1 - factor, 1 / SLOWEST)
