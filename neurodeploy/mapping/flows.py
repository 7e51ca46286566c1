"""Which core sends how many packets to which others: the input of placement and of every measure of it."""

from __future__ import annotations

import collections.abc
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neurodeploy.chipnet import ChipNetwork
from neurodeploy.mapping.reach import Reach, reach, union
from neurodeploy.mapping.rows import Ints
from neurodeploy.target_schema import Target

if TYPE_CHECKING:
    from scipy.sparse import csr_array

HOST = -1
"""Source 'core' of the spikes that the host feeds in."""

Floats = NDArray[np.float64]
Rates = collections.abc.Mapping[str, Floats]
"""Mean messages per step of each neuron, (size,), per source as projections name them."""
CoreOf = collections.abc.Mapping[str, Ints | NDArray[np.int32]]
"""Logical core of each neuron, per population."""


@dataclass(frozen=True, eq=False)
class Flows:
    """Packets from cores to cores, by bundles: all axons of one core that go to the same set of cores.

    A packet is one message to one distinct core that has a synapse of it, the sender's own core included.

    Attributes:
        cores: Number of cores.
        source: Core of each bundle, (bundles,); ``HOST`` for inputs.
        messages: Messages of each bundle, per step where rates are known, else its axons, (bundles,).
        start: Where each bundle's destinations begin in ``destination``, (bundles + 1,).
        destination: Cores, distinct and rising within a bundle.
    """

    cores: int
    source: Ints
    messages: Floats
    start: Ints
    destination: Ints

    @property
    def bundle(self) -> Ints:
        """Bundle of each entry of ``destination``."""
        return np.repeat(np.arange(len(self.source)), np.diff(self.start))

    def matrix(self) -> csr_array:
        """Packets from each core, and from the host in the last row, to each core: (cores + 1, cores)."""
        from scipy.sparse import csr_array

        bundle = self.bundle
        rows = np.where(self.source == HOST, self.cores, self.source)[bundle]
        pairs = (self.messages[bundle], (rows, self.destination))
        return csr_array(pairs, shape=(self.cores + 1, self.cores))  # adds up what is given twice

    def pairs(self) -> tuple[Ints, Ints, Floats]:
        """Source (or ``HOST``), destination and packets of each pair of cores that has any."""
        matrix = self.matrix().tocoo()
        source = np.where(matrix.row == self.cores, HOST, matrix.row)
        return source.astype(np.int64), matrix.col.astype(np.int64), matrix.data


def flows(
    net: ChipNetwork,
    core_of: CoreOf,
    cores: int,
    target: Target,
    rates: Rates | None = None,
    most_pairs: int | None = None,
) -> Flows:
    """The flows of a partition.

    Args:
        net: The network.
        core_of: Logical core of each neuron, for all populations.
        cores: Number of logical cores.
        target: The chip.
        rates: Finite and not negative, of every source of a projection; default 1 for each axon.
        most_pairs: Of neurons and cores, for each source. Where there are more, some of its neurons stand for all, the
            same ones every time, each with the weight of those that it stands for. None: no limit.
    """
    by_source: dict[str, list[Reach]] = defaultdict(list)
    for p in net.projections:
        by_source[p.source].append(reach(p, core_of[p.target].astype(np.int64), cores, target))
    parts = []
    for name, reaches in by_source.items():
        size, sender = net.size_of(name), net.sender_of(name)
        senders = core_of[sender].astype(np.int64) if sender in net.populations else np.full(size, HOST)
        weights = np.ones(size) if rates is None else rates[name]
        together = union(reaches)
        pairs = together.pairs
        if most_pairs is not None and pairs.nnz > most_pairs:
            chosen = np.sort(np.random.default_rng(0).permutation(size)[: max(1, size * most_pairs // pairs.nnz)])
            pairs, senders, weights = pairs[:, chosen], senders[chosen], weights[chosen] * (size / len(chosen))
        parts.append(_bundles(senders, weights, np.flatnonzero(together.full), pairs))
    if not parts:
        none = np.zeros(0, np.int64)
        return Flows(cores, none, np.zeros(0), np.zeros(1, np.int64), none)
    source, messages, lengths, destination = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Flows(cores, source, messages, np.concatenate([[0], np.cumsum(lengths)]), destination)


def _bundles(senders: Ints, weights: Floats, full: Ints, pairs: csr_array) -> tuple[Ints, Floats, Ints, Ints]:
    """Source, messages and number of destinations of each bundle of one source, and all destinations in a row.

    Args:
        senders: Core of each source neuron.
        weights: Its messages.
        full: Cores that every source neuron reaches.
        pairs: The others, (cores, n_source).
    """
    rows = pairs.T.tocsr()
    rows.sort_indices()
    lengths = np.diff(rows.indptr).astype(np.int64)
    first, which = _equal_rows(senders, rows.indptr.astype(np.int64), rows.indices.astype(np.int64))
    messages = np.bincount(which, weights, len(first))
    kept = np.repeat(np.arange(len(first)), lengths[first])
    own = np.concatenate([rows.indices[rows.indptr[i] : rows.indptr[i + 1]] for i in first.tolist()] or [full[:0]])
    bundle = np.concatenate([kept, np.repeat(np.arange(len(first)), len(full))])
    destination = np.concatenate([own.astype(np.int64), np.tile(full, len(first))])
    order = np.lexsort((destination, bundle))
    number = lengths[first] + len(full)
    some = (number > 0) & (messages > 0)
    return senders[first][some], messages[some], number[some], destination[order][some[bundle[order]]]


def _equal_rows(senders: Ints, start: Ints, indices: Ints) -> tuple[Ints, Ints]:
    """The first of each kind of row with its sender, and the kind of every row."""
    rng = np.random.default_rng(0)
    key = rng.integers(0, 2**63, int(indices.max(initial=0)) + 1, np.uint64)
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(key[indices], dtype=np.uint64)])  # wraps, as it may
    marks = np.stack([senders.astype(np.uint64), np.diff(start).astype(np.uint64), sums[start[1:]] - sums[start[:-1]]])
    order = np.lexsort(marks)
    new = np.append(True, np.any(marks[:, order[1:]] != marks[:, order[:-1]], axis=0)) if len(order) else order == 0
    kind = np.empty(len(order), np.int64)
    kind[order] = np.cumsum(new) - 1
    first = order[new]
    # rows of one mark are equal but for a collision, which is looked for and then undone
    lengths = np.diff(start)
    at = np.repeat(start[first[kind]] - start[:-1], lengths) + np.arange(len(indices))
    odd = np.unique(np.repeat(np.arange(len(kind)), lengths)[indices[at] != indices])
    kind[odd] = len(first) + np.arange(len(odd))
    return np.concatenate([first, odd]), kind
