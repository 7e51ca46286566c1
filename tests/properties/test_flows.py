"""Flows between cores and loads of links equal what a loop over axons and routes counts."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lava_case import Case
from scipy.sparse import coo_array
from strategies import cases

from neurodeploy.chipmap import Mapping
from neurodeploy.chipnet import ChipNetwork
from neurodeploy.mapping.flows import HOST, Flows, _equal_rows, flows
from neurodeploy.mapping.links import Links, multicast, unicast
from neurodeploy.mapping.metrics import placement_metrics
from neurodeploy.mapping.place import permute
from neurodeploy.mapping.route import link_loads, path
from neurodeploy.target import load_target
from neurodeploy.target_schema import Quantity, System, Target

TINY = load_target("tiny")


def count(value: int) -> Quantity[int]:
    return Quantity(value, "example", "test")


@st.composite
def systems(draw: st.DrawFn) -> Target:
    """Chips of 7 cores, joined pair by pair or in a grid."""
    x, y = draw(st.sampled_from([(3, 2), (1, 5), (4, 2)]))
    per_tile = draw(st.sampled_from([1, 2]))
    order = Quantity(draw(st.sampled_from(["row_major", "column_major"])), "example", "test")
    values = {"tiles_x": count(x), "tiles_y": count(y), "cores_per_tile": count(per_tile)}
    room = x * y * per_tile
    mesh = msgspec.structs.replace(
        TINY.mesh, **values, tile_order=order, chips=count(6), cores_per_chip=count(min(7, room))
    )
    system = draw(st.sampled_from([None, System(), System(chips_x=count(3), chips_y=count(2))]))
    return msgspec.structs.replace(TINY, mesh=mesh, system=system)


def scattered(net: ChipNetwork, cores: int, target: Target, rng: np.random.Generator) -> Mapping:
    """Every neuron on a random core, every core on a random site."""
    per_chip, chips = target.mesh.cores_per_chip.value, target.mesh.chips.value
    labels = {n: rng.integers(0, cores, p.size).astype(np.int32) for n, p in net.populations.items()}
    sites = rng.choice(per_chip * chips, cores, replace=False).astype(np.int32)
    return Mapping(labels, sites // per_chip, sites % per_chip)


def axons(net: ChipNetwork, mapping: Mapping, rates: Any) -> list[tuple[int, float, set[int]]]:
    """Source core, messages and destination cores of every source neuron, synapse by synapse."""
    found = []
    for name in dict.fromkeys(p.source for p in net.projections):
        sender = net.sender_of(name)
        for neuron in range(net.size_of(name)):
            reached: set[int] = set()
            for p in net.projections:
                if p.source == name:
                    targets = np.flatnonzero(p.connection.pattern().toarray()[:, neuron])
                    reached |= set(mapping.core_of[p.target][targets].tolist())
            source = int(mapping.core_of[sender][neuron]) if sender in net.populations else HOST
            found.append((source, float(rates[name][neuron]) if rates else 1.0, reached))
    return found


def as_dict(links: Links) -> dict[Any, float]:
    """Loads by link, those without packets left out."""
    found: dict[Any, float] = {}
    steps = {"east": (0, 0, 1, 0), "west": (1, 0, 0, 0), "south": (0, 0, 0, 1), "north": (0, 1, 0, 0)}
    for name, (ax, ay, bx, by) in steps.items():
        for (k, y, x), packets in np.ndenumerate(getattr(links, name)):
            chip = int(links.chips[k])
            found[(chip, x + ax, y + ay), (chip, x + bx, y + by)] = float(packets)
    for a, b, packets in zip(links.from_chip.tolist(), links.to_chip.tolist(), links.between.tolist(), strict=True):
        found[(a, 0, 0), (b, 0, 0)] = packets
    return {link: packets for link, packets in found.items() if packets}


@settings(max_examples=60, deadline=None)
@given(cases(), systems(), st.integers(1, 14), st.integers(0, 2**32 - 1), st.booleans())
def test_flows_and_loads_equal_those_of_single_axons(
    case: Case, target: Target, cores: int, seed: int, measured: bool
) -> None:
    net, rng = case.plan.net, np.random.default_rng(seed)
    mapping = scattered(net, cores, target, rng)
    names = {p.source for p in net.projections}
    # eighths, so that sums are exact in any order
    rates = {n: rng.integers(0, 9, net.size_of(n)) / 8 for n in names} if measured else None
    found = flows(net, mapping.core_of, cores, target, rates)
    expected: Counter[Any] = Counter()
    packets: Counter[tuple[int, int]] = Counter()
    trees: Counter[Any] = Counter()
    for source, messages, reached in axons(net, mapping, rates):
        if reached and messages:
            expected[source, tuple(sorted(reached))] += messages
        for core in reached:
            packets[source, core] += messages
        for link in {link for core in reached for link in path(mapping, target, source, core)}:
            trees[link] += messages
    given_out: Counter[Any] = Counter()
    for k, source in enumerate(found.source.tolist()):
        reached = found.destination[found.start[k] : found.start[k + 1]]
        given_out[source, tuple(reached.tolist())] += found.messages[k]
    assert given_out == expected
    matrix = found.matrix().toarray()
    assert {(s, d): n for s, d, n in zip(*found.pairs(), strict=True)} == {k: n for k, n in packets.items() if n}
    assert all(matrix[source, core] == n for (source, core), n in packets.items())  # the host's row is the last
    copies = {link: n for link, n in link_loads(mapping, target, packets).items() if n}
    assert as_dict(unicast(found, mapping, target)) == copies
    assert as_dict(multicast(found, mapping, target)) == {link: n for link, n in trees.items() if n}
    check_metrics(found, mapping, target, copies, trees)


def check_metrics(found: Flows, mapping: Mapping, target: Target, copies: Any, trees: Any) -> None:
    m = placement_metrics(found, mapping, target)
    on_chip = [n for (a, b), n in copies.items() if a[0] == b[0]]
    assert m.spike_hops == sum(on_chip)
    assert m.link_max == max(on_chip, default=0)
    assert m.inter_chip_crossings == sum(copies.values()) - sum(on_chip)
    assert m.inter_chip_link_max == max((n for (a, b), n in copies.items() if a[0] != b[0]), default=0)
    on_trees = [n for (a, b), n in trees.items() if a[0] == b[0]]
    assert m.multicast_hops == sum(on_trees) >= m.multicast_bound
    assert m.multicast_link_max == max(on_trees, default=0)
    assert m.multicast_hops <= m.spike_hops and m.remote_packets <= m.packets
    chips = len(np.unique(np.append(mapping.chip_of, 0)))
    x, y = target.mesh.tiles_x.value, target.mesh.tiles_y.value
    links = chips * 2 * ((x - 1) * y + x * (y - 1))
    assert m.link_mean * links == pytest.approx(sum(on_chip))
    assert m.link_variance * links == pytest.approx(
        sum((n - m.link_mean) ** 2 for n in on_chip) + (links - len([n for n in on_chip if n])) * m.link_mean**2
    )
    # a walk of d steps passes d + 1 routers, whichever way it turns; packets to another chip walk on both
    assert m.congestion_mean <= m.congestion_max or m.congestion_mean == pytest.approx(m.congestion_max)


def test_congestion_of_one_packet_by_hand() -> None:
    """From corner to corner of 3 x 2 tiles: half of the walks turn at once, a quarter after one step."""
    wide = msgspec.structs.replace(TINY.mesh, tiles_x=count(3), tiles_y=count(2), cores_per_tile=count(1))
    target = msgspec.structs.replace(TINY, mesh=msgspec.structs.replace(wide, cores_per_chip=count(6)))
    none = np.zeros(0, np.int64)
    mapping = Mapping({}, np.zeros(2, np.int32), np.array([0, 5], np.int32))
    one = Flows(2, none + 0, np.zeros(0), np.zeros(1, np.int64), none)
    assert placement_metrics(one, mapping, target).congestion_max == 0
    one = Flows(2, np.array([0]), np.array([4.0]), np.array([0, 1]), np.array([1]))
    m = placement_metrics(one, mapping, target)
    # routers: row 0: 1, 1/2, 1/4; row 1: 1/2, 3/4, 1; all times 4 packets
    assert m.congestion_max == 4 and m.congestion_mean == 4 * 4 / 6
    assert (m.spike_hops, m.average_hops, m.max_hops, m.multicast_bound) == (12, 3, 3, 4)


def test_some_neurons_stand_for_all() -> None:
    """Where there are more pairs than a search has room for: close to all flows, and the same ones twice."""
    rng = np.random.default_rng(3)
    net = ChipNetwork()
    net.add_input("in", shape=(40,))
    net.add_population("a", shape=(4000,))
    net.add_population("b", shape=(300,))
    net.connect("in", "a", rng.integers(1, 9, (4000, 40)) * 2)
    weights = coo_array((np.full(40_000, 2), (rng.integers(0, 300, 40_000), np.repeat(np.arange(4000), 10))))
    net.connect("a", "b", weights.tocsr(), kind="sparse")
    core_of = {"a": np.arange(4000) % 8, "b": 8 + np.arange(300) % 4}
    every = flows(net, core_of, 12, TINY).matrix().toarray()
    some = flows(net, core_of, 12, TINY, most_pairs=3000)
    np.testing.assert_array_equal(flows(net, core_of, 12, TINY, most_pairs=10**6).matrix().toarray(), every)
    np.testing.assert_array_equal(flows(net, core_of, 12, TINY, most_pairs=3000).destination, some.destination)
    assert np.diff(some.start)[some.source != HOST].sum() <= 3000
    found = some.matrix().toarray()
    np.testing.assert_array_equal(found[-1], every[-1])
    assert abs(found.sum() / every.sum() - 1) < 0.05
    np.testing.assert_allclose(found[:8, 8:], every[:8, 8:], rtol=0.25)


def test_permute_keeps_flows() -> None:
    rng = np.random.default_rng(0)
    net = ChipNetwork()
    net.add_input("in", shape=6)
    net.add_population("a", shape=9)
    net.connect("in", "a", rng.integers(0, 2, (9, 6)) * 2, kind="sparse")
    at = np.arange(9, dtype=np.int32)
    mapping = Mapping({"a": at}, at // 7, at % 7)
    moved = permute(mapping, TINY, rng)
    both = [placement_metrics(flows(net, m.core_of, 9, TINY), m, TINY) for m in (mapping, moved)]
    assert both[0].packets == both[1].packets and both[0].spike_hops != both[1].spike_hops


def test_axons_whose_marks_collide_stay_apart() -> None:
    """Rows of equal length get equal marks where every core's key is 0."""

    class Zeros:
        def integers(self, *_: Any) -> Any:
            return np.zeros(9, np.uint64)

    senders, start = np.array([0, 0, 0, 1, 0]), np.array([0, 2, 4, 6, 8, 9])
    indices = np.array([0, 1, 0, 2, 0, 1, 0, 1, 5])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(np.random, "default_rng", lambda seed: Zeros())
        first, kind = _equal_rows(senders, start, indices)
    rows = [(senders[i], *indices[start[i] : start[i + 1]]) for i in range(5)]
    assert [(senders[first[k]], *indices[start[first[k]] : start[first[k] + 1]]) for k in kind] == rows
