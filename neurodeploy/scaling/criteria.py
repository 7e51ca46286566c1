"""Information criteria of a least-squares fit."""

from __future__ import annotations

import math

from neurodeploy.scaling.errors import TooFewCells

LEAST_RSS = 1e-28
"""Per cell: what double precision leaves of an exact fit, instead of the logarithm of 0."""


def bic(rss: float, n: int, k: int) -> float:
    """``n ln(RSS / n) + (k + 1) ln n``; the variance counts as a parameter."""
    return n * math.log(max(rss / n, LEAST_RSS)) + (k + 1) * math.log(n)


def aicc(rss: float, n: int, k: int) -> float:
    """``n ln(RSS / n) + 2 (k + 1) + 2 (k + 1)(k + 2) / (n - k - 2)``.

    Raises:
        TooFewCells: ``n <= k + 2``, where it is not defined.
    """
    if n <= k + 2:
        raise TooFewCells(
            f"AICc of {k} parameters needs more than {k + 2} cells, there are {n}",
            where="fit",
            remedy="sweep over more cells, or fit a form of fewer parameters",
        )
    penalty = 2 * (k + 1) + 2 * (k + 1) * (k + 2) / (n - k - 2)
    return n * math.log(max(rss / n, LEAST_RSS)) + penalty
