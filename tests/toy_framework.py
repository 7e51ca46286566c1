"""A framework without torch: modules of integrators in float32, a frontend for them, and ways to spoil one."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from floats import chain_of, linear, neurons

from neurodeploy.frontends import imported
from neurodeploy.frontends.imported import Imported, Recording
from neurodeploy.graph import Node


@dataclass
class Layer:
    """Leaky integrators behind a matrix; reset by subtraction, fires above 1."""

    weight: Any
    beta: float

    def modules(self) -> Iterator[Any]:
        """As torch's."""
        yield self


@dataclass
class Net:
    """Layers one after the other.

    Attributes:
        layers: Of the module as it was trained.
        read_as: What the frontend makes of them, if not the same.
        readout: A last matrix whose sums are shown as membranes, or None.
        hides: Numbers of layers whose spikes the module does not show.
    """

    layers: list[Layer]
    read_as: list[Layer] | None = None
    readout: Any = None
    hides: tuple[int, ...] = ()
    runs: list[Mapping[str, Any]] = field(default_factory=list)

    def modules(self) -> Iterator[Any]:
        """As torch's."""
        yield self
        yield from self.layers

    def run(self, spikes: Mapping[str, Any]) -> Recording:
        """float32, one step after the other."""
        self.runs.append(spikes)
        x = spikes["in"].astype(np.float32)
        sent: dict[str, Any] = {f"n{i}": [] for i in range(len(self.layers))}
        kept: dict[str, Any] = {f"n{i}": [] for i in range(len(self.layers))}
        v = [np.zeros((len(x), len(layer.weight)), np.float32) for layer in self.layers]
        for t in range(x.shape[1]):
            s = x[:, t]
            for i, layer in enumerate(self.layers):
                v[i] = np.float32(layer.beta) * v[i] + s @ np.asarray(layer.weight, np.float32).T
                s = (v[i] > 1).astype(np.float32)
                v[i] = v[i] - s
                sent[f"n{i}"].append(s)
                kept[f"n{i}"].append(v[i])
        shown = {n: np.stack(s, axis=1).astype(np.uint8) for n, s in sent.items() if int(n[1:]) not in self.hides}
        membranes = {n: np.stack(m, axis=1) for n, m in kept.items()}
        if self.readout is not None:
            membranes["out"] = np.stack(sent[f"n{len(self.layers) - 1}"], axis=1) @ np.float32(self.readout).T
        return Recording(shown, membranes)


def from_module(module: Net, input_shape: tuple[int, ...] | None = None, dt_s: float = 1e-3) -> Imported:
    """The frontend."""
    nodes: list[Node] = []
    for i, layer in enumerate(module.read_as or module.layers):
        own = neurons(f"n{i}", len(layer.weight), {"reset": "subtract"}, b=np.float32(layer.beta))
        nodes += [linear(f"w{i}", np.asarray(layer.weight, np.float32)), own]
    if module.readout is not None:
        nodes.append(linear("last", np.float32(module.readout)))
    size = np.shape(module.layers[0].weight)[1]
    return Imported(chain_of(*nodes, shape=input_shape or (size,)), {"dt_s": dt_s}, module, "toy 1.0")


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Known to neurodeploy while a test runs."""
    frontend = ModuleType("toy_frontend")
    frontend.from_module = from_module  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "toy_frontend", frontend)
    monkeypatch.setattr(imported, "FRONTENDS", ((__name__, "toy_frontend"),))


def random_net(seed: int = 0, sizes: tuple[int, ...] = (8, 12, 5), beta: float = 0.9, **changes: Any) -> Net:
    """Weights strong enough that all layers are busy."""
    rng = np.random.default_rng(seed)
    pairs = zip(sizes, sizes[1:], strict=False)
    return Net([Layer(rng.normal(0.1, 0.6, (after, before)), beta) for before, after in pairs], **changes)
