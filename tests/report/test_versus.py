"""Two programs: what is marked, and what is said to be less."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from commandline import strict_json

from neurodeploy.estimate import Band
from neurodeploy.report.evidence import Evidence
from neurodeploy.report.versus import answers, comparison_page, comparison_record, lower
from neurodeploy.report.versus_tables import Both, layers_table, quantities, settings_table, summary_table


@pytest.mark.parametrize(
    "a, b, same, which",
    [
        (Band(1, 1, 9), Band(2, 2, 10), True, 0),  # the same order at both ends
        (Band(2, 2, 10), Band(1, 1, 9), True, 1),
        (Band(1, 1, 9), Band(2, 2, 8), True, None),  # at the high end the other is lower
        (Band(5, 3, 8), Band(6, 2, 9), True, None),  # at the low end
        (Band(1, 1, 9), Band(2, 2, 10), False, None),  # other constants: the ranges overlap
        (Band(1, 1, 1.9), Band(2, 2, 10), False, 0),
        (Band(2, 2, 10), Band(1, 1, 1.9), False, 1),
    ],
)
def test_less_only_if_the_sources_allow_nothing_else(a: Band, b: Band, same: bool, which: int | None) -> None:
    assert lower(a, b, same) == which


def test_a_program_beside_itself_has_no_difference(conv: Evidence) -> None:
    page, facts = comparison_page(conv, conv), comparison_record(conv, conv)
    assert facts["differences"] == []
    assert "<mark>" not in page
    assert page.count("No difference") == 4
    assert "0 rows of this table differ" in page
    assert settings_table(conv, conv).rows == []


def test_every_difference_is_marked(versus: Path) -> None:
    facts = strict_json(versus.with_name("versus.json").read_text(encoding="utf-8"))
    table = re.search(r'<table id="versus">.*?</table>', versus.read_text(encoding="utf-8"), re.S)
    assert table is not None
    rows = re.findall(r'<tr><th scope="row">([^<]*)</th>(.*?)</tr>', table[0], re.S)
    marked = [name for name, rest in rows if rest.count("<mark>") == 2]
    assert marked == [d["quantity"] for d in facts["differences"]]
    assert {"target", "energy with leakage (estimate)", "time (estimate)"} <= set(marked)
    assert {name for name, rest in rows if "<mark>" not in rest} >= {"neurons", "synapses", "steps"}
    assert facts["first"]["target"]["name"] == "loihi1" and facts["second"]["target"]["name"] == "loihi2"
    assert sorted(p.name for p in versus.parent.glob("versus*")) == ["versus.html", "versus.json"]


def test_accuracies_within_chance_are_not_ranked(conv: Evidence) -> None:
    better = replace(conv, accuracy=1.0)
    worse = replace(conv, accuracy=11 / 12)
    assert answers(worse, better)[1].short == "Cannot be told"
    hopeless = replace(conv, accuracy=0.1)
    assert answers(hopeless, better)[1].short.startswith("B: ")
    assert answers(better, hopeless)[1].short.startswith("A: ")
    assert answers(better, replace(conv, accuracy=None))[1].short == "Not known"


def test_changes_in_words() -> None:
    def change(x: object, y: object) -> str:
        return Both("n", x, y, str).change

    assert change(1, 1) == "equal"
    assert change("a", "b") == change(None, 1.0) == "differs"
    assert change(100, 104) == "+4.0 %"
    assert change(100, 60) == "-40.0 %"
    assert change(2, 1) == "× 0.5"
    assert change(0, 3) == "+3"


def test_shares_change_by_points(conv: Evidence) -> None:
    both = {q.name: q for q in quantities(conv, replace(conv, accuracy=0.5))}
    assert conv.accuracy is not None
    assert both["accuracy on the chip"].change == f"{100 * (0.5 - conv.accuracy):+.2f} points"
    assert both["cores"].change == "equal"


def test_layers_of_one_only_are_shown(conv: Evidence) -> None:
    fewer = replace(conv.costs, layers=conv.costs.layers[:2])
    table = layers_table(conv, replace(conv, costs=fewer))
    assert [row[0] for row in table.rows] == ["lif1", "lif2", "lif3"]
    assert table.rows[2][1] == "10 / -" and (2, 1) in table.marked
    assert table.rows[0][1] == "768" and (0, 1) not in table.marked
    assert len(summary_table(conv, conv).rows) == 20
