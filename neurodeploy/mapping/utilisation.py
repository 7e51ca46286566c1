"""How full each core and chip is, and what binds."""

from __future__ import annotations

import collections.abc
from dataclasses import dataclass

import numpy as np

from neurodeploy.chipmap import Mapping
from neurodeploy.chipnet import ChipNetwork
from neurodeploy.mapping.capacity import core_loads
from neurodeploy.mapping.constraints import uses
from neurodeploy.target_schema import Target


@dataclass(frozen=True)
class CoreUse:
    """One logical core.

    Attributes:
        core: Logical number.
        chip: Chip it sits on.
        site: Core number on that chip.
        populations: Neurons on it, per population.
        needed: Per resource that the target limits.
        limits: The limits of those resources.
        binding: The resource with the largest share.
        share: That share, 0..1.
    """

    core: int
    chip: int
    site: int
    populations: collections.abc.Mapping[str, int]
    needed: collections.abc.Mapping[str, int]
    limits: collections.abc.Mapping[str, int]
    binding: str
    share: float


@dataclass(frozen=True)
class ChipUse:
    """One chip.

    Attributes:
        chip: Its number.
        cores: Cores in use.
        available: Cores it has.
        neurons: Neurons on it.
        synapse_words: Synapse memory in use, words.
        mean_share: Mean of its used cores' largest shares.
    """

    chip: int
    cores: int
    available: int
    neurons: int
    synapse_words: int
    mean_share: float


@dataclass(frozen=True)
class Utilisation:
    """Use of every core in logical order, and of every chip in use."""

    cores: tuple[CoreUse, ...]
    chips: tuple[ChipUse, ...]


def utilisation(net: ChipNetwork, mapping: Mapping, target: Target) -> Utilisation:
    """What a legal mapping uses of its target."""
    core_of = {name: labels.astype(np.int64) for name, labels in mapping.core_of.items()}
    table = uses(core_loads(net, core_of, mapping.cores, target), target)
    limits = {name: limit for name, (_, limit) in table.items()}
    per_population = {n: np.bincount(labels, minlength=mapping.cores) for n, labels in core_of.items()}
    cores = []
    for core in range(mapping.cores):
        needed = {name: int(use[core]) for name, (use, _) in table.items()}
        binding = max(needed, key=lambda name: needed[name] / limits[name])
        cores.append(
            CoreUse(
                core,
                int(mapping.chip_of[core]),
                int(mapping.core_on_chip[core]),
                {n: int(count[core]) for n, count in per_population.items() if count[core]},
                needed,
                limits,
                binding,
                needed[binding] / limits[binding],
            )
        )
    return Utilisation(tuple(cores), tuple(_chip(chip, cores, target) for chip in np.unique(mapping.chip_of)))


def _chip(chip: int, cores: list[CoreUse], target: Target) -> ChipUse:
    own = [core for core in cores if core.chip == chip]
    return ChipUse(
        int(chip),
        len(own),
        target.mesh.cores_per_chip.value,
        sum(core.needed["neurons"] for core in own),
        sum(core.needed["synapse_words"] for core in own),
        sum(core.share for core in own) / len(own),
    )
