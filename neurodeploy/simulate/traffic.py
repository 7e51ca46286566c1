"""What a mapping makes of the spikes of a run: packets, hops, and the load of every core."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as Dict
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from neurodeploy.chipmap import Mapping
from neurodeploy.mapping.reach import Reach, reach, union
from neurodeploy.mapping.route import HOST, hops
from neurodeploy.simulate.counters import Ints, SourceTraffic, Traffic
from neurodeploy.simulate.plan import Plan
from neurodeploy.target_schema import Target

CHUNK_BYTES = 2**25
"""Size that one per-step array of a chunk of samples and steps may have."""

Spikes = NDArray[np.uint8]


def measure(plan: Plan, sent: Dict[str, Spikes], mapping: Mapping, target: Target) -> Traffic:
    """Count the packets of a finished run.

    A packet is one spike to one distinct core that has a synapse of it, whatever the number of projections and
    synapses; it counts if some projection on that core integrates it while its target is live. Input spikes enter at
    tile (0, 0) of chip 0. Per-step maxima compare the cores in the step in which the spikes were sent: packets sent
    together arrive together, and delays are kept at the receiver.

    Args:
        plan: The simulation.
        sent: Where inputs and outputs of populations sent a message, uint8 0 or 1 (B, T, size).
        mapping: Where the neurons sit.
        target: The chip, for the tiles of its mesh.
    """
    cores = mapping.cores
    reaches = [reach(p, mapping.core_of[p.target].astype(np.int64), cores, target) for p in plan.projections]
    legs = [
        _Leg(name, span, [reaches[i] for i in active], cores)
        for name in sent
        for span, active in _spans(plan, name, sent[name].shape[1])
    ]
    totals = _Totals(cores, dict.fromkeys(sent, SourceTraffic()))
    for leg in legs:
        host = np.full(leg.union.n_source, HOST)
        source_core = mapping.core_of.get(plan.net.sender_of(leg.name), host).astype(np.int64)
        totals.add_routes(leg, sent[leg.name], source_core, mapping, target)
    _add_steps(plan, legs, sent, totals)
    for name, population in plan.net.populations.items():
        first, last = plan.window(name)
        live = max(0, last - first + 1) * plan.batch
        np.add.at(totals.updates, mapping.core_of[name], np.full(population.size, live))
    return Traffic(
        sources=totals.sources,
        syn_ops_per_core=totals.syn_ops,
        updates_per_core=totals.updates,
        packets_in_per_core=totals.packets_in,
        packets_out_per_core=totals.packets_out,
        step_max_syn_ops=totals.step_max_syn_ops,
        step_max_packets_in=totals.step_max_packets_in,
    )


def _spans(plan: Plan, name: str, length: int) -> Iterator[tuple[slice, list[int]]]:
    """Runs of steps in which the same projections (by number) integrate the spikes of ``name``."""
    windows = {i: plan.delivered(p).indices(length)[:2] for i, p in enumerate(plan.projections) if p.source == name}
    edges = sorted({edge for window in windows.values() for edge in window})
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        active = [i for i, (start, stop) in windows.items() if start <= low and high <= stop]
        if active:
            yield slice(low, high), active


class _Leg:
    """One source during a span of steps with the same receivers.

    Attributes:
        name: The source.
        span: Steps, 0-based.
        union: Which cores get a packet of which neuron.
        pairs: The explicit part of the union as ones, (n_source, cores).
        dense: Synapses of dense projections that any spike meets on each core, (cores,).
        counts: Synapses of each other projection, (n_source, cores).
    """

    def __init__(self, name: str, span: slice, active: list[Reach], cores: int) -> None:
        self.name, self.span, self.union = name, span, union(active)
        self.pairs = self.union.pairs.T.tocsr()
        self.pairs.data = np.ones_like(self.pairs.data, dtype=np.int64)
        self.dense = sum((p.neurons for p in active if p.counts is None), np.zeros(cores, np.int64))
        self.counts = [p.counts.T.tocsr() for p in active if p.counts is not None]


@dataclass
class _Totals:
    """Sums under way."""

    cores: int
    sources: dict[str, SourceTraffic]
    step_max_syn_ops: int = 0
    step_max_packets_in: int = 0
    syn_ops: Ints = field(init=False)
    updates: Ints = field(init=False)
    packets_in: Ints = field(init=False)
    packets_out: Ints = field(init=False)

    def __post_init__(self) -> None:
        zeros = (np.zeros(self.cores, np.int64) for _ in range(4))
        self.syn_ops, self.updates, self.packets_in, self.packets_out = zeros

    def add_routes(self, leg: _Leg, values: Spikes, source_core: Ints, mapping: Mapping, target: Target) -> None:
        """Packets and hops, from the number of spikes of each neuron."""
        fired = values[:, leg.span].sum(axis=(0, 1), dtype=np.int64)
        some = leg.union.pairs.tocoo()
        self._route(leg.name, source_core[some.col], some.row.astype(np.int64), fired[some.col], mapping, target)
        everywhere = np.flatnonzero(leg.union.full)
        senders, which = np.unique(source_core, return_inverse=True)
        per_sender = np.zeros(len(senders), np.int64)
        np.add.at(per_sender, which.ravel(), fired)
        start, end = np.meshgrid(np.arange(len(senders)), everywhere, indexing="ij")
        self._route(leg.name, senders[start.ravel()], end.ravel(), per_sender[start.ravel()], mapping, target)

    def _route(self, name: str, start: Ints, end: Ints, number: Ints, mapping: Mapping, target: Target) -> None:
        way = hops(mapping, target, start, end)
        counts = (number.sum(), number @ way.x, number @ way.y, number @ way.inter_chip)
        self.sources[name] += SourceTraffic(*(int(n) for n in counts))
        on_chip = start != HOST
        np.add.at(self.packets_out, start[on_chip], number[on_chip])


def _add_steps(plan: Plan, legs: list[_Leg], sent: Dict[str, Spikes], totals: _Totals) -> None:
    """Per-core sums and per-step maxima, some samples and steps at a time."""
    from scipy.sparse import csr_array

    rows = max(1, CHUNK_BYTES // (8 * totals.cores))
    steps_at_once = min(plan.steps, rows)
    samples_at_once = max(1, rows // steps_at_once)
    for first in range(0, plan.batch, samples_at_once):
        samples = slice(first, min(first + samples_at_once, plan.batch))
        for begin in range(0, plan.steps, steps_at_once):
            end = min(begin + steps_at_once, plan.steps)
            shape = (samples.stop - samples.start, end - begin, totals.cores)
            syn_ops, packets = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
            for leg in legs:
                steps = slice(max(begin, leg.span.start), min(end, leg.span.stop))
                if steps.start >= steps.stop:
                    continue
                spikes = sent[leg.name][samples, steps]
                spikes = spikes.reshape(-1, spikes.shape[2])  # a row for each sample and step
                fired = csr_array(spikes, dtype=np.int64)
                number = spikes.sum(axis=1, dtype=np.int64)
                at = (slice(None), slice(steps.start - begin, steps.stop - begin))
                target_shape = (shape[0], steps.stop - steps.start, totals.cores)
                packets[at] += (number[:, None] * leg.union.full).reshape(target_shape)
                syn_ops[at] += (number[:, None] * leg.dense).reshape(target_shape)
                if leg.pairs.nnz:
                    packets[at] += (fired @ leg.pairs).toarray().reshape(target_shape)
                for counts in leg.counts:
                    syn_ops[at] += (fired @ counts).toarray().reshape(target_shape)
            totals.syn_ops += syn_ops.sum(axis=(0, 1))
            totals.packets_in += packets.sum(axis=(0, 1))
            totals.step_max_syn_ops += int(syn_ops.max(axis=2, initial=0).sum())
            totals.step_max_packets_in += int(packets.max(axis=2, initial=0).sum())
