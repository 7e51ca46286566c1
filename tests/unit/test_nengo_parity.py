"""Our count of Loihi 1's resources is nengo-loihi's: its lines, as tools/mapping_bench/parity.py has stored them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from nengo_cases import CASES, GOLDEN, compare

STORED: dict[str, Any] = json.loads(GOLDEN.read_text(encoding="utf-8"))


def test_the_golden_file_is_of_these_cases() -> None:
    assert STORED["nengo-loihi"] == "1.1.0"
    assert {name: outcome["case"] for name, outcome in STORED["cases"].items()} == CASES


@pytest.mark.parametrize("name", CASES)
def test_every_core_is_counted_as_nengo_loihi_counts_it(name: str) -> None:
    outcome = STORED["cases"][name]
    compared = compare(CASES[name], outcome)
    assert not compared.differences
    assert compared.cores <= len(outcome["blocks"])


def test_a_wrong_count_shows() -> None:
    name = "784-512-256-10"
    outcome = json.loads(json.dumps(STORED["cases"][name]))
    assert len(outcome["blocks"]) == 7
    outcome["blocks"][2]["used"]["synapses"] += 64
    outcome["summary"][-1] = "Average (7 blocks)"
    assert len(compare(CASES[name], outcome).differences) == 2
