"""Packets on every link of the meshes and between chips, with one copy per destination or one tree per message."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurodeploy.chipmap import Mapping
from neurodeploy.mapping.flows import Floats, Flows
from neurodeploy.mapping.route import Sites, sites
from neurodeploy.mapping.rows import Ints
from neurodeploy.target_schema import Target


@dataclass(frozen=True, eq=False)
class Links:
    """Packets on each directed link; row y and column x are those of the tiles.

    Attributes:
        chips: Numbers of the chips in use, (chips,).
        east: From tile (x, y) to (x + 1, y) of each chip, (chips, tiles_y, tiles_x - 1).
        west: From (x + 1, y) to (x, y), the same shape.
        south: From (x, y) to (x, y + 1), (chips, tiles_y - 1, tiles_x).
        north: From (x, y + 1) to (x, y), the same shape.
        from_chip, to_chip, between: Each used link between chips, and its packets.
    """

    chips: Ints
    east: Floats
    west: Floats
    south: Floats
    north: Floats
    from_chip: Ints
    to_chip: Ints
    between: Floats

    @property
    def on_chip(self) -> Floats:
        """All links within chips, in one row."""
        return np.concatenate([a.ravel() for a in (self.east, self.west, self.south, self.north)])


@dataclass(frozen=True, eq=False)
class Legs:
    """Straight walks of packets, one entry each: along x at row ``y0``, then along y in column ``x1``."""

    grid: Ints
    x0: Ints
    y0: Ints
    x1: Ints
    y1: Ints
    packets: Floats

    @property
    def hops(self) -> Ints:
        """Length of each."""
        length: Ints = np.abs(self.x1 - self.x0) + np.abs(self.y1 - self.y0)
        return length


def unicast(flows: Flows, mapping: Mapping, target: Target) -> Links:
    """Loads where every destination gets a copy of its own from the source, as the packets are counted."""
    at = sites(mapping, target)
    return _links(at, *_copies(at, *flows.pairs()), target)


def multicast(flows: Flows, mapping: Mapping, target: Target) -> Links:
    """Loads where a message crosses each link of the union of its XY routes once."""
    at = sites(mapping, target)
    tiles, chips = _trees(at, flows)
    return _links(at, tiles, chips, target)


def unicast_legs(flows: Flows, mapping: Mapping, target: Target) -> Legs:
    """The walks over tiles of :func:`unicast`; ``grid`` counts the chips in use."""
    return _copies(sites(mapping, target), *flows.pairs())[0]


def _copies(at: Sites, source: Ints, destination: Ints, packets: Floats) -> tuple[Legs, Legs]:
    """Walks over tiles, and over chips, of one packet flow per pair of cores."""
    here, there = at.chip[source], at.chip[destination]
    away = here != there
    x0, y0, x1, y1 = at.x[source], at.y[source], at.x[destination], at.y[destination]
    gate = np.zeros_like(x0)
    out = Legs(here, x0, y0, np.where(away, gate, x1), np.where(away, gate, y1), packets)
    back = Legs(there[away], gate[away], gate[away], x1[away], y1[away], packets[away])
    tiles = Legs(*(np.concatenate([getattr(out, k), getattr(back, k)]) for k in Legs.__dataclass_fields__))
    return tiles, _between(here[away], there[away], packets[away], at)


def _between(here: Ints, there: Ints, packets: Floats, at: Sites) -> Legs:
    return Legs(np.zeros_like(here), at.column[here], at.row[here], at.column[there], at.row[there], packets)


def _trees(at: Sites, flows: Flows) -> tuple[Legs, Legs]:
    """As :func:`_copies`, but of each bundle's routes together."""
    bundle, destination = flows.bundle, flows.destination
    here, there = at.chip[flows.source[bundle]], at.chip[destination]
    away = here != there
    # on every chip that a bundle visits it has a tree: from the source's tile, or from the gate
    chips = int(at.chip.max()) + 1
    tree = bundle * chips + there
    leaves = [
        (
            tree,
            there,
            np.where(away, 0, at.x[flows.source[bundle]]),
            np.where(away, 0, at.y[flows.source[bundle]]),
            at.x[destination],
            at.y[destination],
            bundle,
        )
    ]
    gone = np.unique(bundle[away])
    source = flows.source[gone]
    none = np.zeros_like(gone)
    leaves.append((gone * chips + at.chip[source], at.chip[source], at.x[source], at.y[source], none, none, gone))
    name, grid, x0, y0, x1, y1, of = (np.concatenate(column) for column in zip(*leaves, strict=True))
    tiles = _merged(name, grid, x0, y0, x1, y1, flows.messages[of])
    pair, first = np.unique(bundle[away] * chips + there[away], return_index=True)
    a, b = here[away][first], there[away][first]
    messages = flows.messages[pair // chips]
    if not at.is_grid:
        return tiles, _between(a, b, messages, at)
    over = _between(a, b, messages, at)
    return tiles, _merged(pair // chips, over.grid, over.x0, over.y0, over.x1, over.y1, messages)


def _merged(tree: Ints, grid: Ints, x0: Ints, y0: Ints, x1: Ints, y1: Ints, packets: Floats) -> Legs:
    """The union of the XY routes of each tree: one walk east, one west, and one up and down each column."""
    order = np.lexsort((x1, tree))
    tree, grid, x0, y0, x1, y1 = (a[order] for a in (tree, grid, x0, y0, x1, y1))
    packets = packets[order]
    trunk = np.flatnonzero(np.diff(tree, prepend=-1))
    column = np.flatnonzero((np.diff(tree, prepend=-1) != 0) | (np.diff(x1, prepend=-1) != 0))
    if not len(trunk):
        return Legs(grid, x0, y0, x1, y1, packets)
    east, west = np.maximum.reduceat(x1, trunk), np.minimum.reduceat(x1, trunk)
    south, north = np.maximum.reduceat(y1, column), np.minimum.reduceat(y1, column)
    parts = [
        (trunk, x0[trunk], np.maximum(east, x0[trunk]), y0[trunk]),
        (trunk, x0[trunk], np.minimum(west, x0[trunk]), y0[trunk]),
        (column, x1[column], x1[column], np.maximum(south, y0[column])),
        (column, x1[column], x1[column], np.minimum(north, y0[column])),
    ]
    i, start, x, y = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Legs(grid[i], start, y0[i], x, y, packets[i])


def _links(at: Sites, tiles: Legs, chips: Legs, target: Target) -> Links:
    used = np.unique(at.chip)  # the host's, 0, among them
    columns, rows = target.mesh.tiles_x.value, target.mesh.tiles_y.value
    own = Legs(np.searchsorted(used, tiles.grid), tiles.x0, tiles.y0, tiles.x1, tiles.y1, tiles.packets)
    flat = _loads(own, len(used), columns, rows)
    if not at.is_grid:
        ends = np.stack([chips.x0, chips.x1])
        pairs, which = np.unique(ends, axis=1, return_inverse=True)
        between = np.bincount(which.ravel(), chips.packets, pairs.shape[1]).astype(np.float64)
        return Links(used, *flat, pairs[0], pairs[1], between)
    east, west, south, north = (a[0] for a in _loads(chips, 1, at.columns, at.rows))
    wide = np.arange(at.columns * at.rows).reshape(at.rows, at.columns)
    left, right, upper, lower = wide[:, :-1], wide[:, 1:], wide[:-1], wide[1:]
    start = np.concatenate([a.ravel() for a in (left, right, upper, lower)])
    end = np.concatenate([a.ravel() for a in (right, left, lower, upper)])
    loads = np.concatenate([a.ravel() for a in (east, west, south, north)])
    return Links(used, *flat, start[loads > 0], end[loads > 0], loads[loads > 0])


def _loads(legs: Legs, grids: int, columns: int, rows: int) -> tuple[Floats, Floats, Floats, Floats]:
    """East, west, south and north loads of walks over grids of ``columns`` x ``rows``."""

    def along(start: Ints, end: Ints, line: Ints, lines: int, length: int) -> tuple[Floats, Floats]:
        steps = np.abs(end - start)
        leg = np.repeat(np.arange(len(steps)), steps)
        offset = np.arange(len(leg)) - np.repeat(np.cumsum(steps) - steps, steps)
        link = np.minimum(start, end)[leg] + offset
        index = (legs.grid[leg] * lines + line[leg]) * (length - 1) + link
        shape, forth = (grids, lines, length - 1), (end > start)[leg]
        size, packets = grids * lines * (length - 1), legs.packets[leg]
        there = np.bincount(index[forth], packets[forth], size).astype(np.float64)
        back = np.bincount(index[~forth], packets[~forth], size).astype(np.float64)
        return there.reshape(shape), back.reshape(shape)

    east, west = along(legs.x0, legs.x1, legs.y0, rows, columns)
    south, north = (a.transpose(0, 2, 1) for a in along(legs.y0, legs.y1, legs.x1, columns, rows))
    return east, west, south, north
