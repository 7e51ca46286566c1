"""The command line in-process, through ``main``, and the files it works on."""

from __future__ import annotations

import shutil
from pathlib import Path

import graphs
import nir
import numpy as np
import pytest
from commandline import Cli, Outcome

import neurodeploy as nd
from neurodeploy.cli import main


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Runs ``neurodeploy ARGS`` in this process; even what C code prints is seen."""
    monkeypatch.setenv("COLUMNS", "200")

    def call(*args: object) -> Outcome:
        capfd.readouterr()
        with pytest.raises(SystemExit) as stop:
            main([str(a) for a in args])
        out, err = capfd.readouterr()
        assert isinstance(stop.value.code, int)
        assert "Traceback" not in out + err
        return Outcome(stop.value.code, out, err)

    return call


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files that no test changes: ``model.nir``, ``vague.nir``, ``program.ndp``, ``data.npz`` and ``text``."""
    folder, rng = tmp_path_factory.mktemp("cli"), np.random.default_rng(0)
    nodes = {
        "fc1": nir.Affine(weight=rng.normal(0.2, 0.5, (8, 6)), bias=rng.normal(0, 0.1, 8)),
        "hidden": graphs.lif((8,), 0.875),
        "fc2": nir.Linear(weight=rng.normal(0.2, 0.5, (3, 8))),
        "out": graphs.lif((3,), 0.75),
    }
    model = graphs.write(graphs.chain(nodes, source=(6,), sink=(3,)), folder)
    graphs.write(graphs.chain(nodes, source=(6,), sink=(3,), dt_s=None, reset=None), folder, "vague.nir")
    spikes = (rng.random((5, 10, 6)) < 0.5).astype(np.uint8)
    np.savez_compressed(folder / "data.npz", spikes=spikes, labels=np.array([0, 1, 2, 0, 1]))
    (folder / "text").write_text("some text\n")
    nd.save(nd.compile(model), folder / "program.ndp")
    return folder


@pytest.fixture
def work(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder of a test, with copies of the files of ``made``."""
    for file in made.iterdir():
        shutil.copy(file, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path
