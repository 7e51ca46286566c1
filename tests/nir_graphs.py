"""Random graphs of every node, geometry, convention and topology that can be lowered, by seed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from graphs import DT_S

from neurodeploy.connections.base import Shape
from neurodeploy.graph import Graph, Node, check_graph
from neurodeploy.shapes import Shapes

NAMES = ("fc{}", "block.{}.lif", "Layer {}", "a/b{}", "größe{}", "{}")
TYPES = (np.float64, np.float32, np.float16, np.int8)


class Drawer:
    """Adds layers to a graph, at random."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.nodes: dict[str, Node] = {}
        self.edges: list[tuple[str, str]] = []
        self._pattern = str(self.rng.choice(NAMES))

    def add(self, type_: str, params: dict[str, Any], *before: str, **more: Any) -> str:
        """A node behind others; its name."""
        count = len(self.nodes) + 1
        name = {"Input": "input", "Output": f"output{count}"}.get(type_, self._pattern.format(count))
        self.nodes[name] = Node(name, type_, params, **more)
        self.edges += [(b, name) for b in before]
        return name

    def chance(self, likely: float) -> bool:
        return bool(self.rng.random() < likely)

    def weights(self, *shape: int) -> Any:
        fan_in = max(1, int(np.prod(shape[1:])))
        values = self.rng.normal(0.3, 1.2, shape) / np.sqrt(fan_in)
        kind = TYPES[self.rng.integers(len(TYPES))]
        return np.rint(values * 2).astype(kind) if kind is np.int8 else values.astype(kind)

    def parameter(self, shape: Shape, low: float, high: float) -> Any:
        """One value, without axes or with one, or one for each neuron."""
        form = self.rng.integers(4)
        value = float(np.round(self.rng.uniform(low, high), 3))
        if form == 0:
            return value
        if form == 1:
            return np.full(1, value)
        values = self.rng.uniform(low, high, shape if form == 2 else (shape[0], *(1,) * (len(shape) - 1)))
        return values.astype(np.float32) if self.chance(0.3) else values

    def neuron(self, shape: Shape, before: str, *, last: bool) -> str:
        """A neuron of any type, with conventions and factors of its own now and then."""
        kinds = ("LIF", "CubaLIF", "IF", "Threshold") + (("LI", "CubaLI", "I") if last else ())
        kind = str(self.rng.choice(kinds))
        tau = {k: self.parameter(shape, 1.5 * DT_S, 9 * DT_S) for k in ("tau", "tau_mem", "tau_syn")}
        r, theta = self.parameter(shape, 0.5, 4.0), self.parameter(shape, 0.3, 1.5)
        leak = self.parameter(shape, 0.0, 0.2) if self.chance(0.3) else 0.0
        fires = {"v_threshold": theta, "v_reset": self.parameter(shape, -0.3, 0.2) if self.chance(0.3) else 0.0}
        cuba = {"tau_mem": tau["tau_mem"], "tau_syn": tau["tau_syn"], "r": r, "v_leak": leak}
        params = {
            "LIF": {"tau": tau["tau"], "r": r, "v_leak": leak, **fires},
            "LI": {"tau": tau["tau"], "r": r, "v_leak": leak},
            "CubaLIF": {**cuba, "w_in": self.parameter(shape, 0.5, 4.0), **fires},
            "CubaLI": cuba,
            "IF": {"r": self.rng.choice([1.0, 1 / DT_S]), **fires},
            "I": {"r": self.parameter(shape, 0.5, 2.0)},
            "Threshold": {"threshold": theta},
        }[kind]
        conventions: dict[str, Any] = {"if_gain": "unit"} if kind == "IF" else {}
        exact: dict[str, Any] = {}
        if "v_threshold" in params and self.chance(0.4):
            resets = ("value", "subtract", "none", "subtract_late", "subtract_gated", "zero_late")
            conventions |= {"reset": str(self.rng.choice(resets)), "spike": str(self.rng.choice(["gt", "ge"]))}
        if "v_threshold" in params and self.chance(0.2):
            conventions |= {"spike": "multi_trunc", "reset": "subtract", "max_spikes": 3}
        if kind != "Threshold" and self.chance(0.2):
            conventions["v_min"] = -0.5 if self.chance(0.5) else self.rng.uniform(-2, -1, shape)
        if kind not in ("IF", "I", "Threshold") and self.chance(0.4):
            exact = {"b": self.parameter(shape, 0.5, 0.95), "k": self.parameter(shape, 0.3, 1.5), "l": np.zeros(())}
        return self.add(kind, params, before, conventions=conventions, exact=exact)

    def layers(self, shape: Shape, before: str) -> tuple[str, Shape]:
        """Stateless layers, at least one; the last one's name and shape."""
        kinds = {1: ("Linear", "Affine"), 2: ("Conv1d", "Flatten"), 3: ("Conv2d", "pool", "Flatten")}[len(shape)]
        for kind in [str(self.rng.choice(kinds))] + (["Scale"] if self.chance(0.3) else []):
            if kind == "Scale":
                before = self.add("Scale", {"scale": self.parameter(shape, 0.5, 1.5)}, before)
            elif kind == "Flatten":
                start = int(self.rng.integers(len(shape) - 1))
                end = int(self.rng.integers(start + 1, len(shape)))
                negative = self.chance(0.5)
                dims = {"start_dim": start - negative * len(shape), "end_dim": end - negative * len(shape)}
                before = self.add("Flatten", dims, before)
                shape = (*shape[:start], int(np.prod(shape[start : end + 1])), *shape[end + 1 :])
            elif kind == "pool":
                size = np.array([min(2, n) for n in shape[1:]])
                name = "SumPool2d" if self.chance(0.5) else "AvgPool2d"
                params = {"kernel_size": size, "stride": size, "padding": 0 * size}
                before = self.add(name, params, before)
                shape = (shape[0], *(int(n // k) for n, k in zip(shape[1:], size, strict=True)))
            elif kind in ("Linear", "Affine"):
                out = int(self.rng.integers(2, 6))
                params = {"weight": self.weights(out, shape[0])}
                params |= {"bias": self.rng.normal(0, 0.2, out)} if kind == "Affine" else {}
                before, shape = self.add(kind, params, before), (out,)
            else:
                before, shape = self.convolution(shape, before)
        return before, shape

    def convolution(self, shape: Shape, before: str) -> tuple[str, Shape]:
        axes = len(shape) - 1
        groups = shape[0] if self.chance(0.3) else 1
        out = groups * int(self.rng.integers(1, 3))
        kernel = [int(self.rng.integers(1, min(4, n + 1))) for n in shape[1:]]
        stride = self.rng.integers(1, 3, axes)
        dilation = np.array(
            [1 if k * 2 > n else int(self.rng.integers(1, 3)) for k, n in zip(kernel, shape[1:], strict=True)]
        )
        padding: Any = self.rng.integers(0, 2, axes)
        if self.chance(0.3):
            padding, stride = "same", np.ones(axes, int)
        elif self.chance(0.2):
            padding = "valid"
        params = {"weight": self.weights(out, shape[0] // groups, *kernel), "stride": stride, "padding": padding}
        params |= {"dilation": dilation, "groups": groups, "bias": self.rng.normal(0, 0.1, out)}
        if axes == 1 and self.chance(0.5) and not isinstance(padding, str):
            params |= {"stride": int(stride[0]), "padding": int(padding[0])}
        name = self.add(f"Conv{axes}d", params, before)
        return name, Shapes(Graph(self.nodes, tuple(self.edges), {}, "drawn"))[name]


def random_graph(seed: int) -> Graph:
    """A graph with up to five layers of neurons, loops and skips, and its conventions in its metadata."""
    d = Drawer(seed)
    shape: Shape = [(4,), (2, 9), (2, 5, 6)][d.rng.integers(3)]
    here, vectors = d.add("Input", {"shape": shape}), []
    count = int(d.rng.integers(1, 6))
    for k in range(count):
        here, shape = d.layers(shape, here)
        here = d.neuron(shape, here, last=k == count - 1)
        fires = {"v_threshold", "threshold"} & d.nodes[here].params.keys()
        if len(shape) == 1:
            for name, size in vectors:
                if d.chance(0.3):
                    back = d.add("Linear", {"weight": d.weights(shape[0], size)}, name)
                    d.edges.append((back, here))
            if fires and d.chance(0.4):
                back = d.add("Affine", {"weight": d.weights(shape[0], shape[0]), "bias": np.zeros(shape[0])}, here)
                d.edges.append((back, here))
            if fires:
                vectors.append((here, shape[0]))
    d.add("Output", {}, here)
    if vectors and d.chance(0.3):
        d.add("Output", {}, vectors[0][0])
    return check_graph(Graph(d.nodes, tuple(d.edges), _conventions(d), f"drawn with seed {seed}"))


def _conventions(d: Drawer) -> dict[str, object]:
    found: dict[str, object] = {"dt_s": DT_S, "reset": str(d.rng.choice(["value", "subtract", "none"]))}
    found |= {"v_init": str(d.rng.choice(["zero", "v_leak", "v_reset"])), "decay": str(d.rng.choice(["euler", "exp"]))}
    return found | ({"recurrent_bias_t0": False} if d.chance(0.3) else {})


def graphs() -> Iterator[Graph]:
    """The first hundred."""
    return (random_graph(seed) for seed in range(100))
