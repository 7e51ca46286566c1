"""The C of the hypergraph search against its definition, km1 against an obvious loop, small cuts against the best."""

from __future__ import annotations

import numpy as np
import pytest
from hypergraphs import draw_graph, draw_limits

from neurodeploy.mapping.hyper import definition, search
from neurodeploy.mapping.hyper.hypergraph import Hypergraph, Ints, km1

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
