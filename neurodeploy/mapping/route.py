"""Routes of spike packets: along x, then along y, on the tile mesh of a chip.

A packet to another chip goes to tile (0, 0) of its own chip, crosses to tile (0, 0) of the other, and goes on from
there: where the off-chip links sit is not published for any Loihi, so this is a convention. On a system whose chips
form a grid it crosses one link for each step from chip to chip, along the grid's x, then its y; elsewhere any two chips
are taken to be joined directly. The host feeds its spikes in at tile (0, 0) of chip 0, and a packet within a tile makes
no hop.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from collections.abc import Mapping as Dict
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from neurodeploy.chipmap import Mapping
from neurodeploy.errors import NoRoute
from neurodeploy.mapping.flows import HOST as HOST
from neurodeploy.mapping.rows import Ints
from neurodeploy.target_schema import Target

Tile = tuple[int, int, int]
"""Chip, column and row."""
Link = tuple[Tile, Tile]
"""Two neighbouring tiles of a chip, or the tiles (0, 0) of two chips, in the direction of travel."""


@dataclass(frozen=True, eq=False)
class Hops:
    """Lengths of some routes, one entry per route.

    Attributes:
        x: Tile hops east or west.
        y: Tile hops north or south.
        inter_chip: Whether the route leaves its chip.
        chip_links: Links between chips that it crosses.
    """

    x: Ints
    y: Ints
    inter_chip: NDArray[np.bool_]
    chip_links: Ints


@dataclass(frozen=True, eq=False)
class Sites:
    """Where cores sit; the last element of each array is the host's, so that ``HOST`` indexes it.

    Attributes:
        chip, x, y: Chip, and column and row of the tile on it.
        columns, rows: Size of the grid that the chips form, 0 where they form none.
    """

    chip: Ints
    x: Ints
    y: Ints
    columns: int
    rows: int

    @property
    def is_grid(self) -> bool:
        """Whether chips form a grid."""
        return self.columns > 0

    @property
    def column(self) -> Ints:
        """Column in the grid of chips of each chip, (highest number + 1,); its number where there is no grid."""
        every = np.arange(int(self.chip.max()) + 1)
        return every % self.columns if self.is_grid else every

    @property
    def row(self) -> Ints:
        """Row in the grid of chips of each chip, (highest number + 1,); 0 where there is no grid."""
        every = np.arange(int(self.chip.max()) + 1)
        return every // self.columns if self.is_grid else every * 0

    def chip_links(self, start: Ints, end: Ints) -> Ints:
        """Links between chips on the way from chip to chip, elementwise."""
        if not self.is_grid:
            return np.not_equal(start, end).astype(np.int64)
        column, row = self.column, self.row
        crossed: Ints = np.abs(column[start] - column[end]) + np.abs(row[start] - row[end])
        return crossed


def hops(mapping: Mapping, target: Target, sources: Ints, destinations: Ints) -> Hops:
    """Hops between logical cores, elementwise; a source may be ``HOST``.

    Raises:
        NoRoute: A core sits outside the mesh or beyond the last chip.
    """
    at = sites(mapping, target)
    same = at.chip[sources] == at.chip[destinations]

    def along(axis: Ints) -> Ints:
        start, end = axis[sources], axis[destinations]
        length: Ints = np.where(same, np.abs(start - end), start + end)
        return length

    return Hops(along(at.x), along(at.y), ~same, at.chip_links(at.chip[sources], at.chip[destinations]))


def path(mapping: Mapping, target: Target, source: int, destination: int) -> list[Link]:
    """The links of a route in order; none within a tile.

    Raises:
        NoRoute: As in :func:`hops`.
    """
    return path_between(sites(mapping, target), source, destination)


def path_between(at: Sites, source: int, destination: int) -> list[Link]:
    """As :func:`path`, where the sites are known."""
    start, end = ((int(at.chip[c]), int(at.x[c]), int(at.y[c])) for c in (source, destination))
    if start[0] == end[0]:
        return list(_on_chip(start, end))
    chips = [start[0], end[0]]
    if at.is_grid:
        ends = [(0, int(at.column[chip]), int(at.row[chip])) for chip in chips]
        chips = [chips[0], *(y * at.columns + x for _, (_, x, y) in _on_chip(*ends))]
    gates = [(chip, 0, 0) for chip in chips]
    return [*_on_chip(start, gates[0]), *pairwise(gates), *_on_chip(gates[-1], end)]


def link_loads(mapping: Mapping, target: Target, packets: Dict[tuple[int, int], float]) -> dict[Link, float]:
    """Packets on each link, from packets per (source core, destination core); one copy per destination.

    The definition, packet by packet; :func:`neurodeploy.mapping.links.unicast` is the same for large networks.

    Raises:
        NoRoute: As in :func:`hops`.
    """
    loads: Counter[Link] = Counter()
    for (source, destination), number in packets.items():
        for link in path(mapping, target, source, destination):
            loads[link] += number  # type: ignore[assignment]  # a Counter of floats
    return dict(loads)


def tiles(mapping: Mapping, target: Target, cores: list[int]) -> list[Tile]:
    """Tile of each core.

    Raises:
        NoRoute: As in :func:`hops`.
    """
    at = sites(mapping, target)
    return [(int(at.chip[c]), int(at.x[c]), int(at.y[c])) for c in cores]


def sites(mapping: Mapping, target: Target) -> Sites:
    """Where every core of a mapping sits.

    Raises:
        NoRoute: As in :func:`hops`.
    """
    mesh = target.mesh
    chip, site = mapping.chip_of.astype(np.int64), mapping.core_on_chip.astype(np.int64)
    outside = ((chip < 0) | (chip >= mesh.chips.value) | (site < 0) | (site >= mesh.cores_per_chip.value)).nonzero()[0]
    if len(outside):
        core = int(outside[0])
        raise NoRoute(
            f"core {core} sits on core {site[core]} of chip {chip[core]}; {target.name} has {mesh.chips.value} chips "
            f"of {mesh.cores_per_chip.value} cores",
            where=f"logical core {core}",
            remedy="place every core on a core and a chip that exist, or map again",
        )
    x, y = mapping.tiles(target)
    columns, rows = chip_grid(target)
    return Sites(np.append(chip, 0), np.append(x, 0), np.append(y, 0), columns, rows)


def chip_grid(target: Target) -> tuple[int, int]:
    """Columns and rows of the grid that the chips form, chips counted along its rows; (0, 0) where they form none."""
    system = target.system
    if system is None or system.chips_x is None or system.chips_y is None:
        return 0, 0
    return system.chips_x.value, system.chips_y.value


def _on_chip(start: Tile, end: Tile) -> Iterator[Link]:
    chip, x, y = start
    while x != end[1]:
        step = x + (1 if end[1] > x else -1)
        yield (chip, x, y), (chip, step, y)
        x = step
    while y != end[2]:
        step = y + (1 if end[2] > y else -1)
        yield (chip, x, y), (chip, x, step)
        y = step
