"""Order of populations: which edges close a cycle, and how many steps a chip's answer lags behind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from neurodeploy.errors import UnsupportedNode

Edge = tuple[str, str]


def feedback_edges(
    inputs: Sequence[str], neurons: Sequence[str], edges: Sequence[Edge], instant: Sequence[Edge], where: str
) -> set[Edge]:
    """Edges that close a cycle; they carry the previous step's spikes.

    Only ``instant`` edges can; a cycle with a delay in it is open already. Those that run with the breadth-first order
    from the inputs stay. The others are looked at one by one, those that lead least far back first, and close a cycle
    if what stayed so far leads from their target to their source.

    Args:
        inputs: Names of the inputs.
        neurons: Names of the populations.
        edges: Pairs of names.
        instant: Those without a delay.
        where: The file, for messages.

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
    kept = [(a, b) for a, b in instant if order[a] < order[b]]
    cut = set()
    for a, b in sorted(set(instant) - set(kept), key=lambda edge: (-order[edge[1]], order[edge[0]])):
        if a in _reachable(b, kept):
            cut.add((a, b))
        else:
            kept.append((a, b))
    return cut


def in_order(neurons: Sequence[str], edges: Sequence[Edge]) -> dict[str, int]:
    """Longest path to each population in populations; ``edges`` must be free of cycles."""
    rank = dict.fromkeys(neurons, 1)
    inner = [(a, b) for a, b in edges if a in rank and b in rank]
    waits_for = Counter(b for _, b in inner)
    after: dict[str, list[str]] = {}
    for a, b in inner:
        after.setdefault(a, []).append(b)
    ready = [name for name in neurons if not waits_for[name]]
    for a in ready:
        for b in after.get(a, []):
            rank[b] = max(rank[b], rank[a] + 1)
            waits_for[b] -= 1
            if not waits_for[b]:
                ready.append(b)
    return rank


def depths(inputs: Sequence[str], neurons: Sequence[str], delays: Mapping[Edge, int]) -> dict[str, int] | None:
    """Steps by which a chip's populations lag behind the float network's, or None where no lag satisfies all edges.

    A chip needs a step for every edge: ``depth[b] >= depth[a] + 1 - delay``. These are the smallest such depths, with
    inputs at 0 and populations at 1 or more.

    Args:
        inputs: Names of the inputs.
        neurons: Names of the populations.
        delays: Smallest delay in steps of each edge.
    """
    depth = dict.fromkeys(inputs, 0) | dict.fromkeys(neurons, 1)
    for _ in neurons:
        moved = False
        for (a, b), delay in delays.items():
            needed = depth[a] + 1 - delay
            if b not in inputs and needed > depth[b]:
                depth[b], moved = needed, True
        if not moved:
            return depth
    return depth if all(depth[b] >= depth[a] + 1 - d for (a, b), d in delays.items()) else None


def _reachable(start: str, edges: Sequence[Edge]) -> set[str]:
    found, pending = {start}, [start]
    while pending:
        here = pending.pop()
        following = {b for a, b in edges if a == here} - found
        found |= following
        pending += following
    return found
