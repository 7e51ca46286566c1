"""Mapping: which compartment sits on which core, and which core on which site of which chip."""

from __future__ import annotations

import collections.abc
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurodeploy.target import Target


@dataclass(frozen=True, eq=False)
class Mapping:
    """A finished mapping. Logical cores are numbered 0..cores-1; inputs sit on no core, the host feeds them.

    Attributes:
        core_of: Logical core of each neuron, int32 (size,), per population.
        chip_of: Chip of each logical core, int32 (cores,).
        core_on_chip: Physical core number of each logical core on its chip, int32 (cores,).
    """

    core_of: collections.abc.Mapping[str, NDArray[np.int32]]
    chip_of: NDArray[np.int32]
    core_on_chip: NDArray[np.int32]

    @property
    def cores(self) -> int:
        """Number of cores in use."""
        return len(self.chip_of)

    @property
    def chips(self) -> int:
        """Number of chips in use."""
        return len(np.unique(self.chip_of))

    def tiles(self, target: Target) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Column and row of the tile of each logical core on its chip's mesh, (cores,) each."""
        mesh = target.mesh
        tile = self.core_on_chip.astype(np.int64) // mesh.cores_per_tile.value
        if mesh.tile_order.value == "column_major":
            return tile // mesh.tiles_y.value, tile % mesh.tiles_y.value
        return tile % mesh.tiles_x.value, tile // mesh.tiles_x.value
