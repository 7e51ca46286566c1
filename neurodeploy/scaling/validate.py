"""How a form does on cells that it has not seen, and how sure its parameters are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurodeploy.scaling.cells import FACTORS, Cells
from neurodeploy.scaling.errors import ScalingError, TooFewCells
from neurodeploy.scaling.fit import Fit, fit

Floats = NDArray[np.float64]

RESAMPLES = 200
"""Of the cells, for an interval."""
CONFIDENCE = (0.025, 0.975)


def default_split(cells: Cells) -> float:
    """K up to which an extrapolation is fitted: all levels but the highest quarter, at least one.

    Raises:
        TooFewCells: There are fewer than three levels of K.
    """
    levels = cells.levels("K")
    if len(levels) < 3:
        raise TooFewCells(
            f"K has {len(levels)} levels, an extrapolation needs 3", where="fit", remedy="sweep over more categories"
        )
    return float(levels[len(levels) - 1 - max(1, len(levels) // 4)])


def extrapolation(whole: Fit, cells: Cells, most_k: float, *, seed: int = 0) -> float:
    """RMSE on the cells with K above ``most_k`` of the form fitted to the others; infinite where it has no value there.

    The starts are drawn as for ``whole``, whose parameters are not used: they have seen the cells above.

    Raises:
        TooFewCells: No cell on one of the two sides.
    """
    below = cells.points["K"] <= most_k
    if below.all() or not below.any():
        raise TooFewCells(
            f"no cells {'above' if below.all() else 'up to'} K = {most_k:g}",
            where="extrapolation",
            remedy=f"split between two of the levels {', '.join(f'{k:g}' for k in cells.levels('K'))}",
        )
    try:
        return fit(whole.form, cells.of(below), seed=seed).error_on(cells.of(~below))
    except ScalingError:
        return float("inf")


def left_out(whole: Fit, cells: Cells) -> dict[str, float | None]:
    """For each factor the RMSE over its levels, each predicted by a fit to all others.

    None where a factor has a single level. Fits start from the parameters of the whole, so that a level is not left
    out from the choice of the start.
    """
    found: dict[str, float | None] = {}
    for factor in FACTORS:
        levels = cells.levels(factor)
        if len(levels) < 2:
            found[factor] = None
            continue
        total = 0.0
        for level in levels:
            here = cells.points[factor] == level
            try:
                error = fit(whole.form, cells.of(~here), starts=0, warm=whole.numbers).error_on(cells.of(here))
            except ScalingError:
                error = float("inf")
            total += error**2 * float(here.sum())
        found[factor] = float(np.sqrt(total / len(cells)))
    return found


def bootstrap(whole: Fit, cells: Cells, *, resamples: int = RESAMPLES, seed: int = 0) -> Floats:
    """Parameters (resamples, k) of fits to cells drawn with replacement, each from the whole's parameters on.

    Raises:
        ScalingError: Fewer than 200 resamples, too few for the ends of an interval.
    """
    if resamples < RESAMPLES:
        raise ScalingError(
            f"{resamples} resamples are too few for an interval",
            where="bootstrap",
            remedy=f"draw at least {RESAMPLES}",
        )
    rng = np.random.default_rng(seed)
    draws = rng.integers(0, len(cells), (resamples, len(cells)))
    found = [fit(whole.form, cells.of(draw), starts=0, warm=whole.numbers).numbers for draw in draws]
    return np.array(found).reshape(resamples, whole.form.k)


def intervals(whole: Fit, resampled: Floats) -> dict[str, tuple[float, float]]:
    """95 % percentile interval of each parameter."""
    low, high = np.quantile(resampled, CONFIDENCE, axis=0) if whole.form.k else (np.zeros(0), np.zeros(0))
    names = whole.form.expression.parameters
    return {name: (float(a), float(b)) for name, a, b in zip(names, low, high, strict=True)}
