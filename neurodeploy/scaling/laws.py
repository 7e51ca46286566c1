"""Laws of what a deployed network costs: ``c = a N^b S^c K^d``, lines in logarithms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurodeploy.scaling.cells import FACTORS, Cells, cells_of
from neurodeploy.scaling.errors import ScalingError, TooFewCells
from neurodeploy.scaling.validate import CONFIDENCE, RESAMPLES

COSTS = ("spikes", "synops", "energy_j", "latency_s", "cores")


@dataclass(frozen=True)
class PowerLaw:
    """A fitted power law.

    Attributes:
        value: Column of the table.
        factor: a, in the column's unit.
        exponents: Of N, S and K.
        intervals: 95 % bootstrap interval of each exponent.
        r2: In logarithms; None where the values do not vary.
        rmse_log: RMSE of the natural logarithm: 0.1 is a tenth up or down.
    """

    value: str
    factor: float
    exponents: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    r2: float | None
    rmse_log: float

    def to_dict(self) -> dict[str, Any]:
        """A row of a table."""
        exponents = {f"exponent_{f}": self.exponents[f] for f in FACTORS if f in self.exponents}
        low_high = {f"interval_{f}": list(self.intervals[f]) for f in FACTORS if f in self.intervals}
        return (
            {"value": self.value, "factor": self.factor}
            | exponents
            | low_high
            | {
                "r2": self.r2,
                "rmse_log": self.rmse_log,
            }
        )


def power_law(rows: Sequence[Mapping[str, Any]], value: str, *, resamples: int = RESAMPLES, seed: int = 0) -> PowerLaw:
    """Ordinary least squares of ln value on ln N, ln S, ln K; factors of a single level are left out.

    Raises:
        ScalingError: A value is missing or not above 0.
        TooFewCells: Fewer cells than exponents ask for.
    """
    cells = cells_of(rows, value)
    if (cells.values <= 0).any():
        raise ScalingError(f"{value} is not above 0 everywhere", where="power law", remedy="fit another column")
    used = [f for f in FACTORS if len(cells.levels(f)) > 1]
    if len(cells) <= len(used) + 1:
        raise TooFewCells(f"{len(cells)} cells for {len(used)} exponents", where="power law", remedy="sweep over more")
    numbers, missed = _line(cells, used)
    rng = np.random.default_rng(seed)
    drawn = [_line(cells.of(rng.integers(0, len(cells), len(cells))), used)[0] for _ in range(resamples)]
    low, high = np.quantile(drawn, CONFIDENCE, axis=0)
    spread = float(np.var(np.log(cells.values)))
    return PowerLaw(
        value,
        float(np.exp(numbers[0])),
        {f: float(numbers[k + 1]) for k, f in enumerate(used)},
        {f: (float(low[k + 1]), float(high[k + 1])) for k, f in enumerate(used)},
        1 - float(np.mean(missed**2)) / spread if spread > 1e-24 else None,
        float(np.sqrt(np.mean(missed**2))),
    )


def _line(cells: Cells, used: Sequence[str]) -> tuple[Any, Any]:
    """Coefficients, the constant first, and residuals."""
    design = np.stack([np.ones(len(cells)), *(np.log(cells.points[f]) for f in used)], axis=1)
    wanted = np.log(cells.values)
    numbers = np.linalg.lstsq(design, wanted, rcond=None)[0]
    return numbers, wanted - design @ numbers
