"""Placement by swaps of two items between sites: the definitions, and the C kernels that compute the same bits.

Costs are integers and the moves are drawn beforehand, so that nothing depends on the order of a sum or on the machine.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.kernels import KernelsUnavailable, load
from neurodeploy.mapping.rows import Ints

Ints32 = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Graph:
    """Packets between items, as rows of neighbours; every pair stands in the rows of both.

    Attributes:
        start: Where each item's row begins, (items + 1,).
        neighbour: Never the item itself, no neighbour twice.
        out: Packets from the item to the neighbour.
        back: Packets from the neighbour to the item.
    """

    start: Ints
    neighbour: Ints32
    out: Ints
    back: Ints

    @property
    def items(self) -> int:
        """Number of items."""
        return len(self.start) - 1


@dataclass(frozen=True, eq=False)
class Moves:
    """Swaps to try one after the other.

    Attributes:
        item: Item to be moved.
        to: Site it is to go to; the item there goes where that one came from.
        limit: Largest change of the cost, in packets x hops, with which the swap is made.
    """

    item: Ints32
    to: Ints32
    limit: Ints


def swap_sites(graph: Graph, moves: Moves, node: Ints32, distance: Ints32, site_of: Ints32) -> tuple[Ints32, int]:
    """Sites after some moves, and by how much they changed the cost: the sum over pairs of packets x distance.

    Args:
        graph: Packets between items, as many items as sites.
        moves: What to try.
        node: Node of each site.
        distance: Symmetric, between nodes, (nodes, nodes).
        site_of: Site of each item, a permutation.
    """
    site_of, weight = site_of.copy(), graph.out + graph.back
    item_at = np.argsort(site_of).astype(np.int32)
    library = _library()
    if library is not None:
        arrays = (moves.item, moves.to, moves.limit, graph.start, graph.neighbour, weight, node)
        distance = np.ascontiguousarray(distance)
        rest = (_at(distance), len(distance), _at(site_of), _at(item_at))
        return site_of, library.nd_swap_sites(len(moves.item), *map(_at, arrays), *rest)
    total = 0
    for a, t, limit in zip(moves.item.tolist(), moves.to.tolist(), moves.limit.tolist(), strict=True):
        s, b = site_of[a], item_at[t]
        change = 0
        for one, other, old, new in ((a, b, node[s], node[t]), (b, a, node[t], node[s])):
            row = slice(graph.start[one], graph.start[one + 1])
            at = node[site_of[graph.neighbour[row]]]
            change += int((weight[row] * (distance[new, at] - distance[old, at]))[graph.neighbour[row] != other].sum())
        if node[s] != node[t] and change <= limit:
            site_of[a], site_of[b], item_at[t], item_at[s] = t, s, a, b
            total += change
    return site_of, total


def swap_loads(graph: Graph, moves: Moves, x: Ints32, y: Ints32, emphasis: int, site_of: Ints32) -> tuple[Ints32, int]:
    """Sites after some moves, and their cost: packets over all links + ``emphasis`` x packets over the busiest link.

    Packets go along x, then along y.

    Args:
        graph: Packets between items, as many items as sites.
        moves: What to try.
        x: Column of each site.
        y: Row of each site.
        emphasis: Hops that one packet less on the busiest link is worth.
        site_of: Site of each item, a permutation.
    """
    site_of = site_of.copy()
    item_at = np.argsort(site_of).astype(np.int32)
    columns, rows = int(x.max()) + 1, int(y.max()) + 1
    library = _library()
    if library is not None:
        loads = np.zeros((4, rows, columns), np.int64)
        edges = (graph.start, graph.neighbour, graph.out, graph.back)
        cost = library.nd_swap_loads(
            len(moves.item),
            *map(_at, (moves.item, moves.to, moves.limit)),
            graph.items,
            *map(_at, edges),
            columns,
            rows,
            *map(_at, (x, y)),
            emphasis,
            *map(_at, (loads, site_of, item_at)),
        )
        return site_of, cost
    cost = load_cost(graph, x[site_of], y[site_of], emphasis)
    for a, t, limit in zip(moves.item.tolist(), moves.to.tolist(), moves.limit.tolist(), strict=True):
        s, b = site_of[a], item_at[t]
        if x[s] == x[t] and y[s] == y[t]:
            continue
        site_of[a], site_of[b] = t, s
        after = load_cost(graph, x[site_of], y[site_of], emphasis)
        if after - cost <= limit:
            cost, item_at[t], item_at[s] = after, a, b
        else:
            site_of[a], site_of[b] = s, t
    return site_of, cost


def load_cost(graph: Graph, x: Ints32, y: Ints32, emphasis: int) -> int:
    """The cost of :func:`swap_loads` with items at columns ``x`` and rows ``y``."""
    item = np.repeat(np.arange(graph.items), np.diff(graph.start))
    x0, y0, x1, y1 = x[item], y[item], x[graph.neighbour], y[graph.neighbour]
    total, most = 0, 0
    for ahead in (True, False):
        for line, start, end in ((y0, x0, x1), (x1, y0, y1)):
            for link in range(int(end.max(initial=0)) if ahead else int(start.max(initial=0))):
                low, high = (start, end) if ahead else (end, start)
                crosses = (low <= link) & (link < high)
                loads = np.bincount(line[crosses], minlength=1) * 0
                np.add.at(loads, line[crosses], graph.out[crosses])
                total, most = total + int(loads.sum()), max(most, int(loads.max(initial=0)))
    return total + emphasis * most


def has_kernels() -> bool:
    """Whether the C kernels do the work."""
    return _library() is not None


def _library() -> ctypes.CDLL | None:
    """The C kernels, or None where they cannot be used."""
    try:
        library = load()
    except KernelsUnavailable:
        return None
    pointer, int64, int32 = ctypes.c_void_p, ctypes.c_int64, ctypes.c_int32
    library.nd_swap_sites.restype = library.nd_swap_loads.restype = int64
    library.nd_swap_sites.argtypes = [int64, *[pointer] * 8, int64, pointer, pointer]
    library.nd_swap_loads.argtypes = [
        int64,
        *[pointer] * 3,
        int64,
        *[pointer] * 4,
        int32,
        int32,
        pointer,
        pointer,
        int64,
    ]
    library.nd_swap_loads.argtypes += [pointer] * 3
    return library


def _at(array: Any) -> int:
    return int(array.ctypes.data)
