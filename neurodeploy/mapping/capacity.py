"""The load of a core: what the neurons on it cost in every resource of the chip."""

from __future__ import annotations

import collections.abc
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from neurodeploy.chipnet import ChipNetwork, ChipPopulation, ChipProjection
from neurodeploy.connections import Conv2d
from neurodeploy.mapping.blocks import ConvBlocks
from neurodeploy.mapping.reach import Reach, reach, union
from neurodeploy.mapping.rows import Ints, conv_bits, discrete_bits, row_words, synapse_format
from neurodeploy.target_schema import Target

Assignment = collections.abc.Mapping[str, Ints]
"""Logical core of each neuron, per population; populations may be missing while they are not yet placed."""

PER_NEURON_FIELDS = ("vth", "bias_mant", "u0", "v0")
"""Not part of a compartment profile: thresholds have profiles of their own, the others are registers of a neuron."""


@dataclass(frozen=True, eq=False)
class Loads:
    """What sits on each core, int64 (cores,) each; the constraints make resources of it.

    Attributes:
        neurons: Compartments.
        populations: Populations with a neuron here.
        axons_in: In-axons, see ``in_axons``.
        axon_slots: Out-axon slots.
        words: Synapse memory.
        profiles: Distinct compartment settings.
        thresholds: Distinct thresholds.
        formats: Distinct synapse formats.
        convolutions: Convolutions with a synapse here.
    """

    neurons: Ints
    populations: Ints
    axons_in: Ints
    axon_slots: Ints
    words: Ints
    profiles: Ints
    thresholds: Ints
    formats: Ints
    convolutions: Ints


def core_loads(net: ChipNetwork, core_of: Assignment, cores: int, target: Target) -> Loads:
    """Loads of a whole assignment."""
    reaches = all_reaches(net, core_of, cores, target)
    slots = np.zeros(cores, np.int64)
    for name, per_neuron in fan_out(net, reaches, target).items():
        if name in core_of:
            np.add.at(slots, core_of[name], per_neuron)
    return replace(inbound(net, core_of, cores, target, reaches), axon_slots=slots)


def all_reaches(net: ChipNetwork, core_of: Assignment, cores: int, target: Target) -> list[Reach | None]:
    """Reach of every projection, in the network's order; None where its target is not assigned."""
    return [reach(p, core_of[p.target], cores, target) if p.target in core_of else None for p in net.projections]


def inbound(
    net: ChipNetwork, core_of: Assignment, cores: int, target: Target, reaches: Sequence[Reach | None]
) -> Loads:
    """Loads without out-axon slots: they depend on nothing but the neurons on the core themselves."""
    zero = np.zeros(cores, np.int64)
    axons, words, convolutions = zero.copy(), zero.copy(), zero.copy()
    by_source: dict[str, list[Reach]] = defaultdict(list)
    formats = []
    known: dict[tuple[object, ...], int] = {}
    for p, seen in zip(net.projections, reaches, strict=True):
        if seen is None:
            continue
        words += memory(p, seen, target)
        present = np.flatnonzero(seen.neurons if seen.counts is None else np.diff(seen.counts.indptr))
        formats.append((present, known.setdefault(synapse_format(p, target), len(known))))
        if p.connection.kind == "conv2d":
            convolutions[present] += 1
            if target.core.conv_axon_in_words is not None:
                axons[present] += target.core.conv_axon_in_words.value
                continue
        by_source[p.source].append(seen)
    for together in by_source.values():
        axons += union(together).sources_per_core()
    populations = [net.populations[name] for name in core_of]
    labels = [core_of[name] for name in core_of]
    present_in = [np.bincount(label, minlength=cores) for label in labels]
    return Loads(
        neurons=sum(present_in, zero),
        populations=sum(((n > 0).astype(np.int64) for n in present_in), zero),
        axons_in=axons,
        axon_slots=zero,
        words=words,
        profiles=_distinct(labels, profile_ids(populations), cores),
        thresholds=_distinct(labels, [p.fields.get("vth", np.zeros((), np.int64)) for p in populations], cores),
        formats=_distinct([at for at, _ in formats], [np.array(i) for _, i in formats], cores),
        convolutions=convolutions,
    )


def fan_out(net: ChipNetwork, reaches: Sequence[Reach | None], target: Target) -> dict[str, Ints]:
    """Out-axon slots that each neuron needs, (size,) per source population, see ``out_axon_slots``."""
    axon = target.axon
    narrow = 1 if axon.discrete_slots is None else axon.discrete_slots.value
    wide = narrow if axon.pop32_slots is None else axon.pop32_slots.value
    every: dict[str, list[Reach]] = defaultdict(list)
    shared: dict[str, list[Reach]] = defaultdict(list)
    for p, seen in zip(net.projections, reaches, strict=True):
        if seen is not None and net.sender_of(p.source) in net.populations:
            every[p.source].append(seen)
            if p.connection.kind == "conv2d":
                shared[p.source].append(seen)
    slots: dict[str, Ints] = {}
    for cost, by_source in ((narrow, every), (wide - narrow, shared)):
        for source, together in by_source.items():
            name = net.sender_of(source)
            slots[name] = slots.get(name, 0) + cost * union(together).cores_per_source()
    return slots


def memory(projection: ChipProjection, seen: Reach, target: Target) -> Ints:
    """Words of synapse memory that a projection takes on each core, see ``synapse_words``."""
    core = target.core
    if seen.counts is None:
        return seen.n_source * row_words(seen.neurons, discrete_bits(projection, target), core)
    words = np.zeros(len(seen.neurons), np.int64)
    if isinstance(projection.connection, Conv2d):
        conv = ConvBlocks(projection, projection.connection, target)
        for at, block in seen.blocks.items():
            if block is None:
                row = seen.counts.data[seen.counts.indptr[at] : seen.counts.indptr[at + 1]]
                words[at] = _unshared(projection, row.astype(np.int64), int(seen.neurons[at]), target)
            else:
                words[at] = conv.words(block)
        return words
    per_row = row_words(seen.counts.data.astype(np.int64), discrete_bits(projection, target), core)
    ends = np.concatenate([[0], np.cumsum(per_row)])
    words += ends[seen.counts.indptr[1:]] - ends[seen.counts.indptr[:-1]]
    return words


def _unshared(projection: ChipProjection, synapses: Ints, neurons: int, target: Target) -> int:
    """Words of a convolution on a core whose neurons are not a block: a row for each source neuron."""
    rows = row_words(synapses, conv_bits(projection, target, neurons), target.core)
    return int(rows.sum()) + len(synapses) * target.core.conv_row_extra_words.value


def profile_ids(populations: Sequence[ChipPopulation]) -> list[Ints]:
    """A number per neuron, or one per population, equal where neurons can share a compartment profile."""
    known: dict[tuple[object, ...], int] = {}
    result = []
    for population in populations:
        fields = [v for k, v in sorted(population.fields.items()) if k not in PER_NEURON_FIELDS]
        columns = np.stack(np.broadcast_arrays(np.zeros(1, np.int64), *fields), axis=1)
        rows, which = np.unique(columns, axis=0, return_inverse=True)
        kind = (population.model, population.reset)
        ids = np.array([known.setdefault((*kind, *row), len(known)) for row in rows.tolist()])
        result.append(ids[which.ravel()] if len(rows) > 1 else ids[0])
    return result


def _distinct(labels: Sequence[Ints], values: Sequence[Ints], cores: int) -> Ints:
    """Distinct values per core; ``values[i]`` holds one value for all of ``labels[i]``, or one each."""
    if not labels:
        return np.zeros(cores, np.int64)
    _, numbers = np.unique(np.concatenate([value.ravel() for value in values]), return_inverse=True)
    starts = np.cumsum([value.size for value in values])[:-1]
    pairs = []
    for label, value, number in zip(labels, values, np.split(numbers.ravel(), starts), strict=True):
        where = label if value.ndim else np.flatnonzero(np.bincount(label, minlength=cores))
        pairs.append(number * cores + where)
    distinct = pairs[0] if len(pairs) == 1 and not values[0].ndim else np.unique(np.concatenate(pairs))
    return np.bincount(distinct % cores, minlength=cores)
