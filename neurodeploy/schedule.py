"""Order of populations: which edges close a cycle, and how many neuron layers lie before each population."""

from __future__ import annotations

from collections.abc import Sequence

from neurodeploy.errors import UnsupportedNode

Edge = tuple[str, str]


def feedback_edges(inputs: Sequence[str], neurons: Sequence[str], edges: Sequence[Edge], where: str) -> set[Edge]:
    """Edges inside a cycle that run against breadth-first order from the inputs; they carry the previous step's spikes.

    Raises:
        UnsupportedNode: A population cannot be reached from any input.
    """
    order: dict[str, int] = {}
    frontier = sorted(inputs)
    while frontier:
        for name in frontier:
            order[name] = len(order)
        reached = {b for a, b in edges if a in frontier} - order.keys()
        frontier = sorted(reached)
    for name in neurons:
        if name not in order:
            raise UnsupportedNode(
                "no input reaches these neurons", where=f"{where}, node '{name}'", remedy="connect or remove them"
            )
    return {(a, b) for a, b in edges if order[a] >= order[b] and a in _reachable(b, edges)}


def depths(inputs: Sequence[str], neurons: Sequence[str], edges: Sequence[Edge]) -> dict[str, int]:
    """Longest path from an input in neuron layers; ``edges`` must be free of cycles."""
    depth = dict.fromkeys(inputs, 0)

    def of(name: str) -> int:
        if name not in depth:
            depth[name] = 1 + max(of(a) for a, b in edges if b == name)
        return depth[name]

    for name in neurons:
        of(name)
    return depth


def _reachable(start: str, edges: Sequence[Edge]) -> set[str]:
    found, pending = {start}, [start]
    while pending:
        here = pending.pop()
        following = {b for a, b in edges if a == here} - found
        found |= following
        pending += following
    return found
