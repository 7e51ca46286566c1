"""NIR files made group by group, so that they can be as wrong as files in the wild."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from graphs import DT_S

Tree = dict[str, Any]
"""A group: arrays, numbers, str, groups, None for an empty dataset, or a function of (group, key) that makes it."""

STATE = {"dt_s": DT_S, "reset": "value", "spike": "gt"}


def node(kind: str, **params: Any) -> Tree:
    """A node's group."""
    return {"type": kind, **params}


def linear(*shape: int, seed: int = 0) -> Tree:
    """Random weights, such that neurons of threshold 1 fire."""
    return node("Linear", weight=np.random.default_rng(seed).normal(0.2, 0.7, shape))


def affine(*shape: int, seed: int = 0) -> Tree:
    """A linear layer and a bias."""
    bias = np.random.default_rng(seed + 100).normal(0, 0.1, shape[0])
    return node("Affine", weight=linear(*shape, seed=seed)["weight"], bias=bias)


def lif(*shape: int, **changes: Any) -> Tree:
    """``v' = 0.75 v + x``, threshold 1."""
    tau = np.full(shape, DT_S / 0.25)
    zero, one = np.zeros(shape), np.ones(shape)
    return node("LIF", **({"tau": tau, "r": tau / DT_S, "v_leak": zero, "v_threshold": one, "v_reset": zero} | changes))


def cubalif(*shape: int, **changes: Any) -> Tree:
    """``I' = 0.5 I + x``, ``v' = 0.75 v + I'``, threshold 1."""
    tau_syn = np.full(shape, DT_S / 0.5)
    found = {**lif(*shape), "type": "CubaLIF", "tau_syn": tau_syn, "w_in": tau_syn / DT_S}
    found["tau_mem"] = found.pop("tau")
    return found | changes


def conv(kernel: tuple[int, ...], size: tuple[int, int] | None, *, seed: int = 0, **changes: Any) -> Tree:
    """A convolution of ``kernel`` (C_out, C_in / groups, KH, KW), or (C_out, C_in / groups, K)."""
    rng = np.random.default_rng(seed)
    axes = len(kernel) - 2
    ones = np.ones(axes, np.int64)
    params = {"weight": rng.normal(0.1, 0.5, kernel), "bias": rng.normal(0, 0.1, kernel[0])}
    params |= {"stride": ones, "padding": 0 * ones, "dilation": ones, "groups": 1}
    if size is not None:
        params["input_shape"] = np.array(size) if axes == 2 else size[0]
    return node(f"Conv{axes}d", **(params | changes))


def pool(kind: str = "SumPool2d", **changes: Any) -> Tree:
    """Windows of 2 x 2 side by side."""
    two = np.array([2, 2])
    return node(kind, **({"kernel_size": two, "stride": two, "padding": 0 * two} | changes))


def chain(nodes: Tree, source: Any, sink: Any, **state: Any) -> Tree:
    """A file's tree: the nodes one behind the other, between ``input`` and ``output``; ``state`` as in STATE."""
    names = ["input", *nodes, "output"]
    return graph(nodes, zip(names, names[1:], strict=False), source, sink, **state)


def graph(nodes: Tree, edges: Iterable[tuple[str, str]], source: Any, sink: Any, **state: Any) -> Tree:
    """A file's tree; None for an end leaves it out, and None in ``state`` leaves that out."""
    ends = {"input": node("Input", shape=np.array(source)), "output": node("Output", shape=np.array(sink))}
    kept = {k: v for k, v in ends.items() if {"input": source, "output": sink}[k] is not None}
    recorded = {k: v for k, v in (STATE | state).items() if v is not None}
    inner = {"type": "NIRGraph", "nodes": {**kept, **nodes}, "edges": [list(e) for e in edges]}
    return {"version": "1.0.8", "node": {**inner, "metadata": {"neurodeploy": recorded}}}


def small() -> Tree:
    """Four inputs, five hidden neurons with recurrence, three outputs."""
    nodes = {"fc1": affine(5, 4), "hidden": lif(5), "fc2": linear(3, 5), "out": cubalif(3), "back": linear(5, 5)}
    names = ["input", "fc1", "hidden", "fc2", "out", "output"]
    edges = [*zip(names, names[1:], strict=False), ("hidden", "back"), ("back", "hidden")]
    return graph(nodes, edges, (4,), (3,))


def maps() -> Tree:
    """A small convolutional network."""
    nodes = {"conv": conv((3, 2, 3, 3), (6, 8)), "lif": lif(3, 4, 6), "pool": pool()}
    nodes |= {"flat": node("Flatten", start_dim=0, end_dim=-1, input_type=np.array([3, 2, 3]))}
    return chain(nodes | {"fc": affine(4, 18), "out": lif(4)}, (2, 6, 8), (4,))


def nodes_of(tree: Tree) -> Tree:
    """The nodes of the file's graph."""
    found: Tree = tree["node"]["nodes"]
    return found


def write_tree(tree: Tree, path: Path) -> Path:
    """Write a file."""
    with h5py.File(path, "w") as file:
        _fill(file, tree)
    return path


def _fill(group: h5py.Group, tree: Tree) -> None:
    for key, value in tree.items():
        if isinstance(value, dict):
            _fill(group.create_group(key), value)
        elif isinstance(value, Callable):  # type: ignore[arg-type]
            value(group, key)
        elif isinstance(value, str):
            group.create_dataset(key, data=value, dtype=h5py.string_dtype())
        elif value is None:
            group.create_dataset(key, data=h5py.Empty("f8"))
        else:
            group.create_dataset(key, data=value)
