"""Every command does its job, for people and as JSON."""

from __future__ import annotations

import csv
import json
from dataclasses import fields
from pathlib import Path

import click
import numpy as np
import pytest
from commandline import Cli

import neurodeploy as nd
from neurodeploy.cli import app
from neurodeploy.evaluate import load_samples, run_program
from neurodeploy.semantics import Semantics

SEMANTICS = {f.name for f in fields(Semantics)}


def commands(group: click.Group, prefix: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """All commands and groups by the words that call them."""
    found = [prefix]
    for name, command in group.commands.items():
        words = (*prefix, name)
        found += commands(command, words) if isinstance(command, click.Group) else [words]
    return found


@pytest.mark.parametrize("words", commands(app), ids=" ".join)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help(cli: Cli, words: tuple[str, ...], flag: str) -> None:
    result = cli(*words, flag)
    assert result.code == 0 and result.err == ""
    assert result.out.startswith(f"Usage: neurodeploy {' '.join(words)}".rstrip())
    assert len(result.out.splitlines()) > 4


def test_every_leaf_command_prints_json() -> None:
    for words in commands(app):
        command: click.Command = app
        for word in words:
            assert isinstance(command, click.Group)
            command = command.commands[word]
        if not isinstance(command, click.Group):
            assert "--json" in [option for p in command.params for option in p.opts], words


def test_no_option_is_undocumented() -> None:
    for words in commands(app):
        command: click.Command = app
        for word in words:
            command = command.commands[word]  # type: ignore[attr-defined]
        undocumented = [p.name for p in command.params if isinstance(p, click.Option) and not p.help]
        assert not set(undocumented) - {"target", "engine"}, words
        assert command.help


def test_version(cli: Cli) -> None:
    result = cli("--version")
    assert (result.code, result.out, result.err) == (0, f"neurodeploy, version {nd.__version__}\n", "")


def test_inspect(cli: Cli, work: Path) -> None:
    result = cli("inspect", "model.nir", "--json")
    assert result.code == 0 and result.err == ""
    facts = result.json
    assert (facts["neurons"], facts["synapses"], facts["latency_steps"]) == (11, 72, 2)
    assert facts["semantics"].keys() == SEMANTICS
    assert facts["inputs"] == {"input": [6]} and facts["outputs"] == {"output": "out"}
    assert [(x["name"], x["type"], x["neurons"], x["synapses"]) for x in facts["layers"]] == [
        ("hidden", "LIF", 8, 48),
        ("out", "LIF", 3, 24),
    ]
    assert (facts["target"], facts["problems"], facts["cores"], facts["chips"]) == ("loihi2", [], 1, 1)
    assert facts["quantization"].keys() == {"populations", "projections", "rewrites"}
    text = cli("inspect", "model.nir").out
    for word in ("11 neurons, 72 synapses", "hidden", "dt_s = 0.001", "2 steps", "fits on 1 cores"):
        assert word in text


def test_inspect_lists_what_the_target_lacks(cli: Cli, work: Path) -> None:
    result = cli("inspect", "vague.nir", "--dt-s", 1e-3, "--reset", "subtract", "--target", "tiny", "--json")
    assert result.code == 0
    problems = result.json["problems"]
    assert [p["layer"] for p in problems if "reset 'subtract'" in p["what"]] == ["hidden", "out"]
    assert all(p["remedy"] for p in problems)
    text = cli("inspect", "vague.nir", "--dt-s", 1e-3, "--reset", "subtract", "--target", "tiny").out
    assert "tiny cannot run it:" in text and "try: retrain with reset zero" in text


def test_inspect_splits_as_compile_does(cli: Cli, work: Path) -> None:
    assert cli("inspect", "model.nir", "--max-neurons-per-core", 2, "--json").json["cores"] > 1


def test_compile(cli: Cli, work: Path) -> None:
    result = cli("compile", "model.nir", "--target", "loihi2", "-o", "new.ndp", "--json")
    assert result.code == 0 and result.err == ""
    facts = result.json
    assert (facts["model"], facts["target"], facts["program"]) == ("model.nir", "loihi2", "new.ndp")
    assert (facts["cores"], facts["chips"], facts["neurons"], facts["synapses"]) == (1, 1, 11, 72)
    assert facts["semantics"].keys() == SEMANTICS
    (core,) = facts["utilisation"]["cores"]
    assert core["populations"] == {"hidden": 8, "out": 3} and 0 < core["share"] <= 1 and core["binding"]
    program = nd.load("new.ndp")
    assert (program.target.name, program.net.neurons) == ("loihi2", 11)
    text = cli("compile", "model.nir", "--target", "loihi2", "--out", "new.ndp").out
    assert "11 neurons, 72 synapses, 1 cores, 1 chips" in text and "written: new.ndp" in text


def test_compile_options_reach_the_program(cli: Cli, work: Path) -> None:
    flags = ["--dt-s", "0.001", "--reset", "subtract", "--decay", "euler", "--v-init", "zero", "--readout", "count"]
    more = ["--bits", "5", "--max-neurons-per-core", "4", "--output", "output", "--if-gain", "unit", "--spike", "gt"]
    assert cli("compile", "vague.nir", "--target", "loihi2", "-o", "new.ndp", *flags, *more).code == 0
    program = nd.load("new.ndp")
    assert program.semantics["reset"] == "subtract" and program.semantics["if_gain"] == "unit"
    assert program.provenance["bits"] == 5 and program.provenance["max_neurons_per_core"] == 4
    assert {p.num_weight_bits for p in program.net.projections} == {5} and program.mapping.cores >= 3


def test_compile_for_the_traffic_of_a_data_set(cli: Cli, work: Path) -> None:
    flags = ["--target", "loihi2", "-o", "new.ndp", "--objective", "latency", "--seed", "3"]
    assert cli("compile", "model.nir", *flags, "--traffic", "data.npz").code == 0
    found = nd.load("new.ndp").provenance
    assert (found["objective"], found["seed"], found["traffic"]) == ("latency", 3, "measured")
    assert cli("compile", "model.nir", *flags).code == 0
    assert nd.load("new.ndp").provenance["traffic"].startswith("assumed")
    wrong = cli("compile", "model.nir", "--target", "loihi2", "-o", "new.ndp", "--objective", "traffik")
    assert wrong.code == 2 and "traffic" in wrong.err
    np.savez("short.npz", spikes=np.zeros((2, 4, 5), np.uint8))
    wrong = cli("compile", "model.nir", *flags, "--traffic", "short.npz")
    assert wrong.code != 0 and "spikes have shape (2, 4, 5)" in wrong.err


def test_compile_stops_after_a_pass_and_writes_nothing(cli: Cli, work: Path) -> None:
    before = sorted(p.name for p in work.iterdir())
    keys = {
        "read": {"model", "target", "semantics"},
        "lower": {"neurons", "synapses"},
        "quantize": {"quantization"},
        "features": set(),
        "map": {"cores", "chips", "utilisation"},
        "check": set(),
    }
    expected: set[str] = set()
    for name, more in keys.items():
        expected |= more
        facts = cli("compile", "model.nir", "--target", "loihi2", "--stop-after", name, "--json").json
        assert facts.keys() == expected, name
        assert cli("compile", "model.nir", "--target", "loihi2", "--stop-after", name).code == 0
    assert sorted(p.name for p in work.iterdir()) == before


def test_a_target_file_of_ones_own(cli: Cli, work: Path) -> None:
    text = Path(nd.load_target("tiny").path).read_text().replace('name = "tiny"', 'name = "mine"')
    (work / "mine.toml").write_text(text)
    facts = cli("compile", "model.nir", "--target", "./mine.toml", "-o", "new.ndp", "--json").json
    assert facts["target"] == "mine"


def test_run(cli: Cli, work: Path) -> None:
    program, samples = nd.load("program.ndp"), load_samples("data.npz")
    run, scores = run_program(program, samples.spikes, keep=("hidden", "out"))
    assert scores is not None and samples.labels is not None
    result = cli("run", "program.ndp", "--input", "data.npz", "-o", "result.npz", "--json")
    assert result.code == 0 and result.err == ""
    facts = result.json
    assert (facts["samples"], facts["engine"], facts["target"]) == (5, "fast", "loihi2")
    assert facts["accuracy"] == np.mean(scores.argmax(axis=1) == samples.labels)
    assert facts["populations"] == {n: vars(c) for n, c in run.counters.populations.items()}
    assert facts["costs"] == json.loads(json.dumps(nd.estimate(run, program).to_dict()))
    assert facts["result"] == "result.npz" and "not on a chip" in facts["simulated"]
    with np.load("result.npz") as stored:
        assert set(stored.files) == {"spikes_hidden", "spikes_out", "scores", "predictions"}
        np.testing.assert_array_equal(stored["spikes_hidden"], run.spikes["hidden"])
        np.testing.assert_array_equal(stored["spikes_out"], run.spikes["out"])
        np.testing.assert_array_equal(stored["scores"], scores)
        np.testing.assert_array_equal(stored["predictions"], scores.argmax(axis=1))
    text = cli("run", "program.ndp", "--input", "data.npz").out
    for word in ("5 samples on loihi2, engine fast", "accuracy:", "mesh energy", "latency", "bound by", "estimates"):
        assert word in text


def test_both_engines_and_fewer_steps(cli: Cli, work: Path) -> None:
    for steps in ([], ["--steps", 5]):
        runs = []
        for engine in ("fast", "reference"):
            name = f"{engine}.npz"
            found = cli(
                "run", "program.ndp", "--input", "data.npz", "--engine", engine, *steps, "-o", name, "--json"
            ).json
            assert found["engine"] == engine and found["costs"]["steps"] == (5 if steps else 12)
            with np.load(name) as stored:
                runs.append({k: stored[k] for k in stored.files})
        for key in runs[0]:
            np.testing.assert_array_equal(runs[0][key], runs[1][key])


def test_run_without_labels_has_no_accuracy(cli: Cli, work: Path) -> None:
    np.savez(work / "plain.npz", spikes=load_samples("data.npz").spikes)
    assert cli("run", "program.ndp", "--input", "plain.npz", "--json").json["accuracy"] is None
    assert "accuracy" not in cli("run", "program.ndp", "--input", "plain.npz").out


def test_targets_list(cli: Cli) -> None:
    rows = cli("targets", "list", "--json").json
    assert [r["name"] for r in rows] == nd.list_targets()
    keys = {"name", "title", "chip", "chips", "cores_per_chip", "status"}
    assert all(r.keys() == keys and all(r.values()) for r in rows)
    assert {r["name"]: r["chip"] for r in rows}["hala-point"] == "loihi2"
    text = cli("targets", "list").out
    assert all(name in text for name in nd.list_targets())


@pytest.mark.parametrize("target", nd.list_targets())
def test_targets_show_and_check(cli: Cli, target: str) -> None:
    facts = cli("targets", "show", target, "--json").json
    assert facts.keys() == {"name", "status", "description", "facts"} and facts["name"] == target
    assert all(r.keys() == {"table", "key", "value", "unit", "status", "source"} for r in facts["facts"])
    assert all(r["source"] for r in facts["facts"]) and len(facts["facts"]) > 50
    text = cli("targets", "show", target).out
    assert "synop_j" in text and "source" in text
    assert cli("targets", "check", target, "--json").json == {"target": target, "valid": True}
    assert cli("targets", "check", target).out == f"{target}: valid\n"


def test_doctor(cli: Cli) -> None:
    result = cli("doctor", "--json")
    assert result.err == "" and result.code == (0 if nd.list_models() else 1)
    findings = {f["name"]: f for f in result.json}
    assert {"python", "neurodeploy-snn", "numpy", "h5py", "fast engine", "models"} <= findings.keys()
    assert {f"target {name}" for name in nd.list_targets()} <= findings.keys()
    assert findings["fast engine"]["ok"] and "equals the reference" in findings["fast engine"]["detail"]
    assert all(f["ok"] or f["remedy"] for f in findings.values())
    assert cli("doctor").out.startswith("ok    python: ")


# the demo

NUMBERS = {"float_accuracy", "integer_accuracy", "cores", "chips", "spikes", "synops", "energy_j", "latency_s"}
needs_models = pytest.mark.skipif(not nd.list_models(), reason="this checkout has no bundled models")


@needs_models
def test_demo(cli: Cli, tmp_path: Path) -> None:
    name = nd.list_models()[1]
    out = tmp_path / "a" / "demo"
    result = cli("demo", "--model", name, "--out", out, "--json")
    assert result.code == 0 and result.err == ""
    (row,) = result.json
    assert {"model", "target", *NUMBERS} <= row.keys()
    assert all(row[key] > 0 for key in NUMBERS)
    assert (row["model"], row["target"], row["engine"]) == (name, "loihi2", "fast")
    assert 0.5 < row["float_accuracy"] <= 1 and abs(row["float_accuracy"] - row["integer_accuracy"]) < 0.05
    assert row["energy_low_j"] <= row["energy_j"] <= row["energy_high_j"]
    folder = out / name
    assert {f.name for f in folder.iterdir()} == {"program.ndp", "result.json", "costs.json", "layers.csv"}
    assert json.loads((folder / "result.json").read_text()) == row
    costs = json.loads((folder / "costs.json").read_text())
    assert costs["energy_j"]["value"] == row["energy_j"] and costs["syn_ops"] == row["synops"]
    with (folder / "layers.csv").open(newline="") as file:
        layers = list(csv.DictReader(file))
    assert [(x["layer"], float(x["energy_j"])) for x in layers] == [
        (x["name"], x["energy"]["value"]) for x in costs["layers"]
    ]
    program, data = nd.load(folder / "program.ndp"), nd.load_model(name).test
    again = cli("run", folder / "program.ndp", "--input", data, "--json").json
    assert again["accuracy"] == row["integer_accuracy"] and again["costs"] == costs
    assert program.provenance["target"] == "loihi2"


@needs_models
def test_demo_of_all_models_on_another_chip(cli: Cli) -> None:
    result = cli("demo", "--target", "loihi1")
    assert result.code == 0 and result.err == ""
    for name in nd.list_models():
        assert name in result.out
    assert "estimates" in result.out and "neurodeploy targets show loihi1" in result.out


@needs_models
def test_bundled_models_go_by_name(cli: Cli, tmp_path: Path) -> None:
    name = nd.list_models()[0]
    assert cli("inspect", name, "--json").json["problems"] == []
    assert cli("compile", name, "--target", "loihi2", "-o", tmp_path / "p.ndp").code == 0


@needs_models
def test_demo_says_which_model_fails(cli: Cli) -> None:
    result = cli("demo", "--target", "tiny", "--json")
    assert result.code == 6 and result.json["error"] == "DoesNotFit"
    assert f"model {nd.list_models()[0]}" in result.json["where"]
    tried = {row["remedy"]: row for row in result.json["tried"]}
    assert tried["target loihi1"]["fits"] and tried["target loihi1"]["cores"] > 0
