"""A population as a hypergraph, the limits of the parts it is cut into, and a cut under way."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Shorts = NDArray[np.int32]

NEURONS, AXONS, WORDS, SLOTS, LOAD = range(5)
"""What is counted of a part: its neurons; the edges with a pin in it; words of their rows; out-axon slots of its
neurons; their work per step."""
COUNTS = 5
MOST_ROWS = 16


@dataclass(frozen=True, eq=False)
class Hypergraph:
    """Neurons (vertices) and the sources that have synapses on them (edges, whose pins are those neurons).

    Attributes:
        in_ptr: Of each vertex, where its edges begin in ``in_edge``, (vertices + 1,).
        in_edge: Edges that each vertex is a pin of, ascending.
        pin_ptr: Of each edge, where its pins begin in ``pin``, (edges + 1,).
        pin: Pins of each edge, ascending.
        owner: Vertex that sends what the edge carries, (edges,); -1 for a source outside this population.
        own_ptr: Of each vertex, where the edges it owns begin in ``own_edge``, (vertices + 1,).
        own_edge: Edges that each vertex owns, ascending.
        weight: Cost of each remote part that an edge reaches, (edges,), at least 0.
        kind: Row of ``words`` of each edge, (edges,).
        words: Words of synapse memory of a row by the number of its synapses on a core, (kinds, longest + 1).
        synapses: Synapses of each pin, like ``in_edge``; None: one each.
    """

    in_ptr: Ints
    in_edge: Shorts
    pin_ptr: Ints
    pin: Shorts
    owner: Shorts
    own_ptr: Ints
    own_edge: Shorts
    weight: Ints
    kind: Shorts
    words: Ints
    synapses: Shorts | None = None

    @property
    def vertices(self) -> int:
        """Number of neurons."""
        return len(self.in_ptr) - 1

    @property
    def edges(self) -> int:
        """Number of sources."""
        return len(self.owner)


@dataclass(frozen=True, eq=False)
class Limits:
    """What a part may hold: ``factor @ counts + factor[:, WORDS] * dense_words[neurons] <= limit``, row by row.

    Attributes:
        factor: (rows, COUNTS).
        limit: (rows,).
        dense_words: Words that dense rows take in a part of so many neurons, (vertices + 1,).
        load: Work per step of each vertex, (vertices,).
        slots: Out-axon slots that each vertex needs for targets outside this population, (vertices,).
        slot_cost: Out-axon slots for each part that an owned edge reaches.
    """

    factor: Ints
    limit: Ints
    dense_words: Ints
    load: Ints
    slots: Ints
    slot_cost: int

    def needs(self, counts: Ints) -> Ints:
        """What parts of these counts (parts, COUNTS) need of each row, (parts, rows)."""
        total: Ints = counts @ self.factor.T
        return total + self.dense_words[counts[:, NEURONS]][:, None] * self.factor[:, WORDS]

    def over(self, counts: Ints) -> NDArray[np.bool_]:
        """Which parts exceed a limit."""
        found: NDArray[np.bool_] = np.any(self.needs(counts) > self.limit, axis=1)
        return found


@dataclass(eq=False)
class Cut:
    """Parts under way; the arrays are changed in place.

    Attributes:
        part: Of each vertex, (vertices,).
        parts: How many there are.
        entry_ptr: Where the entries of each edge begin, (edges + 1,).
        entry_part: Part of each entry.
        entry_count: Synapses of the edge on that part, at least 1.
        used: Number of entries of each edge, (edges,).
        counts: (parts, COUNTS).
    """

    part: Shorts
    parts: int
    entry_ptr: Ints
    entry_part: Shorts = field(init=False)
    entry_count: Shorts = field(init=False)
    used: Shorts = field(init=False)
    counts: Ints = field(init=False)

    def __post_init__(self) -> None:
        room = int(self.entry_ptr[-1])
        self.entry_part, self.entry_count = np.zeros(room, np.int32), np.zeros(room, np.int32)
        self.used = np.zeros(len(self.entry_ptr) - 1, np.int32)
        self.counts = np.zeros((self.parts, COUNTS), np.int64)

    @classmethod
    def of(cls, graph: Hypergraph, labels: Ints | Shorts, parts: int) -> Cut:
        """A cut whose entries and counts are still to be made."""
        room = np.minimum(np.diff(graph.pin_ptr), parts)
        ends = np.concatenate([[0], np.cumsum(room)]).astype(np.int64)
        return cls(np.array(labels, np.int32), parts, ends)


def km1(graph: Hypergraph, labels: Ints | Shorts, parts: int) -> int:
    """Sum over edges of weight times the distinct parts of its pins other than its owner's part.

    Connectivity as in Jin et al., ASPLOS 2023; a source outside the population is remote to every part.
    """
    edge = np.repeat(np.arange(graph.edges), np.diff(graph.pin_ptr))
    pairs = np.unique(edge * np.int64(parts) + labels[graph.pin])
    edge, at = pairs // parts, pairs % parts
    owner = graph.owner[edge]
    home = np.where(owner < 0, -1, labels[owner])
    return int(graph.weight[edge[at != home]].sum())
