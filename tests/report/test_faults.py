"""The page of a fault sweep: what it says is what the rows say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from neurodeploy.report.faults import fault_study
from neurodeploy.report.study import Curves, study_page, write_study
from neurodeploy.robustness import Demand


def row(model: str, fault: str, severity: float | None, seed: int, correct: int) -> dict[str, Any]:
    head = {"model": model, "target": "loihi2", "program": model, "data": "d", "fault": fault, "severity": severity}
    counts = {"spikes": 10.0, "synops": 100.0, "rate": 0.1, "hit": 3, "changed": 2, "parts": 9}
    return head | counts | {"seed": seed, "samples": 100, "correct": correct, "accuracy": correct / 100}


ROWS = [
    row("<m>", "none", None, 0, 95),
    *(row("<m>", "dead", 0.1, s, c) for s, c in enumerate((95, 96, 94))),
    *(row("<m>", "dead", 0.5, s, c) for s, c in enumerate((50, 52, 54))),
    *(row("<m>", "input_noise", 0.5, s, c) for s, c in enumerate((97, 98, 99))),
    row("<m>", "weight_gain=2", None, 0, 90),
    row("n", "none", None, 0, 80),
    *(row("n", "dead", 0.5, s, c) for s, c in enumerate((70, 71, 72))),
]


def test_the_verdict_counts_settings_by_their_intervals() -> None:
    study = fault_study(ROWS, command="c")
    assert "Of 4 settings" in study.lead[0] and "2 cost accuracy" in study.lead[0]
    assert "1 gain" in study.lead[0] and "1 cannot be told" in study.lead[0]
    assert "43.0 points, of <m> with dead=0.5" in study.lead[0]
    assert list(study.seeds) == [0, 1, 2]


def test_charts_are_of_faults_with_several_severities_a_curve_for_each_model() -> None:
    accuracy, _ = fault_study(ROWS, command="c").sections
    (chart,) = accuracy.charts
    assert isinstance(chart, Curves) and chart.title == "dead"
    assert [(c.name, list(c.x), [round(y or 0, 9) for y in c.y]) for c in chart.curves] == [
        ("<m>", [0.1, 0.5], [0.95, 0.52]),
        ("n", [0.5], [0.71]),
    ]
    assert [r["chip"] for r in accuracy.tables[0].rows] == [
        "none",
        "dead=0.1",
        "dead=0.5",
        "input_noise=0.5",
        "weight_gain=2",
        "none",
        "dead=0.5",
    ]


def test_the_page_and_its_files_hold_the_numbers(tmp_path: Path) -> None:
    study = fault_study(ROWS, command="neurodeploy faults yield <m>", demand=Demand(drop=0.42))
    page = study_page(study)
    assert "neurodeploy faults yield &lt;m&gt;" in page and "<m>" not in page
    assert "loses at most 42 points" in page and "Clopper and Pearson" in page
    assert [s.title for s in study.sections] == ["Yield", "Accuracy", "Spikes"]
    written = write_study(study, tmp_path / "f.html")
    assert {Path(p).name for p in written} == {"f.html", "f.json", "f.yield.csv", "f.accuracy.csv", "f.activity.csv"}
    lines = (tmp_path / "f.yield.csv").read_text().splitlines()
    assert lines[0].startswith("chip,model,good,chips,yield,yield_low,yield_high") and len(lines) == 8
    assert lines[3].startswith("dead=0.5,<m>,1,3,0.333")
