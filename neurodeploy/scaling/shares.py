"""What each of N, S and K contributes to what a law explains."""

from __future__ import annotations

from itertools import combinations
from math import factorial
from typing import Any

from neurodeploy.scaling.cells import FACTORS, Cells
from neurodeploy.scaling.fit import Fit, fit


def contributions(whole: Fit, cells: Cells, *, seed: int = 0) -> dict[str, dict[str, Any]]:
    """Shapley share and partial R2 of each factor on a form.

    A factor is taken from a form by holding it at its geometric mean and fitting again. The Shapley share is what a
    factor adds to R2, averaged over all orders in which the three may come; the shares add up to the form's R2.
    The partial R2 is the part of what the form does not explain without the factor that it explains with it.
    """
    explained = {
        known: _explained(whole, cells, known, seed)
        for size in range(len(FACTORS) + 1)
        for known in combinations(FACTORS, size)
    }
    found = {}
    for factor in FACTORS:
        others = [f for f in FACTORS if f != factor]
        share = 0.0
        for size in range(len(others) + 1):
            for known in combinations(others, size):
                weight = factorial(size) * factorial(len(others) - size) / factorial(len(FACTORS))
                joined = tuple(f for f in FACTORS if f in (*known, factor))
                share += weight * (explained[joined] - explained[known])
        without, full = explained[tuple(others)], explained[FACTORS]
        found[factor] = {
            "shapley": share,
            "partial_r2": (full - without) / (1 - without) if without < 1 else 0.0,
            "alone_r2": explained[(factor,)],
        }
    return found


def _explained(whole: Fit, cells: Cells, known: tuple[str, ...], seed: int) -> float:
    """R2 of the form where it sees only some factors, at least 0: a constant explains nothing."""
    if not set(known) & whole.form.expression.variables:
        return 0.0
    hidden = [f for f in FACTORS if f not in known]
    seen = cells.with_constant(hidden) if hidden else cells
    return max(0.0, fit(whole.form, seen, seed=seed, warm=whole.numbers).r2)
