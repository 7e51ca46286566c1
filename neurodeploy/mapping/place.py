"""Logical cores onto physical sites: chips first, then the tiles of each chip.

Both steps search by annealed swaps (:mod:`neurodeploy.mapping.swaps`) whose number, not their time, is bounded, from a
start in the order of the cores, which follows the layers: chips filled one after the other, tiles along Hilbert's
curve. Chips: packets x links between chips. Tiles: packets x hops, then ``EMPHASIS`` on the busiest link as well.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from neurodeploy.chipmap import Mapping
from neurodeploy.chipnet import ChipNetwork
from neurodeploy.mapping.curve import sites_along_curve, tiles_along_curve
from neurodeploy.mapping.flows import HOST, CoreOf, Floats, Flows, Rates, flows
from neurodeploy.mapping.route import chip_grid
from neurodeploy.mapping.rows import Ints
from neurodeploy.mapping.swaps import Graph, Ints32, Moves, has_kernels, swap_loads, swap_sites
from neurodeploy.target_schema import Target

MOVES_PER_CORE = 10_000
LOAD_MOVES_PER_CORE = 1000
MOST_VISITS, MOST_LOAD_VISITS = 1_000_000_000, 100_000_000
"""Neighbours that the moves of one search over all cores look at, without and with regard to links: a few seconds."""
WITHOUT_KERNELS = 100
"""Without the C kernels a move takes hundreds of times longer, and so many times fewer are made."""
MOST_PAIRS = 5_000_000
"""Of neurons and cores that a source's packets are taken from: what a search of seconds has room for."""
BATCH = 1_000_000
"""Moves drawn at once."""
EMPHASIS = 2
"""Hops that one packet less on the busiest link is worth."""
HOT, LOAD_HOT = 1.0, (0.03, 0.5)
"""First limit of a swap, in parts of the mean cost of a core: without and with regard to links, the latter twice."""
COOLING = 1e-3
"""Last limit in parts of the first."""
TOTAL = 2.0**40
"""Packets are scaled to integers of about this sum, by a power of two."""


def place(
    core_of: CoreOf,
    cores: int,
    target: Target,
    net: ChipNetwork | None = None,
    rates: Rates | None = None,
    seed: int = 0,
) -> Mapping:
    """Place the cores of a partition; the same arguments give the same mapping.

    Args:
        core_of: Logical core of each neuron, per population.
        cores: Number of logical cores.
        target: The chip or system.
        net: The network; without it cores are placed in the order of their numbers, as Lava's mapper does.
        rates: Of messages, as in :func:`neurodeploy.mapping.flows.flows`.
        seed: Of the search.
    """
    if net is None:
        return in_order(core_of, cores, target)
    return place_flows(flows(net, core_of, cores, target, rates, MOST_PAIRS), core_of, target, seed)


def in_order(core_of: CoreOf, cores: int, target: Target) -> Mapping:
    """Fill the cores of a chip in the order of their numbers, then the next chip."""
    per_chip = target.mesh.cores_per_chip.value
    at = np.arange(cores, dtype=np.int32)
    return Mapping({n: labels.astype(np.int32) for n, labels in core_of.items()}, at // per_chip, at % per_chip)


def place_flows(flows: Flows, core_of: CoreOf, target: Target, seed: int = 0) -> Mapping:
    """As :func:`place`, from flows that are known."""
    rng = np.random.default_rng(seed)
    source, destination, packets = flows.pairs()
    remote = source != destination
    source, destination, whole = source[remote], destination[remote], _whole(packets[remote])
    chip_of = choose_chips(source, destination, whole, flows.cores, target, rng)
    chip_of_source = np.append(chip_of, 0)[source]
    core_on_chip = np.zeros(flows.cores, np.int32)
    gate = target.mesh.cores_per_chip.value
    for chip in np.unique(chip_of).tolist():
        own = np.flatnonzero(chip_of == chip)
        item = np.full(flows.cores + 1, gate)  # stands for all that is elsewhere, the host included
        item[own] = np.arange(len(own))
        some = (chip_of_source == chip) | (chip_of[destination] == chip)
        graph = graph_of(item[source[some]], item[destination[some]], whole[some], gate + 1)
        core_on_chip[own] = place_on_chip(graph, len(own), target, rng, 2 * len(source))
    return Mapping({n: labels.astype(np.int32) for n, labels in core_of.items()}, chip_of, core_on_chip)


def choose_chips(
    source: Ints, destination: Ints, packets: Ints, cores: int, target: Target, rng: np.random.Generator
) -> Ints32:
    """Chip of each core: as few chips as hold them all, with few packets x links between chips.

    Args:
        source: Core of each flow, or ``HOST``, which is at chip 0.
        destination: Its other end.
        packets: Its size.
        cores: Number of cores.
        target: The chip or system.
        rng: Source of moves.
    """
    per_chip = target.mesh.cores_per_chip.value
    used = max(1, -(-cores // per_chip))
    if used == 1:
        return np.zeros(cores, np.int32)
    columns, rows = chip_grid(target)
    if columns:  # a compact part of the grid, in which chips of near numbers are near each other
        chips = np.array([y * columns + x for x, y in tiles_along_curve(columns, rows)][:used], np.int32)
        distance = _distances(chips % columns, chips // columns)
    else:
        chips, distance = np.arange(used, dtype=np.int32), 1 - np.eye(used, dtype=np.int32)
    sites = used * per_chip
    node = np.append(np.arange(sites) // per_chip, 0).astype(np.int32)
    graph = graph_of(np.where(source == HOST, sites, source), destination, packets, sites + 1)
    most = budget(MOVES_PER_CORE, MOST_VISITS, len(graph.neighbour))
    starts = (start.astype(np.int32) for start in (np.arange(sites + 1), _grown(graph, cores, per_chip)))
    found = [_annealed(graph, cores, node, distance, start, most, rng) for start in starts]
    part = node[min(found, key=lambda at: swap_cost(graph, node, distance, at))].astype(np.int64)
    # moves of single cores seldom exchange two chips: then the chips themselves
    from_part = np.where(source == HOST, used, part[source])
    whole = graph_of(from_part, part[destination], packets, used + 1)
    node, itself = np.append(np.arange(used), 0).astype(np.int32), np.arange(used + 1, dtype=np.int32)
    at = _annealed(whole, used, node, distance, itself, most, rng)
    return chips[at[part[:cores]]]


def place_on_chip(graph: Graph, cores: int, target: Target, rng: np.random.Generator, neighbours: int) -> Ints32:
    """Core number on the chip of items 0..cores-1.

    Args:
        graph: Packets between as many items as the chip has cores, those beyond ``cores`` empty, and between them and a
            last one, the gate at tile (0, 0).
        cores: Cores in use.
        target: The chip.
        rng: Source of moves.
        neighbours: Entries of the graphs of all chips together, which share the work.
    """
    mesh, sites = target.mesh, target.mesh.cores_per_chip.value
    site_of = np.append(sites_along_curve(target), sites).astype(np.int32)
    if not len(graph.neighbour):
        return site_of[:cores]  # no packets: along the curve
    own = Mapping({}, np.zeros(sites, np.int32), np.arange(sites, dtype=np.int32))
    x, y = (np.append(axis, 0).astype(np.int32) for axis in own.tiles(target))
    number = np.arange(mesh.tiles_x.value * mesh.tiles_y.value)
    distance = _distances(number % mesh.tiles_x.value, number // mesh.tiles_x.value)
    node = (y * mesh.tiles_x.value + x).astype(np.int32)
    hot = swap_cost(graph, node, distance, site_of) / cores
    site_of = _annealed(graph, cores, node, distance, site_of, budget(MOVES_PER_CORE, MOST_VISITS, neighbours), rng)
    found = []
    for part in LOAD_HOT:
        at, cost = site_of, 0
        for moves in draw(rng, cores, sites, budget(LOAD_MOVES_PER_CORE, MOST_LOAD_VISITS, neighbours), hot * part):
            at, cost = swap_loads(graph, moves, x, y, EMPHASIS, at)
        found.append((cost, at))
    return min(found, key=lambda pair: pair[0])[1][:cores]


def permute(mapping: Mapping, target: Target, rng: np.random.Generator) -> Mapping:
    """A random legal placement of the same cores on the same chips or one more; cores are renumbered as well.

    It must not change a single spike, which tests use.
    """
    per_chip, chips = target.mesh.cores_per_chip.value, target.mesh.chips.value
    room = min(chips, int(mapping.chip_of.max(initial=0)) + 2)
    sites = rng.choice(room * per_chip, size=mapping.cores, replace=False).astype(np.int32)
    renamed = rng.permutation(mapping.cores).astype(np.int32)
    return Mapping({n: renamed[labels] for n, labels in mapping.core_of.items()}, sites // per_chip, sites % per_chip)


def _annealed(
    graph: Graph, movable: int, node: Ints32, distance: Ints32, site_of: Ints32, per_item: int, rng: np.random.Generator
) -> Ints32:
    """Sites after a search for the least packets x distance, or the first if it found none better.

    Only the first items move, the last one never. With fewer moves than usual the search begins as much colder: it then
    mends the start rather than to lose it.
    """
    before = swap_cost(graph, node, distance, site_of)
    hot, at, gained = HOT * before / movable * min(1, per_item / MOVES_PER_CORE), site_of, 0
    for moves in draw(rng, movable, graph.items - 1, per_item, hot):
        at, change = swap_sites(graph, moves, node, distance, at)
        gained += change
    return at if gained < 0 else site_of


def budget(per_core: int, visits: int, neighbours: int) -> int:
    """Moves for each core: so many, or as many as look at ``visits`` of the graph's neighbours, two rows a move."""
    most = max(1, min(per_core, visits // max(1, 2 * neighbours)))
    return most if has_kernels() else max(1, most // WITHOUT_KERNELS)


def draw(rng: np.random.Generator, cores: int, sites: int, per_core: int, hot: float) -> Iterator[Moves]:
    """Moves of an annealing, some at a time: a core, a site, and a limit that falls from about ``hot`` to nothing."""
    total = per_core * cores
    for first in range(0, total, BATCH):
        at = np.arange(first, min(first + BATCH, total))
        cooled = hot * COOLING ** (at / total) * rng.standard_exponential(len(at))
        item = rng.integers(0, cores, len(at), np.int32)
        to = rng.integers(0, sites, len(at), np.int32)
        yield Moves(item, to, np.where(at < 0.9 * total, cooled, 0).astype(np.int64))


def graph_of(source: Ints, destination: Ints, packets: Ints, items: int) -> Graph:
    """The graph of flows between items; those of an item with itself are left out, equal ones added up."""
    from scipy.sparse import csr_array

    some = source != destination
    ends = (source[some], destination[some])
    out = csr_array((packets[some], ends), shape=(items, items))
    back = csr_array((packets[some], ends[::-1]), shape=(items, items))
    both = (out + back).tocsr()
    both.sort_indices()
    rows = np.repeat(np.arange(items), np.diff(both.indptr))
    forth = np.asarray(out[rows, both.indices]).ravel().astype(np.int64) if len(rows) else np.zeros(0, np.int64)
    return Graph(both.indptr.astype(np.int64), both.indices.astype(np.int32), forth, both.data.astype(np.int64) - forth)


def swap_cost(graph: Graph, node: Ints32, distance: Ints32, site_of: Ints32) -> int:
    """Packets x distance over all pairs, the cost of :func:`neurodeploy.mapping.swaps.swap_sites`."""
    item = np.repeat(np.arange(graph.items), np.diff(graph.start))
    return int(graph.out @ distance[node[site_of[item]], node[site_of[graph.neighbour]]].astype(np.int64))


def _grown(graph: Graph, cores: int, per_chip: int) -> Ints:
    """Sites of items in an order grown core by core: always the one with most packets to the chip being filled."""
    weight, placed = graph.out + graph.back, np.zeros(cores, bool)
    order = []
    for first in range(0, cores, per_chip):
        pull = np.zeros(graph.items, np.int64)
        for _ in range(first, min(first + per_chip, cores)):
            core = int(np.argmax(np.where(placed, -1, pull[:cores])))
            placed[core] = True
            order.append(core)
            row = slice(graph.start[core], graph.start[core + 1])
            pull[graph.neighbour[row]] += weight[row]
    site_of = np.arange(graph.items)
    site_of[order] = np.arange(cores)
    return site_of


def _distances(x: Ints | Ints32, y: Ints | Ints32) -> Ints32:
    """Manhattan distance between any two points."""
    found: Ints32 = (np.abs(x[:, None] - x) + np.abs(y[:, None] - y)).astype(np.int32)
    return found


def _whole(packets: Floats) -> Ints:
    """Packets as integers: exact where they were, as sums of axons are."""
    total = float(packets.sum())
    scale = 2.0 ** np.floor(np.log2(TOTAL / total)) if total else 1.0
    return np.rint(packets * scale).astype(np.int64)
