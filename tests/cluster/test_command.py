"""``neurodeploy run --cluster``: the answer of a run without it; a terminal that shows progress and takes Ctrl-C."""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from programs import program_of

import neurodeploy as nd
from neurodeploy.cli import main

pty = pytest.importorskip("pty", reason="terminals of this kind are Unix's")


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory, slow_case: tuple[nd.Program, np.ndarray]) -> Path:
    pytest.importorskip("distributed", reason="Dask is not installed: pip install -e .[cluster]")
    folder = tmp_path_factory.mktemp("command")
    program, spikes = slow_case
    nd.save(program, folder / "p.ndp")
    np.savez_compressed(folder / "data.npz", spikes=spikes, labels=np.arange(len(spikes)) % 5)
    net = nd.ChipNetwork()
    net.add_input("in", shape=1)
    net.add_population("out", shape=1)
    net.connect("in", "out", np.array([[2]]))
    nd.save(program_of(net), folder / "long.ndp")
    np.savez_compressed(folder / "long.npz", spikes=np.zeros((400, 5_000, 1), np.uint8))
    return folder


def call(*args: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main([str(a) for a in args])
    assert isinstance(stop.value.code, int)
    return stop.value.code


def test_the_answer_is_that_of_a_local_run(work: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    command = ("run", work / "p.ndp", "--input", work / "data.npz", "--json")
    assert call(*command, "-o", tmp_path / "here.npz") == 0
    here = json.loads(capfd.readouterr().out)
    assert call(*command, "-o", tmp_path / "there.npz", "--cluster", "local:2") == 0
    out, err = capfd.readouterr()
    there = json.loads(out)
    assert err == "" and there.pop("simulated") == "bit for bit on the CPUs of local:2; not on a chip"
    assert here.pop("simulated") == "bit for bit on this CPU; not on a chip"
    assert here.pop("result") != there.pop("result") and here == there and here["accuracy"] is not None
    with np.load(tmp_path / "here.npz") as a, np.load(tmp_path / "there.npz") as b:
        stored = ["counted", "input_in", "predictions", "scores", "spikes_l1", "spikes_out"]
        assert sorted(a.files) == sorted(b.files) == stored
        for name in a.files:
            assert a[name].dtype == b[name].dtype and np.any(a[name])
            np.testing.assert_array_equal(a[name], b[name])


@pytest.mark.parametrize(
    ("options", "texts"),
    [
        (("--cluster", "lokal"), ("'lokal' is not the address", "local:4", "tcp://host:8786")),
        (("--cluster", "local", "--engine", "lava"), ("--engine lava runs on this machine", "--cluster")),
    ],
)
def test_wrong_usage(
    options: tuple[str, ...], texts: tuple[str, ...], work: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert call("run", work / "p.ndp", "--input", work / "data.npz", *options) == 2
    err = capfd.readouterr().err
    assert all(text in err for text in texts), err


def test_without_dask(work: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert call("run", work / "p.ndp", "--input", work / "data.npz", "--cluster", "local") == 9
    assert "pip install 'neurodeploy-snn[cluster]'" in capfd.readouterr().err


class Terminal:
    """A command at a terminal of its own, in a session of its own."""

    def __init__(self, *args: object) -> None:
        code = "import sys; from neurodeploy.cli import main; main(sys.argv[1:])"
        self.text = ""
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            signal.signal(signal.SIGINT, signal.default_int_handler)  # who tests in the background ignores it
            os.environ |= {"COLUMNS": "100", "TERM": "xterm"}
            os.execv(sys.executable, [sys.executable, "-c", code, *map(str, args)])

    def read_until(self, text: str, seconds: float = 120) -> None:
        end = time.monotonic() + seconds
        while text not in self.text:
            assert time.monotonic() < end, self.text
            if not self._read():
                break
        assert text in self.text, self.text

    def press_ctrl_c(self) -> None:
        os.write(self._fd, b"\x03")

    def exit_code(self) -> int:
        end = time.monotonic() + 120
        while self._read():
            assert time.monotonic() < end, self.text
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        os.close(self._fd)
        return code

    def processes(self) -> list[int]:
        """Of the session, which is the terminal's: all that were started here and have not gone away."""
        found = []
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                if os.getsid(int(name)) == self.pid:
                    found.append(int(name))
            except ProcessLookupError:
                pass
        return found

    def _read(self) -> bool:
        if not select.select([self._fd], [], [], 0.1)[0]:
            return True
        try:
            data = os.read(self._fd, 65536)
        except OSError:  # as Linux says that the other end is closed
            return False
        self.text += data.decode(errors="replace")
        return bool(data)


def test_progress_is_shown(work: Path) -> None:
    terminal = Terminal("run", work / "p.ndp", "--input", work / "data.npz", "--cluster", "local:2")
    terminal.read_until("16/16")
    assert terminal.exit_code() == 0
    assert "samples" in terminal.text and "Traceback" not in terminal.text


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="finds processes in /proc")
@pytest.mark.parametrize("when", ["starting", "running"])
def test_ctrl_c_leaves_no_process(work: Path, when: str) -> None:
    terminal = Terminal(
        *("run", work / "long.ndp", "--input", work / "long.npz", "--cluster", "local:2", "--engine", "reference")
    )
    if when == "running":
        terminal.read_until("/400")
    else:
        while len(terminal.processes()) < 3:  # this one, Python's tracker of resources or a worker
            terminal._read()
    assert len(terminal.processes()) > 2
    terminal.press_ctrl_c()
    assert terminal.exit_code() == 130
    assert "interrupted: nothing more was written" in terminal.text and "Traceback" not in terminal.text
    end = time.monotonic() + 30
    while terminal.processes() and time.monotonic() < end:  # the tracker ends when it sees that we have
        time.sleep(0.02)
    assert terminal.processes() == []
