"""The second reference: torch, single precision, whole batches, torch's layers; it shares no code with the first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

STATEFUL = ("I", "IF", "LI", "LIF", "CubaLI", "CubaLIF", "Delay")


def run(
    graph: Any, inputs: Mapping[str, np.ndarray], conventions: Mapping[str, Any], delayed: tuple[tuple[str, str], ...]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Values sent and membranes, (N, T, *shape) by node, as ``neurodeploy.conformance.reference.run`` has them."""
    torch.set_num_threads(1)
    nodes, edges = flat(dict(graph.nodes), [tuple(e) for e in graph.edges])
    delayed_edges = {e for e in edges if e in delayed}
    order = sort(nodes, [e for e in edges if e not in delayed_edges])
    batch, steps = next(iter(inputs.values())).shape[:2]
    states = {name: State(node, conventions) for name, node in nodes.items() if kind(node) in STATEFUL}
    sent: dict[str, list[Any]] = {name: [] for name in nodes}
    membranes: dict[str, list[Any]] = {name: [] for name, s in states.items() if kind(s.node) != "Delay"}
    for t in range(steps):
        now: dict[str, Any] = {}
        for name in order:
            node = nodes[name]
            if kind(node) == "Input":
                now[name] = torch.tensor(inputs[name][:, t], dtype=torch.float32)
                continue
            arriving = []
            for source, target in edges:
                if target == name and (source, target) not in delayed_edges:
                    arriving.append(now[source])
                elif target == name and t > 0:
                    arriving.append(sent[source][-1])
                elif target == name and kind(nodes[source]) in STATEFUL:
                    arriving.append(torch.zeros(batch, *np.shape(nodes[source].r)))
            x = sum(arriving[1:], arriving[0]) if arriving else torch.zeros(batch, *np.shape(node.r))
            now[name] = states[name].step(x) if name in states else layer(node, x)
        for name, value in now.items():
            sent[name].append(value)
        for name, kept in membranes.items():
            kept.append(states[name].v)
    outer = {name for name, node in nodes.items() if kind(node) not in ("Input", "Delay")}
    return {n: stacked(sent[n]) for n in outer}, {n: stacked(v) for n, v in membranes.items()}


def kind(node: Any) -> str:
    return type(node).__name__


def stacked(values: list[Any]) -> np.ndarray:
    return torch.stack(values, dim=1).numpy()


def flat(nodes: dict[str, Any], edges: list[tuple[str, str]]) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Nested graphs spliced in: their Input and Output become nodes that pass on."""
    result, links = {}, []
    first, last = {}, {}
    for name, node in nodes.items():
        if kind(node) != "NIRGraph":
            result[name] = node
            continue
        inner, inner_edges = flat(dict(node.nodes), [tuple(e) for e in node.edges])
        for part, value in inner.items():
            if kind(value) == "Input":
                first[name] = f"{name}.{part}"
                value = Pass()
            elif kind(value) == "Output":
                last[name] = f"{name}.{part}"
            result[f"{name}.{part}"] = value
        links += [(f"{name}.{a}", f"{name}.{b}") for a, b in inner_edges]
    links += [(last.get(a, a), first.get(b, b)) for a, b in edges]
    return result, links


class Pass:
    """A node that sends what it gets."""


def sort(nodes: dict[str, Any], edges: list[tuple[str, str]]) -> list[str]:
    """Kahn's algorithm."""
    waiting = {name: {a for a, b in edges if b == name} for name in nodes}
    order: list[str] = []
    while waiting:
        ready = [name for name, before in waiting.items() if not before]
        assert ready, "a cycle has no delayed edge"
        for name in ready:
            del waiting[name]
            order.append(name)
            for before in waiting.values():
                before.discard(name)
    return order


def layer(node: Any, x: Any) -> Any:
    """A batch through a node without memory."""
    name = kind(node)
    if name in ("Output", "Pass"):
        return x
    if name == "Scale":
        return x * single(node.scale)
    if name == "Threshold":
        return (x > single(node.threshold)).float()
    if name == "Flatten":
        shift = lambda d: d + 1 if d >= 0 else d  # noqa: E731 - torch counts the batch
        return torch.flatten(x, shift(int(node.start_dim)), shift(int(node.end_dim)))
    if name in ("Linear", "Affine"):
        y = torch.einsum("...oi,n...i->n...o", single(node.weight), x)
        return y + single(node.bias) if name == "Affine" else y
    if name in ("Conv1d", "Conv2d"):
        convolve = F.conv1d if name == "Conv1d" else F.conv2d
        settings = {k: whole(getattr(node, k)) for k in ("stride", "padding", "dilation")}
        return convolve(x, single(node.weight), single(node.bias), groups=int(node.groups), **settings)
    size, stride, padding = (whole(getattr(node, k)) for k in ("kernel_size", "stride", "padding"))
    mean = F.avg_pool2d(x, size, stride, padding)
    return mean * float(np.prod(size) if np.size(size) > 1 else size**2) if name == "SumPool2d" else mean


def single(values: Any) -> Any:
    return torch.tensor(np.asarray(values, np.float32))


def whole(value: Any) -> Any:
    """An int, a tuple of them, or a word."""
    if isinstance(value, str):
        return value
    numbers = tuple(int(n) for n in np.ravel(value))
    return numbers[0] if len(numbers) == 1 else numbers


@dataclass
class State:
    """A node with memory."""

    node: Any
    conventions: Mapping[str, Any]
    v: Any = None
    i: Any = 0.0
    fired: Any = None
    past: list[Any] = field(default_factory=list)

    def get(self, name: str, default: float = 0.0) -> np.ndarray:
        value = getattr(self.node, name, None)
        return np.full(np.shape(self.node.r), default) if value is None else np.asarray(value, np.float64)

    def step(self, x: Any) -> Any:
        name, dt_s = kind(self.node), self.conventions["dt_s"]
        if name == "Delay":
            return self.late(x, dt_s)
        if self.v is None:
            start = {"zero": 0 * self.get("r")}.get(self.conventions["v_init"], self.get(self.conventions["v_init"]))
            self.v = single(start).expand(x.shape).clone()
        exp = self.conventions["decay"] == "exp"
        mem = self.get("tau_mem" if name.startswith("Cuba") else "tau", 1.0)
        share = 1 - np.exp(-dt_s / mem) if exp else dt_s / mem  # float64, then cast
        keep, leak, gain = single(1 - share), single(self.get("v_leak") * share), single(self.get("r") * share)
        if name in ("I", "IF"):
            unit = name == "IF" and self.conventions["if_gain"] == "unit"
            keep, leak, gain = 1.0, 0.0, 1.0 if unit else single(self.get("r") * dt_s)
        if name.startswith("Cuba"):
            syn = self.get("tau_syn", 1.0)
            take = 1 - np.exp(-dt_s / syn) if exp else dt_s / syn
            self.i = self.i * single(1 - take) + x * single(self.get("w_in", 1.0) * take)
            x = self.i
        u = self.v * keep + leak + x * gain
        if getattr(self.node, "v_threshold", None) is None:
            self.v = u
            return u
        return self.fire(u, single(self.node.v_threshold))

    def fire(self, u: Any, theta: Any) -> Any:
        """snnTorch's late resets are written as it does, with the spikes of the step before."""
        c = self.conventions
        passes = torch.ge if c["spike"] == "ge" else torch.gt
        if self.fired is None:
            self.fired = passes(self.v, theta)
        if c["reset"] == "subtract_late":
            u = torch.where(self.fired, u - theta, u)
        if c["reset"] == "zero_late":
            u = torch.where(self.fired, torch.zeros_like(u), u)
        bar = torch.where(self.fired, 2 * theta, theta.expand(u.shape)) if c["reset"] == "subtract_gated" else theta
        if c["spike"] == "multi_trunc":
            z = torch.clamp(torch.floor(u / theta), min=0)
        else:
            z = passes(u, bar).float()
        if c["reset"] == "value":
            u = torch.where(z > 0, single(self.get("v_reset")).expand(u.shape), u)
        elif c["reset"] in ("subtract", "subtract_gated"):
            u = u - z * theta
        if c["v_min"] is not None:
            u = torch.clamp(u, min=c["v_min"])
        self.v, self.fired = u, passes(u, theta)
        return z

    def late(self, x: Any, dt_s: float) -> Any:
        steps = torch.tensor(np.rint(np.asarray(self.node.delay) / dt_s).astype(int))
        self.past.append(x)
        out = torch.zeros_like(x)
        for ago, old in enumerate(reversed(self.past)):
            out = torch.where(steps == ago, old, out)
        return out
