"""Cuts of an irregular population: runs of an order of its neurons, refined, and how many of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from neurodeploy.mapping.hyper.build import Problem
from neurodeploy.mapping.hyper.hypergraph import COUNTS, LOAD, SLOTS, Cut, Hypergraph, Ints, Shorts, km1
from neurodeploy.mapping.hyper.search import counted, fill, locality_order, refine, transpose
from neurodeploy.mapping.objective import Objective

ROUNDS = 4
"""Smoothings of an order."""
PASSES = 8
WORK, WORK_ONCE = 300_000_000, 400_000_000
"""Entries that one refinement of several, or the only one, may look at: seconds, or half a minute."""
LARGE = 5_000_000
"""A population with more synapses is cut once."""
ORDER_SYNAPSES = 10_000_000
"""Of a population with more, an equal share of each neuron's synapses makes the order."""
STARTS, SMALL = 32, 100_000
"""Cuts of a population with so many synapses start from the order alone; of smaller ones from random orders, too."""
LEAST_INDEX = 6
"""Bits of an index that no part is held to be too large for."""
TRIALS = 3
"""Numbers of parts that are tried below one that fits."""
GROWTH = 0.05
"""Parts more after a try that did not fit."""
TRAFFIC_PARTS = (1.1, 1.25)
"""Parts that the objective ``traffic`` tries beside the fewest, in terms of those."""
UNEVEN = 1.05
"""Load of the busiest part over the mean that the objective ``latency`` allows."""


@dataclass(frozen=True, eq=False)
class Found:
    """Labels that keep the limits, (vertices,), and the number of parts."""

    labels: Ints
    parts: int


class Cutter:
    """Cuts one population; the same arguments give the same cuts.

    Args:
        problem: The population and its limits.
        objective: What to look for.
        seed: Of the order in which neurons are visited.
    """

    def __init__(self, problem: Problem, objective: Objective, seed: int) -> None:
        self.problem, self.objective = problem, objective
        self.graph = problem.graph
        rng = np.random.default_rng(seed)
        self.visits = rng.permutation(self.graph.vertices).astype(np.int32)
        starts = min(STARTS, SMALL // max(1, len(self.graph.in_edge)))
        self._others = [rng.permutation(self.graph.vertices).astype(np.int32) for _ in range(starts)]
        self.is_large = len(self.graph.in_edge) > LARGE
        self.work = WORK_ONCE if self.is_large else WORK
        self._order: Shorts | None = None
        self.current: Found | None = None
        """The cut that the population has now, from here or not."""

    def cut(self, slots: Ints | None, at_least: int) -> Found | None:
        """The best cut found, from at least so many parts, some of which may come to be empty; None if there is none.

        Args:
            slots: Out-axon slots of each neuron under the ``current`` cut, (size,), where known.
            at_least: Smallest number of parts.
        """
        problem = self._with_slots(slots)
        if _alone(problem).any():
            return None
        best = self._filled(problem)
        if best is None:
            return None
        if best.parts < at_least or self.objective == "latency":
            best = self._runs_from(problem, max(at_least, best.parts)) or best
        elif not self.is_large:
            best = self._fewer(problem, best, at_least)
        if self.objective == "traffic" and not self.is_large:
            parts = (int(np.ceil(best.parts * more)) for more in TRAFFIC_PARTS)
            found = [best, *filter(None, (self._runs(problem, min(k, self.graph.vertices)) for k in parts))]
            best = min(found, key=lambda f: (km1(self.graph, f.labels, f.parts), f.parts))
        return best

    def _with_slots(self, slots: Ints | None) -> Problem:
        """Without the slots that the population itself causes, which follow the cut."""
        if slots is None or self.current is None:
            return self.problem
        own = counted(self.graph, self.problem.limits, self.current.labels, self.current.parts).used
        recurrent = self.problem.limits.slot_cost * _per_owner(self.graph, own)
        return replace(self.problem, limits=replace(self.problem.limits, slots=np.maximum(slots - recurrent, 0)))

    @property
    def order(self) -> Shorts:
        """Neurons so that those that share sources are close."""
        if self._order is None:
            leaf = max(1, int(self.problem.limits.limit[-1]) // 2)
            self._order = locality_order(_sampled(self.graph, ORDER_SYNAPSES), ROUNDS, leaf)
        return self._order

    def _filled(self, problem: Problem) -> Found | None:
        """Cores filled one after the other, with room for the slots that they come to need."""
        labels, parts = fill(problem.graph, problem.limits, self.order)
        narrow = self._indexed(problem, parts)
        fewer = fill(narrow.graph, narrow.limits, self.order)
        if fewer[1] < parts:
            problem, (labels, parts) = narrow, fewer
        cut = counted(problem.graph, problem.limits, labels, parts)
        for needed in self._slots_to_come(problem, cut):
            if not problem.limits.over(cut.counts).any():
                break
            reserved = replace(problem.limits, slots=problem.limits.slots + needed)
            labels, parts = fill(problem.graph, reserved, self.order)
            cut = counted(problem.graph, problem.limits, labels, parts)
        refine(problem.graph, problem.limits, cut, self.visits, PASSES, self.work)
        return None if problem.limits.over(cut.counts).any() else _found(cut)

    def _indexed(self, problem: Problem, parts: int) -> Problem:
        """With the index of sparse rows that parts of the mean size, and some more, take."""
        mean = -(-self.graph.vertices // parts)
        return problem.with_parts_of(1 << max(LEAST_INDEX, (mean + mean // 4).bit_length()))

    def _slots_to_come(self, problem: Problem, cut: Cut) -> Iterator[Ints]:
        """Guesses of the slots that each neuron needs within the population: as in a cut, then the most."""
        if problem.limits.factor[:, SLOTS].any() and problem.limits.slot_cost:
            yield problem.limits.slot_cost * (_per_owner(self.graph, cut.used) * 51 // 50 + 1)
            yield problem.limits.slot_cost * _per_owner(self.graph, np.diff(self.graph.pin_ptr))

    def _fewer(self, problem: Problem, best: Found, at_least: int) -> Found:
        """Tries fewer parts: first what the mean need of the cut's parts says, then halfway."""
        same = self._runs(problem, best.parts)
        best = same if same is not None and self._is_better(same, best) else best
        low = at_least
        for _ in range(TRIALS):
            cut = counted(problem.graph, problem.limits, best.labels, best.parts)
            need = problem.limits.needs(cut.counts).sum(axis=0) / np.maximum(problem.limits.limit, 1)
            fewer = max(low, int(np.ceil(need.max())))
            if fewer >= best.parts:
                break
            found = self._runs(problem, fewer)
            if found is None:
                low = (fewer + best.parts + 1) // 2
            else:
                best = found
        return best

    def _runs_from(self, problem: Problem, parts: int) -> Found | None:
        """As few more parts than ``parts`` as it takes."""
        while parts < self.graph.vertices:
            found = self._runs(problem, parts)
            if found is not None:
                return found
            parts += max(1, int(GROWTH * parts))
        return None

    def _is_better(self, one: Found, other: Found) -> bool:
        if one.parts != other.parts:
            return one.parts < other.parts
        return km1(self.graph, one.labels, one.parts) < km1(self.graph, other.labels, other.parts)

    def _runs(self, problem: Problem, parts: int) -> Found | None:
        """Equal runs of the order, refined, or of random orders where that is better; None if no part fits."""
        if self.objective == "latency":
            limits = problem.limits
            most = int(UNEVEN * limits.load.sum() / parts) + int(limits.load.max())
            factor = np.concatenate([limits.factor, np.eye(1, COUNTS, LOAD, dtype=np.int64)])
            problem = replace(problem, limits=replace(limits, factor=factor, limit=np.append(limits.limit, most)))
        problem = self._indexed(problem, parts)
        best = self._refined_runs(problem, parts, self.order)
        for order in self._others:
            found = self._refined_runs(problem, parts, order)
            if best is None or (found is not None and self._is_better(found, best)):
                best = found
        return best

    def _refined_runs(self, problem: Problem, parts: int, order: Shorts) -> Found | None:
        load = problem.limits.load
        weight = load[order] if self.objective == "latency" else np.ones(len(order), np.int64)
        before = np.cumsum(weight) - weight
        labels = np.empty(len(order), np.int64)
        labels[order] = before * parts // max(1, int(weight.sum()))
        cut = counted(problem.graph, problem.limits, labels, parts)
        refine(problem.graph, problem.limits, cut, self.visits, PASSES, self.work)
        return None if problem.limits.over(cut.counts).any() else _found(cut)


def _found(cut: Cut) -> Found:
    """Without parts that came to be empty."""
    used, labels = np.unique(cut.part, return_inverse=True)
    return Found(labels.ravel().astype(np.int64), len(used))


def _alone(problem: Problem) -> np.typing.NDArray[np.bool_]:
    """Which neurons do not fit a part of their own."""
    graph, limits = problem.graph, problem.limits
    kind = graph.kind[graph.in_edge]
    row = graph.words[kind, 1 if graph.synapses is None else graph.synapses]
    ends = np.concatenate([[0], np.cumsum(row)])
    words = ends[graph.in_ptr[1:]] - ends[graph.in_ptr[:-1]]
    ones = np.ones(graph.vertices, np.int64)
    return limits.over(np.stack([ones, np.diff(graph.in_ptr), words, limits.slots, limits.load], axis=1))


def _per_owner(graph: Hypergraph, values: Ints | Shorts) -> Ints:
    """Sum of the values of the edges that each vertex owns."""
    ends = np.concatenate([[0], np.cumsum(values[graph.own_edge], dtype=np.int64)])
    total: Ints = ends[graph.own_ptr[1:]] - ends[graph.own_ptr[:-1]]
    return total


def _sampled(graph: Hypergraph, most: int) -> Hypergraph:
    """The same with about so many synapses at most: every n-th of each neuron."""
    step = -(-len(graph.in_edge) // most)
    if step <= 1:
        return graph
    degree = np.diff(graph.in_ptr)
    place = np.arange(len(graph.in_edge), dtype=np.int64) - np.repeat(graph.in_ptr[:-1], degree)
    kept = place % step == 0
    in_ptr = np.concatenate([[0], np.cumsum(-(-degree // step))])
    in_edge = graph.in_edge[kept]
    pin_ptr, pin = transpose(graph.edges, in_ptr, in_edge)
    return replace(graph, in_ptr=in_ptr, in_edge=in_edge, pin_ptr=pin_ptr, pin=pin, synapses=None)
