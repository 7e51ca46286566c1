"""Everything that a study says of a table, in plain values."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from neurodeploy.scaling.analysis import Analysis, analyse
from neurodeploy.scaling.cells import ACCURACIES
from neurodeploy.scaling.contest import contest
from neurodeploy.scaling.errors import ScalingError
from neurodeploy.scaling.forms import LOGISTIC_POWER, QUADRATIC
from neurodeploy.scaling.laws import COSTS, power_law
from neurodeploy.scaling.proposers import Proposer, TemplateProposer, write_record
from neurodeploy.scaling.table import Table
from neurodeploy.scaling.validate import bootstrap, intervals

NOTE = (
    "The paper that this follows (Zhang, Han and Xia, arXiv 2601.14961v1) was withdrawn by its authors; its constants, "
    "ranges, task and training are not known to us. Task, networks, forms and rules are our own protocol. Where the "
    "claim of its abstract, that accuracy follows a power law mainly in K, is not met here, that is a non-replication "
    "in our protocol and says nothing of other regimes."
)


def study(
    table: Table,
    *,
    proposer: Proposer | None = None,
    record: Any = None,
    most_k: float | None = None,
    weighted: bool = False,
    seed: int = 0,
    progress: Callable[[str], None] = lambda what: None,
) -> dict[str, Any]:
    """Analyses of every accuracy and its chance-corrected form, cost laws, and a contest of proposers.

    Args:
        table: Of a sweep.
        proposer: Default the library's templates.
        record: File to keep the proposals in, or None.
        most_k: Split of the extrapolation.
        weighted: Weight accuracies by their inverse variance.
        seed: Of all fits.
        progress: Told what is being done.
    """
    columns = [c for c in ACCURACIES if c == "acc" or table.protocol.target]
    found: dict[str, Analysis] = {}
    for column in columns:
        for kappa in (False, True):
            progress(f"fit {'kappa of ' * kappa}{column}")
            one = analyse(table.rows, column, kappa=kappa, weighted=weighted, most_k=most_k, seed=seed)
            found[one.value] = one
    progress("proposals")
    held = contest(found["acc"].cells, proposer or TemplateProposer(), most_k=most_k, seed=seed)
    if record is not None:
        write_record(record, held.rounds)
    return {
        "note": NOTE,
        "protocol": table.protocol.to_dict(),
        "table_sha256": table.sha256,
        "samples_per_class": table.protocol.n_per_class,
        "analyses": {name: one.to_dict() for name, one in found.items()},
        "side_by_side": side_by_side(table.rows, found, columns, seed=seed),
        "costs": costs(table, seed=seed),
        "control": control(table.rows),
        "contest": {
            "rows": [plain(row) for row in held.rows],
            "tried": len(held.history),
            "refused": [dict(s) for s in held.history if s["error"] is not None],
            "front": [{k: s[k] for k in ("nodes", "cv_rmse", "bic", "expression")} for s in held.front],
        },
    }


def plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """JSON has no infinity: None instead."""
    return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in row.items()}


def side_by_side(
    rows: Sequence[Mapping[str, Any]], found: Mapping[str, Analysis], columns: Sequence[str], *, seed: int = 0
) -> list[dict[str, Any]]:
    """The logistic power law's parameters for each accuracy, with intervals, and what it has on the full quadratic."""
    names = {"p0": "a", "p1": "b (K)", "p2": "c (N)", "p3": "d (S)"}
    lines = []
    for column in columns:
        one = found[column]
        fitted = {j.fit.form.name: j for j in one.judged}
        if LOGISTIC_POWER not in fitted:
            continue
        law, quadratic = fitted[LOGISTIC_POWER], fitted.get(QUADRATIC)
        ends = intervals(law.fit, bootstrap(law.fit, one.cells, seed=seed))
        line: dict[str, Any] = {"value": column, "form": LOGISTIC_POWER}
        for p, name in names.items():
            line[name] = law.fit.parameters[p]
            line[f"{name} interval"] = list(ends[p])
        line |= {"bic": law.fit.bic, "r2": law.fit.r2, "bic_quadratic": None, "times_better_beyond": None}
        if quadratic is not None:
            line["bic_quadratic"] = quadratic.fit.bic
            line["times_better_beyond"] = quadratic.extrapolation / law.extrapolation
        lines.append(plain(line))
    return lines


def costs(table: Table, *, seed: int = 0) -> list[dict[str, Any]]:
    """Power laws of what deployment costs; nothing without a target."""
    if table.protocol.target is None:
        return []
    return [power_law(table.rows, value, seed=seed).to_dict() for value in COSTS]


def control(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """How far each K's accuracy is from chance, in standard deviations of guessing as many test samples."""
    lines = []
    for k in sorted({row["K"] for row in rows}):
        members = [row for row in rows if row["K"] == k]
        tested = sum(row["n_test"] for row in members)
        mean = sum(row["acc"] * row["n_test"] for row in members) / tested
        sigma = math.sqrt((1 / k) * (1 - 1 / k) / tested)
        lines.append({"K": k, "acc": mean, "chance": 1 / k, "n_test": tested, "sigmas": (mean - 1 / k) / sigma})
    return lines


def check_control(rows: Sequence[Mapping[str, Any]], most: float = 3.0) -> None:
    """ScalingError where a sweep of shuffled labels is not at chance: something leaks into the test."""
    far = [line for line in control(rows) if abs(line["sigmas"]) > most]
    if far:
        raise ScalingError(
            f"with shuffled labels the accuracy at K = {far[0]['K']} is {far[0]['sigmas']:.1f} sigma from chance",
            where="control",
            remedy="look for what the training part knows of the test part",
        )
