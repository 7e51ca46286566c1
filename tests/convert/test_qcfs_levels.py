"""The adaptive metric, effective steps, and the search for levels; nothing of it needs torch."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from neurodeploy.convert.qcfs.adaptive import exhaustive, greedy
from neurodeploy.convert.qcfs.effective import adaptive_metric, effective_steps, histogram
from neurodeploy.errors import ModelError

VGG = [8, 4, 4, 1, 4, 4, 1, 1, 1, 1, 1, 4, 8, 8, 8]
VGG_FAN_INS = [27, 576, 576, 1152, 1152, 2304, 2304, 2304, 4608, 4608, 4608, 4608, 4608, 512, 512]


@pytest.mark.parametrize(
    ("counts", "metric"),
    [
        ((50, 20, 15, 10, 5), 21.159936),
        ((90, 4, 3, 2, 1), 41.307447),
        ((40, 5, 5, 10, 40), 9.120592),
        ((30, 25, 20, 15, 10), 5.6),
        ((7, 7, 7, 7, 7), 0.0),
    ],
)
def test_the_metric(counts: tuple[int, ...], metric: float) -> None:
    assert adaptive_metric(np.array(counts)) == pytest.approx(metric, abs=1e-6)


def test_a_histogram_of_outputs() -> None:
    assert histogram(np.repeat([0.0, 0.25, 0.5, 0.75, 1.0], [5, 4, 3, 2, 1])).tolist() == [5, 4, 3, 2, 1]
    with pytest.raises(ModelError, match="3 bins"):
        adaptive_metric(np.ones(3))


def test_effective_steps_of_the_published_list() -> None:
    assert effective_steps(VGG, VGG_FAN_INS) == pytest.approx(4.544, abs=5e-4)
    with pytest.raises(ModelError, match="15 levels and 14 fan-ins"):
        effective_steps(VGG, VGG_FAN_INS[:-1])


class Toy:
    """Each layer has a level below which accuracy falls; cost is the sum of levels."""

    def __init__(self, least: Mapping[str, int]) -> None:
        self.least, self.tried, self.kept = least, [], 0

    def __call__(self, levels: Mapping[str, int]) -> tuple[float, float]:
        self.tried.append(dict(levels))
        lost = sum(0.02 for name, level in levels.items() if level < self.least[name])
        return 0.9 - lost, float(sum(levels.values()))

    def keep(self) -> None:
        self.kept += 1


def test_the_search_halves_by_decreasing_metric() -> None:
    toy = Toy({"a": 2, "b": 8, "c": 1})
    trials = greedy({"a": 8, "b": 8, "c": 8}, {"a": 1.0, "b": 3.0, "c": 2.0}, toy, keep=toy.keep)
    best = [t for t in trials if t.kept][-1]
    assert best.levels == {"a": 2, "b": 8, "c": 1} and best.accuracy == 0.9
    assert toy.tried[1] == {"a": 8, "b": 4, "c": 8} and not trials[1].kept
    assert toy.tried[2]["c"] == 4 and trials[2].kept
    assert toy.kept == sum(t.kept for t in trials)
    every = {name: (1, 2, 4, 8) for name in "abc"}
    optimum = exhaustive(every, toy, 0.9 - 0.003)
    assert optimum is not None and optimum.levels == best.levels
    assert exhaustive(every, toy, 0.95) is None


def test_a_loss_that_is_allowed_is_taken_once() -> None:
    toy = Toy({"a": 8, "b": 8})
    trials = greedy({"a": 8, "b": 8}, {"a": 2.0, "b": 1.0}, toy, loss=0.03)
    assert [t for t in trials if t.kept][-1].levels == {"a": 1, "b": 8}


def test_what_is_not_cheaper_is_not_kept() -> None:
    trials = greedy({"a": 4}, {"a": 1.0}, lambda levels: (1.0, 5.0))
    assert [t.kept for t in trials] == [True, False]
