"""Routes of spike packets: along x, then along y, on the tile mesh of a chip.

A packet to another chip goes to tile (0, 0) of its own chip, crosses to tile (0, 0) of the other, and goes on from
there: where the off-chip links sit is not published for any Loihi, so this is a convention. The host feeds its
spikes in at tile (0, 0) of chip 0, and a packet within a tile makes no hop.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from collections.abc import Mapping as Dict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurodeploy.chipmap import Mapping
from neurodeploy.errors import NoRoute
from neurodeploy.mapping.rows import Ints
from neurodeploy.target_schema import Target

HOST = -1
"""Source 'core' of the spikes that the host feeds in."""

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
    """

    x: Ints
    y: Ints
    inter_chip: NDArray[np.bool_]


def hops(mapping: Mapping, target: Target, sources: Ints, destinations: Ints) -> Hops:
    """Hops between logical cores, elementwise; a source may be ``HOST``.

    Raises:
        NoRoute: A core sits outside the mesh or beyond the last chip.
    """
    chip, column, row = _coordinates(mapping, target)
    same = chip[sources] == chip[destinations]

    def along(axis: Ints) -> Ints:
        start, end = axis[sources], axis[destinations]
        length: Ints = np.where(same, np.abs(start - end), start + end)
        return length

    return Hops(along(column), along(row), ~same)


def path(mapping: Mapping, target: Target, source: int, destination: int) -> list[Link]:
    """The links of a route in order; none within a tile.

    Raises:
        NoRoute: As in :func:`hops`.
    """
    start, end = tiles(mapping, target, [source, destination])
    if start[0] == end[0]:
        return list(_on_chip(start, end))
    gate, other = (start[0], 0, 0), (end[0], 0, 0)
    return [*_on_chip(start, gate), (gate, other), *_on_chip(other, end)]


def link_loads(mapping: Mapping, target: Target, packets: Dict[tuple[int, int], float]) -> dict[Link, float]:
    """Packets on each link, from packets per (source core, destination core); one copy per destination.

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
    chip, column, row = _coordinates(mapping, target)
    return [(int(chip[c]), int(column[c]), int(row[c])) for c in cores]


def _coordinates(mapping: Mapping, target: Target) -> tuple[Ints, Ints, Ints]:
    """Chip, column and row of every core, and of the host's entry as the last element, which is ``HOST`` = -1."""
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
    column, row = mapping.tiles(target)
    return np.append(chip, 0), np.append(column, 0), np.append(row, 0)


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
