"""Logical cores onto physical sites."""

from __future__ import annotations

import numpy as np

from neurodeploy.chipmap import Mapping
from neurodeploy.chipnet import ChipNetwork
from neurodeploy.mapping.held import Assignment
from neurodeploy.mapping.objective import Rates
from neurodeploy.target_schema import Target


def place(
    core_of: Assignment,
    cores: int,
    target: Target,
    net: ChipNetwork,
    *,
    rates: Rates | None = None,
    seed: int = 0,
) -> Mapping:
    """Fill the cores of a chip in the order of their numbers, then the next chip, as Lava's mapper does."""
    per_chip = target.mesh.cores_per_chip.value
    at = np.arange(cores, dtype=np.int32)
    return Mapping({n: labels.astype(np.int32) for n, labels in core_of.items()}, at // per_chip, at % per_chip)


def permute(mapping: Mapping, target: Target, rng: np.random.Generator) -> Mapping:
    """A random legal placement of the same cores on the same chips or one more; cores are renumbered as well.

    It must not change a single spike, which tests use.
    """
    per_chip, chips = target.mesh.cores_per_chip.value, target.mesh.chips.value
    room = min(chips, int(mapping.chip_of.max(initial=0)) + 2)
    sites = rng.choice(room * per_chip, size=mapping.cores, replace=False).astype(np.int32)
    renamed = rng.permutation(mapping.cores).astype(np.int32)
    return Mapping({n: renamed[labels] for n, labels in mapping.core_of.items()}, sites // per_chip, sites % per_chip)
