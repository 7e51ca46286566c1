"""Which settings of the bits are worth measuring: all of them where they are few, else a path and its surroundings."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from neurodeploy.mapping.capacity import core_loads
from neurodeploy.network import Network
from neurodeploy.precision.measure import Point, Setting
from neurodeploy.quantize.skeleton import skeleton
from neurodeploy.target import Target

EXHAUSTIVE = 64
"""Settings up to which all are measured."""
ROUND = 16
"""Neighbours of the best setting that are measured before it is looked for again."""

Measure = Callable[[Setting], Point | None]


def layer_words(network: Network, target: Target) -> dict[str, dict[int, int]]:
    """Words of synapse memory of the weights into each layer, by bits, with the layer on one core.

    Splits over cores add the rounding of their rows; points are measured with the mapping that they get.
    """
    words: dict[str, dict[int, int]] = {name: {} for name in network.populations}
    for bits in sorted(target.weight.legal_bits.value):
        net = skeleton(network, dict.fromkeys(network.populations, bits))
        for name, population in network.populations.items():
            at = {name: np.zeros(population.size, np.int64)}
            words[name][bits] = int(core_loads(net, at, 1, target).words.sum())
    return words


def choices(words: Mapping[int, int]) -> list[int]:
    """The bits of a layer that are worth considering: of those that take the same memory, the most."""
    best: dict[int, int] = {}
    for bits, taken in words.items():
        best[taken] = max(bits, best.get(taken, 0))
    return sorted(bits for bits in best.values() if all(taken >= words[bits] for n, taken in words.items() if n > bits))


class Search:
    """Measures settings until the budget's best neighbours are known.

    Args:
        network: The float network.
        target: The chip.
        measure: Measures a setting.
        feasible: Whether a point keeps the budget.
        words_limit: Words beyond which no setting can keep it.
        most: Settings to measure at most, beside the uniform ones and those of one layer alone.
    """

    def __init__(
        self,
        network: Network,
        target: Target,
        measure: Measure,
        feasible: Callable[[Point], bool],
        *,
        most: int,
        words_limit: Callable[[], float] = lambda: math.inf,
    ) -> None:
        self.names = tuple(network.populations)
        self.words = layer_words(network, target)
        legal = sorted(target.weight.legal_bits.value)
        few = len(legal) ** len(self.names) <= EXHAUSTIVE
        self.options = [legal if few else choices(self.words[name]) for name in self.names]
        self.uniform = [(bits,) * len(self.names) for bits in legal]
        self.feasible, self.words_limit, self.most = feasible, words_limit, most
        self._measure, self.points = measure, list[Point]()
        self._seen: dict[Setting, Point | None] = {}

    def run(self) -> list[Point]:
        """All points measured, in the order in which they were."""
        for setting in self.uniform:
            self.at(setting)
        if math.prod(map(len, self.options)) <= EXHAUSTIVE:
            for setting in self._all(()):
                self.at(setting)
            return self.points
        added = self._sensitivities()
        for setting in self._path(added):
            self.at(setting)
        self._refine(added)
        return self.points

    def at(self, setting: Setting) -> Point | None:
        """The point of a setting, measured once."""
        if setting not in self._seen:
            point = self._seen[setting] = self._measure(setting)
            if point is not None:
                self.points.append(point)
        return self._seen[setting]

    @property
    def widest(self) -> Setting:
        """The most bits worth having in every layer."""
        return tuple(options[-1] for options in self.options)

    def _all(self, chosen: Setting) -> Iterator[Setting]:
        if len(chosen) == len(self.options):
            yield chosen
            return
        for bits in reversed(self.options[len(chosen)]):
            yield from self._all((*chosen, bits))

    def _sensitivities(self) -> list[dict[int, float]]:
        """Loss that one layer's bits alone add to that of the widest setting; infinite where they do not work."""
        base = self.at(self.widest)
        least = 0.0 if base is None else base.loss
        table = []
        for i, options in enumerate(self.options):
            added = {}
            for bits in options:
                point = self.at(_with(self.widest, i, bits))
                added[bits] = math.inf if point is None else point.loss - least
            table.append(added)
        return table

    def _path(self, added: Sequence[Mapping[int, float]]) -> Iterator[Setting]:
        """From the widest setting down: always the step that adds the least loss for each word it saves."""
        setting = self.widest
        yield setting
        while steps := [
            (self._price(i, setting[i], bits, added[i]), i, bits)
            for i, options in enumerate(self.options)
            for bits in [b for b in options if b < setting[i]][-1:]
        ]:
            price, i, bits = min(steps)
            if math.isinf(price):
                return
            setting = _with(setting, i, bits)
            yield setting

    def _price(self, layer: int, before: int, after: int, added: Mapping[int, float]) -> float:
        words = self.words[self.names[layer]]
        return (added[after] - added[before]) / (words[before] - words[after])

    def _refine(self, added: Sequence[Mapping[int, float]]) -> None:
        """From the best point that keeps the budget: one layer wider, also at the expense of another one.

        The neighbours of which the layers' losses alone promise most go first, ``ROUND`` of them at a time.
        """

        def promise(setting: Setting) -> float:
            return sum(losses[bits] for losses, bits in zip(added, setting, strict=True))

        left = self.most
        while (best := best_of(self.points, self.feasible)) is not None and left > 0:
            neighbours = {n for n in self._neighbours(tuple(best.bits.values())) if n not in self._seen}
            chosen = sorted(neighbours, key=lambda n: (promise(n), n))[: min(ROUND, left)]
            for setting in chosen:
                self.at(setting)
            left -= len(chosen)
            if best_of(self.points, self.feasible) is best:
                return

    def _neighbours(self, setting: Setting) -> Iterator[Setting]:
        """One layer wider, and at most one narrower, as far as their memory allows."""
        for i, options in enumerate(self.options):
            for wider in (b for b in options if b > setting[i]):
                raised = _with(setting, i, wider)
                others = [
                    _with(raised, j, narrower)
                    for j, narrow in enumerate(self.options)
                    for narrower in narrow
                    if j != i and narrower < setting[j]
                ]
                yield from (n for n in (raised, *others) if self._words(n) <= self.words_limit())

    def _words(self, setting: Setting) -> int:
        return sum(self.words[name][bits] for name, bits in zip(self.names, setting, strict=True))


def best_of(points: Sequence[Point], feasible: Callable[[Point], bool]) -> Point | None:
    """The point of least loss among those that keep the budget; then of least memory, the first measured."""
    kept = [p for p in points if feasible(p)]
    return min(kept, key=lambda p: (p.loss, p.output_loss, p.memory_words), default=None)


def pareto(points: Sequence[Point], resource: str) -> list[Point]:
    """Points that no other one beats in both cost and loss, cheapest first: the loss falls from each to the next."""
    front: list[Point] = []
    for point in sorted(points, key=lambda p: (p.cost(resource), p.loss, p.output_loss)):
        if not front or point.loss < front[-1].loss:
            front.append(point)
    return front


def _with(setting: Setting, layer: int, bits: int) -> Setting:
    return (*setting[:layer], bits, *setting[layer + 1 :])
