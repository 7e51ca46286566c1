"""Placement by swaps: kernels equal their definitions, costs equal recounts, tiny networks reach the optimum."""

from __future__ import annotations

from importlib import import_module
from itertools import permutations
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurodeploy.kernels import KernelsUnavailable
from neurodeploy.mapping import swaps
from neurodeploy.mapping.curve import sites_along_curve, tiles_along_curve
from neurodeploy.mapping.flows import HOST, Flows
from neurodeploy.mapping.metrics import placement_metrics
from neurodeploy.mapping.place import EMPHASIS, _grown, budget, draw, graph_of, in_order, place_flows, swap_cost
from neurodeploy.mapping.swaps import Graph, Moves, load_cost, swap_loads, swap_sites
from neurodeploy.target import load_target
from neurodeploy.target_schema import Quantity, System, Target

TINY, LOIHI1 = load_target("tiny"), load_target("loihi1")


def chip(x: int, y: int, per_tile: int, *, cores: int | None = None, chips: int = 1, grid: Any = None) -> Target:
    """A chip of any mesh."""

    def count(value: int) -> Quantity[int]:
        return Quantity(value, "example", "test")

    mesh = msgspec.structs.replace(
        TINY.mesh,
        tiles_x=count(x),
        tiles_y=count(y),
        cores_per_tile=count(per_tile),
        cores_per_chip=count(cores or x * y * per_tile),
        chips=count(chips),
    )
    system = None if grid is None else System(chips_x=count(grid[0]), chips_y=count(grid[1]))
    return msgspec.structs.replace(TINY, mesh=mesh, system=system)


def random_flows(rng: np.random.Generator, cores: int, bundles: int, most: int = 9) -> Flows:
    """Messages 1..most of random cores and the host to random sets of cores."""
    source = rng.integers(HOST, cores, bundles)
    reached = [np.flatnonzero(rng.random(cores) < 0.4) for _ in range(bundles)]
    start = np.cumsum([0, *map(len, reached)])
    messages = rng.integers(1, most + 1, bundles).astype(float)
    return Flows(cores, source, messages, start, np.concatenate([*reached, np.zeros(0, np.int64)]).astype(np.int64))


def without_kernels(patch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise KernelsUnavailable("none")

    patch.setattr(swaps, "load", missing)


@st.composite
def problems(draw_: st.DrawFn) -> tuple[Graph, Moves, Any, Any, Any]:
    """A graph, moves with limits of either sign, columns and rows of sites, and where the items begin."""
    rng = np.random.default_rng(draw_(st.integers(0, 2**32 - 1)))
    items, pairs = draw_(st.integers(2, 12)), draw_(st.integers(0, 60))
    graph = graph_of(*rng.integers(0, items, (2, pairs)), rng.integers(1, 1000, pairs), items)
    number = draw_(st.sampled_from([0, 1, 40]))
    item, to = rng.integers(0, items, (2, number), np.int32)
    moves = Moves(item, to, rng.integers(-500, 1000, number))
    x, y = rng.integers(0, 4, items, np.int32), rng.integers(0, 3, items, np.int32)
    return graph, moves, x, y, rng.permutation(items).astype(np.int32)


@settings(max_examples=150, deadline=None)
@given(problems(), st.sampled_from([0, 1, 7]))
def test_kernels_equal_their_definitions_and_costs_equal_recounts(
    problem: tuple[Graph, Moves, Any, Any, Any], emphasis: int
) -> None:
    graph, moves, x, y, site_of = problem
    node, points = (x * 3 + y).astype(np.int32), np.arange(12)
    distance = (np.abs(points[:, None] // 3 - points // 3) + np.abs(points[:, None] % 3 - points % 3)).astype(np.int32)
    assert swaps.has_kernels()
    before = site_of.copy()
    by_hops, change = swap_sites(graph, moves, node, distance, site_of)
    by_loads, cost = swap_loads(graph, moves, x, y, emphasis, site_of)
    np.testing.assert_array_equal(site_of, before)
    with pytest.MonkeyPatch.context() as patch:
        without_kernels(patch)
        assert not swaps.has_kernels()
        slow_hops, slow_change = swap_sites(graph, moves, node, distance, site_of)
        slow_loads, slow_cost = swap_loads(graph, moves, x, y, emphasis, site_of)
    np.testing.assert_array_equal(by_hops, slow_hops)
    np.testing.assert_array_equal(by_loads, slow_loads)
    assert (change, cost) == (slow_change, slow_cost)
    assert np.array_equal(np.sort(by_hops), np.arange(graph.items))
    assert np.array_equal(np.sort(by_loads), np.arange(graph.items))
    assert change == swap_cost(graph, node, distance, by_hops) - swap_cost(graph, node, distance, site_of)
    assert cost == by_hand(graph, x[by_loads], y[by_loads], emphasis)


def by_hand(graph: Graph, x: Any, y: Any, emphasis: int) -> int:
    """Packets over all links and over the busiest, walked step by step."""
    loads: dict[Any, int] = {}
    for a in range(graph.items):
        for e in range(graph.start[a], graph.start[a + 1]):
            b = graph.neighbour[e]
            at, end = [int(x[a]), int(y[a])], [int(x[b]), int(y[b])]
            for axis in (0, 1):
                while at[axis] != end[axis]:
                    old = tuple(at)
                    at[axis] += 1 if end[axis] > at[axis] else -1
                    loads[old, tuple(at)] = loads.get((old, tuple(at)), 0) + int(graph.out[e])
    return sum(loads.values()) + emphasis * max(loads.values(), default=0)


@pytest.mark.parametrize("kernels", [True, False])
def test_swaps_that_cost_more_than_their_limit_are_not_made(monkeypatch: pytest.MonkeyPatch, kernels: bool) -> None:
    """Two items that talk, on a line of three: the swap with the far site costs 5 packets a hop more."""
    if not kernels:
        without_kernels(monkeypatch)
    graph = graph_of(np.array([0]), np.array([1]), np.array([5]), 3)
    line, row = np.arange(3, dtype=np.int32), np.zeros(3, np.int32)
    distance = np.abs(line[:, None] - line)
    one = np.array([1], np.int32)
    for limit, expected in ((4, [0, 1, 2]), (5, [0, 2, 1])):
        moves = Moves(one, one * 2, np.array([limit]))
        assert swap_sites(graph, moves, line, distance, line)[0].tolist() == expected
        assert swap_loads(graph, moves, line, row, 0, line)[0].tolist() == expected
    assert load_cost(graph, line, row, 3) == 5 + 3 * 5


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12))
def test_graphs_hold_every_packet_once_each_way(seed: int, items: int) -> None:
    rng = np.random.default_rng(seed)
    source, destination = rng.integers(0, items, (2, 30))
    packets = rng.integers(1, 100, 30)
    expected = np.zeros((items, items), np.int64)
    np.add.at(expected, (source, destination), packets)
    np.fill_diagonal(expected, 0)
    graph = graph_of(source, destination, packets, items)
    out, back = np.zeros_like(expected), np.zeros_like(expected)
    for a in range(items):
        for e in range(graph.start[a], graph.start[a + 1]):
            out[a, graph.neighbour[e]] += graph.out[e]
            back[a, graph.neighbour[e]] += graph.back[e]
    np.testing.assert_array_equal(out, expected)
    np.testing.assert_array_equal(back, expected.T)


@pytest.mark.parametrize(("columns", "rows"), [(8, 4), (4, 8), (1, 1), (1, 5), (7, 3), (2, 2), (16, 16)])
def test_the_curve_visits_every_tile_once(columns: int, rows: int) -> None:
    tiles = tiles_along_curve(columns, rows)
    assert sorted(tiles) == [(x, y) for x in range(columns) for y in range(rows)]
    steps = [abs(a - c) + abs(b - d) for (a, b), (c, d) in zip(tiles[:-1], tiles[1:], strict=True)]
    if rows & (rows - 1) == 0 and columns % rows == 0:
        assert set(steps) <= {1}  # a true curve, without jumps


def test_sites_along_the_curve_keep_tiles_together_and_leave_out_those_that_do_not_exist() -> None:
    assert sites_along_curve(chip(2, 2, 2, cores=7)) == [0, 1, 4, 5, 6, 2, 3]  # tiles (0,0) (0,1) (1,1) (1,0)
    assert sites_along_curve(LOIHI1)[:8] == [0, 1, 2, 3, 16, 17, 18, 19]  # columns of four tiles: down, then across
    assert sorted(sites_along_curve(LOIHI1)) == list(range(128))


def all_graph(flows: Flows, items: int) -> Graph:
    """Packets between cores, and between them and the host, item ``items - 1``."""
    source, destination, packets = flows.pairs()
    return graph_of(np.where(source == HOST, items - 1, source), destination, packets.astype(np.int64), items)


def test_tiny_networks_come_near_the_optimum_and_mostly_reach_it() -> None:
    """Against every placement of five cores on six tiles."""
    target, sites, excess = chip(3, 2, 1), np.arange(6, dtype=np.int32), []
    for seed in range(20):
        flows = random_flows(np.random.default_rng(seed), 5, 7)
        graph = all_graph(flows, 6)

        def cost(at: Any, graph: Graph = graph) -> int:
            tiles = np.append(sites[np.array(at)], 0)  # the host's is the first
            return load_cost(graph, tiles % 3, tiles // 3, EMPHASIS)

        found = place_flows(flows, {}, target, seed)
        metrics = placement_metrics(flows, found, target)
        assert metrics.spike_hops + EMPHASIS * metrics.link_max == cost(found.core_on_chip)
        excess.append(cost(found.core_on_chip) / min(map(cost, permutations(range(6), 5))) - 1)
    assert min(excess) == 0 and max(excess) < 0.05 and np.count_nonzero(excess) <= 4


@pytest.mark.parametrize("grid", [None, (3, 1), (2, 2)])
@pytest.mark.parametrize("seed", range(4))
def test_a_tiny_network_on_chips_of_two_cores_reaches_the_best_cut(seed: int, grid: Any) -> None:
    """Against every way to put five cores onto three chips."""
    rng, target = np.random.default_rng(seed), chip(2, 1, 1, chips=4, grid=grid)
    flows = random_flows(rng, 5, 6)
    found = place_flows(flows, {}, target, seed)
    chips = np.array([0, 1, 2]) if grid != (2, 2) else np.array([0, 2, 3])  # along the curve through 2 x 2 chips
    graph = all_graph(flows, 6)
    x, y = chips % (grid or (9,))[0], chips // (grid or (9,))[0]
    distance = np.abs(x[:, None] - x) + np.abs(y[:, None] - y)
    distance = (distance > 0 if grid is None else distance).astype(np.int32)
    node, fixed = np.append(np.arange(6) // 2, 0).astype(np.int32), np.array([6], np.int32)
    every = (np.append(np.array(at, np.int32), fixed) for at in permutations(range(6), 5))
    best = min(swap_cost(graph, node, distance, at) for at in every)
    assert placement_metrics(flows, found, target).inter_chip_crossings == best
    assert len(np.unique(found.chip_of)) == 3


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 30), st.integers(0, 40), st.sampled_from([None, (3, 3), (5, 1)]))
def test_placements_are_legal_and_the_same_for_the_same_seed(seed: int, cores: int, bundles: int, grid: Any) -> None:
    rng, target = np.random.default_rng(seed), chip(2, 2, 2, cores=7, chips=5, grid=grid)
    flows = random_flows(rng, cores, bundles)
    with pytest.MonkeyPatch.context() as patch:
        place = import_module("neurodeploy.mapping.place")
        patch.setattr(place, "MOVES_PER_CORE", 50)
        patch.setattr(place, "LOAD_MOVES_PER_CORE", 20)
        one, two = (place_flows(flows, {}, target, seed) for _ in range(2))
    np.testing.assert_array_equal(one.chip_of, two.chip_of)
    np.testing.assert_array_equal(one.core_on_chip, two.core_on_chip)
    sites = set(zip(one.chip_of.tolist(), one.core_on_chip.tolist(), strict=True))
    assert len(sites) == cores and all(0 <= s < 7 for _, s in sites)
    assert one.chips == -(-cores // 7)
    assert one.chip_of.max() < (5 if grid is None else grid[0] * grid[1])


def test_placement_beats_the_order_of_numbers_where_numbers_mean_nothing() -> None:
    """A ring of 24 cores whose numbers are shuffled: every hop of the ring can be of length 1."""
    rng, target = np.random.default_rng(0), chip(6, 4, 1)
    order = rng.permutation(24)
    flows = Flows(24, order, np.ones(24), np.arange(25), np.roll(order, 1))
    found, naive = place_flows(flows, {}, target), in_order({}, 24, target)
    assert placement_metrics(flows, found, target).spike_hops == 24
    assert placement_metrics(flows, naive, target).spike_hops > 60


def ring(members: Any) -> Flows:
    """One packet from each member to the next."""
    members = np.array(members)
    return Flows(len(members), members, np.ones(len(members)), np.arange(len(members) + 1), np.roll(members, 1))


def test_chips_that_form_a_grid_are_used_as_one() -> None:
    """Six pairs of cores that talk as 3 x 2 chips are joined: every packet between pairs can cross one link."""
    target = chip(2, 1, 1, chips=6, grid=(3, 2))
    rng = np.random.default_rng(5)
    core = rng.permutation(12).reshape(2, 3, 2)  # row, column, member of a pair
    pairs = [(core[y, x, 0], core[y, x, 1], 50) for y in range(2) for x in range(3)]
    pairs += [(core[y, x, 0], core[y, x + 1, 1], 1) for y in range(2) for x in range(2)]
    pairs += [(core[0, x, 1], core[1, x, 0], 1) for x in range(3)]
    source, destination, packets = (np.array(column) for column in zip(*pairs, strict=True))
    flows = Flows(12, source, packets.astype(float), np.arange(len(pairs) + 1), destination)
    metrics = placement_metrics(flows, place_flows(flows, {}, target), target)
    assert (metrics.inter_chip_packets, metrics.inter_chip_crossings) == (7, 7)


def test_what_talks_to_the_host_or_to_other_chips_sits_at_the_gate() -> None:
    """Two stars of nine cores, a chip for each; of both one leaf, which has least to do there, talks to the other's."""
    target, star = chip(3, 3, 1, chips=2), np.arange(8)
    source = np.concatenate([np.full(8, 8), np.full(8, 17), [3, 12, HOST]])
    destination = np.concatenate([star, star + 9, [12, 3, 5]])
    packets = np.concatenate([np.full(16, 10.0), [4, 5, 1]])
    flows = Flows(18, source, packets, np.arange(20), destination)
    found = place_flows(flows, {}, target)
    assert len({*found.chip_of[:9]}) == 1 and found.chip_of[0] != found.chip_of[9]
    assert found.core_on_chip[[3, 12]].tolist() == [0, 0]
    host = Flows(1, np.array([HOST]), np.ones(1), np.array([0, 1]), np.array([0]))
    column = chip(1, 5, 1, cores=5)
    assert place_flows(host, {}, column).core_on_chip.tolist() == [0]


def test_cores_are_gathered_by_what_they_talk_to() -> None:
    """Four rings of six cores with shuffled numbers are grown one after the other."""
    members = np.random.default_rng(1).permutation(24).reshape(4, 6)
    rings = [ring(np.argsort(np.argsort(m))) for m in members]
    source = np.concatenate([m[r.source] for m, r in zip(members, rings, strict=True)])
    destination = np.concatenate([m[r.destination] for m, r in zip(members, rings, strict=True)])
    graph = graph_of(source, destination, np.ones(24, np.int64), 25)
    site_of = _grown(graph, 24, 6)
    assert sorted(site_of) == list(range(25)) and site_of[24] == 24
    assert all(len(set(site_of[m] // 6)) == 1 for m in members)


def test_moves_are_bounded_in_number() -> None:
    assert budget(1000, 10**6, 0) == 1000 and budget(1000, 10**6, 1000) == 500 and budget(1000, 10**6, 10**9) == 1
    moves = list(draw(np.random.default_rng(0), 3, 8, 500_000, 100.0))
    assert [len(m.item) for m in moves] == [1_000_000, 500_000]
    last = moves[-1].limit
    assert moves[0].limit[:1000].mean() == pytest.approx(100, rel=0.2) and not last[-150_000:].any()
    assert all(m.item.max() == 2 and m.to.max() == 7 and m.limit.min() >= 0 for m in moves)
    with pytest.MonkeyPatch.context() as patch:
        without_kernels(patch)
        assert budget(1000, 10**6, 5) == 10
