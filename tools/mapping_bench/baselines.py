"""Placements to compare with, written anew from their papers' descriptions, for none has published code.

They move cores over the sites of a given partition and look at the sum of packets x hops, as their authors do.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurodeploy.chipmap import Mapping
from neurodeploy.mapping.curve import sites_along_curve
from neurodeploy.mapping.flows import Flows
from neurodeploy.mapping.place import MOVES_PER_CORE, in_order
from neurodeploy.target_schema import Target

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def mesh_order(flows: Flows, target: Target) -> Mapping:
    """Cores in the order of their numbers, as Lava's mapper does."""
    return in_order({}, flows.cores, target)


def metis_annealing(flows: Flows, target: Target) -> Mapping:
    """SNEAP (2020): METIS gathers cores that talk to each other, annealing then minimises the average hop.

    METIS cuts the cores into chips, and every chip's into tiles; cores that its parts have too many go to those with
    room. Annealing: Metropolis, swaps of two sites, as many trials a core as ours makes for hops, temperature falling
    geometrically by 1000.
    """
    packets = _symmetric(flows)
    per_chip, per_tile = target.mesh.cores_per_chip.value, target.mesh.cores_per_tile.value
    chip_of = _metis(packets, -(-flows.cores // per_chip), per_chip)
    site = np.zeros(flows.cores, np.int64)
    for chip in range(int(chip_of.max()) + 1):
        own = np.flatnonzero(chip_of == chip)
        tile = _metis(packets[np.ix_(own, own)], -(-len(own) // per_tile), per_tile)
        order = np.argsort(tile, kind="stable")
        first = np.searchsorted(tile[order], np.arange(int(tile.max()) + 1))
        site[own[order]] = tile[order] * per_tile + np.arange(len(own)) - first[tile[order]]
        site[own] = _annealed(*_on_chip(flows, chip_of, chip, own), site[own], target)
    return Mapping({}, chip_of.astype(np.int32), site.astype(np.int32))


def hilbert_force_directed(flows: Flows, target: Target) -> Mapping:
    """Jin et al. (ASPLOS 2023): cores in their order along Hilbert's curve, then swaps of neighbouring tiles' cores.

    A sweep swaps the cores of two sites on neighbouring tiles wherever that shortens their packets' ways; it is
    repeated until no swap helps, at most 100 times.
    """
    per_chip, curve = target.mesh.cores_per_chip.value, np.array(sites_along_curve(target))
    at = np.arange(flows.cores)
    chip_of, site = at // per_chip, curve[at % per_chip]
    for chip in range(int(chip_of.max()) + 1):
        own = np.flatnonzero(chip_of == chip)
        site[own] = _forced(*_on_chip(flows, chip_of, chip, own), site[own], target)
    return Mapping({}, chip_of.astype(np.int32), site.astype(np.int32))


def _symmetric(flows: Flows) -> Floats:
    """Packets between cores, both ways together, (cores, cores)."""
    square = flows.matrix().toarray()[:-1]
    np.fill_diagonal(square, 0)
    return square + square.T


def _on_chip(flows: Flows, chip_of: Ints, chip: int, own: Ints) -> tuple[Floats, Floats]:
    """Packets between the cores of a chip, and between each of them and its gate, the host's included."""
    both, host = _symmetric(flows), flows.matrix().toarray()[-1]
    outside = both[own][:, chip_of != chip].sum(axis=1) + host[own]
    return both[np.ix_(own, own)], outside


def _tiles(target: Target) -> tuple[Ints, Ints]:
    sites = np.arange(target.mesh.cores_per_chip.value)
    return Mapping({}, (sites * 0).astype(np.int32), sites.astype(np.int32)).tiles(target)


def _change(packets: Floats, gate: Floats, distance: Floats, home: Floats, at: Ints, a: int, b: int, to: int) -> float:
    """Change of packets x hops where item ``a`` goes to a site and the item ``b`` there (-1: none) to its own."""
    change = packets[a] @ (distance[to, at] - distance[at[a], at]) + gate[a] * (home[to] - home[at[a]])
    if b < 0:
        return float(change)
    change += packets[b] @ (distance[at[a], at] - distance[to, at]) + gate[b] * (home[at[a]] - home[to])
    return float(change + 2 * packets[a, b] * distance[at[a], to])


def _annealed(packets: Floats, gate: Floats, site: Ints, target: Target) -> Ints:
    x, y = _tiles(target)
    distance = (np.abs(x[:, None] - x) + np.abs(y[:, None] - y)).astype(float)
    rng, cores, at = np.random.default_rng(0), len(site), site.copy()
    item_at = np.full(len(x), -1)
    item_at[at] = np.arange(cores)
    trials = MOVES_PER_CORE * cores
    heat = (packets * distance[np.ix_(at, at)]).sum() / 2 / cores
    for k in range(trials):
        a, to = int(rng.integers(cores)), int(rng.integers(len(x)))
        b = int(item_at[to])
        if b == a:
            continue
        change = _change(packets, gate, distance, x + y, at, a, b, to)
        if change <= 0 or rng.random() < np.exp(-change / max(heat * 1e-3 ** (k / trials), 1e-300)):
            item_at[at[a]], item_at[to] = b, a
            if b >= 0:
                at[b] = at[a]
            at[a] = to
    return at


def _forced(packets: Floats, gate: Floats, site: Ints, target: Target) -> Ints:
    x, y = _tiles(target)
    distance = (np.abs(x[:, None] - x) + np.abs(y[:, None] - y)).astype(float)
    at = site.copy()
    item_at = np.full(len(x), -1)
    item_at[at] = np.arange(len(site))
    near = [(int(s), int(t)) for s, t in zip(*np.nonzero(distance == 1), strict=True)]
    for _ in range(100):
        swapped = False
        for here, to in near:
            a, b = int(item_at[here]), int(item_at[to])
            if a >= 0 and _change(packets, gate, distance, x + y, at, a, b, to) < -1e-9:
                item_at[here], item_at[to] = b, a
                if b >= 0:
                    at[b] = here
                at[a], swapped = to, True
        if not swapped:
            break
    return at


def _metis(packets: Floats, parts: int, most: int) -> Ints:
    """METIS's parts of a graph, with none above ``most``: surplus nodes go where they have most packets and room is."""
    import pymetis

    if parts <= 1:
        return np.zeros(len(packets), np.int64)
    scaled = np.rint(packets * (1e6 / packets.max())).astype(int) if packets.max() > 0 else packets.astype(int)
    rows, columns = np.nonzero(scaled)
    starts = np.searchsorted(rows, np.arange(len(packets) + 1))
    graph = pymetis.CSRAdjacency(starts, columns)
    _, found = pymetis.part_graph(parts, graph, eweights=scaled[rows, columns].tolist(), recursive=True)
    part = np.array(found)
    for node in range(len(part)):
        sizes = np.bincount(part, minlength=parts)
        if sizes[part[node]] > most:
            to_part = np.array([packets[node, part == p].sum() for p in range(parts)])
            part[node] = int(np.argmax(np.where(sizes < most, to_part, -1)))
    return part
