"""The means that laws are fitted to: one for each (N, S, K)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import did_you_mean
from neurodeploy.scaling.errors import ScalingError

Floats = NDArray[np.float64]
FACTORS = ("N", "S", "K")
ACCURACIES = ("acc", "acc_int")


@dataclass(frozen=True, eq=False)
class Cells:
    """Points and values, one for each cell.

    Attributes:
        points: N, S and K as float64, (n,) each.
        values: (n,).
        weights: (n,), mean 1; all 1 in unweighted fits.
    """

    points: Mapping[str, Floats]
    values: Floats
    weights: Floats

    def __len__(self) -> int:
        return len(self.values)

    def of(self, chosen: Any) -> Cells:
        """Those that an index or a mask chooses."""
        return Cells({f: self.points[f][chosen] for f in FACTORS}, self.values[chosen], self.weights[chosen])

    def levels(self, factor: str) -> Floats:
        """Different values of a factor, ascending."""
        return np.unique(self.points[factor])

    def chance_corrected(self) -> Cells:
        """``kappa = (A - 1/K) / (1 - 1/K)``: 0 where a network guesses, 1 where it is always right."""
        chance = 1 / self.points["K"]
        weights = self.weights
        if (weights != 1).any():  # variances grow by the square of what values are divided by
            weights = weights * (1 - chance) ** 2
            weights = weights / weights.mean()
        return Cells(self.points, (self.values - chance) / (1 - chance), weights)

    def with_constant(self, frozen: Sequence[str]) -> Cells:
        """The same values where some factors are held at their geometric mean: what is left cannot follow them."""
        held = {f: np.full(len(self), np.exp(np.log(self.points[f]).mean())) for f in frozen}
        return Cells({**self.points, **held}, self.values, self.weights)


def cells_of(rows: Sequence[Mapping[str, Any]], value: str = "acc", *, weighted: bool = False) -> Cells:
    """Means over seeds.

    Args:
        rows: Of a sweep's table.
        value: Column.
        weighted: Weight accuracies by their inverse binomial variance, with the shrunk estimate (A n + 1/2) / (n + 1),
            so that cells without errors keep a finite weight.

    Raises:
        ScalingError: There is no such column, a value of it is missing, or there are no rows.
    """
    if not rows:
        raise ScalingError("the table has no rows", where="table", remedy="finish the sweep")
    if value not in rows[0]:
        raise ScalingError(f"no column '{value}'", where="table", remedy=did_you_mean(value, rows[0]))
    groups: dict[tuple[int, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(int(row[f]) for f in FACTORS), []).append(row)
    for cell, members in groups.items():
        if any(row[value] is None for row in members):
            raise ScalingError(
                f"cell N, S, K = {cell} has no {value}",
                where="table",
                remedy="sweep with --target, on one that the networks fit" if value != "acc" else "sweep again",
            )
    keys = sorted(groups)
    values = np.array([np.mean([float(row[value]) for row in groups[key]]) for key in keys])
    weights = np.ones(len(keys))
    if weighted:
        if value not in ACCURACIES:
            raise ScalingError(f"no weights for {value}", where="weights", remedy="weight accuracies only")
        tested = np.array([sum(int(row["n_test"]) for row in groups[key]) for key in keys], dtype=np.float64)
        shrunk = (values * tested + 0.5) / (tested + 1)
        weights = tested / (shrunk * (1 - shrunk))
        weights /= weights.mean()
    points = np.array(keys, dtype=np.float64).T
    return Cells(dict(zip(FACTORS, points, strict=True)), values, weights)
