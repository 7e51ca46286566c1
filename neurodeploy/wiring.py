"""What lies between neurons: chains of stateless nodes, their delays, and the biases that come along."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.compose import bias_of, compose, double, layer, output_shape
from neurodeploy.connections import Connection, Sparse
from neurodeploy.connections.base import Shape
from neurodeploy.errors import ShapeMismatch, UnsupportedNode
from neurodeploy.graph import Graph, Node
from neurodeploy.neurons import model_for_nir
from neurodeploy.shapes import Shapes, fitted

MOST_PATHS = 1024
"""Chains into one population, and parts of one chain; merges without neurons between them multiply the former."""

Biases = dict[int, NDArray[np.float64]]
"""Constant inputs by the step from which on they count."""


@dataclass(frozen=True)
class Path:
    """A chain of stateless nodes from an input or population to a population."""

    source: str
    target: str
    nodes: tuple[str, ...]


@dataclass(frozen=True)
class Part:
    """The synapses of a path that have one delay."""

    delay_steps: int
    connection: Connection


def is_source(node: Node) -> bool:
    """Whether a node sends spikes or membranes of its own."""
    return node.type == "Input" or model_for_nir(node.type) is not None


def paths_into(graph: Graph, target: str) -> list[Path]:
    """Every chain of stateless nodes that ends in ``target``.

    Raises:
        UnsupportedNode: A cycle without a neuron, or too many chains.
    """
    found: list[Path] = []
    pending: list[tuple[str, tuple[str, ...]]] = [(b, ()) for b in graph.before(target)]
    while pending:
        if len(pending) + len(found) > MOST_PATHS:
            raise UnsupportedNode(
                f"more than {MOST_PATHS} chains of layers lead here",
                where=f"{graph.origin}, node '{target}'",
                remedy="put neurons between the branches that split and meet",
            )
        name, nodes = pending.pop(0)
        if is_source(graph.nodes[name]):
            found.append(Path(name, target, nodes))
        elif name in nodes:
            raise UnsupportedNode(
                "a cycle has no neuron in it",
                where=f"{graph.origin}, node '{name}'",
                remedy="put a neuron into the loop",
            )
        else:
            pending += [(b, (name, *nodes)) for b in graph.before(name)]
    return found


def parts(graph: Graph, shapes: Shapes, path: Path, dt_s: float) -> list[Part]:
    """The path as linear maps, one for each delay that its synapses have.

    Raises:
        ShapeMismatch: Layers that do not fit each other.
        UnsupportedNode: A delay that is no whole number of steps.
    """
    chains: list[tuple[int, list[Connection]]] = [(0, [])]
    shape = shapes[path.source]
    for name in path.nodes:
        node, where = graph.nodes[name], f"{graph.origin}, node '{name}'"
        if node.type == "Delay":
            masks = _masks(delay_steps(node, shape, dt_s, where), shape)
            chains = [(d + steps, c if mask is None else [*c, mask]) for d, c in chains for steps, mask in masks]
            if len(chains) > MOST_PATHS:
                raise UnsupportedNode(
                    f"more than {MOST_PATHS} different delays", where=where, remedy="use fewer different delays"
                )
            continue
        map_ = layer(node, shape, where)
        shape = output_shape(node, shape, map_, where)
        if map_ is not None:
            chains = [(d, [*c, map_]) for d, c in chains]
    if shape != shapes[path.target]:
        raise ShapeMismatch(
            f"the layers make {shape}, '{path.target}' has shape {shapes[path.target]}",
            where=f"{graph.origin}, {' -> '.join((path.source, *path.nodes, path.target))}",
            remedy="correct the sizes",
        )
    return [Part(d, _compact(c, shapes[path.source], shape, split=len(chains) > 1)) for d, c in chains]


def _compact(chain: Sequence[Connection], source: Shape, target: Shape, *, split: bool) -> Connection:
    if not chain:
        return _diagonal(np.ones(int(np.prod(source))), source, target)
    connection = compose(chain)
    return Sparse.from_matrix(connection.to_csr(), source, target) if split else connection


def _diagonal(values: NDArray[np.float64], source: Shape, target: Shape) -> Sparse:
    from scipy.sparse import diags_array

    return Sparse.from_matrix(diags_array(values), source, target)


def _masks(steps: NDArray[np.int64], shape: Shape) -> list[tuple[int, Sparse | None]]:
    """For each different delay: the map that lets only its elements through; None for all of them."""
    values = np.unique(steps)
    if len(values) == 1:
        return [(int(values[0]), None)]
    return [(int(v), _diagonal((steps == v).astype(np.float64), shape, shape)) for v in values]


def delay_steps(node: Node, shape: Shape, dt_s: float, where: str) -> NDArray[np.int64]:
    """Steps by which a Delay node delays each element, flat.

    Raises:
        UnsupportedNode: Not a whole number of steps within 1e-6, or negative.
        ShapeMismatch: Neither one delay nor one per element.
    """
    exact = np.broadcast_to(flat(node.params["delay"], shape, "delay", where) / dt_s, (int(np.prod(shape)),))
    steps = np.rint(exact)
    if np.any(np.abs(exact - steps) > 1e-6) or np.any(steps < 0):
        wrong = exact[(np.abs(exact - steps) > 1e-6) | (steps < 0)][0]
        raise UnsupportedNode(
            f"a delay of {wrong * dt_s:g} s is {wrong:g} time steps of {dt_s:g} s",
            where=where,
            remedy="use delays that are whole numbers of steps, 0 or more, and check --dt-s",
        )
    return steps.astype(np.int64)


def flat(value: Any, shape: Shape, name: str, where: str) -> NDArray[np.float64]:
    """A parameter as (n,) for neurons of ``shape``.

    Raises:
        ShapeMismatch: It does not broadcast to that shape.
    """
    array = np.asarray(value, dtype=np.float64)
    return np.broadcast_to(array.reshape(fitted(array.shape, shape, name, where)), shape).ravel()


def biases(graph: Graph, shapes: Shapes, name: str, dt_s: float, late: frozenset[str] = frozenset()) -> Biases:
    """What reaches a node while all neurons are silent: the biases on the way, flat, by the step of their begin.

    Args:
        graph: The graph.
        shapes: Of its nodes.
        name: The node.
        dt_s: Time step.
        late: Stateless nodes whose own bias begins at step 1 only.
    """
    sent: dict[str, Biases] = {}

    def arriving(target: str) -> Biases:
        total: Biases = {}
        for before in sorted(graph.before(target)):  # a sum that does not depend on the order of the edges
            for start, values in sent.get(before, {}).items():
                _add(total, start, values)
        return {start: values for start, values in sorted(total.items()) if values.any()}

    for before in _stateless_before(graph, name):
        node, where = graph.nodes[before], f"{graph.origin}, node '{before}'"
        sent[before] = _through(node, shapes.incoming(before), arriving(before), dt_s, where)
        own = np.broadcast_to(bias_of(node, shapes[before], where), shapes[before]).ravel()
        _add(sent[before], int(before in late), own)
    return arriving(name)


def _stateless_before(graph: Graph, name: str) -> list[str]:
    """All stateless nodes that lead to a node without a neuron between, each behind those that feed it."""
    found: dict[str, None] = {}
    pending = [(before, False) for before in graph.before(name)]
    while pending:
        here, is_fed = pending.pop()
        if is_fed:
            found[here] = None
        elif here not in found and not is_source(graph.nodes[here]):
            pending += [(here, True), *((before, False) for before in graph.before(here))]
    return list(found)


def _through(node: Node, shape: Shape, inner: Mapping[int, NDArray[np.float64]], dt_s: float, where: str) -> Biases:
    result: Biases = {}
    if node.type == "Delay":
        steps = delay_steps(node, shape, dt_s, where)
        for start, values in inner.items():
            for d in np.unique(steps):
                _add(result, start + int(d), np.where(steps == d, values, 0.0))
        return result
    map_ = layer(node, shape, where) if inner else None
    return {s: values if map_ is None else double(map_).propagate(values[None])[0] for s, values in inner.items()}


def _add(biases: Biases, start: int, values: NDArray[np.float64]) -> None:
    biases[start] = biases[start] + values if start in biases else values
