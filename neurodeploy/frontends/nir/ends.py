"""Inputs and Outputs that a file lacks, where only one place can be meant."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from neurodeploy.connections.base import Shape
from neurodeploy.errors import ShapeMismatch, UnsupportedNode
from neurodeploy.frontends.nir.hdf5 import place
from neurodeploy.graph import Graph, Node


def with_ends(graph: Graph) -> Graph:
    """The graph with an Input before its only root and an Output behind its only leaf, where it has none at all.

    nir's own reader does so for every root and leaf, and so makes ends of nodes that were merely left unconnected.
    Inputs without a shape get the one that the layers behind them take.

    Raises:
        UnsupportedNode: Several nodes could be meant, or none.
        ShapeMismatch: No layer says what shape the input has.
    """
    for kind, verb in (("Input", "starts"), ("Output", "ends")):
        if any(node.type == kind for node in graph.nodes.values()):
            continue
        taken = {edge[0 if kind == "Output" else 1] for edge in graph.edges}
        found = sorted(graph.nodes.keys() - taken)
        if len(found) != 1 or kind.lower() in graph.nodes:
            raise UnsupportedNode(
                f"the graph has no {kind} node, and it {verb} at {', '.join(found) or 'no node'}",
                where=graph.origin,
                remedy=f"add an {kind} node and connect it",
            )
        name = kind.lower()
        edge = (name, found[0]) if kind == "Input" else (found[0], name)
        graph = replace(
            graph,
            nodes={**graph.nodes, name: Node(name, kind, {})},
            edges=(*graph.edges, edge),
            notes=(*graph.notes, f"{graph.origin}: there is no {kind} node; taken is '{found[0]}', where it {verb}"),
        )
    return replace(graph, nodes={name: _with_shape(graph, node) for name, node in graph.nodes.items()})


def _with_shape(graph: Graph, node: Node) -> Node:
    if node.type != "Input" or node.params.get("shape"):
        return node
    wanted = {_taken(graph.nodes[name]) for name in graph.after(node.name) if name in graph.nodes} - {None}
    if len(wanted) != 1:
        said = " or ".join(map(str, sorted(wanted, key=str)))
        raise ShapeMismatch(
            f"the input has no shape, and the layers behind it {f'take {said}' if said else 'do not say it'}",
            where=place(graph.origin, node.name),
            remedy="declare it in the Input node: positive integers, without batch and time",
        )
    return replace(node, params={"shape": wanted.pop()})


def _taken(node: Node) -> Shape | None:
    """Shape of a node's input, where its parameters say it."""
    params = node.params
    if node.type in ("Linear", "Affine") and np.ndim(params["weight"]) == 2:
        return (np.shape(params["weight"])[1],)
    if node.type in ("Conv1d", "Conv2d") and "input_shape" in params and np.ndim(params["weight"]) > 1:
        return (np.shape(params["weight"])[1] * params["groups"], *map(int, params["input_shape"]))
    full = [np.shape(v) for k, v in params.items() if isinstance(v, np.ndarray) and np.size(v) > 1]
    return max(full, key=len) if full and "weight" not in params and "stride" not in params else None
