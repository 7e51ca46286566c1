"""Shapes made consistent: what older files count differently is put right, what may be scalar is broadcast."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from neurodeploy.errors import ShapeMismatch
from neurodeploy.frontends.nir.hdf5 import place
from neurodeploy.graph import Graph, Node
from neurodeploy.shapes import Shapes, elementwise, fitted

Repair = Callable[[Node], tuple[Node, str] | None]


def _without_batch(node: Node) -> tuple[Node, str] | None:
    shape = node.params.get("shape", ())
    if node.type != "Input" or len(shape) < 2 or shape[0] != 1:
        return None
    kept = shape[1:]
    return replace(node, params={"shape": kept}), f"the shape {shape} counts the batch; read as {kept}"


def _flatten_without_batch(node: Node) -> tuple[Node, str] | None:
    if node.type != "Flatten" or node.params["start_dim"] < 1:
        return None
    before = {name: node.params[name] for name in ("start_dim", "end_dim")}
    after = {name: value - (value > 0) for name, value in before.items()}
    text = "; read as ".join(", ".join(f"{k} = {v}" for k, v in dims.items()) for dims in (before, after))
    return replace(node, params={**node.params, **after}), f"the dimensions count the batch: {text}"


PER_AXIS = {"kernel_size", "stride", "padding", "dilation"}
REPAIRS: tuple[tuple[Repair, ...], ...] = (
    (),
    (_without_batch,),
    (_flatten_without_batch,),
    (_without_batch, _flatten_without_batch),
)
"""Tried in this order; the first under which all layers fit each other is taken."""


def settle(graph: Graph) -> Graph:
    """The graph with consistent shapes and full-shape parameters, and notes on what had to be read differently.

    Neurons' parameters get the shape of their layer, convolutions their ``input_shape`` and like pools one number for
    each axis, Outputs their ``shape``, and Flatten nodes axes counted from 0.

    Raises:
        ShapeMismatch: No reading makes the layers fit each other; says what is wrong with the file as it stands.
        UnsupportedNode: No input reaches some node.
    """
    first: ShapeMismatch | None = None
    for repairs in REPAIRS:
        candidate = _repaired(graph, repairs)
        if candidate is None:
            continue
        try:
            shapes = Shapes(candidate)
            return _filled(candidate, shapes)
        except ShapeMismatch as error:
            first = first or error
    assert first is not None
    raise first


def _repaired(graph: Graph, repairs: tuple[Repair, ...]) -> Graph | None:
    """None where a repair finds nothing to do."""
    for repair in repairs:
        changed = {name: found for name, node in graph.nodes.items() if (found := repair(node)) is not None}
        if not changed:
            return None
        nodes = {**graph.nodes, **{name: node for name, (node, _) in changed.items()}}
        notes = [f"{place(graph.origin, name)}: {note}" for name, (_, note) in changed.items()]
        graph = replace(graph, nodes=nodes, notes=(*graph.notes, *notes))
    return graph


def _filled(graph: Graph, shapes: Shapes) -> Graph:
    nodes, notes = {}, list(graph.notes)
    for name, node in graph.nodes.items():
        where = place(graph.origin, name)
        params = dict(node.params)
        if elementwise(node):
            for key, value in params.items():
                params[key] = _broadcast(value, shapes[name], key, where)
        for key in PER_AXIS & params.keys():
            if not isinstance(params[key], str):
                params[key] = np.broadcast_to(np.ravel(params[key]), (len(shapes[name]) - 1,)).astype(np.int64)
        if node.type in ("Conv1d", "Conv2d"):
            taken = np.array(shapes.incoming(name)[1:], np.int64)
            given = params.get("input_shape")
            if given is not None and not np.array_equal(given, taken):
                notes.append(
                    f"{where}: input_shape is {np.ravel(given).tolist()}, but the layers before make {taken.tolist()}"
                )
            params["input_shape"] = taken
        elif node.type == "Flatten":
            rank = len(shapes.incoming(name))
            params |= {key: params[key] % rank for key in ("start_dim", "end_dim")}
        elif node.type == "Output":
            params["shape"] = _output(params.get("shape"), shapes[name], where)
        nodes[name] = replace(node, params=params)
    return replace(graph, nodes=nodes, notes=tuple(notes))


def _broadcast(value: Any, shape: tuple[int, ...], key: str, where: str) -> Any:
    return np.broadcast_to(np.asarray(value).reshape(fitted(np.shape(value), shape, key, where)), shape)


def _output(declared: tuple[int, ...] | None, made: tuple[int, ...], where: str) -> tuple[int, ...]:
    """The shape that the layers make; a declared one must have as many values, because its axes are often wrong."""
    if declared and np.prod(declared, dtype=float) != np.prod(made, dtype=float):
        raise ShapeMismatch(
            f"the output declares shape {list(declared)}, the layers make {list(made)}",
            where=where,
            remedy="correct the Output node's shape, or the layers before it",
        )
    return made
