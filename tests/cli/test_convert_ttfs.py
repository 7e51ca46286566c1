"""``neurodeploy convert ttfs``: from a torch module to a program that runs and reports."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from commandline import Cli

import neurodeploy as nd
from neurodeploy.convert.ttfs import Code

pytest.importorskip("torch", reason="needs PyTorch: python3 tools/test.py installs it")

NETS = """
import torch
from torch import nn

def small():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8, 3))

def sigmoid():
    return nn.Sequential(nn.Linear(2, 2), nn.Sigmoid())
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the module and its data lie."""
    (tmp_path / "ttfs_nets.py").write_text(NETS)
    rng = np.random.default_rng(0)
    for name, samples in (("train", 80), ("test", 12)):
        values = rng.random((samples, 1, 6, 6))
        values[0, 0, 0, :2] = 0, 1
        np.savez(tmp_path / f"{name}.npz", values=values, labels=rng.integers(0, 3, samples))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_whole_way(cli: Cli, folder: Path) -> None:
    outcome = cli(
        *("convert", "ttfs", "ttfs_nets:small", "--data", "train.npz", "--test", "test.npz", "--ticks", 6),
        *("-o", "t.ndp", "--spikes", "spikes.npz", "--json"),
    )
    assert outcome.code == 0, outcome.err
    facts = outcome.json
    program = nd.load(folder / "t.ndp")
    code = Code.from_dict(program.semantics)
    assert facts["t_out"] == code.t_out and facts["windows"] == "calibrated on 80 samples"
    assert facts["widths"] == program.provenance["ttfs"]["widths"]  # type: ignore[index]
    assert 0 < facts["mean_steps"] <= code.horizon and facts["energy_j"]["value"] > 0
    with np.load(folder / "test.npz") as data, np.load(folder / "spikes.npz") as spikes:
        np.testing.assert_array_equal(spikes["labels"], data["labels"])
        np.testing.assert_array_equal(spikes["spikes"], code.spikes(code.ticks_of(data["values"])))
    ran = cli("run", "t.ndp", "--input", "spikes.npz", "--json")
    assert ran.code == 0, ran.err
    assert ran.json["accuracy"] == pytest.approx(facts["accuracy"])
    assert ran.json["costs"]["steps"] == code.horizon


def test_a_report(cli: Cli, folder: Path) -> None:
    pytest.importorskip("jinja2", reason="needs jinja2: pip install -e .[report]")
    arguments = ("--data", "train.npz", "--test", "test.npz", "-o", "t.ndp", "--spikes", "spikes.npz")
    made = cli("convert", "ttfs", "ttfs_nets:small", *arguments)
    assert made.code == 0 and "largest threshold" in made.out and "accuracy" in made.out
    outcome = cli("report", "t.ndp", "--input", "spikes.npz", "-o", "page.html")
    assert outcome.code == 0, outcome.err
    assert "affine1" in (folder / "page.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("ttfs_nets:small", "--data", "nowhere.npz"), 3, "no such file"),
        (("ttfs_nets:smal", "--data", "train.npz"), 3, "did you mean 'small'"),
        (("ttfs_nets:sigmoid", "--data", "train.npz", "--input-shape", "2"), 3, "a Sigmoid"),
        (("ttfs_nets:small", "--data", "train.npz", "--target", "loihi1"), 4, "no ramp"),
        (("ttfs_nets:small", "--data", "train.npz", "--ticks", 5000), 5, "of 131,072"),
        (("ttfs_nets:small", "--data", "train.npz", "--spikes", "s.npz"), 2, "give --test"),
        (("ttfs_nets:small", "--data", "train.npz", "--input-shape", "1,x"), 2, "give sizes such as"),
        (("ttfs_nets:small", "--data", "train.npz", "--readout", "clas"), 2, "did you mean 'class'"),
        (("ttfs_nets:small", "--data", "ttfs_nets.py"), 3, "not an .npz"),
        (("ttfs_nets:small", "--data", "train.npz", "--high", 0.5), 8, "outside"),
    ],
)
def test_mistakes(cli: Cli, folder: Path, arguments: tuple[object, ...], code: int, said: str) -> None:
    outcome = cli("convert", "ttfs", *arguments)
    assert outcome.code == code, outcome.err
    assert said in outcome.err


def test_data_of_another_kind(cli: Cli, folder: Path) -> None:
    np.savez(folder / "no.npz", other=np.zeros(3))
    np.savez(folder / "bad.npz", values=np.zeros((3, 36)), labels=np.zeros(4))
    for name, said in (("no.npz", "found ['other']"), ("bad.npz", "labels have shape (4,)")):
        outcome = cli("convert", "ttfs", "ttfs_nets:small", "--data", name)
        assert outcome.code == 3 and said in outcome.err
