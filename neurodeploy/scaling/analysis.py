"""All that is said of one column of a table: forms, choice, intervals, contributions, marginals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurodeploy.scaling.cells import FACTORS, Cells, cells_of
from neurodeploy.scaling.forms import FORMS
from neurodeploy.scaling.select import Judged, choose, judge
from neurodeploy.scaling.shares import contributions
from neurodeploy.scaling.validate import RESAMPLES, Floats, bootstrap, default_split, intervals


@dataclass(frozen=True, eq=False)
class Analysis:
    """Fits to one column.

    Attributes:
        value: The column; ``kappa(acc)`` and the like where chance was corrected for.
        cells: What was fitted to.
        judged: All forms that could be fitted, lowest BIC first.
        failed: The others, and why.
        chosen: By the rule.
        resampled: Bootstrapped parameters of the chosen form, (resamples, k).
        shares: Of N, S and K on the chosen form.
        split: K up to which extrapolations were fitted.
    """

    value: str
    cells: Cells
    judged: Sequence[Judged]
    failed: Sequence[Mapping[str, str]]
    chosen: Judged
    resampled: Floats
    shares: Mapping[str, Mapping[str, Any]]
    split: float

    @property
    def parameters(self) -> dict[str, dict[str, float]]:
        """Of the chosen form: value, and the ends of its 95 % interval."""
        found = intervals(self.chosen.fit, self.resampled)
        return {
            name: {"value": value, "low": found[name][0], "high": found[name][1]}
            for name, value in self.chosen.fit.parameters.items()
        }

    def of(self, form: str) -> Judged:
        """The form of that name; KeyError if it was not fitted."""
        return {j.fit.form.name: j for j in self.judged}[form]

    def to_dict(self) -> dict[str, Any]:
        """Plain values; infinite errors are None, as JSON has none."""
        rows = [j.to_dict() | {"chosen": j is self.chosen} for j in self.judged]
        return {
            "value": self.value,
            "cells": len(self.cells),
            "split_k": self.split,
            "chosen": self.chosen.fit.form.name,
            "expression": self.chosen.fit.form.expression.text,
            "parameters": self.parameters,
            "shares": {f: dict(s) for f, s in self.shares.items()},
            "marginals": marginals(self.cells),
            "forms": [{k: _finite(v) for k, v in row.items()} for row in rows],
            "failed": [dict(f) for f in self.failed],
        }


def analyse(
    rows: Sequence[Mapping[str, Any]],
    value: str = "acc",
    *,
    kappa: bool = False,
    weighted: bool = False,
    most_k: float | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Analysis:
    """Fit all forms of the library to a column.

    Args:
        rows: Of a table.
        value: Column.
        kappa: Fit the chance-corrected accuracy instead; forms with chance in them are then left out.
        weighted: By inverse binomial variance.
        most_k: Split of the extrapolation.
        resamples: Of the bootstrap.
        seed: Of starts and resamples.

    Raises:
        ScalingError: The column is missing or empty, or nothing could be fitted.
        TooFewCells: Too few levels of K.
    """
    cells = cells_of(rows, value, weighted=weighted)
    if kappa:
        cells = cells.chance_corrected()
    forms = [form for form in FORMS if not (kappa and form.family == "chance")]
    split = default_split(cells) if most_k is None else most_k
    judged, failed = judge(cells, forms, most_k=split, seed=seed)
    chosen = choose(judged)
    return Analysis(
        f"kappa({value})" if kappa else value,
        cells,
        judged,
        failed,
        chosen,
        bootstrap(chosen.fit, cells, resamples=resamples, seed=seed),
        contributions(chosen.fit, cells, seed=seed),
        split,
    )


def marginals(cells: Cells) -> dict[str, dict[str, float]]:
    """Mean value of the cells at each level of a factor."""
    return {
        f: {f"{level:g}": float(np.mean(cells.values[cells.points[f] == level])) for level in cells.levels(f)}
        for f in FACTORS
    }


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not np.isfinite(value) else value
