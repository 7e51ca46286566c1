"""The C of the hypergraph search against its definition, km1 against an obvious loop, small cuts against the best."""

from __future__ import annotations

from itertools import product

import msgspec
import numpy as np
import pytest
from hypergraphs import draw_graph, draw_limits
from scipy.sparse import csr_array

from neurodeploy.chipnet import ChipNetwork
from neurodeploy.mapping import check_mapping, map_network
from neurodeploy.mapping.hyper import definition, search
from neurodeploy.mapping.hyper.hypergraph import Hypergraph, Ints, km1
from neurodeploy.target import load_target
from neurodeploy.target_schema import Quantity, Target

SEEDS = range(30)


def obvious_km1(graph: Hypergraph, labels: Ints) -> int:
    total = 0
    for e in range(graph.edges):
        parts = {int(labels[v]) for v in graph.pin[graph.pin_ptr[e] : graph.pin_ptr[e + 1]]}
        if graph.owner[e] >= 0:
            parts -= {int(labels[graph.owner[e]])}
        total += int(graph.weight[e]) * len(parts)
    return total


@pytest.mark.parametrize("seed", SEEDS)
def test_c_computes_what_the_definition_says(seed: int) -> None:
    rng = np.random.default_rng(seed)
    graph = draw_graph(rng, int(rng.integers(1, 40)), int(rng.integers(1, 40)), synapses=bool(seed % 2))
    parts = int(rng.integers(1, min(7, graph.vertices) + 1))
    limits = draw_limits(rng, graph, parts)
    order = search.locality_order(graph, seed % 4, 3)
    np.testing.assert_array_equal(order, definition.locality_order(graph, seed % 4, 3))
    assert sorted(order.tolist()) == list(range(graph.vertices))
    found, number = search.fill(graph, limits, order)
    expected, expected_number = definition.fill(graph, limits, order)
    np.testing.assert_array_equal(found, expected)
    assert number == expected_number
    labels = rng.integers(0, parts, graph.vertices)
    visits = rng.permutation(graph.vertices).astype(np.int32)
    one, two = search.counted(graph, limits, labels, parts), search.counted(graph, limits, labels, parts)
    definition.count(graph, limits, two)
    np.testing.assert_array_equal(one.counts, two.counts)
    work = int(rng.choice([200, 10**9]))
    assert search.refine(graph, limits, one, visits, 5, work) == definition.refine(graph, limits, two, visits, 5, work)
    np.testing.assert_array_equal(one.part, two.part)
    np.testing.assert_array_equal(one.counts, two.counts)
    np.testing.assert_array_equal(one.counts, search.counted(graph, limits, one.part, parts).counts)


def test_the_definition_transposes_as_c() -> None:
    graph = draw_graph(np.random.default_rng(3), 30, 20)
    for transpose in (search.transpose, definition.transpose):
        ptr, index = transpose(graph.vertices, graph.pin_ptr, graph.pin)
        np.testing.assert_array_equal(ptr, graph.in_ptr)
        np.testing.assert_array_equal(index, graph.in_edge)


@pytest.mark.parametrize("seed", SEEDS)
def test_km1_is_the_obvious_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    graph = draw_graph(rng, 25, 30)
    labels = rng.integers(0, 6, 25)
    assert km1(graph, labels, 6) == obvious_km1(graph, labels) > 0


def sparse_net(rng: np.random.Generator, size: int, inputs: int, density: float) -> ChipNetwork:
    """A recurrent population with sparse input; every neuron has a synapse."""
    net = ChipNetwork()
    net.add_input("in", shape=inputs)
    net.add_population("a", shape=size, vth=20)
    into, loop = rng.random((size, inputs)) < density, rng.random((size, size)) < density
    into[np.arange(size), rng.integers(0, inputs, size)] = True
    net.connect("in", "a", csr_array(into * 2), kind="sparse")
    net.connect("a", "a", csr_array(loop * -4), kind="sparse")
    return net


def wiring(net: ChipNetwork) -> list[tuple[list[int], int]]:
    """Targets of each source neuron, and its own number if it is one of the population."""
    found = []
    for p in net.projections:
        columns = p.connection.pattern().toarray().T
        found += [(np.flatnonzero(column).tolist(), j if p.source == "a" else -1) for j, column in enumerate(columns)]
    return found


def connectivity(net: ChipNetwork, labels: Ints, rates: dict[str, Ints] | None = None) -> float:
    """km1 as the obvious loop, with rates."""
    sent = [1.0] * 10**4 if rates is None else np.concatenate([rates[p.source] for p in net.projections]).tolist()
    total = 0.0
    for (targets, own), rate in zip(wiring(net), sent, strict=False):
        total += rate * len({labels[v] for v in targets} - ({labels[own]} if own >= 0 else set()))
    return total


def best_cut(net: ChipNetwork, parts: int, most: int, in_axons: int) -> float:
    """The least km1 of all cuts into at most so many parts, infinite if none keeps the limits: every cut is tried."""
    size = net.populations["a"].size
    every = np.array(list(product(range(parts), repeat=size)))
    legal = np.all([(every == q).sum(axis=1) <= most for q in range(parts)], axis=0)
    axons, km1s = np.zeros((parts, len(every)), int), np.zeros(len(every))
    for targets, own in wiring(net):
        for q in range(parts):
            there = (every[:, targets] == q).any(axis=1)
            axons[q] += there
            km1s += there & (every[:, own] != q if own >= 0 else True)
    legal &= (axons <= in_axons).all(axis=0)
    return float(km1s[legal].min(initial=np.inf))


@pytest.mark.parametrize("seed", range(24))
def test_small_networks_are_cut_as_well_as_can_be(seed: int) -> None:
    rng = np.random.default_rng(seed)
    net = sparse_net(rng, 9, 4, 0.2)
    in_axons = int(rng.integers(8, 11))
    target = narrowed(in_axons=in_axons, neurons=4)
    mapping = map_network(net, target, seed=seed)
    check_mapping(net, mapping, target)
    assert best_cut(net, mapping.cores - 1, 4, in_axons) == np.inf
    assert connectivity(net, mapping.core_of["a"]) == best_cut(net, mapping.cores, 4, in_axons)


def narrowed(**limits: int) -> Target:
    """The tiny chip with other limits of a core."""
    tiny = load_target("tiny")
    facts = {name: Quantity(value, "example", "test") for name, value in limits.items()}
    return msgspec.structs.replace(tiny, core=msgspec.structs.replace(tiny.core, **facts))
