"""``neurodeploy lava``: what goes wrong, without a network."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from commandline import Cli

from neurodeploy import doctor, lava_env
from neurodeploy.errors import MissingDependency, SimulationError

FOUND = {"lava-nc": "0.10.0", "numpy": "1.26.4", "python": platform.python_version()}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No environment of the user's is seen or touched."""
    monkeypatch.setattr(lava_env, "default_folder", lambda: tmp_path / "data" / "lava")
    return tmp_path / "data" / "lava"


class Commands:
    """Stands for ``subprocess.run``; ``failing`` is a word of the command that fails."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.failing: str | None = None

    def __call__(self, command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        self.lines.append(" ".join(command))
        if "venv" in command:
            python = lava_env.python_of(Path(command[-1]))
            python.parent.mkdir(parents=True)
            python.touch()
        failed = self.failing is not None and self.failing in self.lines[-1]
        return subprocess.CompletedProcess(command, int(failed), "no route to the package index" if failed else "")


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> Commands:
    made = Commands()
    monkeypatch.setattr(lava_env.subprocess, "run", made)
    monkeypatch.setattr(lava_env, "check_lava", lambda python: FOUND)
    return made


def test_setup_makes_an_environment_once(cli: Cli, commands: Commands, home: Path) -> None:
    first = cli("lava", "setup", "--json")
    python = str(lava_env.python_of(home))
    assert first.code == 0 and first.json == {"state": "made", "interpreter": python} | FOUND
    venv, dependencies, lava = commands.lines
    assert venv == f"{sys.executable} -m venv {home}"
    assert "ignore-requires-python" not in dependencies and "--no-deps --ignore-requires-python" in lava
    assert all(Path(line.split(" -r ")[1]).is_file() for line in (dependencies, lava))
    assert len(first.err.splitlines()) == 4 and str(home) in first.err
    assert lava_env.find_lava() == Path(python)

    second = cli("lava", "setup")
    assert second.code == 0 and "was there" in second.out and len(commands.lines) == 3
    assert cli("lava", "setup", "--again", "--json").json["state"] == "made"
    assert len(commands.lines) == 6


def test_setup_elsewhere_says_how_to_name_it(cli: Cli, commands: Commands, tmp_path: Path) -> None:
    result = cli("lava", "setup", "--dir", tmp_path / "mine")
    assert result.code == 0 and f"--lava-python {lava_env.python_of(tmp_path / 'mine')}" in result.err


def test_setup_mends_what_does_not_work(cli: Cli, commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cli("lava", "setup").code == 0
    answers = iter([SimulationError("Lava failed", where="engine lava", remedy="-"), FOUND])

    def check(python: Path) -> Any:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(lava_env, "check_lava", check)
    result = cli("lava", "setup")
    assert result.code == 0 and "does not work (Lava failed); making it again" in result.err


@pytest.mark.parametrize("failing", ["-m venv", "lava-dependencies.txt", "lava.txt"])
def test_a_failing_step_is_named(cli: Cli, commands: Commands, home: Path, failing: str) -> None:
    commands.failing = failing
    result = cli("lava", "setup", "--json")
    fault = result.json
    assert (result.code, fault["error"], fault["where"]) == (9, "MissingDependency", str(home))
    assert failing in fault["what"] and fault["what"].endswith("no route to the package index")
    assert fault["remedy"].startswith("the ")
    commands.failing = None
    assert cli("lava", "setup", "--json").json["state"] == "made"  # what was left does not hinder


def test_an_interpreter_that_does_not_start_is_named(cli: Cli, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lava_env.sys, "executable", "/no/such/python")
    result = cli("lava", "setup")
    assert result.code == 9 and "not started" in result.err and "/no/such/python -m venv" in result.err


def test_setup_removes_nothing_of_the_users(cli: Cli, commands: Commands, tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter").touch()
    for words in ((), ("--again",)):
        result = cli("lava", "setup", "--dir", tmp_path / "thesis", *words)
        assert result.code == 3 and "did not make" in result.err and "--dir" in result.err
    assert (tmp_path / "thesis" / "chapter").exists() and commands.lines == []


def test_a_folder_that_cannot_be(cli: Cli, commands: Commands, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = cli("lava", "setup", "--dir", tmp_path / "file" / "below")
    assert result.code == 3 and "cannot be written" in result.err


def test_another_python_is_refused(cli: Cli, commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lava_env, "MEASURED", ((3, 1), (3, 2)))
    result = cli("lava", "setup")
    assert result.code == 9 and platform.python_version() in result.err and commands.lines == []


def test_no_lava_says_how_to_get_it(cli: Cli, work: Path) -> None:
    verify = ("verify", "program.ndp", "--input", "data.npz", "--against", "lava")
    for command in (verify, ("run", *verify[1:4], "--engine", "lava"), ("lava", "check")):
        result = cli(*command)
        assert result.code == 9 and "neurodeploy lava setup" in result.err, command
    result = cli(*verify, "--lava-python", "nowhere")
    assert result.code == 9 and "no such interpreter" in result.err
    result = cli("lava", "check", "--lava-python", sys.executable)
    assert result.code == 9 and "no Lava at this interpreter" in result.err


def test_the_running_interpreter_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lava_env, "version", lambda name: "0.10.0")
    assert lava_env.find_lava() == Path(sys.executable)


def test_doctor_does_not_want_lava_but_a_working_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor._lava() == doctor.Finding("lava", True, "not set up (optional: neurodeploy lava setup)")
    monkeypatch.setattr(doctor, "known_lava", lambda: Path("python"))
    monkeypatch.setattr(doctor, "check_lava", lambda python: FOUND)
    assert doctor._lava().ok and "0.10.0" in doctor._lava().detail

    def broken(python: Path) -> Any:
        raise MissingDependency("no Lava at this interpreter", where="python", remedy="-")

    monkeypatch.setattr(doctor, "check_lava", broken)
    assert not doctor._lava().ok and doctor._lava().remedy == "neurodeploy lava setup --again"
