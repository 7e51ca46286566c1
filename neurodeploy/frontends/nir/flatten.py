"""Nested graphs dissolved into one, with dotted names."""

from __future__ import annotations

from neurodeploy.errors import UnsupportedNode
from neurodeploy.frontends.nir.hdf5 import Record, place

Edge = tuple[str, str]


def flatten(graph: Record, origin: str) -> tuple[dict[str, Record], list[Edge]]:
    """Nodes by dotted name and the edges between them; Inputs and Outputs of nested graphs give way to what they join.

    An edge to or from a nested graph means its only Input or Output; one of several is named with its dotted name.

    Raises:
        UnsupportedNode: A nested graph without exactly one Input or Output where an edge does not say which; a
            dotted name that exists already; or an edge that stands twice.
    """
    nodes: dict[str, Record] = {}
    edges: list[Edge] = []
    _collect(graph, nodes, edges, origin)
    inner_ends = [n for n, node in nodes.items() if node.type in ("Input", "Output") and node.depth > 1]
    return {n: node for n, node in nodes.items() if n not in inner_ends}, _joined(edges, inner_ends, nodes, origin)


def _collect(graph: Record, nodes: dict[str, Record], edges: list[Edge], origin: str) -> None:
    graphs = {node.name: node for node in graph.nodes if node.type == "NIRGraph"}
    for node in graph.nodes:
        if node.type == "NIRGraph":
            _collect(node, nodes, edges, origin)
        elif node.name in nodes:
            raise UnsupportedNode(
                "two nodes have this name once nested graphs are dissolved",
                where=place(origin, node.name),
                remedy="rename one of them",
            )
        else:
            nodes[node.name] = node
    prefix = f"{graph.name}." if graph.name else ""
    for source, target in graph.edges:
        edges.append((_end(prefix + source, "Output", graphs, origin), _end(prefix + target, "Input", graphs, origin)))


def _end(name: str, kind: str, graphs: dict[str, Record], origin: str) -> str:
    """The node that an edge's end means."""
    if name not in graphs:
        return name
    found = [node.name for node in graphs[name].nodes if node.type == kind]
    if len(found) == 1:
        return found[0]
    raise UnsupportedNode(
        f"an edge means the {kind} of a nested graph that has {len(found)} of them",
        where=place(origin, name),
        remedy=f"name the one that is meant: {', '.join(found)}" if found else f"give the nested graph an {kind} node",
    )


def _joined(edges: list[Edge], inner_ends: list[str], nodes: dict[str, Record], origin: str) -> list[Edge]:
    """The edges once those that meet at an inner end are one."""
    after: dict[str, dict[str, None]] = {}
    before: dict[str, dict[str, None]] = {}

    def join(source: str, target: str) -> None:
        if target in after.setdefault(source, {}):
            raise UnsupportedNode(
                f"an edge stands twice: {source} -> {target}",
                where=origin,
                remedy="remove the duplicate, or sum with a Linear node",
            )
        after[source][target] = None
        before.setdefault(target, {})[source] = None

    for source, target in edges:
        join(source, target)
    for name in inner_ends:
        into, out = before.pop(name, {}), after.pop(name, {})
        if not into or not out or name in into:
            raise UnsupportedNode(
                f"this {nodes[name].type} of a nested graph has {len(into)} edges in and {len(out)} out"
                + (", one of them to itself" if name in into else ""),
                where=place(origin, name),
                remedy="connect it on both sides, or remove it",
            )
        for source in into:
            del after[source][name]
        for target in out:
            del before[target][name]
        for source in into:
            for target in out:
                join(source, target)
    return [(source, target) for source, targets in after.items() for target in targets]
