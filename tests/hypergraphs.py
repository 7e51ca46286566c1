"""Random hypergraphs and limits for tests."""

from __future__ import annotations

import numpy as np

from neurodeploy.mapping.hyper.hypergraph import COUNTS, Hypergraph, Limits


def draw_graph(rng: np.random.Generator, vertices: int, edges: int, *, synapses: bool = False) -> Hypergraph:
    """Any pins, owners inside and outside, several edges of one owner, weights of 0, empty edges, loose vertices."""
    pins = [np.flatnonzero(rng.random(vertices) < rng.choice([0.0, 0.1, 0.4])) for _ in range(edges)]
    owner = rng.integers(-1, vertices, edges).astype(np.int32)
    into = [np.flatnonzero([v in p for p in pins]) for v in range(vertices)]
    number = sum(len(edges_in) for edges_in in into)
    kinds = np.cumsum(rng.integers(0, 4, (3, 4 * vertices + 1)), axis=1)
    kinds -= kinds[:, :1]
    return Hypergraph(
        in_ptr=np.cumsum([0, *map(len, into)]),
        in_edge=np.concatenate([*into, []]).astype(np.int32),
        pin_ptr=np.cumsum([0, *map(len, pins)]),
        pin=np.concatenate([*pins, []]).astype(np.int32),
        owner=owner,
        own_ptr=np.cumsum([0, *np.bincount(owner + 1, minlength=vertices + 1)[1:]]),
        own_edge=np.argsort(owner, kind="stable")[(owner < 0).sum() :].astype(np.int32),
        weight=rng.integers(0, 4, edges),
        kind=rng.integers(0, 3, edges).astype(np.int32),
        words=kinds,
        synapses=rng.integers(1, 5, number).astype(np.int32) if synapses else None,
    )


def draw_limits(rng: np.random.Generator, graph: Hypergraph, parts: int) -> Limits:
    """Limits around what even parts would need: some bind, some cannot be kept."""
    n = graph.vertices
    load, slots = rng.integers(0, 5, n), rng.integers(0, 3, n)
    factor = np.concatenate([np.eye(COUNTS, dtype=np.int64), rng.integers(0, 3, (1, COUNTS))])
    dense = np.cumsum(rng.integers(0, 2, n + 1))
    even = np.array([n, graph.pin.size, 3 * graph.pin.size, slots.sum() + graph.edges, load.sum()]) / parts
    limit = np.append(even, factor[-1] @ even + dense[n // parts] * factor[-1, 2]) * rng.uniform(0.6, 2.0, COUNTS + 1)
    return Limits(factor, limit.astype(np.int64) + 1, dense, load, slots, int(rng.integers(0, 3)))
