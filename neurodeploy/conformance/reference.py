"""What a NIR graph means, in plain loops over its nodes, in double precision.

Nothing here is shared with the readers, the lowering or the simulators that the suite is there to test. A second
reference, in torch and single precision (``tools/conformance``), gives the same bits for every exact case.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import UnsupportedNode

Floats = NDArray[np.float64]
Edges = tuple[tuple[str, str], ...]
Conventions = Mapping[str, Any]

NEURONS = ("I", "IF", "LI", "LIF", "CubaLI", "CubaLIF")
SENDERS = (*NEURONS, "Threshold", "Output")
"""Nodes whose values a case expects."""


@dataclass(frozen=True, eq=False)
class Trace:
    """What happened on a batch.

    Attributes:
        sent: Values (N, T, *shape) of neurons, thresholds and outputs by node name.
        v: Membranes after each step, after the reset, of neurons.
    """

    sent: Mapping[str, Floats]
    v: Mapping[str, Floats]


def run(graph: Any, inputs: Mapping[str, NDArray[Any]], conventions: Conventions, delayed: Edges) -> Trace:
    """Run a ``nir.NIRGraph``, sample after sample, each from the initial state.

    Args:
        graph: The graph; a nested one is one node, whose own nodes are reported as ``name.node``.
        inputs: (N, T, *shape) by input node.
        conventions: What NIR leaves open, see the format's description.
        delayed: Edges that carry the value of the step before, and zeros in the first; every cycle has one.
    """
    samples, steps = next(iter(inputs.values())).shape[:2]
    sent: dict[str, list[list[Floats]]] = {}
    membranes: dict[str, list[list[Floats]]] = {}
    for n in range(samples):
        runner = _Runner(graph, conventions, delayed)
        for t in range(steps):
            runner.step({name: np.asarray(values[n, t], np.float64) for name, values in inputs.items()})
            for into, found in ((sent, runner.sent()), (membranes, runner.membranes())):
                for name, value in found.items():
                    into.setdefault(name, [[] for _ in range(samples)])[n].append(value)
    return Trace({k: np.array(v) for k, v in sent.items()}, {k: np.array(v) for k, v in membranes.items()})


class _Runner:
    """A graph with its state."""

    def __init__(self, graph: Any, conventions: Conventions, delayed: Edges) -> None:
        self.nodes: dict[str, Any] = dict(graph.nodes)
        self.edges = tuple(graph.edges)
        self.conventions = conventions
        self.delayed = delayed
        self.inner = {
            name: _Runner(node, conventions, delayed)
            for name, node in self.nodes.items()
            if type(node).__name__ == "NIRGraph"
        }
        self.state: dict[str, dict[str, Any]] = {name: {} for name in self.nodes}
        self.now: dict[str, Floats] = {}
        self.before: dict[str, Floats] = {}

    def step(self, inputs: Mapping[str, Floats]) -> Mapping[str, Floats]:
        """One step; the values at the Output nodes."""
        self.before, self.now = self.now, {}
        for name in self.nodes:
            self.value(name, inputs)
        return {n: self.now[n] for n, node in self.nodes.items() if type(node).__name__ == "Output"}

    def value(self, name: str, inputs: Mapping[str, Floats]) -> Floats:
        """What a node sends in this step; asks the nodes before it."""
        if name not in self.now:
            if type(self.nodes[name]).__name__ == "Input":
                self.now[name] = inputs[name]
            else:
                self.now[name] = self.node(name, self.arriving(name, inputs))
        return self.now[name]

    def arriving(self, name: str, inputs: Mapping[str, Floats]) -> Any:
        """The sum over all edges into a node; 0.0 where nothing has come back yet from a stateless node."""
        total: Any = 0.0
        for source, target in self.edges:
            if target != name:
                continue
            if (source, target) not in self.delayed:
                total = total + self.value(source, inputs)
            elif source in self.before:
                total = total + self.before[source]
            elif type(self.nodes[source]).__name__ in NEURONS:
                total = total + np.zeros(np.shape(self.nodes[source].r))
        return total

    def node(self, name: str, x: Any) -> Floats:
        node, kind = self.nodes[name], type(self.nodes[name]).__name__
        if kind == "NIRGraph":
            (port,) = (n for n, inner in node.nodes.items() if type(inner).__name__ == "Input")
            (result,) = self.inner[name].step({port: x}).values()
            return result
        if kind in NEURONS:
            return neuron(kind, _parameters(node), self.state[name], x, self.conventions)
        if kind == "Delay":
            return _delay(node, self.state[name], x, self.conventions["dt_s"])
        return stateless(kind, node, x)

    def sent(self) -> dict[str, Floats]:
        found = {n: self.now[n] for n, node in self.nodes.items() if type(node).__name__ in SENDERS}
        for name, runner in self.inner.items():
            found |= {f"{name}.{n}": v for n, v in runner.sent().items()}
        return found

    def membranes(self) -> dict[str, Floats]:
        found = {n: s["v"].copy() for n, s in self.state.items() if "v" in s}
        for name, runner in self.inner.items():
            found |= {f"{name}.{n}": v for n, v in runner.membranes().items()}
        return found


def neuron(kind: str, p: Mapping[str, Floats], state: dict[str, Any], x: Any, c: Conventions) -> Floats:
    """One step of a neuron; forward Euler or exponential decay with matching gains."""
    shape = p["r"].shape
    if not state:
        state["v"], state["i"] = _initial(p, c["v_init"]).copy(), np.zeros(shape)
    v, x = state["v"], np.broadcast_to(x, shape)
    if kind == "I":
        state["v"] = v + p["r"] * c["dt_s"] * x
        return np.array(state["v"])
    if kind == "IF":
        star = v + (p["r"] * c["dt_s"] if c["if_gain"] == "r_dt" else 1.0) * x
    else:
        if kind in ("CubaLI", "CubaLIF"):
            keep, gain = _factors(p["tau_syn"], c)
            x = state["i"] = keep * state["i"] + p["w_in"] * gain * x
        keep, gain = _factors(p["tau_mem"] if "tau_mem" in p else p["tau"], c)
        star = keep * v + p["v_leak"] * gain + p["r"] * gain * x
    if "v_threshold" not in p:
        state["v"] = star
        return np.array(star)
    spikes, after = _fire(v, star, p["v_threshold"], p["v_reset"], c)
    state["v"] = after if c["v_min"] is None else np.maximum(after, c["v_min"])
    return spikes


def _initial(p: Mapping[str, Floats], choice: str) -> Floats:
    return np.zeros(p["r"].shape) if choice == "zero" else p.get(choice, np.zeros(p["r"].shape))


def _factors(tau: Floats, c: Conventions) -> tuple[Floats, Floats]:
    """What is kept of a state in a step, and what share of its drive it takes."""
    if c["decay"] == "euler":
        return 1 - c["dt_s"] / tau, c["dt_s"] / tau
    return np.exp(-c["dt_s"] / tau), 1 - np.exp(-c["dt_s"] / tau)


def _fire(v: Floats, star: Floats, theta: Floats, v_reset: Floats, c: Conventions) -> tuple[Floats, Floats]:
    """Spikes, and the membrane that stays; ``v`` is what the step before left, ``star`` is integrated."""
    reset = c["reset"]
    above = np.greater_equal if c["spike"] == "ge" else np.greater
    late = above(v, theta)  # snnTorch's resets act in the step after the spike
    if reset == "subtract_late":
        star = star - late * theta
    elif reset == "zero_late":
        star = star * ~late
    if c["spike"] == "multi_trunc":
        spikes = np.where(star > 0, np.trunc(star / theta), 0.0)
    else:
        spikes = above(star, theta + late * theta if reset == "subtract_gated" else theta).astype(np.float64)
    if reset == "value":
        return spikes, np.where(spikes > 0, v_reset, star)
    if reset in ("subtract", "subtract_gated"):
        return spikes, star - spikes * theta
    return spikes, star  # none, subtract_late, zero_late


def _delay(node: Any, state: dict[str, Any], x: Any, dt_s: float) -> Floats:
    delay = np.asarray(node.delay, np.float64)
    steps = np.rint(delay / dt_s).astype(int)
    past = state.setdefault("past", [])
    past.append(np.broadcast_to(x, delay.shape))
    out = np.zeros(delay.shape)
    for index in np.ndindex(delay.shape):
        if steps[index] < len(past):
            out[index] = past[-1 - steps[index]][index]
    return out


def stateless(kind: str, node: Any, x: Any) -> Floats:
    """A node without memory.

    Raises:
        UnsupportedNode: There is no meaning written down for ``kind``.
    """
    if kind == "Output":
        return np.asarray(x, np.float64)
    if kind == "Scale":
        return np.asarray(np.asarray(node.scale, np.float64) * x)
    if kind == "Threshold":
        return np.asarray(x > np.asarray(node.threshold), np.float64)
    if kind == "Flatten":
        return np.reshape(x, flattened(x.shape, int(node.start_dim), int(node.end_dim)))
    if kind in ("Linear", "Affine"):
        weight = np.asarray(node.weight, np.float64)
        y: Floats = np.sum(weight * np.asarray(x)[..., None, :], axis=-1)
        return y + np.asarray(node.bias, np.float64) if kind == "Affine" else y
    if kind in ("Conv1d", "Conv2d"):
        return _convolve(node, x)
    if kind in ("SumPool2d", "AvgPool2d"):
        size, stride, pad = (pair(getattr(node, k), 2) for k in ("kernel_size", "stride", "padding"))
        total = np.stack([_windows(c, np.ones(size), stride, [(p, p) for p in pad], (1, 1)) for c in x])
        return total / math.prod(size) if kind == "AvgPool2d" else total
    raise UnsupportedNode(
        f"the reference has no {kind}", where="neurodeploy.conformance.reference", remedy="write down what it means"
    )


def flattened(shape: tuple[int, ...], start: int, end: int) -> tuple[int, ...]:
    """Axes ``start`` to ``end`` as one; counted without batch."""
    first, last = start % len(shape), end % len(shape)
    return (*shape[:first], math.prod(shape[first : last + 1]), *shape[last + 1 :])


def _convolve(node: Any, x: Floats) -> Floats:
    weight = np.asarray(node.weight, np.float64)
    rank = weight.ndim - 2
    stride, dilation = pair(node.stride, rank), pair(node.dilation, rank)
    if isinstance(node.padding, str):
        spans = [d * (k - 1) for d, k in zip(dilation, weight.shape[2:], strict=True)]
        pad = [(s // 2, s - s // 2) if node.padding == "same" else (0, 0) for s in spans]
    else:
        pad = [(p, p) for p in pair(node.padding, rank)]
    fan, per_group = weight.shape[1], weight.shape[0] // int(node.groups)
    maps = []
    for out, kernel in enumerate(weight):
        first = out // per_group * fan
        maps.append(sum(_windows(x[first + c], kernel[c], stride, pad, dilation) for c in range(fan)))
    return np.stack(maps) + np.asarray(node.bias, np.float64).reshape(-1, *(1,) * rank)


def _windows(
    image: Floats, kernel: Floats, stride: tuple[int, ...], pad: list[tuple[int, int]], dilation: tuple[int, ...]
) -> Floats:
    """Cross-correlation of one map with one kernel, tap by tap."""
    padded = np.pad(image, pad)
    sizes = [
        (n - d * (k - 1) - 1) // s + 1 for n, d, k, s in zip(padded.shape, dilation, kernel.shape, stride, strict=True)
    ]
    out = np.zeros(sizes)
    for tap in itertools.product(*map(range, kernel.shape)):
        reached = (
            slice(t * d, t * d + (n - 1) * s + 1, s) for t, d, n, s in zip(tap, dilation, sizes, stride, strict=True)
        )
        out += kernel[tap] * padded[tuple(reached)]
    return out


def pair(value: Any, rank: int) -> tuple[int, ...]:
    """One number for each axis."""
    numbers = [int(n) for n in np.ravel(value)]
    return tuple(numbers * rank if len(numbers) == 1 else numbers)


def _parameters(node: Any) -> dict[str, Floats]:
    names = ("tau", "tau_syn", "tau_mem", "r", "v_leak", "v_threshold", "v_reset", "w_in")
    found = {n: np.asarray(getattr(node, n), np.float64) for n in names if getattr(node, n, None) is not None}
    if "v_threshold" in found:
        found.setdefault("v_reset", np.zeros(found["r"].shape))
    return found
