"""From a NIR file to a checked graph."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from neurodeploy.frontends.nir.ends import with_ends
from neurodeploy.frontends.nir.flatten import flatten
from neurodeploy.frontends.nir.hdf5 import place, read_tree
from neurodeploy.frontends.nir.primitives import read_parameters
from neurodeploy.frontends.nir.recorded import graph_metadata, restored, with_own_names
from neurodeploy.frontends.nir.settle import settle
from neurodeploy.graph import Graph, Node, check_edges, check_graph


def read_nir(path: str | Path) -> Graph:
    """Read a file of any NIR version into a checked :class:`Graph`.

    All node types of nir 1.0.8 are read, also those that lowering refuses. Nested graphs are dissolved, with dotted
    names. Shapes follow from the Inputs, not from what the file says of them. Where an older file, or one of a careless
    exporter, can only be meant in one way, it is read so, with a note in ``notes``.

    Raises:
        UnreadableFile: Missing, not HDF5, damaged, not NIR, or a parameter is missing or not what it must be.
        UnsupportedNode: An unknown node type, or a graph that has no meaning.
        ShapeMismatch: Layers that do not fit each other, or an edge that ends at nothing.
        AmbiguousSemantics: Nested graphs record conventions that contradict each other.
    """
    path = Path(path)
    origin = str(path)
    tree = read_tree(path)
    records, edges = flatten(tree, origin)
    nodes, notes, metadata = {}, [], graph_metadata(tree, origin)
    for name, record in records.items():
        params, remarks = read_parameters(record.type, record.data, place(origin, name))
        notes += remarks
        nodes[name] = restored(
            Node(name, record.type, params), record.metadata, metadata.get("reset"), place(origin, name)
        )
    graph = Graph(nodes, tuple(edges), metadata, origin, tuple(notes))
    names = {name: record.metadata.get("name") for name, record in records.items() if record.depth == 1}
    graph, without_reset = with_defaults(with_own_names(graph, names))
    if without_reset:
        note = (
            f"{origin}: {', '.join(without_reset)} have no v_reset and so come from before nir 1.0.6, when neurons "
            "were described as losing their threshold; --reset subtract may be meant, value resets to 0"
        )
        graph = replace(graph, notes=(*graph.notes, note))
    return settle(check_graph(with_ends(check_edges(graph))))


def with_defaults(graph: Graph) -> tuple[Graph, list[str]]:
    """The graph with the parameters that NIR gained later, at the values that it gives them; nodes without v_reset."""
    nodes, without_reset = {}, []
    for name, node in graph.nodes.items():
        params = dict(node.params)
        if "v_threshold" in params and params.get("v_reset") is None:
            params["v_reset"] = np.zeros_like(params["v_threshold"])
            without_reset.append(name)
        if node.type in ("CubaLIF", "CubaLI") and params.get("w_in") is None:
            params["w_in"] = np.ones(())
        nodes[name] = replace(node, params=params)
    return replace(graph, nodes=nodes), without_reset
