"""Many samples in one run of Lava, late populations and whole programs: what each sample computes alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from commandline import strict_json

import neurodeploy as nd
from neurodeploy.bundled import list_models, load_model
from neurodeploy.chipnet import ChipNetwork
from neurodeploy.cli import main
from neurodeploy.export.lava import check_lava, job, run_lava
from neurodeploy.simulate.plan import Plan
from neurodeploy.simulate.reference import run_reference

SAMPLES, STEPS = 7, 21


def restless(rng: np.random.Generator) -> Plan:
    """Recurrence, delays, biases and initial values, late starts, scheduled resets, and spikes to the end."""
    net = ChipNetwork()
    net.add_input("in", shape=9)
    net.add_population("a", shape=8, start=1, du=300, dv=200, vth=20, bias_mant=rng.integers(-60, 60, 8), bias_exp=2)
    late = {"start": 3, "bias_mant": 40, "u0": rng.integers(-900, 900, 5), "v0": 400}
    net.add_population("b", shape=5, du=50, dv=20, vth=15, reset_interval=6, reset_offset=7, **late)
    net.add_population("out", shape=3, start=4, du=-1, dv=4096, vth=131072, reset="none", v0=-77)
    net.connect("in", "a", rng.integers(-60, 90, (8, 9)))
    net.connect("a", "a", rng.integers(-40, 60, (8, 8)), delays=3)
    net.connect("a", "b", rng.integers(-60, 90, (5, 8)), delays=rng.integers(0, 5, (5, 8)))
    net.connect("b", "b", rng.integers(-50, 50, (5, 5)))
    net.connect("b", "a", rng.integers(-50, 50, (8, 5)) * (rng.random((8, 5)) < 0.5), kind="sparse", delays=5)
    net.connect("b", "out", rng.integers(-60, 90, (3, 5)))
    spikes = (rng.random((SAMPLES, STEPS, 9)) < 0.5).astype(np.uint8)
    registers = dict.fromkeys(net.populations, ("u", "v"))
    return Plan(net, {"in": spikes}, STEPS, STEPS - net.latency_steps, registers, False)


def wrong_values(plan: Plan, python: Path) -> int:
    expected, found = run_reference(plan), run_lava(plan, python=python, timeout_s=60)
    assert found.states.keys() == plan.registers.keys()
    pairs = [(found.spikes[n], expected.spikes[n]) for n in plan.net.populations]
    pairs += [(found.states[n][r], expected.states[n][r]) for n, kept in plan.registers.items() for r in kept]
    return sum(int(np.count_nonzero(a != b)) for a, b in pairs)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_samples_in_a_row_are_samples_alone(lava_python: Path, seed: int) -> None:
    plan = restless(np.random.default_rng(seed))
    spikes = run_reference(plan).spikes
    assert all(0.02 < spikes[name].mean() < 0.8 for name in ("a", "b"))
    assert wrong_values(plan, lava_python) == 0
    assert wrong_values(replace(plan, registers={}), lava_python) == 0


@pytest.mark.slow
def test_without_the_pause_samples_would_leak(lava_python: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "pause", lambda net: 0)
    assert wrong_values(restless(np.random.default_rng(0)), lava_python) > 0


@pytest.mark.slow
@pytest.mark.parametrize("model", list_models())
def test_bundled_models_equal_lava(
    model: str, lava_python: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nd.save(nd.compile(model, "loihi2"), tmp_path / "p.ndp")
    data = ["--input", str(load_model(model).test), "--lava-python", str(lava_python), "--json"]
    with pytest.raises(SystemExit) as stop:
        main(["verify", str(tmp_path / "p.ndp"), "--against", "lava", "--samples", "10", *data])
    facts = strict_json(capsys.readouterr().out)
    assert stop.value.code == 0 and facts["equal"] and facts["samples"] == 10
    assert {row["register"] for row in facts["registers"]} == {"u", "v", "s"}


@pytest.mark.slow
def test_run_on_lava(lava_python: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nd.save(nd.compile("digits-mlp", "loihi2"), tmp_path / "p.ndp")
    with np.load(load_model("digits-mlp").test) as data:
        np.savez(tmp_path / "d.npz", spikes=data["spikes"][:5], labels=data["labels"][:5])
    results = []
    for engine in ("fast", "lava"):
        words = ["run", str(tmp_path / "p.ndp"), "--input", str(tmp_path / "d.npz"), "--engine", engine, "--json"]
        with pytest.raises(SystemExit) as stop:
            main([*words, "--lava-python", str(lava_python)])
        assert stop.value.code == 0
        results.append(strict_json(capsys.readouterr().out))
    fast, lava = results
    assert lava["engine"] == "lava" and "equal to Lava 0.10.0" in lava["simulated"]
    assert all(lava[key] == fast[key] for key in ("accuracy", "populations", "costs", "samples"))


@pytest.mark.slow
def test_check(lava_python: Path) -> None:
    assert check_lava(lava_python)["lava-nc"] == "0.10.0"
