"""What the C of the hypergraph search computes, bit for bit, in plain Python: the definition, and slow."""

from __future__ import annotations

from collections import deque

import numpy as np

from neurodeploy.mapping.hyper.hypergraph import (
    AXONS,
    COUNTS,
    LOAD,
    NEURONS,
    SLOTS,
    WORDS,
    Cut,
    Hypergraph,
    Ints,
    Limits,
    Shorts,
)

TRIES = 4
"""Parts that a vertex tries before it stays."""
FEW = 512
"""A pass that moves fewer than one vertex of so many is the last."""
UNIT = 1 << 20
"""Fixed point of smoothed levels."""


def transpose(columns: int, ptr: Ints, index: Shorts) -> tuple[Ints, Shorts]:
    """Compressed rows of the transpose."""
    rows = np.repeat(np.arange(len(ptr) - 1, dtype=np.int32), np.diff(ptr))
    ends = np.concatenate([[0], np.cumsum(np.bincount(index, minlength=columns))])
    return ends.astype(np.int64), rows[np.argsort(index, kind="stable")]


def locality_order(graph: Hypergraph, rounds: int, leaf: int) -> Shorts:
    """An order of the vertices in which those that share edges are close.

    Bisects: a piece is sorted by the distance of its vertices from one that is far from the first (breadth-first
    search over edges, owners included), smoothed ``rounds`` times: an edge takes the mean of its vertices in the piece,
    a vertex the mean of its edges. Then its halves, until pieces have at most ``leaf`` vertices.
    """
    order, n = list(range(graph.vertices)), graph.vertices
    pieces = 1
    while n // pieces > leaf:
        for p in range(pieces):
            low, high = p * n // pieces, (p + 1) * n // pieces
            if high - low >= 2:
                order[low:high] = _arranged(graph, order[low:high], rounds)
        pieces *= 2
    return np.array(order, np.int32)


def _incident(graph: Hypergraph, v: int) -> list[int]:
    """Edges that a vertex is a pin or the owner of; twice where it is both."""
    pins: list[int] = graph.in_edge[graph.in_ptr[v] : graph.in_ptr[v + 1]].tolist()
    owned: list[int] = graph.own_edge[graph.own_ptr[v] : graph.own_ptr[v + 1]].tolist()
    return pins + owned


def _arranged(graph: Hypergraph, piece: list[int], rounds: int) -> list[int]:
    far = list(_levels(graph, piece, piece[0]))[-1]
    x = {v: level * UNIT for v, level in _levels(graph, piece, far).items()}
    for _ in range(rounds):
        total: dict[int, int] = {}
        number: dict[int, int] = {}
        for v in piece:
            for e in _incident(graph, v):
                total[e] = total.get(e, 0) + x[v]
                number[e] = number.get(e, 0) + 1
        mean = {e: total[e] // number[e] for e in total}
        for v in piece:
            edges = _incident(graph, v)
            x[v] = sum(mean[e] for e in edges) // len(edges) if edges else x[v]
    middle = len(piece) // 2
    sign = -1 if sum(x[v] for v in piece[:middle]) > sum(x[v] for v in piece[middle:]) else 1
    return sorted(piece, key=lambda v: (sign * x[v], v))


def _levels(graph: Hypergraph, piece: list[int], start: int) -> dict[int, int]:
    """Level of each vertex, in the order in which a breadth-first search finds them.

    The next component begins two levels on, at its first vertex.
    """
    inside, found, queue, seen = set(piece), {start: 0}, deque([start]), set()
    rest = iter(piece)
    level = 0
    while queue or len(found) < len(piece):
        if not queue:
            v = next(u for u in rest if u not in found)
            found[v] = level + 2
            queue.append(v)
        v = queue.popleft()
        level = found[v]
        for e in _incident(graph, v):
            if e in seen:
                continue
            seen.add(e)
            ends = graph.pin[graph.pin_ptr[e] : graph.pin_ptr[e + 1]].tolist() + [int(graph.owner[e])]
            for u in ends:
                if u in inside and u not in found:
                    found[u] = level + 1
                    queue.append(u)
    return found


def fill(graph: Hypergraph, limits: Limits, order: Shorts) -> tuple[Shorts, int]:
    """Parts filled one after the other in an order, each until the next vertex does not fit into it.

    A vertex that fits no part gets one of its own. Slots are counted for targets outside the population only.
    """
    part, q = np.zeros(graph.vertices, np.int32), 0
    counts = np.zeros(COUNTS, np.int64)
    here: dict[int, int] = {}
    for v in order.tolist():
        more, there = _with(graph, limits, v, counts, here)
        if counts[NEURONS] and limits.over(more[None]).any():
            q += 1
            more, there = _with(graph, limits, v, np.zeros(COUNTS, np.int64), {})
        counts, here = more, there
        part[v] = q
    return part, q + 1 if graph.vertices else 0


def _with(graph: Hypergraph, limits: Limits, v: int, counts: Ints, here: dict[int, int]) -> tuple[Ints, dict[int, int]]:
    """Counts of a part, and its synapses by edge, with one vertex more."""
    more, there = counts.copy(), dict(here)
    more[[NEURONS, LOAD, SLOTS]] += 1, limits.load[v], limits.slots[v]
    for e, synapses in _pins(graph, v):
        before = there.get(e, 0)
        there[e] = before + synapses
        more[AXONS] += before == 0
        more[WORDS] += graph.words[graph.kind[e], there[e]] - graph.words[graph.kind[e], before]
    return more, there


def _pins(graph: Hypergraph, v: int) -> list[tuple[int, int]]:
    """Edges that a vertex is a pin of, with its synapses from each."""
    at = slice(graph.in_ptr[v], graph.in_ptr[v + 1])
    synapses = np.ones(at.stop - at.start, int) if graph.synapses is None else graph.synapses[at]
    return list(zip(graph.in_edge[at].tolist(), synapses.tolist(), strict=True))


def count(graph: Hypergraph, limits: Limits, cut: Cut) -> None:
    """Entries and counts of a cut from its labels; they are written, in the order in which the parts are met."""
    entries: list[dict[int, int]] = [{} for _ in range(graph.edges)]
    cut.counts[:] = 0
    for v, q in enumerate(cut.part.tolist()):
        cut.counts[q, [NEURONS, LOAD, SLOTS]] += 1, limits.load[v], limits.slots[v]
        for e, synapses in _pins(graph, v):
            entries[e][q] = entries[e].get(q, 0) + synapses
    for e, found in enumerate(entries):
        first = cut.entry_ptr[e]
        cut.used[e] = len(found)
        cut.entry_part[first : first + len(found)] = list(found)
        cut.entry_count[first : first + len(found)] = list(found.values())
        for q, synapses in found.items():
            cut.counts[q, AXONS] += 1
            cut.counts[q, WORDS] += graph.words[graph.kind[e], synapses]
        if graph.owner[e] >= 0:
            cut.counts[cut.part[graph.owner[e]], SLOTS] += limits.slot_cost * len(found)


def refine(graph: Hypergraph, limits: Limits, cut: Cut, order: Shorts, passes: int, work: int) -> int:
    """Moves single vertices for a lower :func:`km1`, in passes over ``order`` until few move; returns the moves.

    A vertex goes to the part that lowers km1 most, of those that hold any of its edges or their owners; where none
    does, to one that leaves km1 as it is and has fewer neurons; among equals to the one with the fewest neurons, then
    the lowest number. A vertex in a part that is over a limit goes to the best part even where km1 rises. After the
    move the new part is within its limits, or, where km1 does not rise, less over than the old one was; and no part
    whose neurons need more slots for it exceeds a limit. A vertex tries ``TRIES`` parts.

    Stops once it has looked at ``work`` entries: parts that an edge of a vertex touches, and one for each edge.
    """
    moves = looked = 0
    for _ in range(passes):
        before = moves
        for v in order.tolist():
            if looked >= work:
                return moves
            a = int(cut.part[v])
            over = bool(limits.over(cut.counts[[a]])[0])
            there, entries = _present(graph, cut, v)
            looked += entries
            stay, here = there.get(a, 0), cut.counts[a, NEURONS]
            gains = {q: weight - stay for q, weight in there.items() if q != a}
            if not over:
                gains = {q: g for q, g in gains.items() if g > 0 or (g == 0 and cut.counts[q, NEURONS] < here)}
            for q in sorted(gains, key=lambda q: (-gains[q], cut.counts[q, NEURONS], q))[:TRIES]:
                if _tried(graph, limits, cut, v, q, strictly=gains[q] < 0):
                    moves += 1
                    break
        if moves - before <= graph.vertices // FEW:
            break
    return moves


def _entries(cut: Cut, e: int) -> dict[int, int]:
    at = slice(cut.entry_ptr[e], cut.entry_ptr[e] + cut.used[e])
    return dict(zip(cut.entry_part[at].tolist(), cut.entry_count[at].tolist(), strict=True))


def _present(graph: Hypergraph, cut: Cut, v: int) -> tuple[dict[int, int], int]:
    """Weight, by part, of the edges of a vertex that are there without it: km1 of those it owns or is a pin of falls by
    the difference when it moves. And the entries looked at."""
    there: dict[int, int] = {}
    looked = 0
    pins = dict(_pins(graph, v))
    owned = graph.own_edge[graph.own_ptr[v] : graph.own_ptr[v + 1]].tolist()
    for e in [*(e for e in pins if graph.owner[e] != v), *owned]:
        entries = _entries(cut, e)
        looked += len(entries) + 1
        if e in pins:
            entries[int(cut.part[v])] -= pins[e]
        parts = {q for q, synapses in entries.items() if synapses}
        if graph.owner[e] not in (v, -1):
            parts.add(int(cut.part[graph.owner[e]]))
        for q in parts:
            there[q] = there.get(q, 0) + int(graph.weight[e])
    return there, looked


def _tried(graph: Hypergraph, limits: Limits, cut: Cut, v: int, b: int, *, strictly: bool) -> bool:
    """Move if that is legal."""
    a, before = int(cut.part[v]), cut.counts.copy()
    kept = cut.entry_part.copy(), cut.entry_count.copy(), cut.used.copy()
    old = limits.needs(before[[a]])[0]
    cut.part[v] = b
    count(graph, limits, cut)
    new = limits.needs(cut.counts[[b]])[0]
    legal = bool(np.all((new <= limits.limit) | ((new < old) & (not strictly))))
    if limits.slot_cost:
        senders = {int(graph.owner[e]) for e, _ in _pins(graph, v)} - {-1, v}
        more = {int(cut.part[u]) for u in senders} - {b}
        more = {q for q in more if cut.counts[q, SLOTS] > before[q, SLOTS]}
        legal &= not any(limits.over(cut.counts[[q]])[0] for q in more)
    if not legal:
        cut.part[v] = a
        cut.counts[:] = before
        cut.entry_part[:], cut.entry_count[:], cut.used[:] = kept
    return legal
