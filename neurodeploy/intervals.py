"""Confidence intervals of means over seeds, and of shares."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SHARE_METHODS = ("exact", "wilson")


@dataclass(frozen=True)
class Interval:
    """A value and where it lies with a confidence.

    Attributes:
        value: The mean, or the share.
        low: Lower end; None where there is no interval.
        high: Upper end.
        n: How many numbers it is of.
    """

    value: float
    low: float | None
    high: float | None
    n: int


def mean_interval(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """The mean of independent numbers with Student's t interval, ``mean +- t(n - 1) s / sqrt(n)``.

    Of a single number there is no interval. It holds for numbers that are about normal; means of ten accuracies are,
    unless most of them are 1, or chance.
    """
    from scipy.stats import t

    numbers = np.asarray(values, dtype=np.float64)
    n, mean = len(numbers), float(numbers.mean())
    if n < 2:
        return Interval(mean, None, None, n)
    half = float(t.ppf((1 + confidence) / 2, n - 1)) * float(numbers.std(ddof=1)) / math.sqrt(n)
    return Interval(mean, mean - half, mean + half, n)


def share_interval(successes: int, trials: int, confidence: float = 0.95, method: str = "exact") -> Interval:
    """A share of independent trials: ``exact`` by Clopper and Pearson (1934), which holds at least the confidence and
    is wide for it, or ``wilson`` (1927), which holds it on average."""
    from scipy.stats import binomtest

    found = binomtest(successes, trials).proportion_ci(confidence_level=confidence, method=method)
    return Interval(successes / trials, float(found.low), float(found.high), trials)
