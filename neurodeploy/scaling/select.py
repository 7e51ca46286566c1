"""Fit all forms, rank them, and choose by a rule that was fixed before anybody looked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from neurodeploy.scaling.cells import Cells
from neurodeploy.scaling.errors import ScalingError
from neurodeploy.scaling.fit import Fit, fit
from neurodeploy.scaling.forms import FORMS, Form
from neurodeploy.scaling.validate import default_split, extrapolation, left_out

TOLERANCE = 1.1
"""A form may extrapolate so much worse than the best."""


@dataclass(frozen=True, eq=False)
class Judged:
    """A fitted form and how it did on cells that it had not seen.

    Attributes:
        fit: The fit to all cells.
        aicc: None where there are too few cells for it.
        extrapolation: RMSE above the split.
        left_out: RMSE by factor, leaving one level out at a time.
    """

    fit: Fit
    aicc: float | None
    extrapolation: float
    left_out: dict[str, float | None]

    def to_dict(self) -> dict[str, Any]:
        """A row of a table."""
        return {
            "form": self.fit.form.name,
            "expression": self.fit.form.expression.text,
            "family": self.fit.form.family,
            "k": self.fit.form.k,
            "aicc": self.aicc,
            "bic": self.fit.bic,
            "rmse": self.fit.rmse,
            "r2": self.fit.r2,
            "extrapolation": self.extrapolation,
            **{f"left_out_{factor}": error for factor, error in self.left_out.items()},
            "parameters": self.fit.parameters,
        }


def judge(
    cells: Cells, forms: Sequence[Form] = FORMS, *, most_k: float | None = None, seed: int = 0
) -> tuple[list[Judged], list[dict[str, str]]]:
    """All forms, the lowest BIC first; and those that could not be fitted, with the reason.

    Args:
        cells: What to fit to.
        forms: What to fit.
        most_k: Extrapolations are fitted up to this K; default see :func:`neurodeploy.scaling.validate.default_split`.
        seed: Of the starts.
    """
    split = default_split(cells) if most_k is None else most_k
    judged, failed = [], []
    for form in forms:
        if len(cells) <= form.k:
            failed.append({"form": form.name, "why": f"{form.k} parameters, and only {len(cells)} cells"})
            continue
        try:
            whole = fit(form, cells, seed=seed)
        except ScalingError as error:
            failed.append({"form": form.name, "why": error.what})
            continue
        defined = len(cells) > form.k + 2
        outside = extrapolation(whole, cells, split, seed=seed)
        judged.append(Judged(whole, whole.aicc if defined else None, outside, left_out(whole, cells)))
    return sorted(judged, key=lambda j: j.fit.bic), failed


def choose(judged: Sequence[Judged]) -> Judged:
    """The rule: lowest BIC of those that extrapolate at most 1.1 times worse than the best; ties to fewer parameters.

    Raises:
        ScalingError: There is none.
    """
    if not judged:
        raise ScalingError("no form could be fitted", where="selection", remedy="sweep over more cells")
    limit = TOLERANCE * min(j.extrapolation for j in judged)
    return min((j for j in judged if j.extrapolation <= limit), key=lambda j: (round(j.fit.bic, 6), j.fit.form.k))
