"""What a mapping makes of the spikes of a run: packets, hops, and the load of every core."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as Dict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neurodeploy.chipmap import Mapping
from neurodeploy.mapping.reach import reach
from neurodeploy.mapping.route import Link
from neurodeploy.simulate.counters import CoreSteps, Ints, SourceTraffic, StepTimes, Traffic
from neurodeploy.simulate.legs import Leg, at_core
from neurodeploy.simulate.plan import Plan
from neurodeploy.simulate.timing import StepModel, Work
from neurodeploy.target_schema import Target

if TYPE_CHECKING:
    from scipy.sparse import csr_array

CHUNK_BYTES = 2**25
"""Size that one per-step array of a chunk of samples and steps may have."""
MOST_BINS = 2**22
"""Entries that an array of bins and cores may have; longer runs have bins of several steps."""

Spikes = NDArray[np.uint8]


def measure(
    plan: Plan, sent: Dict[str, Spikes], mapping: Mapping, target: Target, *, always_live: bool = False
) -> Traffic:
    """Count the packets of a finished run, and the time of its steps.

    A packet is one spike to one distinct core that has a synapse of it, whatever the number of projections and
    synapses; it counts if some projection on that core integrates it while its target is live. Input spikes enter at
    tile (0, 0) of chip 0. The work of the cores is compared in the step in which the spikes were sent: packets sent
    together arrive together, and delays are kept at the receiver.

    Args:
        plan: The simulation.
        sent: Where inputs and outputs of populations sent a message, uint8 0 or 1 (B, steps, size).
        mapping: Where the neurons sit.
        target: The chip, for the tiles of its mesh and the times of its events.
        always_live: Update compartments also in the steps in which they wait for the first input (SANA-FE does).
    """
    cores = mapping.cores
    reaches = [reach(p, mapping.core_of[p.target].astype(np.int64), cores, target) for p in plan.projections]
    links: dict[Link, int] = {}
    legs = [
        Leg(plan, name, span, {i: reaches[i] for i in active}, mapping, target, links)
        for name in sent
        for span, active in spans(plan, name, sent[name].shape[1])
    ]
    sources = dict.fromkeys(sent, SourceTraffic())
    into: dict[str, dict[str, int]] = {
        name: {p.connection.kind: 0 for p in plan.projections if p.target == name} for name in plan.net.populations
    }
    fired_into = [np.zeros(p.connection.n_source, np.int64) for p in plan.projections]
    for leg in legs:
        fired = sent[leg.name][:, leg.span].sum(axis=(0, 1), dtype=np.int64)
        sources[leg.name] += leg.routes(fired, mapping, target)
        for number, per_source in leg.synapses.items():
            p = plan.projections[number]
            into[p.target][p.connection.kind] += int(fired @ per_source)
            fired_into[number] += fired
    model = StepModel.of(target, mapping)
    core_steps, times = _add_steps(plan, legs, sent, mapping, len(links), model, always_live)
    return Traffic(sources, into, tuple(fired_into), core_steps, times, model.name)


def spans(plan: Plan, name: str, length: int) -> Iterator[tuple[slice, list[int]]]:
    """Spans of steps in which the same projections (by number) integrate the spikes of ``name``."""
    windows = {i: plan.delivered(p).indices(length)[:2] for i, p in enumerate(plan.projections) if p.source == name}
    edges = sorted({edge for window in windows.values() for edge in window})
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        active = [i for i, (start, stop) in windows.items() if start <= low and high <= stop]
        if active:
            yield slice(low, high), active


@dataclass(eq=False)
class _Chunk:
    """Work of some samples and steps under way, (samples, steps, cores)."""

    syn_ops: dict[str, Ints]
    spikes_out: Ints
    spikes_in: Ints
    axon_out: Ints
    words: Ints | None
    links: Ints

    @classmethod
    def empty(cls, shape: tuple[int, int], cores: int, links: int, kinds: set[str], words: bool) -> _Chunk:
        """Nothing done yet."""

        def zeros(last: int = cores) -> Ints:
            return np.zeros((*shape, last), np.int64)

        by_kind = {kind: zeros() for kind in sorted(kinds)}
        return cls(by_kind, zeros(), zeros(), zeros(), zeros() if words else None, zeros(max(1, links)))

    def add(self, leg: Leg, fired: csr_array, at: slice) -> None:
        """What the spikes of a leg's source do, (samples * steps, size) with a row for each, in the steps ``at``."""
        shape = self.spikes_in.shape[:2]
        number = np.diff(fired.indptr).astype(np.int64)[:, None]

        def put(into: Ints, values: Ints) -> None:
            into[:, at, : values.shape[1]] += values.reshape(*shape, values.shape[1])[:, at]

        def product(matrix: csr_array) -> Ints:
            values: Ints = (fired @ matrix).toarray()
            return values

        if leg.union.full.any():
            put(self.spikes_in, number * leg.union.full)
        if leg.pairs.nnz:
            put(self.spikes_in, product(leg.pairs))
        if leg.packets_out.nnz:
            put(self.axon_out, product(leg.packets_out))
        if leg.links is not None and leg.links.nnz:
            put(self.links, product(leg.links))
        if leg.dense.any():
            put(self.syn_ops["dense"], number * leg.dense)
        for kind, counts in leg.counts:
            put(self.syn_ops[kind], product(counts))
        for of_any, of_each in leg.words or ():
            assert self.words is not None
            put(self.words, number * of_any)
            if of_each is not None:
                put(self.words, product(of_each))


def _events(spikes: Spikes) -> csr_array:
    """Ones (int64) where there are spikes, a row for each sample and step."""
    from scipy.sparse import csr_array

    size = spikes.shape[2]
    flags = np.ascontiguousarray(spikes).view(np.bool_).ravel()  # much faster to search than integers
    row, column = np.divmod(np.flatnonzero(flags), size)
    rows = spikes.shape[0] * spikes.shape[1]
    ends = np.cumsum(np.bincount(row, minlength=rows))
    return csr_array((np.ones(len(row), np.int64), column, np.append(0, ends)), shape=(rows, size))


def _add_steps(
    plan: Plan,
    legs: list[Leg],
    sent: Dict[str, Spikes],
    mapping: Mapping,
    links: int,
    model: StepModel,
    always_live: bool,
) -> tuple[CoreSteps, StepTimes]:
    """Counts by core and step and the times of the steps, some samples and steps at a time."""
    cores = mapping.cores
    per_bin = -(-plan.steps * cores // MOST_BINS)
    bins = -(-plan.steps // per_bin)
    kinds = {p.connection.kind for p in plan.projections}
    totals = CoreSteps(
        per_bin,
        {kind: np.zeros((bins, cores), np.int64) for kind in sorted(kinds)},
        *(np.zeros((bins, cores), np.int64) for _ in range(4)),
        *(np.zeros(bins, np.int64) for _ in range(2)),
    )
    times = [np.zeros((bins, *shape), np.int64) for shape in ((4,), (4,), (3,), (3,), ())]
    sits = {
        name: at_core(mapping.core_of[plan.net.sender_of(name)].astype(np.int64), np.ones(size, np.int64), cores)
        for name, size in ((n, plan.net.size_of(n)) for n in sent if plan.net.sender_of(n) in mapping.core_of)
    }
    words = model.latency.synapse_word_s is not None
    for samples, steps in _chunks(plan, cores + links):
        shape = (samples.stop - samples.start, steps.stop - steps.start)
        chunk = _Chunk.empty(shape, cores, links, kinds, words)
        for name, values in sent.items():
            fired = _events(values[samples, steps])
            for leg in (leg for leg in legs if leg.name == name):
                span = slice(max(steps.start, leg.span.start), min(steps.stop, leg.span.stop))
                if span.start < span.stop:
                    chunk.add(leg, fired, slice(span.start - steps.start, span.stop - steps.start))
            if name in sits:
                chunk.spikes_out += (fired @ sits[name]).toarray().reshape(*shape, cores)
        neurons = _live(plan, mapping, steps, always_live)
        work = Work(
            chunk.syn_ops,
            neurons,
            chunk.spikes_out,
            chunk.spikes_in,
            chunk.axon_out,
            chunk.words,
            chunk.links.max(axis=2),
        )
        place = np.arange(steps.start, steps.stop) // per_bin
        for kind, number in chunk.syn_ops.items():
            np.add.at(totals.syn_ops_of[kind], place, number.sum(axis=0))
        np.add.at(totals.dendrite_updates, place, neurons * shape[0])
        for field in ("spikes_in", "axon_out", "spikes_out"):
            np.add.at(getattr(totals, field), place, getattr(chunk, field).sum(axis=0))
        busiest = sum(chunk.syn_ops.values(), np.zeros_like(chunk.spikes_in)).max(axis=2)
        np.add.at(totals.max_syn_ops, place, busiest.sum(axis=0))
        np.add.at(totals.max_spikes_in, place, chunk.spikes_in.max(axis=2).sum(axis=0))
        of_steps = model.times(work)
        for total, part in zip(times, vars(of_steps).values(), strict=True):
            np.add.at(total, place, part)
    return totals, StepTimes(*times)


def _chunks(plan: Plan, columns: int) -> Iterator[tuple[slice, slice]]:
    """Samples and steps whose arrays stay within the memory set aside for them."""
    rows = max(1, CHUNK_BYTES // (8 * columns))
    steps_at_once = min(plan.steps, rows)
    samples_at_once = max(1, rows // steps_at_once)
    for first in range(0, plan.batch, samples_at_once):
        for begin in range(0, plan.steps, steps_at_once):
            last = min(first + samples_at_once, plan.batch)
            yield slice(first, last), slice(begin, min(begin + steps_at_once, plan.steps))


def _live(plan: Plan, mapping: Mapping, steps: slice, always_live: bool) -> Ints:
    """Live compartments by step and core."""
    live = np.zeros((steps.stop - steps.start, mapping.cores), np.int64)
    for name, core_of in mapping.core_of.items():
        first, last = (1, plan.steps) if always_live else plan.window(name)
        at = slice(max(0, first - 1 - steps.start), max(0, last - steps.start))
        live[at] += np.bincount(core_of, minlength=mapping.cores)
    return live
