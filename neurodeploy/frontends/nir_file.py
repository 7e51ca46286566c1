"""Reads ``.nir`` files (HDF5, nir 1.0.8) without trusting the library's type checks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from neurodeploy.errors import NeurodeployError, ShapeMismatch, UnreadableFile, UnsupportedNode
from neurodeploy.graph import Graph, Node, check_graph

SUPPORTED = (
    *("Input", "Output", "Linear", "Affine", "Conv2d", "SumPool2d", "AvgPool2d", "Flatten"),
    *("IF", "LIF", "CubaLIF", "LI", "CubaLI"),
)
_IGNORED = {"input_type", "output_type", "metadata"}


def read_nir(path: str | Path) -> Graph:
    """Read a file into a checked :class:`Graph`.

    Raises:
        UnreadableFile: Missing, not HDF5, or not NIR.
        UnsupportedNode: A node type or parameter that we do not deploy.
        ShapeMismatch: An input without a shape.
    """
    import nir

    path = Path(path)
    if not path.is_file():
        raise UnreadableFile("no such file", where=str(path), remedy="check the path; bundled models go by name")
    try:
        _check_types(path)
        graph = nir.read(path, type_check=False)
    except NeurodeployError:
        raise
    except Exception as error:  # nir raises whatever its constructors meet
        raise UnreadableFile(
            f"not a readable NIR file: {type(error).__name__}: {error}", where=str(path), remedy=_AGAIN
        ) from error
    nodes = {name: _node(name, node, str(path)) for name, node in graph.nodes.items()}
    recorded = graph.metadata.get("neurodeploy", {})
    metadata = {k: _plain(v) for k, v in recorded.items()} if isinstance(recorded, Mapping) else {}
    edges = tuple((str(a), str(b)) for a, b in graph.edges)
    return check_graph(Graph(nodes, edges, metadata, str(path)))


_AGAIN = "write it again with nir 1.0.8 (nir.write), and check that nir.read accepts it"


def _check_types(path: Path) -> None:
    """Name the node that we do not deploy; nir stops at one that it does not know without saying which."""
    import h5py

    with h5py.File(path, "r") as file:
        if "node" not in file:
            raise UnreadableFile("the file is HDF5 but not NIR", where=str(path), remedy="give a file of nir.write")
        if _plain(file["node/type"][()]) != "NIRGraph":
            raise UnreadableFile(
                "the file holds a single node, not a graph", where=str(path), remedy="wrap it in a nir.NIRGraph"
            )
        for name, node in file["node/nodes"].items():
            where = f"{path}, node '{name}'"
            if "type" not in node:
                raise UnreadableFile("the node has no type", where=where, remedy="use names without '/'; " + _AGAIN)
            kind = _plain(node["type"][()])
            if kind not in SUPPORTED:
                remedy = "flatten the nested graph before export" if kind == "NIRGraph" else "replace it"
                raise UnsupportedNode(
                    f"NIR node type {kind} is not supported",
                    where=where,
                    remedy=f"{remedy}; supported: {', '.join(SUPPORTED)}",
                )


def _node(name: str, node: Any, origin: str) -> Node:
    kind = type(node).__name__
    params = {key: _value(value) for key, value in vars(node).items() if key not in _IGNORED and key[0] != "_"}
    if kind in ("Input", "Output"):
        declared = node.input_type if kind == "Input" else node.output_type
        shape = np.ravel(next(iter(declared.values())))
        if kind == "Input" and not (shape.size and shape.dtype.kind in "iu" and np.all(shape > 0)):
            raise ShapeMismatch(
                f"the input has shape {shape.tolist()}",
                where=f"{origin}, node '{name}'",
                remedy="declare positive integers, without batch and time",
            )
        params = {"shape": tuple(int(n) for n in shape)} if kind == "Input" else {}
    return Node(name, kind, params)


def _value(value: Any) -> Any:
    return value if value is None or isinstance(value, (str, bool)) else np.asarray(value)


def _plain(value: Any) -> object:
    if isinstance(value, (np.generic, np.ndarray)):
        value = value.item() if value.size == 1 else value.tolist()
    return value.decode() if isinstance(value, bytes) else value
