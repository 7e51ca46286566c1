"""``export --to lava``: the written script, run by Lava's interpreter alone, sends what our engine sends."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lava_networks import messages, resonator_network, sigma_delta_network
from programs import program_of

import neurodeploy as nd
from neurodeploy.bundled import load_model
from neurodeploy.cli import main
from neurodeploy.errors import UnwritableFile
from neurodeploy.export.errors import CannotExport
from neurodeploy.export.lava.script import export_lava
from neurodeploy.program import Program
from neurodeploy.semantics import MEMBRANE_READOUTS, SPIKE_READOUTS
from neurodeploy.simulate.readout import scores as readout_scores


def run_script(python: Path, folder: Path, data: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """The outputs' messages and what was printed."""
    np.savez(folder.parent / "data.npz", **data)
    command = [str(python), "-E", "-s", str(folder / "network.py"), str(folder.parent / "data.npz")]
    command += ["-o", str(folder.parent / "result.npz")]
    with (folder.parent / "printed.txt").open("w") as printed:
        process = subprocess.Popen(
            command, stdout=printed, stderr=subprocess.STDOUT, cwd=folder.parent, start_new_session=True
        )
        try:
            code = process.wait(120)
        finally:
            with suppress(ProcessLookupError):  # Lava's children outlive their parent
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    text = (folder.parent / "printed.txt").read_text(encoding="utf-8")
    assert code == 0, text
    with np.load(folder.parent / "result.npz") as result:
        return dict(result), text


def bundled(model: str) -> tuple[Program, np.ndarray]:
    with np.load(load_model(model).test) as data:
        return nd.compile(model, "loihi2"), data["spikes"][:4]


def hand_made(net: nd.ChipNetwork) -> tuple[Program, np.ndarray]:
    return program_of(net), messages(net)


@pytest.mark.slow
@pytest.mark.parametrize(
    "made",
    [
        lambda: bundled("digits-mlp"),
        lambda: bundled("digits-conv"),
        lambda: bundled("vowels-rsnn"),
        lambda: hand_made(sigma_delta_network()),
        lambda: hand_made(resonator_network()),
    ],
    ids=["digits-mlp", "digits-conv", "vowels-rsnn", "sigma-delta", "resonators"],
)
def test_the_script_sends_the_same(made: Any, lava_python: Path, tmp_path: Path) -> None:
    program, spikes = made()
    facts = export_lava(program, tmp_path / "written")
    assert sorted(p.name for p in (tmp_path / "written").iterdir()) == sorted(facts["files"])
    (output,) = program.outputs.values()
    expected = nd.simulate(program.net, spikes).spikes[output]
    found, _ = run_script(lava_python, tmp_path / "written", {"spikes": spikes})
    assert found.keys() == {f"{output}.s", "scores"} and np.count_nonzero(expected) > 20
    np.testing.assert_array_equal(found[f"{output}.s"], expected)


@pytest.mark.slow
@pytest.mark.parametrize("kind", MEMBRANE_READOUTS)
def test_the_class_is_ours(kind: str, lava_python: Path, tmp_path: Path) -> None:
    """A passive read-out: the class comes from v, scaled and shifted, without which it would be another."""
    rng, net = np.random.default_rng(176), nd.ChipNetwork()
    net.add_input("in", shape=5)
    net.add_population("late", shape=4, start=1, vth=2, u0=rng.integers(-90, 90, 4), v0=90, bias_mant=12, bias_exp=2)
    net.connect("in", "late", rng.integers(-60, 90, (4, 5)))
    fields = {"du": 300, "dv": 500, "vth": 131072, "reset": "none"}
    net.add_population("out", shape=3, start=2, **fields, scale=rng.random(3) + 0.5, offset=rng.random(3) * 900)
    net.connect("late", "out", rng.integers(-60, 60, (3, 4)))
    net.add_population("side", shape=1, start=4, bias_mant=30, dv=200)  # starts while the output is read
    net.connect("late", "side", [[2, 4, 6, 8]], delays=2)
    program = program_of(net, outputs={"answer": "out"}, readout=kind)
    spikes = (rng.random((6, 9, 5)) < 0.5).astype(np.uint8)
    run = nd.simulate(net, spikes, record={"out": ("v",)})
    v = run.states["out"]["v"][:, 2:11] / net.populations["out"].scale + net.populations["out"].offset
    scores = readout_scores(kind, None, v)
    classes = np.argmax(scores, axis=1)
    unscaled = run.states["out"]["v"][:, 2:11]
    others = np.argmax(readout_scores(kind, None, unscaled), axis=1)
    assert len(set(classes.tolist())) == 3 and np.any(others != classes)
    export_lava(program, tmp_path / "written")
    found, printed = run_script(lava_python, tmp_path / "written", {"spikes": spikes, "labels": classes})
    assert "right: 6 of 6" in printed and not found["out.s"].any()
    np.testing.assert_allclose(found["scores"], scores, rtol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("kind", SPIKE_READOUTS)
def test_spikes_are_read_alike(kind: str, lava_python: Path, tmp_path: Path) -> None:
    rng, net = np.random.default_rng(3), nd.ChipNetwork()
    net.add_input("in", shape=6)
    net.add_population("hidden", shape=8, du=2000, dv=100, vth=60)
    net.connect("in", "hidden", rng.integers(-40, 90, (8, 6)))
    net.add_population("out", shape=4, start=1, du=4095, dv=60, vth=150)
    net.connect("hidden", "out", rng.integers(-60, 90, (4, 8)))
    spikes = (rng.random((4, 12, 6)) < 0.2).astype(np.uint8)
    expected = readout_scores(kind, nd.simulate(net, spikes).spikes["out"][:, 1:13], None)
    assert np.ptp(expected) > 0 and not expected.all()
    export_lava(program_of(net, readout=kind), tmp_path / "written")
    found, _ = run_script(lava_python, tmp_path / "written", {"spikes": spikes})
    np.testing.assert_array_equal(found["scores"], expected)


@pytest.mark.slow
def test_several_inputs_and_outputs(lava_python: Path, tmp_path: Path) -> None:
    net = late(1, bias_mant=30)
    net.add_input("other", shape=(1, 2))
    net.connect("other", "layer", np.full((2, 2), 20), kind="sparse", delays=1)
    net.add_population("more", shape=3, start=2, vth=1)
    net.connect("layer", "more", np.full((3, 2), 40))
    spikes = {n: np.random.default_rng(9).integers(0, 2, (2, 7, *p.shape)) for n, p in net.inputs.items()}
    run = nd.simulate(net, spikes)
    export_lava(program_of(net, outputs={"a": "layer", "b": "more"}), tmp_path / "written")
    found, _ = run_script(lava_python, tmp_path / "written", spikes)
    assert found.keys() == {"layer.s", "more.s"}
    for name in ("layer", "more"):
        np.testing.assert_array_equal(found[f"{name}.s"], run.spikes[name])
        assert run.spikes[name].any()


def test_the_script_is_python_without_us(tmp_path: Path) -> None:
    export_lava(program_of(sigma_delta_network()), tmp_path / "written")
    text = (tmp_path / "written" / "network.py").read_text(encoding="utf-8")
    tree = ast.parse(text)
    imported = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    imported |= {alias.name for n in ast.walk(tree) if isinstance(n, ast.Import) for alias in n.names}
    assert not any(name.startswith("neurodeploy") for name in imported if name)
    assert "Loihi2HwCfg" in text and 'select_tag="fixed_pt"' in text and "<<" not in text
    assert {"pip", "steps"} <= set((ast.get_docstring(tree) or "").split())


def late(first: int, **fields: Any) -> nd.ChipNetwork:
    net = nd.ChipNetwork()
    net.add_input("in", shape=2)
    net.add_population("layer", shape=2, start=first, **fields)
    net.connect("in", "layer", np.full((2, 2), 40))
    return net


def broken() -> nd.ChipNetwork:
    net = late(0, reset="subtract")
    net.add_population("alone", shape=2)
    net.add_population("new rule", shape=2, model="sigma_delta_corrected")
    net.connect("layer", "new rule", np.full((2, 2), 40))
    return net


@pytest.mark.parametrize(
    ("net", "found"),
    [
        (late(2), r"layer: a start at step 3, when messages of 'in' arrive from step 2 on; Lava.*start it at step 2"),
        (late(1, vth=-1), r"layer: a start at step 2 of neurons that are not at rest before"),
        (broken(), r"(?s)3 obst.*layer: model 'cuba' with reset 'subtract'.*alone: no connection.*new rule:.*875"),
    ],
)
def test_what_lava_has_not_is_refused(net: nd.ChipNetwork, found: str, tmp_path: Path) -> None:
    with pytest.raises(CannotExport, match=found):
        export_lava(program_of(net), tmp_path / "written")
    assert not list(tmp_path.iterdir())


def test_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program, folder = program_of(late(1)), tmp_path / "written"
    (folder / "mine").mkdir(parents=True)
    with pytest.raises(UnwritableFile, match="not empty"):
        export_lava(program, folder)
    assert [p.name for p in folder.iterdir()] == ["mine"]
    (folder / "mine").rmdir()

    def fails(*_: Any, **__: Any) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as broken_disk:
        broken_disk.setattr(np, "savez_compressed", fails)
        with pytest.raises(UnwritableFile, match="disk full"):
            export_lava(program, folder)
    assert list(tmp_path.iterdir()) == [folder] and not list(folder.iterdir())
    with pytest.raises(UnwritableFile, match="cannot make"):
        export_lava(program, tmp_path / "none" / "written")
    export_lava(program, folder)
    assert len(list(folder.iterdir())) == 3
    if sys.platform != "win32":
        assert folder.stat().st_mode & 0o777 == (tmp_path / "written" / "network.py").stat().st_mode & 0o777 | 0o111


def test_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nd.save(program_of(late(1)), tmp_path / "p.ndp")
    words = ["export", str(tmp_path / "p.ndp"), "--to", "lava", "-o", str(tmp_path / "written")]
    for code in (0, 3):  # again, the folder is not empty
        with pytest.raises(SystemExit) as stop:
            main(words)
        assert stop.value.code == code
    assert "written" in capsys.readouterr().out and (tmp_path / "written" / "network.py").is_file()
