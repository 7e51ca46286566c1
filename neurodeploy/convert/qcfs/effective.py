"""Time steps and the adaptive-layer metric of PASCAL (arXiv 2505.01730), by its released code's formulas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import ModelError

BINS = 5
BINS_LEAST = 4
NEURON_OVER_SYNAPSE = 4 / 3
"""Energy of a neuron's operation over a synaptic one, times the fan-in."""


def effective_steps(levels: Sequence[int], fan_ins: Sequence[int]) -> float:
    """T_eff: mean over layers of ``T (1 + (5 T - 2) r) / (1 + T r)``, ``r = (4/3) / fan-in``.

    Raises:
        ModelError: As many levels as fan-ins are needed; the released code cuts the longer list off.
    """
    if len(levels) != len(fan_ins) or not levels:
        raise ModelError(
            f"{len(levels)} levels and {len(fan_ins)} fan-ins",
            where="effective steps",
            remedy="give one of each a layer",
        )
    t, r = np.asarray(levels, np.float64), NEURON_OVER_SYNAPSE / np.asarray(fan_ins, np.float64)
    return float(np.mean(t * (1 + (5 * t - 2) * r) / (1 + t * r)))


def histogram(values: NDArray[Any], bins: int = BINS) -> NDArray[np.int64]:
    """Counts of a layer's QCFS outputs in equal bins from the smallest to the largest."""
    return np.histogram(np.asarray(values, np.float64).ravel(), bins=bins)[0].astype(np.int64)


def adaptive_metric(counts: NDArray[Any]) -> float:
    """AL of a histogram of n bins: ``A (g^2 + 1) (k + 3 n^2 / ((n - 2) (n - 3)))``.

    ``A = 1 - (number of bins with at least the mean, minus 1) / (n - 1)``; g and k are skewness and excess kurtosis of
    the counts themselves. All bins alike, where the released code divides by 0: 0.

    Raises:
        ModelError: Fewer than 4 bins.
    """
    c = np.asarray(counts, np.float64).ravel()
    n = len(c)
    if n < BINS_LEAST:
        raise ModelError(f"{n} bins", where="adaptive metric", remedy=f"give at least {BINS_LEAST}")
    spread = c.std()
    if spread == 0:
        return 0.0
    z = (c - c.mean()) / spread
    skewness, kurtosis = float(np.mean(z**3)), float(np.mean(z**4)) - 3
    share = 1 - (int(np.count_nonzero(c >= c.sum() / n)) - 1) / (n - 1)
    return share * (skewness**2 + 1) * (kurtosis + 3 * n**2 / ((n - 2) * (n - 3)))
