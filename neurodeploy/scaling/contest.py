"""Proposers against lines and polynomials."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurodeploy.scaling.cells import FACTORS, Cells
from neurodeploy.scaling.errors import InvalidExpression, ScalingError
from neurodeploy.scaling.expression import MOST_NODES, PROPOSED_PARAMETERS, REMEDY, parse
from neurodeploy.scaling.fit import Fit, fit
from neurodeploy.scaling.forms import FORMS, Form
from neurodeploy.scaling.proposers import Proposer, Scored, pareto_front
from neurodeploy.scaling.proposers.trees import fingerprint
from neurodeploy.scaling.select import Judged, choose, judge
from neurodeploy.scaling.validate import default_split

FINALISTS = 8
"""Of the proposals, those with the lowest BIC below the split, that are judged on all cells."""
SEARCH_STARTS = 6
FOLDS = 5
MOST_ROUNDS = 100


@dataclass(frozen=True, eq=False)
class Contest:
    """How proposals did.

    Attributes:
        rounds: What was proposed, by round.
        history: What came of each proposal on the cells up to the split.
        proposed: The one chosen of the finalists by the rule, on all cells; None where none was legal.
        linear: The linear form chosen by the rule.
        polynomial: The polynomial chosen by the rule.
        split: K up to which the proposer saw.
    """

    rounds: list[list[str]]
    history: list[Scored]
    proposed: Judged | None
    linear: Judged
    polynomial: Judged
    split: float

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Proposer, linear, polynomial."""
        entries = (("proposer", self.proposed), ("linear", self.linear), ("polynomial", self.polynomial))
        return [{"entry": name} | judged.to_dict() for name, judged in entries if judged is not None]

    @property
    def front(self) -> list[Scored]:
        """Size against cross-validated error."""
        return pareto_front(self.history)


def contest(
    cells: Cells,
    proposer: Proposer,
    *,
    value: str = "acc",
    most_k: float | None = None,
    seed: int = 0,
    progress: Callable[[int], None] = lambda tried: None,
) -> Contest:
    """Let a proposer search on the cells up to the split, then judge its best beside the linear forms and polynomials.

    Args:
        cells: All cells.
        proposer: Asked until it proposes nothing.
        value: What the cells' values are, for the summary.
        most_k: The split; default :func:`neurodeploy.scaling.validate.default_split`.
        seed: Of starts and folds.
        progress: Told how many expressions have been tried.

    Raises:
        ProposerError: Of a :class:`neurodeploy.scaling.proposers.CommandProposer`.
        TooFewCells: No cells on one side of the split.
    """
    split = default_split(cells) if most_k is None else most_k
    seen = cells.of(cells.points["K"] <= split)
    summary = _summary(seen, value)
    history: list[Scored] = []
    rounds: list[list[str]] = []
    known: set[str] = set()
    for _ in range(MOST_ROUNDS):
        texts = proposer.propose(summary, tuple(history))
        if not texts:
            break
        rounds.append(list(texts))
        for text in texts:
            history.append(score(text, seen, known, seed=seed))
            progress(len(history))
    legal = sorted((s for s in history if s["error"] is None), key=lambda s: s["bic"])
    finalists = [Form(s["expression"], parse(s["expression"]), "proposed") for s in legal[:FINALISTS]]
    plain = [form for form in FORMS if form.family in ("linear", "polynomial")]
    judged, _ = judge(cells, [*plain, *finalists], most_k=split, seed=seed)
    of = {family: [j for j in judged if j.fit.form.family == family] for family in ("linear", "polynomial", "proposed")}
    return Contest(
        rounds,
        history,
        choose(of["proposed"]) if of["proposed"] else None,
        choose(of["linear"]),
        choose(of["polynomial"]),
        split,
    )


def score(text: str, seen: Cells, known: set[str], *, seed: int = 0) -> Scored:
    """What comes of an expression; ``known`` has the fingerprints of those before it, and gets this one's."""
    nothing = {"expression": text, "bic": None, "cv_rmse": None, "nodes": None, "parameters": None}
    try:
        expression = parse(text, most_parameters=PROPOSED_PARAMETERS)
        if not expression.parameters:
            raise InvalidExpression("it has no parameter to fit", where=repr(text), remedy=REMEDY)
        mark = fingerprint(expression)
        if mark is not None and mark in known:
            raise InvalidExpression("it computes what another one does", where=repr(text), remedy="drop it")
        whole = fit(Form(text, expression, "proposed"), seen, seed=seed, starts=SEARCH_STARTS)
        error = cross_validated(whole, seen, seed=seed)
    except ScalingError as fault:
        return nothing | {"error": fault.what}
    if mark is not None:
        known.add(mark)
    return {
        "expression": text,
        "bic": whole.bic,
        "cv_rmse": error,
        "nodes": expression.tree.size,
        "parameters": whole.parameters,
        "error": None,
    }


def cross_validated(whole: Fit, cells: Cells, *, seed: int = 0) -> float:
    """RMSE over the cells, each predicted by a fit to the four fifths that it is not in, of few cells to all others.

    Raises:
        ScalingError: It has no finite value on one of them, or there is only one.
    """
    folds = min(FOLDS, len(cells))
    if folds < 2:
        raise ScalingError("a single cell cannot be predicted from others", where="search", remedy="raise the split")
    fold = np.random.default_rng(seed).permutation(len(cells)) % folds
    total = 0.0
    for number in range(folds):
        here = fold == number
        part = fit(whole.form, cells.of(~here), starts=0, warm=whole.numbers)
        total += part.error_on(cells.of(here)) ** 2 * float(here.sum())
    if not np.isfinite(total):
        raise ScalingError("no finite value on cells left out", where=whole.form.name, remedy="propose another one")
    return float(np.sqrt(total / len(cells)))


def _summary(seen: Cells, value: str) -> dict[str, Any]:
    columns = [*(seen.points[f] for f in FACTORS), seen.values]
    return {
        "value": value,
        "points": np.stack(columns, axis=1).tolist(),
        "levels": {f: seen.levels(f).tolist() for f in FACTORS},
        "language": REMEDY,
        "most_parameters": PROPOSED_PARAMETERS,
        "most_nodes": MOST_NODES,
    }
