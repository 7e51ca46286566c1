"""Non-linear least squares of a form, from several seeded starts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurodeploy.scaling.cells import Cells
from neurodeploy.scaling.criteria import aicc, bic
from neurodeploy.scaling.errors import ScalingError
from neurodeploy.scaling.forms import Form

Floats = NDArray[np.float64]

STARTS = 8
"""Random starts; at least 6."""
EVALUATIONS = 100
"""Most steps of a start."""
TOLERANCE = 1e-10
"""Relative change of the sum of squares, and of the parameters, at which a start has arrived."""
STEP = 2.0**-26
"""Of forward differences, of a parameter up to 1; larger ones in proportion."""
_FAR = 1e6
"""Residual of a point where the form has no finite value: the fit is driven away from there."""


@dataclass(frozen=True, eq=False)
class Fit:
    """A fitted form.

    Attributes:
        form: The form.
        numbers: Its parameters, (k,).
        n: Cells.
        rss: Weighted sum of squared residuals.
        tss: Weighted sum of squares about the weighted mean.
    """

    form: Form
    numbers: Floats
    n: int
    rss: float
    tss: float

    @property
    def rmse(self) -> float:
        """Root of the mean (weighted) squared residual."""
        return float(np.sqrt(self.rss / self.n))

    @property
    def r2(self) -> float:
        """Share of the variance explained; NaN where there is none."""
        return 1 - self.rss / self.tss if self.tss > 0 else float("nan")

    @property
    def bic(self) -> float:
        """See :func:`neurodeploy.scaling.criteria.bic`."""
        return bic(self.rss, self.n, self.form.k)

    @property
    def aicc(self) -> float:
        """See :func:`neurodeploy.scaling.criteria.aicc`, which refuses too few cells."""
        return aicc(self.rss, self.n, self.form.k)

    @property
    def parameters(self) -> dict[str, float]:
        """By name."""
        return dict(zip(self.form.expression.parameters, map(float, self.numbers), strict=True))

    def predict(self, points: dict[str, Floats]) -> Floats:
        """Values at N, S, K, (n,) each."""
        return self.form.expression(self.numbers, points)

    def error_on(self, cells: Cells) -> float:
        """RMSE on cells it may not have seen; infinite where it has no finite value on one of them."""
        missed = self.predict(dict(cells.points)) - cells.values
        if not np.isfinite(missed).all():
            return float("inf")
        with np.errstate(over="ignore"):
            return float(np.sqrt(np.mean(cells.weights * missed**2)))


def fit(form: Form, cells: Cells, *, seed: int = 0, starts: int = STARTS, warm: Floats | None = None) -> Fit:
    """Least squares.

    Args:
        form: What to fit.
        cells: What to fit it to.
        seed: Of the random starts.
        starts: How many; 0 only with ``warm``.
        warm: A further start (k,), such as the parameters found on almost the same cells.

    Raises:
        ScalingError: No start led to finite values on all cells.
    """
    root = np.sqrt(cells.weights)
    points = dict(cells.points)

    low, high = form.limits

    def residuals(numbers: Floats) -> Floats:
        missed = (form.expression(np.clip(numbers, low, high), points) - cells.values) * root
        return np.where(np.isfinite(missed), np.clip(missed, -_FAR, _FAR), _FAR)

    def slopes(numbers: Floats) -> Floats:
        """Jacobian (n, k) by forward differences, of all parameters at once."""
        steps = STEP * np.maximum(1, np.abs(numbers))
        moved = np.clip(np.vstack([numbers, numbers + np.diag(steps)]), low, high)
        values = form.expression(moved, points)
        found = ((values[1:] - values[0]) / steps[:, None] * root).T
        return np.where(np.isfinite(found), np.clip(found, -_FAR, _FAR), 0.0)

    rng = np.random.default_rng(seed)
    tried = ([] if warm is None else [warm]) + [form.draw(rng) for _ in range(starts)]
    found = [_descend(residuals, slopes, start, len(cells)) for start in tried] if form.k else [np.zeros(0)]
    best: Floats | None = None
    least = np.inf
    for numbers in (np.clip(numbers, low, high) for numbers in found):
        if not np.isfinite(form.expression(numbers, points)).all():
            continue
        rss = float(np.sum(residuals(numbers) ** 2))
        if rss < least:
            best, least = numbers, rss
    if best is None:
        raise ScalingError(
            "no start led to finite values on all cells", where=f"form {form.name}", remedy="try another form"
        )
    mean = np.average(cells.values, weights=cells.weights)
    return Fit(form, best, len(cells), least, float(np.sum(cells.weights * (cells.values - mean) ** 2)))


def _descend(
    residuals: Callable[[Floats], Floats], slopes: Callable[[Floats], Floats], start: Floats, n: int
) -> Floats:
    """Levenberg-Marquardt; a trust region where there are fewer cells than parameters, which it does not take."""
    from scipy.optimize import least_squares

    with np.errstate(all="ignore"):
        solution = least_squares(
            residuals,
            start,
            jac=slopes,
            method="lm" if n >= len(start) else "trf",
            x_scale="jac",
            xtol=TOLERANCE,
            ftol=TOLERANCE,
            gtol=TOLERANCE,
            max_nfev=EVALUATIONS,
        )
    return np.asarray(solution.x, dtype=np.float64)
