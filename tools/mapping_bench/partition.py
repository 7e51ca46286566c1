#!/usr/bin/env python3
"""km1 and time of our partition of an irregular graph beside METIS and Mt-KaHyPar, in one run.

``python tools/mapping_bench/partition.py`` draws a network of 100,000 neurons with 20 targets each, at distances from
N(0, neurons / 50) along a ring, with shuffled ids, and cuts it into 128 parts: as it comes, along the hidden ring, by
METIS (edge cut), by Mt-KaHyPar's LARGE_K, and by ours under limits on distinct in-axons per part: Loihi 2's 16,000,
and what LARGE_K's own fullest part needs. Then into as many parts as the 4096 in-axons of Loihi 1 take. Every cut is
scored by one function, which is not the package's. Needs pymetis and mtkahypar (install with --no-deps). Exits 1 where
ours has a higher km1 than LARGE_K's, took more than a third of its time, or breaks a limit.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
FAN_OUT = 20
IMBALANCE = 0.03


def draw(neurons: int, seed: int) -> tuple[Ints, Ints, Ints]:
    """Source and target of each synapse, distinct and sorted, and the place of each neuron on the ring."""
    rng = np.random.default_rng(seed)
    offset = np.rint(rng.normal(0, neurons / 50, (neurons, FAN_OUT))).astype(np.int64)
    targets = (np.arange(neurons)[:, None] + offset) % neurons
    ids = rng.permutation(neurons)
    pairs = np.unique(ids[np.repeat(np.arange(neurons), FAN_OUT)] * neurons + ids[targets.ravel()])
    place = np.empty(neurons, np.int64)
    place[ids] = np.arange(neurons)
    return pairs // neurons, pairs % neurons, place


def score(source: Ints, target: Ints, labels: Ints, parts: int) -> tuple[int, int, int]:
    """km1, the most distinct in-axons of a part, and its most neurons."""
    pairs = np.unique(source * parts + labels[target])
    at = pairs % parts
    km1 = int(np.count_nonzero(labels[pairs // parts] != at))
    return km1, int(np.bincount(at, minlength=parts).max()), int(np.bincount(labels, minlength=parts).max())


def metis(source: Ints, target: Ints, neurons: int, parts: int) -> Ints:
    """Edge cut of the undirected graph."""
    import pymetis
    from scipy.sparse import csr_array

    graph = csr_array((np.ones(len(source), np.int32), (source, target)), shape=(neurons, neurons))
    graph = (graph + graph.T).tocsr()
    _, labels = pymetis.part_graph(parts, adjacency=pymetis.CSRAdjacency(graph.indptr, graph.indices))
    return np.array(labels, np.int64)


def large_k(source: Ints, target: Ints, neurons: int, threads: int) -> Callable[[int], tuple[Ints, float, float]]:
    """Cuts by Mt-KaHyPar with its seconds, wall and CPU, of the partitioning alone."""
    import mtkahypar

    made = mtkahypar.initialize(threads)
    ends = np.searchsorted(source, np.arange(neurons + 1))
    edges = [sorted({e, *target[ends[e] : ends[e + 1]].tolist()}) for e in range(neurons)]

    def cut(parts: int) -> tuple[Ints, float, float]:
        mtkahypar.set_seed(0)
        context = made.context_from_preset(mtkahypar.PresetType.LARGE_K)
        context.set_partitioning_parameters(parts, IMBALANCE, mtkahypar.Objective.KM1)
        context.logging = False
        graph = made.create_hypergraph(context, neurons, neurons, edges)
        began, cpu = time.perf_counter(), time.process_time()
        found = graph.partition(context)
        wall, cpu = time.perf_counter() - began, time.process_time() - cpu
        return np.array([found.block_id(v) for v in range(neurons)]), wall, cpu

    return cut


def ours(source: Ints, target: Ints, neurons: int, parts: int, in_axons: int, passes: int) -> Ints:
    """From the synapses to the labels, everything included."""
    from neurodeploy.mapping.hyper.cut import ROUNDS
    from neurodeploy.mapping.hyper.hypergraph import AXONS, COUNTS, NEURONS, Hypergraph, Limits
    from neurodeploy.mapping.hyper.search import counted, locality_order, refine, transpose

    pin_ptr, pin = np.searchsorted(source, np.arange(neurons + 1)).astype(np.int64), target.astype(np.int32)
    in_ptr, in_edge = transpose(neurons, pin_ptr, pin)
    own, none = np.arange(neurons, dtype=np.int32), np.zeros(neurons, np.int64)
    words = np.zeros((1, int(np.diff(pin_ptr).max()) + 1), np.int64)
    one = np.ones(neurons, np.int64)
    starts = np.arange(neurons + 1, dtype=np.int64)
    graph = Hypergraph(in_ptr, in_edge, pin_ptr, pin, own, starts, own, one, np.zeros(neurons, np.int32), words)
    factor = np.eye(COUNTS, dtype=np.int64)[[NEURONS, AXONS]]
    most = int((1 + IMBALANCE) * neurons / parts)
    limits = Limits(factor, np.array([most, in_axons]), np.zeros(neurons + 1, np.int64), none, none, 0)
    order = locality_order(graph, ROUNDS, neurons // parts)
    labels = np.empty(neurons, np.int64)
    labels[order] = np.arange(neurons) * parts // neurons
    cut = counted(graph, limits, labels, parts)
    refine(graph, limits, cut, np.random.default_rng(0).permutation(neurons).astype(np.int32), passes, 10**12)
    if limits.over(cut.counts).any():
        print(f"ours: a part is over a limit ({parts} parts, {in_axons} in-axons)", file=sys.stderr)
    return cut.part.astype(np.int64)


def timed(function: Callable[..., Ints], *arguments: Any) -> tuple[Ints, float, float]:
    """Its result with seconds, wall and CPU."""
    began, cpu = time.perf_counter(), time.process_time()
    labels = function(*arguments)
    return labels, time.perf_counter() - began, time.process_time() - cpu


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--neurons", type=int, default=100_000)
    parser.add_argument("--parts", type=int, default=128)
    parser.add_argument("--tight-parts", type=int, default=320, help="for 4096 in-axons; 0 to leave out")
    parser.add_argument("--passes", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2, help="of Mt-KaHyPar; ours has one")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    n, k = given.neurons, given.parts
    source, target, place = draw(n, given.seed)
    print(f"{n:,} neurons, {len(source):,} synapses; Mt-KaHyPar on {given.threads} threads, the others on one\n")
    print("| cut | parts | in-axon limit | km1 | most in-axons | most neurons | wall | CPU |")
    print("|---|---|---|---|---|---|---|---|")
    wrong = []

    def row(name: str, parts: int, limit: int | None, found: tuple[Ints, float, float]) -> tuple[int, int, int]:
        labels, wall, cpu = found
        km1, axons, neurons = score(source, target, labels, parts)
        words = "none" if limit is None else f"{limit:,}"
        print(
            f"| {name} | {parts} | {words} | {km1:,} | {axons:,} | {neurons:,} | {wall:.1f} s | {cpu:.1f} s |",
            flush=True,
        )
        if limit is not None and axons > limit:
            wrong.append(f"{name}: {axons:,} in-axons of {limit:,}")
        return km1, axons, neurons

    row("as it comes", k, None, (np.arange(n) * k // n, 0.0, 0.0))
    row("hidden order", k, None, (place * k // n, 0.0, 0.0))
    row("METIS", k, None, timed(metis, source, target, n, k))
    peer = large_k(source, target, n, given.threads)
    for parts in filter(None, (k, given.tight_parts)):
        found = peer(parts)
        km1, axons, _ = row("Mt-KaHyPar LARGE_K", parts, None, found)
        for limit in (16_000, axons) if parts == k else (4096,):
            mine = timed(ours, source, target, n, parts, limit, given.passes)
            own, *_ = row("ours", parts, limit, mine)
            if own > km1:
                wrong.append(f"{parts} parts, {limit:,} in-axons: km1 {own:,}, LARGE_K {km1:,}")
            if mine[1] > found[1] / 3:
                wrong.append(f"{parts} parts, {limit:,} in-axons: {mine[1]:.1f} s wall, LARGE_K {found[1]:.1f} s")
    for fault in wrong:
        print(fault, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
