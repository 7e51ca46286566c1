"""The smallest network, and the chip, for a wanted accuracy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import NeurodeployError
from neurodeploy.scaling.cell import run_cell
from neurodeploy.scaling.cells import FACTORS, Cells, cells_of
from neurodeploy.scaling.errors import ScalingError
from neurodeploy.scaling.fit import Fit
from neurodeploy.scaling.forms import FORMS
from neurodeploy.scaling.network import deploy
from neurodeploy.scaling.reservoir import Floats, Hidden, draw_reservoir
from neurodeploy.scaling.select import choose, judge
from neurodeploy.scaling.table import Table
from neurodeploy.scaling.validate import CONFIDENCE, RESAMPLES, bootstrap

MOST_TIMES = 100
"""Sizes are looked for up to so many times the largest network of the sweep."""
MOST_COMPILED = 2048
"""Neurons up to which a size is compiled, to count its cores."""


@dataclass(frozen=True)
class Size:
    """An answer.

    Attributes:
        accuracy, K, S: What was asked.
        value: Column of the table that the law was fitted to.
        form: The law: the rule's choice among the forms that depend on N.
        N: Smallest number of hidden neurons whose predicted accuracy is enough; None where no size up to ``limit`` is.
        low, high: 95 % bootstrap interval of N; None where an end is beyond ``limit``.
        predicted: Accuracy that the law predicts at N.
        limit: Largest N looked at.
        extrapolates: In what the answer lies outside the sweep; empty where it lies within.
        target: The chip.
        cores: By ``N``, ``low`` and ``high``: cores and chips of such a network, compiled, or why it has none.
        measured: Rows of the networks of size N that were run, if that was asked.
    """

    accuracy: float
    K: int
    S: int
    value: str
    form: str
    N: int | None
    low: int | None
    high: int | None
    predicted: float | None
    limit: int
    extrapolates: tuple[str, ...]
    target: str
    cores: Mapping[str, Mapping[str, Any]]
    measured: tuple[Mapping[str, Any], ...] = ()


def smallest(
    table: Table,
    accuracy: float,
    *,
    categories: int,
    channels: int,
    value: str | None = None,
    target: str | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
    measure: int = 0,
    progress: Callable[[str], None] = lambda what: None,
) -> Size:
    """The smallest network for an accuracy, by the law that the table supports.

    Args:
        table: Of a sweep.
        accuracy: Wanted, between 1/K and 1.
        categories: K.
        channels: S.
        value: ``acc_int`` or ``acc``; default the deployed one where the table has it.
        target: Chip; default the sweep's, else loihi2.
        resamples: Of the bootstrap.
        seed: Of starts and resamples.
        measure: Networks of that size to run, with seeds beyond those of the sweep.
        progress: Told what is being done.

    Raises:
        ScalingError: The accuracy cannot be asked for, no form depends on N, or the column is missing.
    """
    if not 1 / categories < accuracy < 1:
        raise ScalingError(
            f"accuracy {accuracy:g} of {categories} categories",
            where="size",
            remedy=f"ask for more than chance, 1/{categories}, and less than 1",
        )
    column = value or ("acc_int" if table.protocol.target else "acc")
    chip = target or table.protocol.target or "loihi2"
    cells = cells_of(table.rows, column)
    progress(f"fit {column}")
    whole = _law(cells, seed)
    resampled = bootstrap(whole, cells, resamples=resamples, seed=seed)
    limit = MOST_TIMES * int(cells.levels("N").max())
    asked = {"K": float(categories), "S": float(channels)}
    found = _first(whole, whole.numbers, asked, accuracy, limit)
    sizes = np.sort([_first(whole, numbers, asked, accuracy, limit) or np.inf for numbers in resampled])
    low, high = (_rank(sizes, share) for share in CONFIDENCE)
    cores = {}
    for name, neurons in (("N", found), ("low", low), ("high", high)):
        progress(f"compile {neurons} neurons")
        cores[name] = _cores(table, neurons, categories, channels, chip)
    rows = []
    for k in range(measure if found is not None else 0):
        progress(f"run network {k + 1} of {measure}")
        rows.append(_measured(table, (int(found or 0), channels, categories, table.protocol.seeds + k), chip))
    return Size(
        accuracy,
        categories,
        channels,
        column,
        whole.form.name,
        found,
        low,
        high,
        None if found is None else float(whole.predict(_points(asked, [found]))[0]),
        limit,
        _outside(cells, {**asked, "N": found}),
        chip,
        cores,
        tuple(rows),
    )


def _law(cells: Cells, seed: int) -> Fit:
    judged, _ = judge(cells, [form for form in FORMS if "N" in form.expression.variables], seed=seed)
    return choose(judged).fit


def _points(asked: Mapping[str, float], neurons: Any) -> dict[str, NDArray[np.float64]]:
    sizes = np.asarray(neurons, dtype=np.float64)
    return {"N": sizes, **{f: np.full(len(sizes), asked[f]) for f in ("S", "K")}}


def _first(
    whole: Fit, numbers: NDArray[np.float64], asked: Mapping[str, float], accuracy: float, limit: int
) -> int | None:
    """Smallest N at which the law reaches an accuracy."""
    sizes = np.arange(1, limit + 1)
    enough = whole.form.expression(numbers, _points(asked, sizes)) >= accuracy
    return int(sizes[enough.argmax()]) if enough.any() else None


def _rank(sizes: NDArray[np.float64], share: float) -> int | None:
    """A quantile that is one of the values, so that those without a size can be among them."""
    value = sizes[min(len(sizes) - 1, int(share * len(sizes)))]
    return int(value) if np.isfinite(value) else None


def _outside(cells: Cells, asked: Mapping[str, float | None]) -> tuple[str, ...]:
    found = []
    for factor in FACTORS:
        low, high, value = *(f(cells.points[factor]) for f in (np.min, np.max)), asked[factor]
        if value is None or not low <= value <= high:
            shown = "none found" if value is None else f"{value:g}"
            found.append(f"{factor} = {shown}, the sweep had {low:g}..{high:g}")
    return tuple(found)


def _cores(table: Table, neurons: int | None, categories: int, channels: int, chip: str) -> dict[str, Any]:
    """Cores and chips of a network of that size, compiled as the sweep's were."""
    if neurons is None:
        return {"cores": None, "chips": None, "why": "no such size was found"}
    if neurons > MOST_COMPILED:
        return {"cores": None, "chips": None, "why": f"more than {MOST_COMPILED} neurons are not compiled here"}
    try:
        mapping = deploy(*_of_that_shape(table, neurons, categories, channels), chip).mapping
    except NeurodeployError as error:
        return {"cores": None, "chips": None, "why": error.what.splitlines()[0]}
    return {"cores": mapping.cores, "chips": mapping.chips, "why": None}


def _of_that_shape(table: Table, neurons: int, categories: int, channels: int) -> tuple[Hidden, Floats | None]:
    """A network of random weights: what it takes on a chip depends on its shape."""
    hidden = draw_reservoir(neurons, channels, (0,))
    if table.protocol.network == "reservoir":
        return hidden, None
    return Hidden(hidden.w_in), np.random.default_rng(0).normal(0, 1, (neurons, categories))


def _measured(table: Table, cell: tuple[int, int, int, int], chip: str) -> dict[str, Any]:
    return run_cell(replace(table.protocol, target=chip), cell)
