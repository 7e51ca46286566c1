"""The page of rules is what the constraints and the targets say."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

from neurodeploy.mapping import constraints

ROOT = Path(__file__).resolve().parents[2]


def made(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["mapping_rules.py", *arguments])
    with pytest.raises(SystemExit) as leaving:
        runpy.run_path(str(ROOT / "tools" / "mapping_rules.py"), run_name="__main__")
    return int(leaving.value.code or 0)


def test_the_page_is_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    assert made(monkeypatch, "--check") == 0


def test_another_rule_makes_it_stale(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(constraints.neurons, "__doc__", "At most {limit} something else.")
    assert made(monkeypatch, "--check") == 1
    assert "out of date: run python tools/mapping_rules.py" in capsys.readouterr().err


def test_the_page_of_core_counts_is_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["published.py", "--check"])
    monkeypatch.setattr(sys, "path", [*sys.path])
    with pytest.raises(SystemExit) as leaving:
        runpy.run_path(str(ROOT / "tools" / "mapping_bench" / "published.py"), run_name="__main__")
    assert not leaving.value.code
