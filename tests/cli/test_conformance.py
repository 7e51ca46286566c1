"""``neurodeploy conformance``: list, write, run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commandline import Cli

from neurodeploy.conformance import suite

FLOAT = "neurodeploy.conformance.own:float_reference"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("suite")
    suite.write_suite(made)
    return made


def test_list(cli: Cli) -> None:
    rows = json.loads(cli("conformance", "list", "--json").out)
    assert (
        len(rows) == len(suite.all_cases()) and {"case": "node/lif", "tests": rows[0]["tests"]}.keys() == rows[0].keys()
    )
    assert "topology/skip~reversed" in cli("conformance", "list").out


def test_write_and_run(cli: Cli, tmp_path: Path) -> None:
    written = cli("conformance", "write", tmp_path / "cases", "--dt-s", "0.001", "--json")
    assert json.loads(written.out)["cases"] == len(suite.all_cases())
    assert json.loads((tmp_path / "cases" / "manifest.json").read_text())["dt_s"] == 0.001
    run = cli(
        "conformance", "run", FLOAT, "--cases", tmp_path / "cases", "--only", "node/lif*", "--only", "refuse/loop"
    )
    assert run.code == 0 and run.err == ""
    assert "1 rejected" in run.out and "exact" in run.out and "WRONG" not in run.out
    again = cli("conformance", "write", tmp_path / "cases")
    assert again.code == 3 and "not empty" in again.err


def test_run_as_json_and_markdown(cli: Cli, folder: Path, tmp_path: Path) -> None:
    table = tmp_path / "table.md"
    result = cli("conformance", "run", FLOAT, "--cases", folder, "--only", "node/li", "--markdown", table, "--json")
    facts = json.loads(result.out)
    assert result.code == 0 and facts["counts"] == {"exact": 1} and facts["results"][0]["max_dv"] == 0
    assert "| node/li | exact |" in table.read_text()


def test_a_wrong_backend_is_exit_code_8(cli: Cli, folder: Path) -> None:
    result = cli("conformance", "run", "conformance_backends:Base", "--cases", folder, "--only", "node/lif")
    assert result.code == 8 and "WRONG" in result.out and "sample 0, step" in result.out


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("run", "nonsense", "--only", "node/lif"), "package.module:factory"),
        (("run", FLOAT, "--cases", "nowhere"), "neurodeploy conformance write"),
        (("run", FLOAT, "--markdown", "no/such/folder/table.md"), "create the folder"),
    ],
)
def test_mistakes(cli: Cli, work: Path, words: tuple[str, ...], named: str) -> None:
    result = cli("conformance", *words)
    assert result.code in (3, 8) and named in result.err


def test_unknown_case(cli: Cli, folder: Path) -> None:
    result = cli("conformance", "run", FLOAT, "--cases", folder, "--only", "knot/*")
    assert result.code == 8 and "conformance list" in result.err


@pytest.mark.parametrize("dt_s", ["0", "-1", "nan", "inf"])
def test_time_steps_that_are_none(cli: Cli, tmp_path: Path, dt_s: str) -> None:
    result = cli("conformance", "write", tmp_path / "cases", "--dt-s", dt_s)
    assert result.code == 2 and not (tmp_path / "cases").exists()
