"""``neurodeploy scaling``: sweep, fit, size, report, and what a user may get wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commandline import Cli

from neurodeploy.scaling import write_record

GRID = ("--neurons", "5,10", "--channels", "3,6", "--categories", "2,3,4,6", "--seeds", "1", "--n-per-class", "9")


@pytest.fixture
def folder(cli: Cli, tmp_path: Path) -> Path:
    """A sweep of 16 cells."""
    done = cli("scaling", "sweep", "-o", tmp_path / "sweep", *GRID, "--target", "loihi2", "--json")
    assert done.code == 0 and done.json["cells"] == 16 and done.json["not_deployed"] == 0
    return tmp_path / "sweep"


def test_from_sweep_to_report(cli: Cli, folder: Path, tmp_path: Path) -> None:
    again = cli("scaling", "sweep", "-o", folder, *GRID, "--target", "loihi2")
    assert again.code == 0 and "16" in again.out
    other = cli("scaling", "sweep", "-o", folder, *GRID, "--target", "loihi1")
    assert other.code == 8 and "target = loihi2, not loihi1" in other.err

    fits = cli("scaling", "fit", folder, "--value", "acc", "--split", "4", "--kappa", "--json")
    assert fits.code == 0 and fits.json["split_k"] == 4 and len(fits.json["forms"]) == 13
    assert sum(row["chosen"] for row in fits.json["forms"]) == 1

    size = cli("scaling", "size", folder, "--accuracy", "0.7", "--k", "4", "--s", "6", "--measure", "1", "--json")
    assert size.code == 0 and size.json["cores"]["N"]["cores"] >= 1 and size.json["measured"][0]["seed"] == 1
    assert size.json["N"] and size.json["value"] == "acc_int"
    beyond = cli("scaling", "size", folder, "--accuracy", "0.7", "--k", "8", "--s", "6", "--value", "acc")
    assert beyond.code == 0 and "this extrapolates: K = 8" in beyond.out


def test_a_report_and_its_page(cli: Cli, folder: Path, tmp_path: Path) -> None:
    record = tmp_path / "record.json"
    made = cli(
        "scaling",
        "report",
        folder,
        "--split",
        "4",
        "--weighted",
        "--record",
        record,
        "-o",
        tmp_path / "p.html",
        "--json",
    )
    assert made.code == 0 and set(made.json["analyses"]) == {"acc", "kappa(acc)", "acc_int", "kappa(acc_int)"}
    page = (tmp_path / "p.html").read_text()
    assert "withdrawn" in page and "1/(1 + a K^b N^c S^d)" in page and "<svg" in page and len(made.json["page"]) > 10
    assert all(Path(path).is_file() for path in made.json["page"])
    assert "withdrawn" in made.json["note"] and made.json["contest"]["tried"] == 11
    assert [law["value"] for law in made.json["costs"]] == ["spikes", "synops", "energy_j", "latency_s", "cores"]


def test_a_report_of_few_cells_for_people(cli: Cli, tmp_path: Path) -> None:
    """Six cells of float networks, fewer than the full quadratic's parameters; forms from a record."""
    few = ("--neurons", "5,10", "--channels", "3", "--categories", "2,3,4", "--seeds", "1", "--n-per-class", "9")
    assert cli("scaling", "sweep", "-o", tmp_path / "few", *few).code == 0
    write_record(tmp_path / "record.json", [["p0*K**p1", "K.x"]])
    text = cli("scaling", "report", tmp_path / "few", "--recorded", tmp_path / "record.json")
    assert text.code == 0 and "withdrawn" in text.out and "chosen:" in text.out and "p0*K**p1" in text.out
    assert "not fitted: full quadratic: 10 parameters, and only 6 cells" in text.out


def test_mistakes(cli: Cli, tmp_path: Path) -> None:
    nothing = cli("scaling", "fit", tmp_path, "--json")
    assert nothing.code == 3 and "manifest" in nothing.json["what"]
    assert cli("scaling", "sweep", "-o", tmp_path / "a", "--neurons", "10,10").code == 8
    assert cli("scaling", "sweep", "-o", tmp_path / "a", "--categories", "1,2").code == 8
    assert cli("scaling", "sweep", "-o", tmp_path / "a", "--neurons", "ten").code == 2
    assert cli("scaling", "sweep", "-o", tmp_path / "a", "--network", "reservior").code == 2
    assert cli("scaling", "sweep", "-o", tmp_path / "a", "--target", "loihi9").code == 4
    assert not (tmp_path / "a").exists()
    both = cli("scaling", "report", tmp_path, "--command", "x", "--recorded", "y")
    assert both.code == 2 and "either" in both.err
    (tmp_path / "file").write_text("")
    assert cli("scaling", "sweep", "-o", tmp_path / "file" / "a").code == 3


def test_a_proposer_command_that_fails(cli: Cli, folder: Path) -> None:
    failed = cli("scaling", "report", folder, "--split", "4", "--command", "false", "--json")
    assert failed.code == 8 and failed.json["error"] == "ProposerError"
    assert json.dumps(failed.json)


def test_accuracies_that_cannot_be_asked_for(cli: Cli, folder: Path) -> None:
    chance = cli("scaling", "size", folder, "--accuracy", "0.25", "--k", "4", "--s", "6", "--json")
    assert chance.code == 8 and "chance" in chance.json["remedy"]
    assert cli("scaling", "size", folder, "--accuracy", "1", "--k", "4", "--s", "6").code == 2
