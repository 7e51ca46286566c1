"""Studies: places of their marks, text of their values, and the files beside the page."""

from __future__ import annotations

import csv
import json
import math
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from studies import ROWS, study

from neurodeploy.errors import UnwritableFile
from neurodeploy.report.figures.heat import heat
from neurodeploy.report.figures.intervals import IntervalRow, intervals
from neurodeploy.report.figures.matrix import DARKEST
from neurodeploy.report.figures.points import BOTTOM, LEFT, TOP, Points, points
from neurodeploy.report.figures.scales import Scale, round_scale
from neurodeploy.report.figures.svg import Drawing
from neurodeploy.report.study import (
    Column,
    StudyTable,
    chart_svg,
    curves_of,
    idents,
    markdown_table,
    study_page,
    to_json,
    versions_of,
    write_study,
)


def drawn(drawing: Drawing) -> str:
    return str(drawing.render("x", "a title", "a description"))


def values(text: str, kind: str, attribute: str) -> list[float]:
    found = re.findall(rf'<[a-z]+ ([^>]*class="{kind}"[^>]*)>', text)
    return [float(re.search(rf'\b{attribute}="([^"]*)"', f)[1]) for f in found]  # type: ignore[index]


def test_points_sit_at_their_values() -> None:
    group = Points("one", "c0", [(0, 0.5, 0.25, 1.0), (10, 1.0, 1.0, 1.0)])
    text = drawn(points([group], ("x", False, str), ("y", False, str)))
    x, y = Scale(0, 10, LEFT + 8, 388), Scale(0, 1, BOTTOM - 6, TOP + 6)
    assert values(text, "c0", "cx") == pytest.approx([x(0), x(10)], abs=0.01)
    assert values(text, "c0", "cy") == pytest.approx([y(0.5), y(1)], abs=0.01)
    line, whisker = re.findall(r'<path d="([^"]*)" class="line c0"', text)
    assert line == f"M{x(0):g} {y(0.5):g}L{x(10):g} {y(1):g}"
    assert whisker.startswith(f"M{x(0):g} {y(0.25):g}V{y(1):g}")  # none at the second, whose ends are equal
    cloud = drawn(points([replace(group, joined=False)], ("x", False, str), ("y", False, str)))
    assert line not in cloud and whisker in cloud


def test_an_axis_starts_at_zero_unless_values_are_far_from_it() -> None:
    def ticks(*ys: float) -> list[str]:
        group = Points("g", "c0", [(k, y, y, y) for k, y in enumerate(ys)])
        text = drawn(points([group], ("x", False, lambda v: ""), ("y", False, lambda v: f"[{v:g}]")))
        return re.findall(r">\[([^]]*)\]</text>", text)

    assert ticks(1, 10)[0] == "0" and ticks(-10, -1)[-1] == "0"
    assert float(ticks(0.95, 0.99)[0]) >= 0.9
    assert ticks(3, 3)  # a single value has an axis too


@pytest.mark.parametrize("low, high", [(-0.03, 0.025), (0.951, 0.983), (0, 7), (-5, -1), (2, 2), (0, 0)])
def test_round_scales_hold_their_values(low: float, high: float) -> None:
    scale = round_scale(low, high, 0, 100)
    assert scale.low <= low <= high <= scale.high and scale.low < scale.high
    assert all(scale.low - 1e-9 <= t <= scale.high + 1e-9 for t in scale.ticks(5))


def test_bars_run_from_zero_to_either_side() -> None:
    text = drawn(intervals([IntervalRow("a", -1.0, -2.0, -0.5), IntervalRow("b", 4.0)], str))
    scale = Scale(-2, 4, 8, 392)
    assert values(text, "c0", "x") == pytest.approx([scale(-1), scale(0)], abs=0.01)
    assert values(text, "c0", "width") == pytest.approx([64, 256], abs=0.01)
    assert values(text, "mark", "x1")[0] == pytest.approx(scale(-2), abs=0.01)
    assert values(text, "mark", "x2")[0] == pytest.approx(scale(-0.5), abs=0.01)
    assert len(values(text, "mark", "x1")) == 3


def test_shades_run_from_the_smallest_to_the_largest() -> None:
    text = drawn(heat([[2.0, 4.0], [3.0, None]], ["a", "b"], ["0", "1"], str, ""))
    shades = [0.03 + DARKEST * s for s in (0, 1, 0.5, 0)]
    assert values(text, "heat", "fill-opacity") == pytest.approx(shades, abs=0.006)
    assert "b, 1: -" in text and "a, 1: 4.0" in text


def test_values_as_text() -> None:
    table = study().sections[0].tables[0]
    assert markdown_table(table).splitlines() == [
        "| code | latency (steps) | accuracy | energy (estimate) | exact |",
        "| --- | ---: | ---: | ---: | --- |",
        "| rate | 16 | 95.10 % (94.00 % to 96.20 %) | 2.5 µJ | no |",
        "| rate | 8 | 93.00 % (91.00 % to 95.00 %) | 1.5 µJ | no |",
        "| <b>& | 24 | 98.30 % (98.30 % to 98.30 %) | 400 nJ | yes |",
        "| ttfs | 194 | - | - | yes |",
    ]
    bar = StudyTable("t", [Column("a|b")], [{"a|b": "c|d"}])
    assert "c\\|d" in markdown_table(bar)


def test_curves_are_grouped_and_sorted() -> None:
    curves = curves_of(ROWS, x="steps", y="accuracy", by="code", low="low", high="high")
    assert [c.name for c in curves] == ["rate", "<b>&", "ttfs"]
    assert curves[0].x == [8, 16] and curves[0].y == [0.93, 0.951] and curves[0].high == [0.95, 0.962]
    assert curves[2].y == [None]


def test_files_hold_the_numbers(tmp_path: Path) -> None:
    paths = write_study(study(), tmp_path / "codes.html")
    names = ["codes.html", "codes.json", "codes.codes.csv", "codes.wide.csv", "codes.codes-2.csv"]
    assert [Path(p).name for p in paths] == names
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(names)
    rows = list(csv.DictReader((tmp_path / "codes.codes.csv").read_text(encoding="utf-8").splitlines()))
    assert [float(row["accuracy"]) for row in rows[:3]] == [0.951, 0.93, 0.983]
    assert rows[0]["low"] == "0.94" and rows[3]["accuracy"] == "" and rows[3]["energy_j"] == ""
    facts = json.loads((tmp_path / "codes.json").read_text(encoding="utf-8"))
    assert facts["seeds"] == [0, 1, 2] and facts["command"].startswith("python tools/")
    assert facts["sections"][0]["tables"][0]["rows"][0]["energy_j"] == 2.5e-6
    assert facts["sections"][0]["tables"][0]["rows"][3]["energy_j"] is None
    assert facts["sections"][0]["charts"][5]["values"][1] == [0.97, None, 0.5]


def test_json_takes_what_numpy_gives() -> None:
    rows = [{"a": np.float64(0.5), "b": np.int64(3), "c": np.array([1, 2]), "d": np.float64(math.inf)}]
    table = StudyTable("t", [Column(k) for k in "abcd"], rows)
    section = replace(study().sections[0], tables=[table], charts=[])
    facts = json.loads(to_json(replace(study(), sections=[section])))
    assert facts["sections"][0]["tables"][0]["rows"] == [{"a": 0.5, "b": 3, "c": [1, 2], "d": None}]


def test_the_page_says_how_it_was_made() -> None:
    page = study_page(study())
    for words in (
        "python tools/some_study.py --page",
        "0, 1, 2",
        "3.11",
        "A second paragraph.",
        "In more than one way.",
    ):
        assert words in page
    assert "<b>" not in page and "&lt;b&gt;&amp;" in page
    assert page == study_page(study())
    assert "Three codes of one network: study" in page


def test_pictures_as_files_of_their_own() -> None:
    for chart in study().sections[0].charts:
        root = ElementTree.fromstring(chart_svg(chart))
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        words = "".join(root.itertext())
        assert chart.title in words and "prefers-color-scheme: dark" in words
    assert "■ two" in chart_svg(study().sections[0].charts[1])


def test_names_of_parts_differ() -> None:
    assert idents(["A b", "a-B", "", "é"]) == ["a-b", "a-b-2", "part", "part-2"]


def test_a_page_is_html(tmp_path: Path) -> None:
    with pytest.raises(UnwritableFile, match="HTML"):
        write_study(study(), tmp_path / "study.txt")
    assert list(tmp_path.iterdir()) == []


def test_versions_are_those_installed() -> None:
    found = versions_of("scipy", "no-such-package")
    assert found["numpy"] == np.__version__ and found["no-such-package"] == "not installed"
    assert {"neurodeploy", "python", "scipy"} <= found.keys()
