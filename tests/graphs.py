"""NIR graphs for tests, built with the nir library and written to files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nir
import numpy as np

DT_S = 1e-3


def lif(shape: tuple[int, ...], beta: float, threshold: float = 1.0, **changes: Any) -> nir.LIF:
    """A LIF node that means ``v' = beta v + x`` at ``DT_S``."""
    tau = np.full(shape, DT_S / (1 - beta))
    fields = {
        "tau": tau,
        "r": tau / DT_S,
        "v_leak": np.zeros(shape),
        "v_threshold": np.full(shape, threshold),
        "v_reset": np.zeros(shape),
    }
    return nir.LIF(**(fields | changes))


def cubalif(shape: tuple[int, ...], alpha: float, beta: float, threshold: float = 1.0, **changes: Any) -> nir.CubaLIF:
    """A CubaLIF node that means ``I' = alpha I + x``, ``v' = beta v + I'`` at ``DT_S``."""
    tau_syn, tau_mem = np.full(shape, DT_S / (1 - alpha)), np.full(shape, DT_S / (1 - beta))
    fields = {
        "tau_syn": tau_syn,
        "tau_mem": tau_mem,
        "r": tau_mem / DT_S,
        "v_leak": np.zeros(shape),
        "v_threshold": np.full(shape, threshold),
        "v_reset": np.zeros(shape),
        "w_in": tau_syn / DT_S,
    }
    return nir.CubaLIF(**(fields | changes))


def conv(weight: np.ndarray, size: tuple[int, int], bias: np.ndarray | None = None, **geometry: Any) -> nir.Conv2d:
    """A Conv2d node on a map of ``size`` (H, W)."""
    settings = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1} | geometry
    offset = np.zeros(len(weight)) if bias is None else bias
    return nir.Conv2d(input_shape=size, weight=weight, bias=offset, **settings)


def pool(kind: type, size: int = 2) -> Any:
    """A pooling node with equal kernel and stride."""
    pair = np.array([size, size])
    return kind(kernel_size=pair, stride=pair, padding=np.array([0, 0]))


def graph(
    nodes: Mapping[str, Any],
    edges: list[tuple[str, str]],
    *,
    source: tuple[int, ...],
    sink: tuple[int, ...],
    **semantics: object,
) -> nir.NIRGraph:
    """A graph with an ``input`` and an ``output`` node; ``semantics`` override our metadata, None drops an entry."""
    ends = {"input": nir.Input({"input": np.array(source)}), "output": nir.Output({"output": np.array(sink)})}
    recorded = {k: v for k, v in ({"dt_s": DT_S, "reset": "value"} | semantics).items() if v is not None}
    metadata = {"neurodeploy": recorded} if recorded else {}
    return nir.NIRGraph({**ends, **nodes}, edges, metadata=metadata, type_check=False)


def chain(
    nodes: Mapping[str, Any], *, source: tuple[int, ...], sink: tuple[int, ...], **semantics: object
) -> nir.NIRGraph:
    """The nodes one after the other."""
    names = ["input", *nodes, "output"]
    return graph(nodes, list(zip(names, names[1:], strict=False)), source=source, sink=sink, **semantics)


def write(value: nir.NIRGraph, folder: Path, name: str = "model.nir") -> Path:
    """Write to a file and return its path."""
    nir.write(folder / name, value)
    return folder / name


def conv_net(rng: np.random.Generator) -> nir.NIRGraph:
    """Conv - LIF - pool - conv - LIF - flatten - affine - recurrent CubaLIF - linear - LIF, random weights."""
    nodes = {
        "conv1": conv(rng.normal(0, 0.5, (3, 1, 3, 3)), (8, 8), rng.normal(0, 0.05, 3), padding=1),
        "lif1": lif((3, 8, 8), 0.875),
        "pool1": pool(nir.AvgPool2d),
        "conv2": conv(rng.normal(0, 0.7, (4, 3, 3, 3)), (4, 4), padding=1),
        "lif2": lif((4, 4, 4), 0.75),
        "flat": nir.Flatten({"input": np.array([4, 4, 4])}, start_dim=0),
        "fc": nir.Affine(weight=rng.normal(0, 0.3, (20, 64)), bias=np.zeros(20)),
        "rec": cubalif((20,), 0.75, 0.875),
        "fc2": nir.Linear(weight=rng.normal(0, 0.3, (5, 20))),
        "out": lif((5,), 0.875),
        "w_rec": nir.Linear(weight=rng.normal(0, 0.2, (20, 20))),
    }
    names = ["input", *list(nodes)[:-1], "output"]
    edges = [*zip(names, names[1:], strict=False), ("rec", "w_rec"), ("w_rec", "rec")]
    return graph(nodes, edges, source=(1, 8, 8), sink=(5,))
