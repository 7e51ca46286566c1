"""A study with one of everything."""

from __future__ import annotations

import math
from typing import Any

from neurodeploy.report.study import (
    Axis,
    Bar,
    Bars,
    Column,
    Curve,
    Curves,
    HeatMap,
    Study,
    StudySection,
    StudyTable,
    curves_of,
)

ROWS: list[dict[str, Any]] = [
    {"code": "rate", "steps": 16, "accuracy": 0.951, "low": 0.94, "high": 0.962, "energy_j": 2.5e-6, "exact": False},
    {"code": "rate", "steps": 8, "accuracy": 0.93, "low": 0.91, "high": 0.95, "energy_j": 1.5e-6, "exact": False},
    {"code": "<b>&", "steps": 24, "accuracy": 0.983, "low": 0.983, "high": 0.983, "energy_j": 4e-7, "exact": True},
    {"code": "ttfs", "steps": 194, "accuracy": None, "low": None, "high": None, "energy_j": math.nan, "exact": True},
]
ACCURACY = Axis("accuracy", "%")


def study() -> Study:
    """Charts of each kind, with unknown values, negative ones and names that are no HTML."""
    table = StudyTable(
        "Codes",
        [
            Column("code"),
            Column("steps", "latency", "steps"),
            Column("accuracy", unit="%", low="low", high="high"),
            Column("energy_j", "energy (estimate)", "J"),
            Column("exact"),
        ],
        ROWS,
        "Intervals are made up.",
    )
    wide = StudyTable(
        "Wide", [Column(f"column_{k}") for k in range(20)], [{f"column_{k}": k * 1000 for k in range(20)}]
    )
    known = [row for row in ROWS if row["accuracy"] is not None]
    curves = curves_of(known, x="steps", y="accuracy", by="code", low="low", high="high")
    cloud = [Curve("one", [1, 10, 100], [1e-6, None, 1e-3], joined=False), Curve("two", [5], [2e-5])]
    signed = [Bar("worse", -0.02, -0.03, -0.01), Bar("better", 0.01, -0.005, 0.025), Bar("alone", 0.004)]
    faults = ["50 % weight loss", "bit flips", "dead neurons"]
    values = [[0.97, 0.93, 0.81], [0.97, None, 0.5], [0.97, 0.96, 0.95]]
    charts = [
        Curves("Accuracy over steps", "Lines join settings of one code.", Axis("steps"), ACCURACY, curves),
        Curves("Logarithms", "Both axes.", Axis("size", log=True), Axis("estimate", "J", log=True), cloud),
        Curves("Nothing measured", "Axes without points.", Axis("steps"), ACCURACY, []),
        Bars("Differences", "Against the rule switched off.", Axis("points of accuracy", "%"), signed),
        Bars(
            "Energies (estimate)", "Ranges of the sources.", Axis("energy", "J", log=True), [Bar("a", 2e-6, 1e-6, 9e-6)]
        ),
        HeatMap("Faults", "Accuracy by fault and severity.", faults, ["0", "0.1", "0.5"], values, ACCURACY),
        HeatMap(
            "Many",
            "Numbers do not fit.",
            ["a"],
            [str(k) for k in range(40)],
            [[float(k) for k in range(40)]],
            Axis("n"),
        ),
        Bars("Counts", "Spikes.", Axis("spikes"), [Bar("rate", 1234), Bar("ttfs", 141)]),
    ]
    return Study(
        "Three codes of one network",
        "What does each code cost?",
        ["Simulated; energies are estimates.", "A second paragraph."],
        [
            StudySection("Codes", ["They differ.", "In more than one way."], [table, wide], charts),
            StudySection("Codes", ["The same title again."], [table]),
        ],
        "python tools/some_study.py --page",
        [0, 1, 2],
        {"neurodeploy": "1.0", "python": "3.11"},
    )
