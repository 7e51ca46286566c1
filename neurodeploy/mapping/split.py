"""Splitting one population over cores: runs of consecutive neurons, or (channel, y, x) blocks of a convolution."""

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
    """

    def __init__(self, net: ChipNetwork, population: ChipPopulation, target: Target) -> None:
        incoming = list(net.incoming(population.name))
        self.net = ChipNetwork(net.inputs, net.populations, incoming)
        self.population, self.target = population, target
        self.has_conv = any(p.connection.kind == "conv2d" for p in incoming)
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
        return Split(labels, parts, dict(self.impossible))

    def _search(self, demand: Demand | None, at_least: int) -> tuple[Ints, int] | None:
        size = self.population.size
        low = min(size, max(at_least, -(-size // self.target.core.neurons.value)))

        def fits(labels: Ints, parts: int) -> bool:
            return self._violated(labels, parts, demand).keys() <= self.impossible.keys()

        if self.has_conv:
            return self._blocks(fits, low, demand)
        parts = _fewest(lambda k: fits(runs(size, k), k), low, size)
        return None if parts is None else (runs(size, parts), parts)

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
