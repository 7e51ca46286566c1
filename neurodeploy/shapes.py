"""Output shape of every node of a graph."""

from __future__ import annotations

import numpy as np

from neurodeploy.compose import layer, output_shape
from neurodeploy.connections.base import Shape
from neurodeploy.errors import ShapeMismatch
from neurodeploy.graph import Graph
from neurodeploy.neurons import model_for_nir


class _Circular(Exception):
    """A node's shape follows from itself only by way of this one."""


class Shapes:
    """Output shape of every node, inferred from the Inputs on; the file's own types are not trusted."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._known: dict[str, Shape] = {n.name: n.params["shape"] for n in graph.nodes.values() if n.type == "Input"}
        self._open: set[str] = set()

    def __getitem__(self, name: str) -> Shape:
        if name not in self._known:
            if name in self._open:
                raise _Circular(name)
            self._open.add(name)
            try:
                self._known[name] = self._infer(name)
            finally:
                self._open.discard(name)
        return self._known[name]

    def incoming(self, name: str) -> Shape:
        """Shape of the sum of all inputs of a node; a shape that depends on itself follows from the other inputs."""
        found = {}
        for before in self._graph.before(name):
            try:
                found[before] = self[before]
            except _Circular:
                continue
        if not found:
            raise _Circular(name)
        if len(set(found.values())) > 1:
            raise ShapeMismatch(
                f"inputs of different shapes meet: {found}",
                where=f"{self._graph.origin}, node '{name}'",
                remedy="layers that feed one node must have equal output shapes",
            )
        return next(iter(found.values()))

    def _infer(self, name: str) -> Shape:
        node, where = self._graph.nodes[name], f"{self._graph.origin}, node '{name}'"
        parameters = [np.shape(v) for v in (*node.params.values(), *node.exact.values()) if v is not None]
        if model_for_nir(node.type):
            full = max(parameters, key=lambda s: (int(np.prod(s)), len(s)), default=())
            return tuple(full) if int(np.prod(full)) > 1 else self.incoming(name)
        if node.type == "Output":
            return self.incoming(name)
        shape = self.incoming(name)
        return output_shape(node, shape, layer(node, shape, where))
