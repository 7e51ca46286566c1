"""Nodes of our graphs as objects of nir."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import UnsupportedNode
from neurodeploy.export.nir.kernels import plain_kernel
from neurodeploy.frontends.nir import PRIMITIVES
from neurodeploy.graph import Graph, Node
from neurodeploy.shapes import Shapes


def nir_node(graph: Graph, shapes: Shapes, name: str, written: str, reset: str | None = None) -> Any:
    """The nir object of a settled node, with what nir cannot say in its metadata.

    Args:
        graph: After :func:`neurodeploy.frontends.nir.settle`.
        shapes: Of it.
        name: Of the node.
        written: The name that it gets in the file.
        reset: What a spike does to it, if it fires; said where it starts elsewhere than at 0.

    Raises:
        UnsupportedNode: NIR has no such node: a parameter is missing, or of another shape than NIR's.
    """
    import nir

    node, where = graph.nodes[name], f"{graph.origin}, node '{name}'"
    ours = _ours(node, written, reset)
    params = _complete(node, where)
    if node.type == "Input":
        return nir.Input({"input": np.array(params["shape"])}, metadata=ours)
    if node.type == "Output":
        return nir.Output({"output": np.array(params["shape"])}, metadata=ours)
    if node.type == "Flatten":
        return nir.Flatten({"input": np.array(shapes.incoming(name))}, **params, metadata=ours)
    if node.type in ("Conv1d", "Conv2d"):
        if np.shape(params["bias"]) != (len(params["weight"]),):
            raise UnsupportedNode(
                f"a bias of shape {np.shape(params['bias'])}; NIR's convolutions have one per channel",
                where=where,
                remedy="train with one bias per channel",
            )
        params, restores = plain_kernel(params)
        if restores:
            ours = {"neurodeploy": {**ours.get("neurodeploy", {}), "conv": restores}}
        params = {key: _sizes(value, 1 if node.type == "Conv1d" else 2, key) for key, value in params.items()}
    arrays = {key: np.array(v) if isinstance(v, np.ndarray) else v for key, v in params.items()}
    return getattr(nir, node.type)(**arrays, metadata=ours)


def _complete(node: Node, where: str) -> dict[str, Any]:
    params = {p.name: node.params.get(p.name) for p in PRIMITIVES[node.type]}
    for key, value in params.items():
        if value is None:
            raise UnsupportedNode(
                f"NIR's {node.type} needs '{key}', which is not known", where=where, remedy="export it as a Program"
            )
    return params


def _ours(node: Node, written: str, reset: str | None) -> dict[str, Any]:
    """Metadata: scalars as such, because nir cannot write arrays without axes."""
    exact = dict(node.exact)
    parts: dict[str, Any] = _initial(exact, reset) | {
        "conventions": {k: _plain(v) for k, v in node.conventions.items() if v is not None},
        "exact": {k: _plain(v) for k, v in exact.items()},
        "name": node.name if written != node.name else "",
    }
    kept = {key: value for key, value in parts.items() if not isinstance(value, (str, dict)) or value}
    return {"neurodeploy": kept} if kept else {}


def _initial(exact: dict[str, Any], reset: str | None) -> dict[str, Any]:
    """Initial potentials that are not 0, taken out of the other factors, with the reset beside them."""
    if not np.any(exact.get("v0", 0)):
        return {}
    v0 = np.asarray(exact.pop("v0"))
    return {"v0": _plain(v0), "v0_granularity": granularity(v0), "reset": reset or ""}


def granularity(values: NDArray[Any]) -> str:
    """``layer`` where all values are one, ``channel`` where they differ along the first axis only, else ``neuron``."""
    if not values.ndim or np.all(values == values.flat[0]):
        return "layer"
    by_channel = values.reshape(len(values), -1)
    return "channel" if values.ndim > 1 and np.all(by_channel == by_channel[:, :1]) else "neuron"


def _plain(value: Any) -> Any:
    if isinstance(value, (str, bool)):
        return value
    array = np.asarray(value)
    return array if array.ndim else array.item()


def _sizes(value: Any, axes: int, key: str) -> Any:
    """Integers as nir's convolutions take them: plain in one dimension, pairs in two."""
    if key in ("weight", "bias", "groups") or isinstance(value, str):
        return value
    sizes = tuple(int(n) for n in np.ravel(value))
    return sizes[0] if axes == 1 else sizes


def recorded_semantics(values: Mapping[str, object]) -> dict[str, object]:
    """Conventions as metadata; what is None is left out, because NIR files cannot hold it."""
    return {key: value for key, value in values.items() if value is not None}
