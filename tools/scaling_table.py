#!/usr/bin/env python3
"""Laws of scale of small LIF networks: ``python tools/scaling_table.py [--folder DIR] [--cluster local:2] [--page]``.

Runs the specification's grid in float and on loihi2, a grid of trained networks, and the control with shuffled labels;
fits all forms; prints the tables, and whether each acceptance check holds (exit code 1 if one does not). ``--page``
writes them into docs/scaling.md. With ``--folder`` the sweeps stay there, go on where they stopped, and are not run
again. Some minutes of one core.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from neurodeploy.scaling import (
    EvolutionProposer,
    GrammarProposer,
    Protocol,
    Table,
    TemplateProposer,
    analyse,
    contest,
    smallest,
    sweep,
)
from neurodeploy.scaling.analysis import Analysis
from neurodeploy.scaling.forms import LOGISTIC_POWER, QUADRATIC
from neurodeploy.scaling.study import control, costs, side_by_side

PAGE = Path(__file__).resolve().parent.parent / "docs" / "scaling.md"
START, END = "<!-- figures: python tools/scaling_table.py --page -->", "<!-- end of figures -->"
TARGET = "loihi2"
GRID = Protocol()
DEPLOYED = Protocol(target=TARGET)
TRAINED = Protocol(
    neurons=(10, 20, 40),
    channels=(4, 16),
    categories=(2, 4, 8, 16),
    seeds=2,
    network="trained",
    target=TARGET,
    epochs=40,
)
CONTROL = Protocol(neurons=(20, 80), channels=(8,), seeds=5, shuffled=True)
LIMIT_S = 60.0
PUBLISHED = {
    "N": {"10": 0.734, "20": 0.845, "40": 0.886, "80": 0.912},
    "S": {"4": 0.766, "8": 0.861, "16": 0.905},
    "K": dict(
        zip(
            ("2", "3", "4", "6", "8", "12", "16", "24", "32"),
            (0.953, 0.944, 0.921, 0.873, 0.860, 0.807, 0.787, 0.738, 0.714),
            strict=True,
        )
    ),
}
"""Of the specification's reference implementation."""
Checks = list[tuple[str, bool, str]]


def table(header: Iterable[object], rows: Iterable[Iterable[object]]) -> str:
    """In Markdown."""
    head = list(header)
    lines = [head, ["---"] * len(head), *(list(row) for row in rows)]
    return "\n".join("| " + " | ".join(map(shown, line)) + " |" for line in lines)


def shown(value: object) -> str:
    """A cell of a table."""
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def forms_of(found: Analysis) -> str:
    """The ranking by BIC, losers included."""
    rows = [
        (
            f"**{r['form']}**" if r["chosen"] else r["form"],
            r["k"],
            None if r["aicc"] is None else f"{r['aicc']:.1f}",
            f"{r['bic']:.1f}",
            r["rmse"],
            r["extrapolation"],
            *(r[f"left_out_{f}"] for f in "NSK"),
            r["r2"],
        )
        for r in found.to_dict()["forms"]
    ]
    beyond = f"K > {found.split:g}"
    return table(("form", "k", "AICc", "BIC", "RMSE", beyond, "no N", "no S", "no K", "R2"), rows)


def chosen_of(found: Analysis) -> str:
    """The choice and its parameters."""
    ends = [f"{p} = {v['value']:.3f} ({v['low']:.3f} .. {v['high']:.3f})" for p, v in found.parameters.items()]
    return f"`{found.chosen.fit.form.expression.text}`: {', '.join(ends)}"


def shares_of(found: Analysis) -> str:
    """Contribution of each factor."""
    rows = [(f, s["shapley"], s["partial_r2"], s["alone_r2"]) for f, s in found.shares.items()]
    return table(("factor", "Shapley share of R2", "partial R2", "R2 alone"), rows)


def beside(rows: list[dict[str, Any]]) -> str:
    """Exponents of float and deployed accuracy."""
    names = ("a", "b (K)", "c (N)", "d (S)")
    lines = [
        (
            r["value"],
            *(f"{r[n]:.3f} ({r[f'{n} interval'][0]:.3f} .. {r[f'{n} interval'][1]:.3f})" for n in names),
            r["r2"],
        )
        for r in rows
    ]
    return table(("accuracy", *names, "R2"), lines)


def cost_laws(rows: list[dict[str, Any]]) -> str:
    """Power laws of costs."""
    lines = []
    for r in rows:
        ends = (f"{r[f'exponent_{f}']:.3f} ({r[f'interval_{f}'][0]:.3f} .. {r[f'interval_{f}'][1]:.3f})" for f in "NSK")
        lines.append((r["value"], r["factor"], *ends, r["r2"], r["rmse_log"]))
    return table(("cost of an inference", "a", "N", "S", "K", "R2 (log)", "RMSE (log)"), lines)


def replicate(found: Analysis, seconds: float | None, checks: Checks) -> str:
    """The specification's grid: marginals, ranking, extrapolation."""
    means = found.to_dict()["marginals"]
    worst = max(abs(means[f][level] - value) for f, levels in PUBLISHED.items() for level, value in levels.items())
    law, quadratic = found.of(LOGISTIC_POWER), found.of(QUADRATIC)
    times = quadratic.extrapolation / law.extrapolation
    if seconds is not None:
        checks.append((f"the grid runs in less than {LIMIT_S:g} s", seconds < LIMIT_S, f"{seconds:.0f} s, one process"))
    checks += [
        ("every marginal within .02 of the reference", worst <= 0.02, f"largest difference {worst:.4f}"),
        (
            "logistic power law below the full quadratic in BIC",
            law.fit.bic < quadratic.fit.bic,
            f"{law.fit.bic:.1f} < {quadratic.fit.bic:.1f}",
        ),
        ("and at least 1.5 times better beyond the split", times >= 1.5, f"{times:.2f} times"),
    ]
    rows = [
        (f"{f} = {level}", f"{means[f][level]:.3f}", f"{value:.3f}", f"{means[f][level] - value:+.3f}")
        for f, levels in PUBLISHED.items()
        for level, value in levels.items()
    ]
    return table(("marginal mean accuracy", "here", "reference", "difference"), rows)


def of_control(rows: list[Mapping[str, Any]], checks: Checks) -> str:
    """Shuffled labels."""
    lines = control(rows)
    most = max(abs(line["sigmas"]) for line in lines)
    checks.append(("shuffled labels within 3 sigma of chance at every K", most < 3, f"at most {most:.2f} sigma"))
    return table(
        ("K", "accuracy", "1/K", "test samples", "sigma"),
        [(r["K"], f"{r['acc']:.4f}", f"{r['chance']:.4f}", r["n_test"], f"{r['sigmas']:+.2f}") for r in lines],
    )


def of_proposers(found: Analysis) -> str:
    """Proposer against linear against polynomial."""
    lines: list[tuple[object, ...]] = []
    for name, proposer in (
        ("templates", TemplateProposer()),
        ("grammar, 60 of depth 3", GrammarProposer(60, seed=0)),
        ("evolution, 5 x 15", EvolutionProposer(15, rounds=5, seed=0)),
    ):
        held = contest(found.cells, proposer)
        rows = held.rows if not lines else held.rows[:1]
        for r in rows:
            who = name if r["entry"] == "proposer" else r["entry"]
            lines.append(
                (who, f"`{r['expression']}`", r["k"], f"{r['bic']:.1f}", r["rmse"], r["extrapolation"], r["r2"])
            )
    return table(("from", "form", "k", "BIC", "RMSE", f"K > {found.split:g}", "R2"), lines)


def of_size(made: Table, networks: int) -> str:
    """A sizing answer, and how it did."""
    found = smallest(made, 0.9, categories=8, channels=16, measure=networks)
    runs = np.array([row["acc_int"] for row in found.measured])
    error = 1.96 * runs.std(ddof=1) / np.sqrt(len(runs))
    cores = found.cores["N"]
    return (
        f"`neurodeploy scaling size FOLDER --accuracy 0.9 --k 8 --s 16 --measure {networks}` on the deployed grid: "
        f"N = {found.N} hidden neurons, 95 % interval {found.low} .. {found.high}, by {found.form} of {found.value}; "
        f"{cores['cores']} core, {cores['chips']} chip of {found.target}; "
        f"{'extrapolated: ' + '; '.join(found.extrapolates) if found.extrapolates else 'within the sweep'}. "
        f"{networks} new networks of that size have a deployed accuracy of {runs.mean():.3f} +- {error:.3f}."
    )


def figures(folder: Path, cluster: str | None, checks: Checks) -> str:
    """All tables."""
    fresh = not (folder / "grid").exists()
    began = time.perf_counter()
    grid = sweep(GRID, folder / "grid", progress=note("grid"))
    seconds = time.perf_counter() - began if fresh else None
    deployed = sweep(DEPLOYED, folder / "deployed", cluster=cluster, progress=note("deployed"))
    trained = sweep(TRAINED, folder / "trained", cluster=cluster, progress=note("trained"))
    shuffled = sweep(CONTROL, folder / "control", cluster=cluster, progress=note("control"))
    same = [r["acc"] for r in grid.rows] == [r["acc"] for r in deployed.rows]
    checks.append(
        ("the deployed sweep's float accuracies are those of the float sweep", same, f"{len(grid.rows)} cells")
    )
    found = {v: analyse(deployed.rows, v) for v in ("acc", "acc_int")}
    kappa = {v: analyse(deployed.rows, v, kappa=True) for v in ("acc", "acc_int")}
    learnt = {v: analyse(trained.rows, v, most_k=8) for v in ("acc", "acc_int")}
    compared = sum(row["compared"] for made in (deployed, trained) for row in made.rows)
    held = all(row["error"] is None for made in (deployed, trained) for row in made.rows)
    checks.append(("every spike of every deployed cell equals the golden recursion", held, f"{compared:,} compared"))
    lost = [np.mean([r["acc"] - r["acc_int"] for r in made.rows]) for made in (deployed, trained)]
    marginals = replicate(found["acc"], seconds, checks)
    chance = of_control(shuffled.rows, checks)
    parts = [
        f"## Reservoirs, {len(found['acc'].cells)} cells of {GRID.seeds} seeds, float\n",
        marginals,
        "\nAll forms, unweighted, by BIC; bold: chosen by the rule. `K > 16` is the RMSE there of a fit to the other",
        "cells; `no N` that of levels of N predicted by fits to the others, and so on.\n",
        forms_of(found["acc"]),
        f"\nChosen: {chosen_of(found['acc'])}, 95 % bootstrap intervals.\n",
        shares_of(found["acc"]),
        "\nThe same for kappa = (A - 1/K)/(1 - 1/K), where chance is taken out:\n",
        forms_of(kappa["acc"]),
        f"\nChosen: {chosen_of(kappa['acc'])}.\n",
        shares_of(kappa["acc"]),
        f"\n## Reservoirs deployed on {TARGET}\n",
        f"Deployed minus float accuracy, mean over all cells: {-lost[0]:+.4f}. Parameters of {LOGISTIC_POWER}, 95 % "
        "intervals:\n",
        beside(side_by_side(deployed.rows, found, ("acc", "acc_int"))),
        f"\nChosen for the deployed accuracy: {chosen_of(found['acc_int'])}; for its kappa: "
        f"{chosen_of(kappa['acc_int'])}.",
        "\nCosts, a N^b S^c K^d in logarithms:\n",
        cost_laws(costs(deployed)),
        f"\n## Trained networks, {len(learnt['acc'].cells)} cells of {TRAINED.seeds} seeds\n",
        f"Deployed minus float accuracy, mean over all cells: {-lost[1]:+.4f}.\n",
        beside(side_by_side(trained.rows, learnt, ("acc", "acc_int"))),
        "\nFloat accuracy, all forms:\n",
        forms_of(learnt["acc"]),
        f"\nChosen: {chosen_of(learnt['acc'])}; deployed: {chosen_of(learnt['acc_int'])}.\n",
        shares_of(learnt["acc"]),
        "\n",
        cost_laws(costs(trained)),
        "\n## Proposers against lines and polynomials\n",
        f"Searched on the cells up to K = {found['acc'].split:g}, judged on all, float accuracy of reservoirs:\n",
        of_proposers(found["acc"]),
        "\n## The smallest network\n",
        of_size(deployed, 10),
        "\n## Control: shuffled labels\n",
        chance,
        "\n## Checks\n",
        table(("check", "holds", "found"), [(what, "yes" if ok else "**no**", how) for what, ok, how in checks]),
    ]
    return "\n".join(parts)


def note(name: str) -> Any:
    """Progress on standard error, now and then."""

    def told(done: int, total: int) -> None:
        if done % 50 == 0 or done == total:
            print(f"{name}: {done} of {total} cells", file=sys.stderr, flush=True)

    return told


def main() -> None:
    """Print the tables, or write them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="where the sweeps stay; default: a temporary one")
    parser.add_argument("--cluster", help="as of `neurodeploy scaling sweep`, for all but the timed sweep")
    parser.add_argument("--page", action="store_true", help="write docs/scaling.md")
    options = parser.parse_args()
    checks: Checks = []
    with tempfile.TemporaryDirectory() as temporary:
        found = figures(options.folder or Path(temporary), options.cluster, checks)
    print(found)
    if options.page:
        text = PAGE.read_text(encoding="utf-8")
        new = re.sub(
            f"{re.escape(START)}.*{re.escape(END)}", lambda _: f"{START}\n\n{found}\n\n{END}", text, flags=re.S
        )
        PAGE.write_text(new, encoding="utf-8")
    if not all(ok for _, ok, _ in checks):
        sys.exit(1)


if __name__ == "__main__":
    main()
