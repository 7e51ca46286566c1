"""One source during the steps in which the same projections take its spikes, and what each spike of it does."""

from __future__ import annotations

from collections.abc import Mapping as Dict
from typing import TYPE_CHECKING

import numpy as np

from neurodeploy.chipmap import Mapping
from neurodeploy.chipnet import ChipProjection
from neurodeploy.mapping.reach import Reach, union
from neurodeploy.mapping.route import HOST, Link, hops, path
from neurodeploy.mapping.rows import conv_bits, discrete_bits, row_words
from neurodeploy.simulate.counters import Ints, SourceTraffic
from neurodeploy.simulate.plan import Plan
from neurodeploy.target_schema import Target

if TYPE_CHECKING:
    from scipy.sparse import csr_array


class Leg:
    """One source during a span of steps with the same receivers.

    Attributes:
        name: The source.
        span: Steps, 0-based.
        senders: Core of each of its neurons, or ``HOST``.
        union: Which cores get a packet of which neuron.
        pairs: The explicit part of the union as ones, (n_source, cores).
        packets_out: Packets that a spike of each neuron makes, at its core, (n_source, cores).
        links: Packets that it puts on each link, (n_source, links known so far).
        synapses: By number of a projection, the synapses that each neuron has in it, (n_source,).
        dense: Synapses of dense projections that any spike meets on each core, (cores,).
        counts: Kind and synapses of each other projection, (n_source, cores).
        words: Words of synapse memory that a spike reads on each core: of any neuron, (cores,), and in addition of each
            neuron, (n_source, cores); None where the target has no time for them.
    """

    def __init__(
        self,
        plan: Plan,
        name: str,
        span: slice,
        active: Dict[int, Reach],
        mapping: Mapping,
        target: Target,
        links: dict[Link, int],
    ) -> None:
        self.name, self.span, self.union = name, span, union(active.values())
        self.senders = mapping.core_of.get(plan.net.sender_of(name), np.full(self.union.n_source, HOST)).astype(
            np.int64
        )
        self.pairs = self.union.pairs.T.tocsr()
        self.pairs.data = np.ones_like(self.pairs.data, dtype=np.int64)
        self.packets_out = at_core(self.senders, self.union.cores_per_source(), mapping.cores)
        self.links = None if target.latency.link_spikes_per_s is None else self._on_links(mapping, target, links)
        self.synapses = {
            i: np.full(r.n_source, r.neurons.sum()) if r.counts is None else r.counts.sum(axis=0)
            for i, r in active.items()
        }
        self.dense = sum((r.neurons for r in active.values() if r.counts is None), np.zeros(mapping.cores, np.int64))
        self.counts = [
            (plan.projections[i].connection.kind, r.counts.T.tocsr()) for i, r in active.items() if r.counts is not None
        ]
        self.words = (
            [_words(plan.projections[i], r, target) for i, r in active.items()]
            if target.latency.synapse_word_s is not None
            else None
        )

    def routes(self, fired: Ints, mapping: Mapping, target: Target) -> SourceTraffic:
        """Packets and hops, from the number of spikes of each neuron."""
        some = self.union.pairs.tocoo()
        own = _routed(self.senders[some.col], some.row.astype(np.int64), fired[some.col], mapping, target)
        start, end, which = self._everywhere()
        per_sender = np.bincount(which, weights=fired, minlength=int(which.max(initial=-1)) + 1).astype(np.int64)
        number = np.repeat(per_sender, int(self.union.full.sum()))
        return own + _routed(start, end, number, mapping, target)

    def _everywhere(self) -> tuple[Ints, Ints, Ints]:
        """Sender and receiver of the routes that all neurons of a core share, and the sender's number by neuron."""
        senders, which = np.unique(self.senders, return_inverse=True)
        everywhere = np.flatnonzero(self.union.full)
        start, end = np.meshgrid(senders, everywhere, indexing="ij")
        return start.ravel(), end.ravel(), which.ravel()

    def _on_links(self, mapping: Mapping, target: Target, links: dict[Link, int]) -> csr_array:
        from scipy.sparse import csr_array

        some = self.union.pairs.tocoo()
        start, end, which = self._everywhere()
        n_full = int(self.union.full.sum())
        full = np.repeat(np.arange(len(which)), n_full)
        senders = np.concatenate([self.senders[some.col], self.senders[full]])
        receivers = np.concatenate([some.row, np.tile(np.flatnonzero(self.union.full), len(which))]).astype(np.int64)
        neurons = np.concatenate([some.col, full])
        routes, route_of = np.unique(np.stack([senders, receivers]), axis=1, return_inverse=True)
        rows, columns = [], []
        for number, (s, r) in enumerate(routes.T):
            for link in path(mapping, target, int(s), int(r)):
                rows.append(number)
                columns.append(links.setdefault(link, len(links)))
        ones = np.ones(len(rows), np.int64)
        on_route = csr_array((ones, (rows, columns)), shape=(routes.shape[1], len(links)))
        ones = np.ones(len(neurons), np.int64)
        return csr_array((ones, (neurons, route_of.ravel())), shape=(len(which), routes.shape[1])) @ on_route


def at_core(core: Ints, values: Ints, cores: int) -> csr_array:
    """(n, cores): the value of each neuron at its core; nothing for the host's."""
    from scipy.sparse import csr_array

    here = np.flatnonzero(core != HOST)
    return csr_array((values[here], (here, core[here])), shape=(len(core), cores))


def _words(projection: ChipProjection, r: Reach, target: Target) -> tuple[Ints, csr_array | None]:
    conv = projection.connection.kind == "conv2d"
    bits = [conv_bits(projection, target, n) if conv else discrete_bits(projection, target) for n in r.neurons.tolist()]
    per_core = np.array(bits, np.int64)
    if r.counts is None:
        return row_words(r.neurons, per_core, target.core), None
    counts = r.counts.tocoo()
    words = r.counts.tocoo()
    words.data = row_words(counts.data.astype(np.int64), per_core[counts.row], target.core)
    return np.zeros_like(r.neurons), words.T.tocsr()


def _routed(start: Ints, end: Ints, number: Ints, mapping: Mapping, target: Target) -> SourceTraffic:
    way = hops(mapping, target, start, end)
    return SourceTraffic(*(int(n) for n in (number.sum(), number @ way.x, number @ way.y, number @ way.inter_chip)))
