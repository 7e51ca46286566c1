"""A study of scaling as a page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neurodeploy.report.study import (
    Axis,
    Bar,
    Bars,
    Chart,
    Column,
    Curves,
    Study,
    StudySection,
    StudyTable,
    curves_of,
    versions_of,
    write_study,
)
from neurodeploy.scaling.cells import FACTORS
from neurodeploy.scaling.forms import LOGISTIC_POWER
from neurodeploy.scaling.table import Table

NAMES = {"N": "hidden neurons N", "S": "input channels S", "K": "categories K"}
UNITS = {"energy_j": "J", "latency_s": "s"}


def page_of(table: Table, facts: Mapping[str, Any], command: str) -> Study:
    """What :func:`neurodeploy.scaling.study.study` found, as a page.

    Args:
        table: Of the sweep.
        facts: Found in it.
        command: What makes the page again.
    """
    protocol = table.protocol
    where = f" and on {protocol.target}" if protocol.target else ""
    sections = [_analysis(name, found) for name, found in facts["analyses"].items()]
    if len(facts["side_by_side"]) > 1:
        sections.append(_beside(facts["side_by_side"]))
    if facts["costs"]:
        sections.append(_costs(table, facts["costs"]))
    sections += [_contest(facts["contest"]), _chance(facts["control"], protocol.shuffled)]
    found = facts["analyses"]["acc"]
    return Study(
        "Laws of scale",
        f"How accuracy and cost of {protocol.network} networks depend on N, S and K, in float{where}.",
        [
            f"{found['cells']} cells of {protocol.seeds} seeds; {protocol.n_per_class} samples per class for any K. "
            f"Float accuracy is described best by {found['chosen']}, of which N explains "
            f"{found['shares']['N']['shapley']:.0%}, S {found['shares']['S']['shapley']:.0%} and K "
            f"{found['shares']['K']['shapley']:.0%} of the variance.",
            facts["note"],
            f"Table: SHA-256 {table.sha256}.",
        ],
        sections,
        command,
        tuple(range(protocol.seeds)),
        versions_of("scipy"),
    )


def write_page(table: Table, facts: Mapping[str, Any], out: Path, command: str) -> list[str]:
    """Write the page, its numbers as JSON and its tables as CSV; the paths.

    Raises:
        MissingDependency: The extra ``report`` is not installed.
        UnwritableFile: A file cannot be written.
    """
    return write_study(page_of(table, facts, command), out)


def _analysis(name: str, found: Mapping[str, Any]) -> StudySection:
    forms = StudyTable(
        f"Forms fitted to {name}",
        [
            Column("form"),
            Column("k", "parameters"),
            Column("aicc", "AICc"),
            Column("bic", "BIC"),
            Column("rmse", "RMSE"),
            Column("extrapolation", f"RMSE beyond K = {found['split_k']:g}"),
            *(Column(f"left_out_{f}", f"RMSE, a level of {f} left out") for f in FACTORS),
            Column("r2", "R2"),
        ],
        [{**row, "form": row["form"] + " (chosen)" * row["chosen"]} for row in found["forms"]],
        "All forms, lowest BIC first. Chosen is the lowest BIC of those that extrapolate at most 1.1 times worse than "
        "the best.",
    )
    parameters = StudyTable(
        f"Parameters of {name}",
        [Column("parameter"), Column("value", low="low", high="high")],
        [{"parameter": p, **values} for p, values in found["parameters"].items()],
        f"{found['expression']}; 95 % bootstrap intervals over cells.",
    )
    shares = StudyTable(
        f"Contributions to {name}",
        [
            Column("factor"),
            Column("shapley", "Shapley share of R2", "%"),
            Column("partial_r2", "partial R2", "%"),
            Column("alone_r2", "R2 alone", "%"),
        ],
        [{"factor": f, **values} for f, values in found["shares"].items()],
    )
    return StudySection(
        f"Laws of {name}",
        [f"Chosen: {found['chosen']}."],
        [forms, parameters, shares],
        [_marginals(name, found["marginals"])],
    )


def _marginals(name: str, found: Mapping[str, Mapping[str, float]]) -> Chart:
    rows = [{"by": NAMES[f], "x": float(x), "y": y} for f in FACTORS for x, y in found[f].items()]
    return Curves(
        f"Marginal means of {name}",
        "Mean over all cells with this level of a factor.",
        Axis("level", log=True),
        Axis(name),
        curves_of(rows, x="x", y="y", by="by"),
    )


def _beside(rows: list[dict[str, Any]]) -> StudySection:
    names = {"a": "a", "b (K)": "exponent of K", "c (N)": "exponent of N", "d (S)": "exponent of S"}
    lines = [
        {"value": row["value"], "r2": row["r2"]}
        | {n: row[n] for n in names}
        | {f"{n} {end}": row[f"{n} interval"][k] for n in names for k, end in enumerate(("low", "high"))}
        for row in rows
    ]
    columns = [Column(n, title, low=f"{n} low", high=f"{n} high") for n, title in names.items()]
    table = StudyTable(
        "Float beside deployed",
        [Column("value", "accuracy"), *columns, Column("r2", "R2")],
        lines,
        "95 % bootstrap intervals over cells.",
    )
    bars = [
        Bar(f"{title}, {line['value']}", line[n], line[f"{n} low"], line[f"{n} high"])
        for n, title in names.items()
        if n != "a"
        for line in lines
    ]
    chart = Bars("Exponents, float and deployed", "95 % intervals.", Axis("exponent"), bars)
    return StudySection(
        "Float beside deployed", [f"Parameters of {LOGISTIC_POWER}, fitted to each accuracy."], [table], [chart]
    )


def _costs(table: Table, laws: list[dict[str, Any]]) -> StudySection:
    lines = [
        {"value": law["value"], "factor": law["factor"], "r2": law["r2"]}
        | {f: law.get(f"exponent_{f}") for f in FACTORS}
        | {
            f"{f} {end}": law.get(f"interval_{f}", (None, None))[k]
            for f in FACTORS
            for k, end in ((0, "low"), (1, "high"))
        }
        for law in laws
    ]
    columns = [Column(f, f"exponent of {f}", low=f"{f} low", high=f"{f} high") for f in FACTORS]
    charts: list[Chart] = []
    for value, unit in UNITS.items():
        means = _means(table, value)
        charts.append(
            Curves(
                f"{'Energy' if value == 'energy_j' else 'Latency'} of an inference",
                f"Means over seeds and S on {table.protocol.target}; one line for each N.",
                Axis("categories K", log=True),
                Axis("per inference", unit, log=True),
                curves_of(means, x="K", y=value, by="N"),
            )
        )
    return StudySection(
        f"What it costs on {table.protocol.target}",
        ["Power laws a N^b S^c K^d, fitted in logarithms. Energy and latency are estimates."],
        [
            StudyTable(
                "Laws of cost", [Column("value", "cost"), Column("factor", "a"), *columns, Column("r2", "R2")], lines
            )
        ],
        charts,
    )


def _means(table: Table, value: str) -> list[dict[str, Any]]:
    groups: dict[tuple[int, int], list[float]] = {}
    for row in table.rows:
        groups.setdefault((row["N"], row["K"]), []).append(row[value])
    return [{"N": f"N = {n}", "K": k, value: sum(found) / len(found)} for (n, k), found in groups.items()]


def _contest(found: Mapping[str, Any]) -> StudySection:
    columns = [
        Column("entry", "from"),
        Column("expression"),
        Column("k", "parameters"),
        Column("bic", "BIC"),
        Column("rmse", "RMSE"),
        Column("extrapolation", "RMSE beyond the split"),
        Column("r2", "R2"),
    ]
    front = [Column("nodes"), Column("cv_rmse", "cross-validated RMSE"), Column("bic", "BIC"), Column("expression")]
    return StudySection(
        "Proposer against linear against polynomial",
        [
            f"{found['tried']} expressions were proposed, {len(found['refused'])} of them refused. The proposer saw "
            "the cells up to the split; the best by BIC there were then judged on all."
        ],
        [
            StudyTable("Entries", columns, found["rows"]),
            StudyTable("Size against error", front, found["front"], "No other proposal is both smaller and better."),
        ],
    )


def _chance(rows: list[dict[str, Any]], shuffled: bool) -> StudySection:
    text = "Labels were shuffled: this is the control." if shuffled else "How far above guessing the networks are."
    return StudySection(
        "Chance",
        [text],
        [
            StudyTable(
                "Accuracy and chance",
                [
                    Column("K"),
                    Column("acc", "accuracy", "%"),
                    Column("chance", "1/K", "%"),
                    Column("n_test", "test samples"),
                    Column("sigmas", "sigma from chance"),
                ],
                rows,
            )
        ],
    )
