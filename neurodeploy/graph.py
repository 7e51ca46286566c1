"""A NIR graph as plain, checked data."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from neurodeploy.errors import ShapeMismatch, UnsupportedNode


@dataclass(frozen=True, eq=False)
class Node:
    """One node of the graph.

    Attributes:
        name: The user's.
        type: NIR's type name.
        params: NIR's parameters, arrays as in the file.
        conventions: Of this neuron, where they differ from the graph's :class:`Semantics`: values of its fields
            ``NODE_FIELDS`` by name; ``v_init`` and ``v_min`` may also be arrays of the layer's shape.
        exact: Discrete-time factors taken from a module, which override those that follow from ``params`` and dt:
            float64 arrays of the layer's shape or scalars by the names of ``FloatDynamics`` fields
            (``a, w, b, k, l, theta, v_reset, v0, i0``).
    """

    name: str
    type: str
    params: Mapping[str, Any]
    conventions: Mapping[str, Any] = field(default_factory=dict)
    exact: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Graph:
    """Nodes and edges of one file.

    Attributes:
        nodes: By name.
        edges: (source, target), no duplicates, both ends exist.
        metadata: Our own conventions recorded in the file (``metadata["neurodeploy"]``), else empty.
        origin: File name or description, for messages.
        notes: What the user ought to know about how it was read, in sentences.
    """

    nodes: Mapping[str, Node]
    edges: tuple[tuple[str, str], ...]
    metadata: Mapping[str, object]
    origin: str
    notes: tuple[str, ...] = ()

    def before(self, name: str) -> list[str]:
        """Nodes with an edge into ``name``."""
        return list(self._neighbours[0].get(name, ()))

    def after(self, name: str) -> list[str]:
        """Nodes that ``name`` has an edge to."""
        return list(self._neighbours[1].get(name, ()))

    @cached_property
    def _neighbours(self) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
        before: dict[str, list[str]] = {}
        after: dict[str, list[str]] = {}
        for source, target in self.edges:
            before.setdefault(target, []).append(source)
            after.setdefault(source, []).append(target)
        return before, after


def check_edges(graph: Graph) -> Graph:
    """Reject edges that end at nothing, and those that stand twice.

    Raises:
        ShapeMismatch: An edge names a node that is not there; lists those that may be meant.
        UnsupportedNode: A duplicate.
    """
    for edge in graph.edges:
        for end in edge:
            if end not in graph.nodes:
                inner = sorted(n for n in graph.nodes if n.startswith(f"{end}."))
                candidates = inner or difflib.get_close_matches(end, graph.nodes, n=3) or sorted(graph.nodes)[:10]
                raise ShapeMismatch(
                    f"edge {edge[0]} -> {edge[1]} names '{end}', which is not a node",
                    where=graph.origin,
                    remedy=f"point it at one of {candidates} and write the file again",
                )
    if len(set(graph.edges)) != len(graph.edges):
        raise UnsupportedNode("an edge stands twice", where=graph.origin, remedy="remove the duplicate")
    return graph


def check_graph(graph: Graph) -> Graph:
    """Reject what NIR's own reader lets through: missing ends, duplicates, loose nodes, NaN, inf, tau <= 0.

    Raises:
        UnsupportedNode: Names the node and the rule.
        ShapeMismatch: An edge names a node that is not there.
    """
    check_edges(graph)
    ahead, back = _reached(graph, "Input", graph.after), _reached(graph, "Output", graph.before)
    for name, node in graph.nodes.items():
        where = f"{graph.origin}, node '{name}' ({node.type})"
        if node.type == "Input" and graph.before(name) or node.type == "Output" and graph.after(name):
            raise UnsupportedNode(
                f"an edge {'leads into' if node.type == 'Input' else 'leaves'} this node",
                where=where,
                remedy="Inputs only send and Outputs only receive: point the edge at a layer",
            )
        if name not in ahead & back:
            raise UnsupportedNode(
                "the node is not on a path from an Input to an Output", where=where, remedy="connect or remove it"
            )
        for key, value in node.params.items():
            if isinstance(value, np.ndarray) and value.dtype.kind not in "biufUS":
                raise UnsupportedNode(f"{key} holds {value.dtype} values", where=where, remedy="export real numbers")
            if isinstance(value, np.ndarray) and value.dtype.kind == "f" and not np.isfinite(value).all():
                raise UnsupportedNode(
                    f"{key} holds NaN or infinity", where=where, remedy="retrain or repair the model before export"
                )
            if key.startswith("tau") and not np.all(value > 0):
                raise UnsupportedNode(f"{key} must be positive", where=where, remedy="check the exporter's units")
    return graph


def _reached(graph: Graph, kind: str, following: Callable[[str], list[str]]) -> set[str]:
    """Nodes that lie behind, or before, the nodes of a kind; these included."""
    found: set[str] = set()
    pending = [node.name for node in graph.nodes.values() if node.type == kind]
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            pending += following(name)
    return found
