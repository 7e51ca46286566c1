"""Standard output is data, standard error is for people; and what happens around a command."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commandline import Cli, strict_json

import neurodeploy as nd
from neurodeploy import cli_print, doctor, job, kernels
from neurodeploy.cli import main

START = [sys.executable, "-c", "from neurodeploy.cli import main; main()"]
"""As the installed script does."""


def shell(*args: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """``neurodeploy ARGS`` in a process of its own, without a terminal."""
    env = os.environ | environment
    return subprocess.run([*START, *args], capture_output=True, text=True, timeout=60, env=env)


@pytest.fixture
def no_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation without the C library."""

    def missing() -> None:
        raise kernels.KernelsUnavailable("the C kernel library is not installed")

    monkeypatch.setattr(kernels, "load", missing)


@pytest.mark.filterwarnings("default")
def test_without_kernels_one_warning_and_the_same_bits(cli: Cli, work: Path, no_kernels: None) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("neurodeploy.evaluate.RASTER_BYTES", 1)  # one sample at a time, so five chances to warn
        result = cli("run", "program.ndp", "--input", "data.npz", "-o", "slow.npz", "--json")
    assert result.code == 0 and result.json["engine"] == "reference"
    assert result.err.count("warning:") == 1 and len(result.err.splitlines()) == 1
    for word in ("C kernel", "reference", "same bits", "neurodeploy doctor"):
        assert word in result.err
    spikes = np.load(work / "data.npz")["spikes"]
    expected = nd.simulate(nd.load("program.ndp"), spikes, engine="reference")
    with np.load("slow.npz") as stored:
        for name in ("hidden", "out"):
            np.testing.assert_array_equal(stored[f"spikes_{name}"], expected.spikes[name])


def test_doctor_says_that_the_kernels_are_missing(cli: Cli, no_kernels: None) -> None:
    result = cli("doctor", "--json")
    assert (result.code, result.err) == (1, "")
    (found,) = [f for f in result.json if f["name"] == "fast engine"]
    assert not found["ok"] and "slow reference" in found["detail"] and "pip install" in found["remedy"]
    plain = cli("doctor")
    assert plain.code == 1 and "FAIL  fast engine" in plain.out and "try: reinstall" in plain.out


def test_doctor_notices_kernels_that_compute_something_else(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    simulate = doctor.simulate

    def wrong(*args: Any, **kwargs: Any) -> nd.Run:
        run = simulate(*args, **kwargs)
        if kwargs["engine"] == "fast":
            run.states["out"]["v"][30, 4] ^= 1
        return run

    monkeypatch.setattr(doctor, "simulate", wrong)
    result = cli("doctor")
    assert result.code == 1 and "FAIL  fast engine" in result.out and "DIFFERS FROM" in result.out


@pytest.mark.filterwarnings("default")
def test_several_outputs_warn_that_there_is_no_accuracy(cli: Cli, work: Path) -> None:
    program = nd.load("program.ndp")
    both = nd.Program(**(vars(program) | {"outputs": {"one": "hidden", "two": "out"}}))
    nd.save(both, "both.ndp")
    result = cli("run", "both.ndp", "--input", "data.npz", "--json")
    assert result.code == 0 and result.json["accuracy"] is None
    assert result.err == "warning: no accuracy: compile with --output NAME, one of one, two\n"


def interrupt(*args: object, **kwargs: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_ctrl_c_is_not_a_traceback(cli: Cli, work: Path, monkeypatch: pytest.MonkeyPatch, flags: list[str]) -> None:
    monkeypatch.setattr(job, "run_program", interrupt)
    result = cli("run", "program.ndp", "--input", "data.npz", "-o", "r.npz", *flags)
    assert result.code == 130 and not (work / "r.npz").exists()
    assert "stopped by the user" in result.json["what"] if flags else result.err.startswith("\ninterrupted")


def test_out_of_memory_is_an_error_like_others(cli: Cli, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object, **kwargs: object) -> None:
        raise MemoryError

    monkeypatch.setattr(job, "run_program", full)
    result = cli("run", "program.ndp", "--input", "data.npz", "--json")
    assert result.code == 8 and result.json["error"] == "SimulationError" and "fewer" in result.json["remedy"]


def test_a_bug_is_not_dressed_up_as_a_users_mistake(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "run_program", lambda *args, **kwargs: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main(["run", "program.ndp", "--input", "data.npz"])


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_is_for_terminals_only(cli: Cli, work: Path, monkeypatch: pytest.MonkeyPatch, terminal: bool) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("TTY_COMPATIBLE", "1" if terminal else "0")
    for words in (
        ["run", "program.ndp", "--input", "data.npz", "--json"],
        ["compile", "model.nir", "--target", "loihi2", "-o", "new.ndp", "--json"],
    ):
        result = cli(*words)
        assert result.code == 0 and isinstance(result.json, dict)
        assert bool(result.err) == terminal


def test_markup_in_names_is_text(cli: Cli, work: Path) -> None:
    (work / "model.nir").rename(work / "[red]m[green].nir")
    result = cli("inspect", "[red]m[green].nir")
    assert result.code == 0 and "[red]m[green].nir: 11 neurons" in result.out


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0, "0 J"),
        (1.0, "1 J"),
        (999.4e-9, "999 nJ"),
        (1e-6, "1 uJ"),
        (999.9999e-9, "1 uJ"),
        (2.0825e-6, "2.08 uJ"),
        (3.04e-4, "304 uJ"),
        (1e-18, "0.001 fJ"),
        (1234.0, "1.23 kJ"),
        (-5e-3, "-5 mJ"),
    ],
)
def test_quantities(value: float, expected: str) -> None:
    assert cli_print.si(value, "J") == expected


def test_json_refuses_what_json_has_not() -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        cli_print.json_out({"x": float("inf")})


# in a process of its own


def test_process_prints_only_json(made: Path, tmp_path: Path) -> None:
    done = shell("compile", str(made / "model.nir"), "--target", "loihi2", "-o", str(tmp_path / "p.ndp"), "--json")
    assert (done.returncode, done.stderr) == (0, "") and strict_json(done.stdout)["neurons"] == 11
    done = shell("run", str(tmp_path / "p.ndp"), "--input", str(made / "data.npz"), "--json")
    assert (done.returncode, done.stderr) == (0, "") and strict_json(done.stdout)["samples"] == 5


def test_process_reports_errors(made: Path) -> None:
    done = shell("run", str(made / "text"), "--input", str(made / "data.npz"))
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("error: ") and "\n  at:  " in done.stderr and "\n  try: " in done.stderr
    done = shell("run", str(made / "text"), "--input", str(made / "data.npz"), "--json")
    assert (done.returncode, done.stderr) == (3, "") and json.loads(done.stdout)["error"] == "UnreadableFile"
    done = shell("run", "--json")
    assert (done.returncode, done.stderr) == (2, "") and json.loads(done.stdout)["error"] == "MissingParameter"


def test_a_reader_that_stops_early_is_no_error() -> None:
    with subprocess.Popen([*START, "targets", "show", "loihi1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        assert run.stdout is not None and run.stderr is not None
        run.stdout.close()
        assert run.stderr.read() == b""


def test_ctrl_c_in_a_process(tmp_path: Path, made: Path) -> None:
    slow = "import neurodeploy.cli as c, neurodeploy.job as j, signal, time\n"
    slow += "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # shells let background jobs ignore it
    slow += "j.load = lambda path: (print('ready', flush=True), time.sleep(50))\nc.main()"
    words = [sys.executable, "-c", slow, "run", str(made / "program.ndp"), "--input", str(made / "data.npz")]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(words, **pipes) as run:
        assert run.stdout is not None and run.stdout.readline() == "ready\n"
        run.send_signal(signal.SIGINT)
        _, err = run.communicate(timeout=30)
    assert run.returncode == 130 and "interrupted" in err and "Traceback" not in err


# completion


@pytest.mark.parametrize("kind", ["bash", "zsh", "fish"])
def test_completion_script(kind: str) -> None:
    done = shell(_NEURODEPLOY_COMPLETE=f"{kind}_source")
    if kind == "bash" and done.returncode:
        pytest.skip("completion needs bash 4.4")
    assert done.returncode == 0 and "_NEURODEPLOY_COMPLETE" in done.stdout and "neurodeploy" in done.stdout


def completed(words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """What is offered for the last word."""
    monkeypatch.setenv("_NEURODEPLOY_COMPLETE", "zsh_complete")
    monkeypatch.setenv("COMP_WORDS", f"neurodeploy {words}")
    monkeypatch.setenv("COMP_CWORD", str(len(words.split(" "))))
    with pytest.raises(SystemExit):
        main([])
    lines = capsys.readouterr().out.split("\n")
    return {value for kind, value in zip(lines[::3], lines[1::3], strict=False) if kind == "plain"}


Complete = Callable[[str], set[str]]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("comp", {"compile", "compare"}),
        ("targets ", {"list", "show", "check", "compare"}),
        ("targets show loi", {"loihi1", "loihi2"}),
        ("compile x --target t", {"tiny"}),
        ("run x --engine ", {"fast", "reference", "lava"}),
        ("inspect x --reset s", {"subtract", "subtract_late", "subtract_gated"}),
    ],
)
def test_completion(
    words: str, offered: set[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert completed(words, capsys, monkeypatch) == offered


def test_models_complete(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    names = nd.list_models()
    if not names:
        pytest.skip("this checkout has no bundled models")
    assert completed(f"compile {names[0][:3]}", capsys, monkeypatch) == {n for n in names if n[:3] == names[0][:3]}
