"""Output shape of every node of a graph."""

from __future__ import annotations

import math
from collections import deque

import numpy as np

from neurodeploy.compose import ELEMENTWISE, layer, output_shape
from neurodeploy.connections.base import Shape
from neurodeploy.errors import ShapeMismatch, UnsupportedNode
from neurodeploy.graph import Graph, Node
from neurodeploy.neurons import model_for_nir

MOST_VALUES = 10**8
"""In one layer: more is a damaged shape, and would exhaust the memory."""


class Shapes:
    """Output shape of every node, inferred from the Inputs on; the file's own types are not trusted.

    Raises:
        ShapeMismatch: A layer does not fit what it is given, or inputs of different shapes meet.
        UnsupportedNode: No input reaches a node, or a layer has a parameter that we do not deploy.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._known: dict[str, Shape] = {}
        pending = deque(sorted(n.name for n in graph.nodes.values() if n.type == "Input"))
        while pending:
            name = pending.popleft()
            if name not in self._known:
                self._known[name] = self._infer(graph.nodes[name])
                pending += graph.after(name)
        for name in graph.nodes:
            if name not in self._known:
                raise UnsupportedNode("no input reaches this node", where=self._where(name), remedy="connect it")
            found = {source: self._known[source] for source in graph.before(name)}
            if len(set(found.values())) > 1:
                raise ShapeMismatch(
                    f"inputs of different shapes meet: {found}",
                    where=self._where(name),
                    remedy="layers that feed one node must have equal output shapes",
                )

    def __getitem__(self, name: str) -> Shape:
        return self._known[name]

    def incoming(self, name: str) -> Shape:
        """Shape of the sum of all inputs of a node."""
        return self._known[self._graph.before(name)[0]]

    def _infer(self, node: Node) -> Shape:
        """From the first of its inputs that is known: in a loop, the one that comes from outside."""
        where = self._where(node.name)
        if node.type == "Input":
            shape: Shape = node.params["shape"]
        else:
            shape = next(self._known[b] for b in self._graph.before(node.name) if b in self._known)
            if elementwise(node):
                for key, value in node.params.items():
                    fitted(np.shape(value), shape, key, where)
            elif node.type != "Output":
                shape = output_shape(node, shape, layer(node, shape, where), where)
        if math.prod(shape) > MOST_VALUES:
            raise ShapeMismatch(
                f"a layer of shape {shape} has more than {MOST_VALUES:,} values",
                where=where,
                remedy="correct the shape of the input, or the padding of a convolution",
            )
        return shape

    def _where(self, name: str) -> str:
        return f"{self._graph.origin}, node '{name}'"


def elementwise(node: Node) -> bool:
    """Whether a node keeps its input's shape, and has parameters of that shape."""
    return model_for_nir(node.type) is not None or node.type in ELEMENTWISE


def fitted(given: Shape, shape: Shape, key: str, where: str) -> Shape:
    """The parameter shape ``given`` such that it broadcasts to a layer of ``shape``: one value, or axes of length 1.

    Raises:
        ShapeMismatch: It does not.
    """
    size = math.prod(given)
    if size == 1:
        return (1,) * len(shape)
    while len(given) > len(shape) and given[0] == 1:  # a batch
        given = given[1:]
    if len(given) != len(shape) or any(g not in (1, n) for g, n in zip(given, shape, strict=True)):
        raise ShapeMismatch(
            f"{key} has shape {given}, the layers before make {shape}",
            where=where,
            remedy="correct the sizes; a parameter has one value, or the shape of the layer with some axes of length 1",
        )
    return given
