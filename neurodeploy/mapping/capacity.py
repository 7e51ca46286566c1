"""The load of a core: what the neurons on it cost in every resource of the chip."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from neurodeploy.chipnet import ChipNetwork, ChipPopulation, ChipProjection
from neurodeploy.mapping.fanout import fan_out
from neurodeploy.mapping.held import Assignment, Held, all_held
from neurodeploy.mapping.reach import Reach, union
from neurodeploy.mapping.rows import Ints, synapse_format
from neurodeploy.target_schema import Target

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
        delay: Longest delay of a synapse here, steps.
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
    delay: Ints

    def joined(self, others: slice | int, core: int) -> Loads:
        """No less than the loads of ``others``, each with all of ``core`` on it, too.

        They are added up, so that sources, settings and formats that both have count twice.
        """
        both = {f.name: getattr(self, f.name)[others] + getattr(self, f.name)[core] for f in fields(self)}
        return Loads(**both | {"delay": np.maximum(self.delay[others], self.delay[core])})


def core_loads(net: ChipNetwork, core_of: Assignment, cores: int, target: Target) -> Loads:
    """Loads of a whole assignment."""
    held = all_held(net, core_of, cores, target)
    slots = np.zeros(cores, np.int64)
    for name, demand in fan_out(net, held, target).items():
        if name in core_of:
            slots += demand.per_core(core_of[name], cores)
    return replace(inbound(net, core_of, cores, target, held), axon_slots=slots)


def inbound(net: ChipNetwork, core_of: Assignment, cores: int, target: Target, held: Sequence[Held | None]) -> Loads:
    """Loads without out-axon slots: they depend on nothing but the neurons on the core themselves."""
    zero = np.zeros(cores, np.int64)
    axons, words, convolutions, delay = zero.copy(), zero.copy(), zero.copy(), zero.copy()
    by_source: dict[str, list[Reach]] = defaultdict(list)
    formats = []
    known: dict[tuple[object, ...], int] = {}
    for p, found in zip(net.projections, held, strict=True):
        if found is None:
            continue
        seen, stored = found.reach, found.stored
        words += stored.words
        present = np.flatnonzero(seen.neurons if seen.counts is None else np.diff(seen.counts.indptr))
        kinds, which = np.unique(2 * stored.index_bits[present] + stored.shared[present], return_inverse=True)
        numbers = [known.setdefault((kind, *synapse_format(p, target)), len(known)) for kind in kinds.tolist()]
        formats.append(
            (present, np.array(numbers, np.int64)[which] if len(numbers) > 1 else np.array(max(numbers, default=0)))
        )
        delay[present] = np.maximum(delay[present], p.delay)
        shared = present[stored.shared[present]]
        convolutions[shared] += 1
        axons[shared] += shared_axons(p, seen, shared, target)
        if found.discrete is not None:
            by_source[p.source].append(found.discrete)
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
        formats=_distinct([at for at, _ in formats], [numbers for _, numbers in formats], cores),
        convolutions=convolutions,
        delay=delay,
    )


def shared_axons(projection: ChipProjection, seen: Reach, cores: Ints, target: Target) -> Ints:
    """In-axons of a convolution on ``cores`` that hold it in shared rows: one per source pixel, or a fixed charge."""
    charge = target.core.conv_axon_in_words
    if charge is not None:
        return np.full(len(cores), charge.value)
    if seen.conv is None:
        return np.zeros(0, np.int64)
    blocks = (seen.blocks[at] for at in cores.tolist())
    return np.array([seen.conv.pixels(b) for b in blocks if b is not None], np.int64)


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
