"""The study of a fault sweep: what its rows say, as a page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from neurodeploy.faults import parse
from neurodeploy.report.study import Axis, Column, Curves, Study, StudySection, StudyTable, curves_of
from neurodeploy.robustness import Demand, summarise, yields
from neurodeploy.robustness.cell import FAULT_FREE, Row

Line = dict[str, Any]
TRUST = (
    "The intervals are over the seeds of the faults: they say what other chips with such faults would do with this "
    "trained network on these samples, and nothing about other trainings or other samples. Spikes and accuracy are "
    "simulated bit for bit; the faults are models of faults, not measured on silicon."
)
HOW = {"exact": "Clopper and Pearson's exact interval", "wilson": "Wilson's interval"}


def fault_study(rows: Sequence[Row], *, command: str, demand: Demand | None = None, method: str = "exact") -> Study:
    """What a sweep found, as a study.

    Args:
        rows: Of :func:`neurodeploy.robustness.sweep`.
        command: That made them.
        demand: What makes a chip good, for a chapter on yields.
        method: Of the yields' intervals.
    """
    lines = [_named(line) for line in summarise(rows)]
    sections = [_accuracy(lines), _activity(lines)]
    if demand is not None:
        good = [_named(line) for line in yields(rows, demand, method=method)]
        sections.insert(0, _yield(good, demand, method))
    models, targets = (", ".join(dict.fromkeys(line[name] for line in lines)) for name in ("model", "target"))
    return Study(
        title="Accuracy on degraded chips" if demand is None else "Yield of degraded chips",
        subtitle=f"What do faults in the integers of {models} on {targets} leave of the accuracy?",
        lead=[_verdict(lines), TRUST],
        sections=sections,
        command=command,
        seeds=sorted({row["seed"] for row in rows}),
    )


def _named(line: Line) -> Line:
    """With faults and severity as one text for the head of a row."""
    known = line["fault"] == FAULT_FREE
    return line | {"chip": FAULT_FREE if known else ",".join(map(str, parse(line["fault"], line["severity"])))}


def _verdict(lines: Sequence[Line]) -> str:
    """How many settings cost accuracy, by their intervals."""
    drawn = [line for line in lines if line["difference_low"] is not None]
    costs = sum(line["difference_high"] < 0 for line in drawn)
    gains = sum(line["difference_low"] > 0 for line in drawn)
    words = [
        f"Of {len(drawn)} settings (model, fault, severity) with several seeds, {costs} cost accuracy (the 95 % "
        f"interval of the paired difference lies below 0), {gains} gain, and {len(drawn) - costs - gains} cannot be "
        "told from no effect."
    ]
    if drawn:
        worst = min(drawn, key=lambda line: line["difference"])
        words.append(
            f"The largest mean loss is {-100 * worst['difference']:.1f} points, of {worst['model']} with "
            f"{worst['chip']}."
        )
    return " ".join(words)


def _accuracy(lines: Sequence[Line]) -> StudySection:
    table = StudyTable(
        "Accuracy",
        (
            Column("chip", "fault"),
            Column("model"),
            Column("seeds"),
            Column("accuracy", unit="%", low="accuracy_low", high="accuracy_high"),
            Column("difference", "less no faults", "%", "difference_low", "difference_high"),
            Column("accuracy_min", "worst seed", "%"),
            Column("changed", "parts changed"),
            Column("parts", "of"),
        ),
        lines,
        "Student's t intervals (95 %) over seeds; none where nothing is drawn. Differences are paired, seed by seed, "
        "on the same samples. Parts are weights, neurons, thresholds, delays or channels, by the fault.",
    )
    charts = [
        Curves(
            fault,
            "Mean accuracy over seeds with 95 % intervals.",
            Axis("severity"),
            Axis("accuracy", "%"),
            curves_of(group, x="severity", y="accuracy", by="model", low="accuracy_low", high="accuracy_high")[:8],
        )
        for fault, group in _by_fault(lines)
    ]
    healthy = [f"{line['model']} {100 * line['accuracy']:.2f} %" for line in lines if line["fault"] == FAULT_FREE]
    return StudySection("Accuracy", [f"Without faults: {', '.join(healthy)}."], [table], charts)


def _activity(lines: Sequence[Line]) -> StudySection:
    columns = (
        Column("chip", "fault"),
        Column("model"),
        Column("spikes", "spikes per inference"),
        Column("synops", "SynOps per inference"),
        Column("rate", "spikes per neuron and step"),
    )
    text = "Means over seeds; dynamic energy follows them."
    return StudySection("Spikes", [text], [StudyTable("Activity", columns, lines)])


def _yield(lines: Sequence[Line], demand: Demand, method: str) -> StudySection:
    wanted = (
        f"its accuracy is at least {100 * demand.accuracy:g} %"
        if demand.accuracy is not None
        else f"it loses at most {100 * (demand.drop or 0):g} points"
    )
    table = StudyTable(
        "Yield",
        (
            Column("chip", "fault"),
            Column("model"),
            Column("good"),
            Column("chips"),
            Column("yield", unit="%", low="yield_low", high="yield_high"),
            Column("accuracy", "mean accuracy", "%"),
            Column("accuracy_min", "worst chip", "%"),
        ),
        lines,
        f"{HOW[method]} (95 %); none for a single chip.",
    )
    charts = [
        Curves(
            f"Yield: {fault}",
            f"Share of chips with {HOW[method]}.",
            Axis("severity"),
            Axis("yield", "%"),
            curves_of(group, x="severity", y="yield", by="model", low="yield_low", high="yield_high")[:8],
        )
        for fault, group in _by_fault(lines)
    ]
    return StudySection("Yield", [f"A chip is good where {wanted}."], [table], charts)


def _by_fault(lines: Sequence[Line]) -> list[tuple[str, list[Line]]]:
    """Lines of each fault that was taken at several severities."""
    groups: dict[str, list[Line]] = {}
    for line in lines:
        if line["severity"] is not None:
            groups.setdefault(line["fault"], []).append(line)
    return [(f, g) for f, g in groups.items() if len({line["severity"] for line in g}) > 1]
