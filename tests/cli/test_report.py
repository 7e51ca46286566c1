"""``neurodeploy report``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from commandline import Cli

FILES = ["report.html", "report.json", "layers.csv", "cores.csv"]


def test_one_program(cli: Cli, work: Path) -> None:
    outcome = cli("report", "program.ndp", "--input", "data.npz", "--model", "model.nir", "-o", "report.html", "--json")
    assert outcome.code == 0, outcome.err
    facts = outcome.json
    assert facts["files"] == FILES and all((work / name).stat().st_size for name in FILES)
    assert facts["fits"] is True and facts["samples"] == 5
    assert facts["float_accuracy"] is not None
    plain = cli("report", "program.ndp", "--input", "data.npz", "-o", "report.html")
    assert plain.code == 0 and "estimates: energy" in plain.out
    assert all(f"written: {name}" in plain.out for name in FILES)
    text = (work / "report.html").read_text(encoding="utf-8")
    assert "neurodeploy report program.ndp --input data.npz -o report.html" in text
    assert str(work) not in text


def test_other_constants(cli: Cli, work: Path) -> None:
    common = ("report", "program.ndp", "--input", "data.npz")
    assert cli(*common, "-o", "own.html", "--json").code == 0
    outcome = cli(*common, "--energy-profile", "max-affine", "-o", "other.html", "--json")
    assert outcome.code == 0, outcome.err
    own, other = (json.loads((work / f"{name}.json").read_text()) for name in ("own", "other"))
    assert own["costs"]["profile"] != other["costs"]["profile"]
    assert own["layers"][0]["syn_ops"] == other["layers"][0]["syn_ops"]
    assert "--energy-profile max-affine -o report.html" in (work / "other.html").read_text(encoding="utf-8")


def test_two_programs(cli: Cli, work: Path) -> None:
    assert cli("compile", "model.nir", "--target", "loihi1", "-o", "other.ndp").code == 0
    arguments = ("report", "--compare", "program.ndp", "other.ndp", "--input", "data.npz", "-o", "both.html")
    outcome = cli(*arguments, "--json")
    assert outcome.code == 0, outcome.err
    assert outcome.json["files"] == ["both.html", "both.json"]
    assert {"quantity": "target", "first": "Intel Loihi 2", "second": "Intel Loihi 1"} in outcome.json["differences"]
    assert "what differs" in cli(*arguments).out


@pytest.mark.parametrize(
    "arguments, said",
    [
        (("program.ndp", "program.ndp", "-o", "x.html"), "2 programs: give one program, or two with --compare"),
        (("--compare", "program.ndp", "-o", "x.html"), "1 programs: give two programs after --compare"),
        (("--compare", "program.ndp", "program.ndp", "--model", "model.nir", "-o", "x.html"), "--model goes with one"),
        (("program.ndp", "-o", "x.pdf"), "a report is an HTML page"),
        (("program.ndp", "-o", "absent/x.html"), "there is no folder"),
        (("absent.ndp", "-o", "x.html"), "no such file"),
        (("program.ndp", "--model", "absent.nir", "-o", "x.html"), "absent.nir"),
    ],
)
def test_mistakes(cli: Cli, work: Path, arguments: tuple[str, ...], said: str) -> None:
    before = sorted(p.name for p in work.iterdir())
    outcome = cli("report", *arguments, "--input", "data.npz")
    assert outcome.code != 0 and said in outcome.err, outcome.err
    assert sorted(p.name for p in work.iterdir()) == before


def test_another_model_than_the_one_compiled(cli: Cli, work: Path) -> None:
    outcome = cli("report", "program.ndp", "--input", "data.npz", "--model", "vague.nir", "-o", "x.html")
    assert outcome.code == 3 and "their sha256 differ" in outcome.err and "model.nir" in outcome.err


def test_without_the_extra(cli: Cli, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = sys.modules["neurodeploy.report"]  # nd.report is the function
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    outcome = cli("report", "program.ndp", "--input", "data.npz", "-o", "x.html")
    assert outcome.code == 9
    assert "pip install 'neurodeploy-snn[report]'" in outcome.err
    assert not (work / "x.html").exists()
