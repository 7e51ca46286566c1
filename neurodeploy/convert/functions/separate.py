"""A function as a single threshold gate, where its windows can be told apart by a plane."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurodeploy.convert.functions.table import Table, all_patterns

MOST_PATTERNS = 2**12
"""Windows that the linear programme is asked to part."""


def separated(table: Table, largest: int) -> tuple[NDArray[np.int64], int] | None:
    """Whole weights (n,) and a threshold >= 1 of a gate that equals a table with f(0) = 0; None where there is none.

    A linear programme finds the real plane of the least weights; its multiples are rounded until one parts the windows.

    Args:
        table: The function.
        largest: Largest magnitude of a weight.
    """
    if table.values[0] or len(table.values) > MOST_PATTERNS:
        return None
    if not table.values.any():
        return None
    from scipy.optimize import linprog

    patterns = all_patterns(table.bits).astype(np.float64)
    sign = np.where(table.values == 1, 1.0, -1.0)
    n = table.bits
    # variables: w+ (n), w- (n), theta; sign * (w p - theta) >= 1
    rows = -sign[:, None] * np.hstack([patterns, -patterns, -np.ones((len(patterns), 1))])
    found = linprog(
        np.ones(2 * n + 1), A_ub=rows, b_ub=-np.ones(len(patterns)), bounds=[(0, None)] * (2 * n + 1), method="highs"
    )
    if found.status != 0:
        return None
    real = found.x[:n] - found.x[n : 2 * n]
    ones, zeros = patterns[table.values == 1], patterns[table.values == 0]
    for multiple in range(1, largest + 1):
        weights = np.rint(multiple * real).astype(np.int64)
        if np.abs(weights).max() > largest:
            return None
        least, most = (ones @ weights).min(), (zeros @ weights).max()
        if least > most:
            return weights, int(least)
    return None
