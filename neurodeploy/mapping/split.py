"""Splitting one population over cores: runs of consecutive neurons, (channel, y, x) blocks of a convolution, or, where
sparse projections feed it, neurons that share sources."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from neurodeploy.chipnet import ChipNetwork, ChipPopulation
from neurodeploy.mapping.capacity import inbound
from neurodeploy.mapping.constraints import Excess, violated
from neurodeploy.mapping.fanout import Demand
from neurodeploy.mapping.grids import GridSearch, grid_labels, runs
from neurodeploy.mapping.held import all_held
from neurodeploy.mapping.hyper.build import build
from neurodeploy.mapping.hyper.cut import Cutter, Found
from neurodeploy.mapping.hyper.hypergraph import km1
from neurodeploy.mapping.objective import Objective, Rates
from neurodeploy.mapping.rows import Ints
from neurodeploy.target_schema import Target

Fits = Callable[[Ints, int], bool]


@dataclass(frozen=True, eq=False)
class Split:
    """How one population is cut.

    Attributes:
        labels: Part of each neuron, (size,), parts numbered 0..parts-1.
        parts: Number of parts.
        impossible: Resources that even a single neuron exceeds, and that the split therefore ignores.
    """

    labels: Ints
    parts: int
    impossible: dict[str, Excess]


class Splitter:
    """Finds the fewest parts of one population that each fit a core.

    Args:
        net: The network.
        population: One of its populations.
        target: The chip.
        objective: What to look for.
        rates: Messages per step of each source neuron.
        seed: Of choices among equals.
    """

    def __init__(
        self,
        net: ChipNetwork,
        population: ChipPopulation,
        target: Target,
        objective: Objective = "cores",
        rates: Rates | None = None,
        seed: int = 0,
    ) -> None:
        incoming = list(net.incoming(population.name))
        self.net = ChipNetwork(net.inputs, net.populations, incoming)
        self.population, self.target = population, target
        self.objective = objective
        self.has_conv = any(p.connection.kind == "conv2d" for p in incoming)
        self.cutter: Cutter | None = None
        if not self.has_conv and any(p.connection.kind == "sparse" for p in incoming):
            self.cutter = Cutter(build(self.net, population, target, rates), objective, seed)
        self.impossible: dict[str, Excess] = {}

    def split(self, demand: Demand | None, at_least: int) -> Split:
        """The split into the fewest parts, not fewer than ``at_least``; deterministic.

        Args:
            demand: Out-axon slots that its neurons need, where known.
            at_least: Smallest number of parts.
        """
        found = self._search(demand, at_least)
        if found is None:
            size = self.population.size
            self.impossible |= self._violated(np.arange(size), size, demand)
            found = self._search(demand, at_least)
        labels, parts = found if found is not None else (np.arange(self.population.size), self.population.size)
        if self.cutter is not None:
            self.cutter.current = Found(labels, parts)
        return Split(labels, parts, dict(self.impossible))

    def _search(self, demand: Demand | None, at_least: int) -> tuple[Ints, int] | None:
        size = self.population.size
        low = min(size, max(at_least, -(-size // self.target.core.neurons.value)))

        def fits(labels: Ints, parts: int) -> bool:
            return self._violated(labels, parts, demand).keys() <= self.impossible.keys()

        if self.has_conv:
            return self._blocks(fits, low, demand)
        cut = self._cut(demand, low)
        if cut is not None and (self.objective != "cores" or self.cutter is None or self.cutter.is_large):
            return cut.labels, cut.parts
        parts = _fewest(lambda k: fits(runs(size, k), k), low, size if cut is None else cut.parts)
        if cut is None or (parts is not None and self._is_better(parts, cut)):
            return None if parts is None else (runs(size, parts), parts)
        return cut.labels, cut.parts

    def _cut(self, demand: Demand | None, low: int) -> Found | None:
        """By shared sources, where there are sparse projections, and several cores are needed."""
        if self.cutter is None:
            return None
        found = self.cutter.cut(None if demand is None else demand.discrete, low)
        if found is None:
            return None
        excess = self._violated(found.labels, found.parts, None)
        return found if excess.keys() <= self.impossible.keys() else None

    def _is_better(self, parts: int, cut: Found) -> bool:
        """Whether runs of consecutive neurons are fewer than the parts of a cut, or as many with less traffic."""
        assert self.cutter is not None
        if parts != cut.parts:
            return parts < cut.parts
        graph = self.cutter.graph
        return km1(graph, runs(self.population.size, parts), parts) <= km1(graph, cut.labels, cut.parts)

    def _blocks(self, fits: Fits, low: int, demand: Demand | None) -> tuple[Ints, int] | None:
        """Fewest parts first, fewest in-axons next; smaller blocks where the quick estimate was too kind."""
        search = GridSearch(self.net, self.population, self.target, set(self.impossible), demand)
        most = self.target.core.neurons.value
        while search.finest_passes:
            for grid in search.grids(most, low):
                labels, parts = grid_labels(search.shape, grid), grid[0] * grid[1] * grid[2]
                if fits(labels, parts):
                    return labels, parts
            if most == 1:
                break
            most = max(1, most // 2)
        return None

    def _violated(self, labels: Ints, parts: int, demand: Demand | None) -> dict[str, Excess]:
        core_of = {self.population.name: labels}
        held = all_held(self.net, core_of, parts, self.target)
        loads = inbound(self.net, core_of, parts, self.target, held)
        if demand is not None:
            loads = replace(loads, axon_slots=demand.per_core(labels, parts))
        return violated(loads, self.target)


def _fewest(fits: Callable[[int], bool], low: int, high: int) -> int | None:
    """A number in ``low..high`` that fits while the one below does not, or None.

    Gallops, then bisects: the exact minimum where fitting is monotone.
    """
    failed, parts = low - 1, low
    while not fits(parts):
        if parts == high:
            return None
        failed, parts = parts, min(2 * parts, high)
    while parts - failed > 1:
        middle = (failed + parts) // 2
        failed, parts = (failed, middle) if fits(middle) else (middle, parts)
    return parts
