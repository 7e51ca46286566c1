"""``neurodeploy verify``: two engines, every value."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commandline import Cli

from neurodeploy import verify as verify_module
from neurodeploy.export.lava import LavaOutcome
from neurodeploy.simulate.plan import Plan
from neurodeploy.simulate.reference import run_reference

run_module = importlib.import_module("neurodeploy.simulate.run")  # `neurodeploy.simulate` is also a function
VERIFY = ("verify", "program.ndp", "--input", "data.npz")


def test_equal(cli: Cli, work: Path) -> None:
    result = cli(*VERIFY, "--against", "reference", "--json")
    facts = result.json
    assert (result.code, result.err) == (0, "")
    assert (facts["equal"], facts["first_divergence"], facts["samples"], facts["steps"]) == (True, None, 5, 12)
    assert [(row["population"], row["register"], row["matched"], row["mismatched"]) for row in facts["registers"]] == [
        (name, register, 5 * 12 * size, 0) for name, size in (("hidden", 8), ("out", 3)) for register in "uvs"
    ]
    text = cli(*VERIFY, "--against", "reference")
    assert text.code == 0 and "equal: all 1,980 values of 5 samples and 12 steps" in text.out


def test_only_some_samples(cli: Cli, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify_module, "PART_BYTES", 1)  # one sample at a time
    facts = cli(*VERIFY, "--against", "reference", "--samples", 3, "--json").json
    assert facts["samples"] == 3 and facts["registers"][0]["matched"] == 3 * 12 * 8


def planted(change: Callable[[Any], None]) -> Callable[[Plan], Any]:
    def run(plan: Plan) -> Any:
        outcome = run_reference(plan)
        if plan.registers:
            change(outcome)
        return outcome

    return run


def two_mistakes(outcome: Any) -> None:
    outcome.states["out"]["v"][1, 6, 2] += 5
    outcome.states["hidden"]["v"][1, 7, 0] += 1
    outcome.spikes["hidden"][4, 2, 3] ^= 1


def test_the_first_divergence(cli: Cli, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_module, "run_reference", planted(two_mistakes))
    result = cli(*VERIFY, "--against", "reference", "--json")
    assert result.code == 8 and result.err == ""
    facts = result.json
    assert (facts["error"], facts["equal"], facts["exit_code"]) == ("EnginesDiffer", False, 8)
    first = facts["first_divergence"]
    assert first["expected"] - first.pop("found") == 5
    del first["expected"]
    assert first == {"sample": 1, "step": 7, "population": "out", "neuron": 2, "register": "v"}
    wrong = {(row["population"], row["register"]): row["mismatched"] for row in facts["registers"]}
    assert {key: count for key, count in wrong.items() if count} == {
        ("hidden", "v"): 1,
        ("hidden", "s"): 1,
        ("out", "v"): 1,
    }
    text = cli(*VERIFY, "--against", "reference")
    assert text.code == 8 and "mismatched" in text.out and "equal:" not in text.out
    assert "differ in 3 values; first in sample 1, step 7, population 'out', neuron 2, register v: fast " in text.err


def test_the_first_divergence_of_a_later_part(cli: Cli, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify_module, "PART_BYTES", 2 * 60 * 12 * 11)
    parts: list[int] = []

    def second_only(outcome: Any) -> None:
        parts.append(len(outcome.spikes["out"]))
        if len(parts) > 1:
            outcome.spikes["out"][0, 0, 1] ^= 1

    monkeypatch.setattr(run_module, "run_reference", planted(second_only))
    facts = cli(*VERIFY, "--against", "reference", "--json").json
    assert parts == [2, 2, 1] and facts["first_divergence"]["sample"] == 2


@pytest.fixture
def fake_lava(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Callable[[Any], None]], Path]:
    """Puts the reference in Lava's place, with a change of its results."""

    def install(change: Callable[[Any], None]) -> Path:
        def run(plan: Plan, *, python: Path, timeout_s: float) -> LavaOutcome:
            assert python == tmp_path / "python" and timeout_s == 7
            outcome = planted(change)(plan)
            return LavaOutcome(outcome.spikes, outcome.states)

        monkeypatch.setattr(verify_module, "run_lava", run)
        (tmp_path / "python").touch()
        return tmp_path / "python"

    return install


def test_against_lava(cli: Cli, work: Path, fake_lava: Any) -> None:
    python = fake_lava(lambda outcome: None)
    facts = cli(*VERIFY, "--against", "lava", "--lava-python", python, "--lava-timeout", 7, "--json").json
    assert facts["equal"] and facts["against"] == "lava"
    fake_lava(two_mistakes)
    assert cli(*VERIFY, "--against", "lava", "--lava-python", python, "--lava-timeout", 7).code == 8


def test_run_on_lava_is_a_run_that_was_compared(cli: Cli, work: Path, fake_lava: Any) -> None:
    run = ("run", "program.ndp", "--input", "data.npz", "--steps", 9, "--json")
    lava = (*run, "--engine", "lava", "--lava-python", fake_lava(lambda outcome: None), "--lava-timeout", 7)
    found, expected = cli(*lava, "-o", "lava.npz").json, cli(*run, "-o", "fast.npz").json
    assert found["engine"] == "lava" and found["populations"] == expected["populations"]
    with np.load("lava.npz") as a, np.load("fast.npz") as b:
        assert a.files == b.files and all(np.array_equal(a[name], b[name]) for name in a.files)
    fake_lava(two_mistakes)
    Path("lava.npz").unlink()
    result = cli(*lava, "-o", "lava.npz")
    assert result.code == 8 and result.json["error"] == "EnginesDiffer" and not Path("lava.npz").exists()


def test_no_fast_engine_is_nothing_to_verify(cli: Cli, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    simulate = verify_module.simulate
    monkeypatch.setattr(verify_module, "simulate", lambda *a, **k: replace(simulate(*a, **k), engine="reference"))
    result = cli(*VERIFY, "--against", "reference")
    assert result.code == 8 and "fast engine is not available" in result.err and "neurodeploy doctor" in result.err


def test_usage(cli: Cli, work: Path) -> None:
    assert cli(*VERIFY).code == 2
    result = cli(*VERIFY, "--against", "lva")
    assert result.code == 2 and "did you mean 'lava'" in result.err
