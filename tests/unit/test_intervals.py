"""Intervals against hand calculation, and their coverage."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from neurodeploy.intervals import mean_interval, share_interval


def test_the_interval_of_a_mean_is_students() -> None:
    """0.8, 0.9, 1.0: s = 0.1, t(2, 97.5 %) = 4.302653, so +- 0.248414."""
    found = mean_interval([0.8, 0.9, 1.0])
    assert (found.value, found.n) == (pytest.approx(0.9), 3)
    assert found.low == pytest.approx(0.9 - 0.248414, abs=1e-6) and found.high == pytest.approx(
        0.9 + 0.248414, abs=1e-6
    )
    assert mean_interval([0.8, 0.9, 1.0], 0.9).high == pytest.approx(0.9 + 2.919986 * 0.1 / 3**0.5, abs=1e-6)


def test_one_number_has_no_interval_and_equal_ones_have_an_empty_one() -> None:
    assert (mean_interval([0.7]).low, mean_interval([0.7]).high) == (None, None)
    same = mean_interval([0.5, 0.5, 0.5])
    assert (same.low, same.high) == (0.5, 0.5)


def test_it_covers_the_mean_of_normal_numbers_in_95_of_100_cases() -> None:
    draws = np.random.default_rng(0).normal(3, 2, (4000, 10))
    inside = [
        found.low <= 3 <= found.high for row in draws if (found := mean_interval(row)).low is not None and found.high
    ]
    assert len(inside) == 4000 and abs(np.mean(inside) - 0.95) < 0.015


@pytest.mark.parametrize(
    ("good", "method", "low", "high"),
    [
        (8, "exact", 0.443905, 0.974789),
        (10, "exact", 0.025**0.1, 1.0),
        (0, "exact", 0.0, 1 - 0.025**0.1),
        (8, "wilson", 0.490162, 0.943318),
        (0, "wilson", 0.0, 0.277533),
    ],
)
def test_intervals_of_a_share_of_ten(good: int, method: str, low: float, high: float) -> None:
    """Exact: Clopper and Pearson's tables; Wilson: z = 1.959964 in his formula."""
    found = share_interval(good, 10, method=method)
    assert found.value == good / 10
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-5), pytest.approx(high, abs=1e-5))


def test_the_exact_interval_covers_every_share_with_at_least_its_confidence() -> None:
    ends = [share_interval(k, 12) for k in range(13)]
    for p in np.linspace(0.01, 0.99, 99):
        inside = [k for k, e in enumerate(ends) if e.low is not None and e.high is not None and e.low <= p <= e.high]
        assert binom.pmf(inside, 12, p).sum() >= 0.95
