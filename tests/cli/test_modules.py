"""Modules by ``package.module:factory``, the proof that is shown, and ``neurodeploy compare``."""

from __future__ import annotations

from pathlib import Path

import graphs
import nir
import numpy as np
import pytest
from commandline import Cli
from toy_framework import toy  # noqa: F401 - a fixture

import neurodeploy as nd

FACTORIES = """
from dataclasses import replace
import numpy as np
from toy_framework import random_net

SAMPLE = (np.random.default_rng(1).random((3, 40, 8)) < 0.4).astype(np.uint8)

def make():
    return random_net()

def with_sample():
    return random_net(), SAMPLE

def misread():
    net = random_net()
    return replace(net, read_as=[net.layers[0], replace(net.layers[1], beta=0.89)]), SAMPLE

def fails():
    raise RuntimeError("no weights here")

def number():
    return 3

class Models:
    net = random_net()
"""


@pytest.fixture
def nets(work: Path, monkeypatch: pytest.MonkeyPatch, toy: None) -> Path:  # noqa: F811
    """The working folder, with a Python module of factories that no other test has imported."""
    monkeypatch.delitem(__import__("sys").modules, "toynets", raising=False)
    (work / "toynets.py").write_text(FACTORIES)
    (work / "needs.py").write_text("import no_such_framework\n")
    (work / "broken.py").write_text("def make(:\n")
    spikes = (np.random.default_rng(2).random((4, 20, 8)) < 0.4).astype(np.uint8)
    np.savez_compressed(work / "spikes.npz", spikes=spikes)
    return work


@pytest.mark.parametrize("spec", ["toynets:make", "toynets:with_sample", "toynets:Models.net"])
def test_compile_a_module(cli: Cli, nets: Path, spec: str) -> None:
    result = cli("compile", spec, "--target", "loihi2", "-o", "net.ndp", "--json")
    assert (result.code, result.err) == (0, "")
    proof = result.json["proof"]
    assert (proof["mismatching"], proof["void"], proof["first_divergence"]) == (0, [], None)
    assert proof["input"] == ("given" if spec == "toynets:with_sample" else proof["input"]) and proof["samples"] >= 3
    assert result.json["semantics"]["framework"] == "toy 1.0" and result.json["model"] == spec
    program = nd.load("net.ndp")
    assert program.provenance["proof"] == proof and program.provenance["model"] == spec
    text = cli("compile", spec, "--target", "loihi2", "-o", "net.ndp").out
    for word in ("toy 1.0 against what was read", "mismatching", "n1", "n0: reset = subtract; factors b", "written:"):
        assert word in text


def test_inspect_and_run_a_module(cli: Cli, nets: Path) -> None:
    facts = cli("inspect", "toynets:make", "--json").json
    assert [layer["name"] for layer in facts["layers"]] == ["n0", "n1"] and facts["problems"] == []
    assert cli("compile", "toynets:make", "--target", "loihi2", "-o", "net.ndp").code == 0
    assert cli("run", "net.ndp", "--input", "spikes.npz", "--json").json["samples"] == 4


def test_a_module_that_was_misread_is_refused(cli: Cli, nets: Path) -> None:
    words = ("compile", "toynets:misread", "--target", "loihi2", "-o", "net.ndp")
    result = cli(*words, "--json")
    assert (result.code, result.err, result.json["error"]) == (3, "", "SourceDiffers")
    assert result.json["where"] == "toynets:misread" and "--tolerance-bits" in result.json["remedy"]
    assert result.json["first_divergence"]["layer"] == "n1" and [r["layer"] for r in result.json["layers"]] == [
        "n0",
        "n1",
    ]
    text = cli(*words)
    assert text.code == 3 and "layer 'n1', sample" in text.err and text.out == ""
    assert not (nets / "net.ndp").exists()
    accepted = cli(*words, "--tolerance-bits", result.json["mismatching"], "--json")
    assert accepted.code == 0 and accepted.json["proof"]["mismatching"] == result.json["mismatching"]


ERRORS = {
    # MODEL: exit code, error, and what its parts must hold
    "nomodule:make": (3, "UnknownModel", "no Python module 'nomodule'", "nomodule:make", "folder"),
    "toynets.inner:make": (3, "UnknownModel", "no Python module 'toynets.inner'", "toynets.inner:make", "folder"),
    "toynets:mak": (3, "UnknownModel", "has no 'mak'", "toynets:mak", "did you mean 'make'?"),
    "toynets:fails": (3, "ModelError", "RuntimeError: no weights here", "toynets:fails", "call it in Python"),
    "toynets:number": (3, "ModelError", "a int is not a model", "toynets:number", "a factory returns"),
    "toynets:SAMPLE": (3, "ModelError", "a ndarray is not a model", "toynets:SAMPLE", "a factory returns"),
    "needs:make": (9, "MissingDependency", "'no_such_framework'", "needs:make", "pip install no_such_framework"),
    "broken:make": (3, "ModelError", "SyntaxError", "broken:make", "call it in Python"),
    "not a spec:x": (3, "UnknownModel", "neither a file nor", "MODEL", "package.module:factory"),
}


@pytest.mark.parametrize("spec", ERRORS)
def test_wrong_factories(cli: Cli, nets: Path, spec: str) -> None:
    code, error, what, where, remedy = ERRORS[spec]
    result = cli("compile", spec, "--target", "loihi2", "-o", "net.ndp", "--json")
    assert (result.code, result.err, result.json["error"]) == (code, "", error)
    assert what in result.json["what"] and where in result.json["where"] and remedy in result.json["remedy"]


def test_options_of_files_are_refused(cli: Cli, nets: Path) -> None:
    result = cli("compile", "toynets:make", "--target", "loihi2", "-o", "n.ndp", "--input-message-bits", "8", "--json")
    assert result.code == 3 and "--input-message-bits: a torch module is fed spikes" in result.json["what"]


def test_compare_a_model_with_its_program(cli: Cli, work: Path) -> None:
    result = cli("compare", "model.nir", "program.ndp", "--input", "data.npz", "--json")
    assert (result.code, result.err) == (0, "")
    facts = result.json
    assert facts["first"] == {"model": "model.nir", "kind": "float"}
    assert facts["second"] == {"model": "model.nir", "kind": "chip"}
    assert (facts["samples"], facts["steps"], facts["matched_by"]) == (5, 10, "name")
    assert [(row["layer"], row["bits"]) for row in facts["layers"]] == [("hidden", 400), ("out", 150)]
    assert all(row["mismatching"] < 20 for row in facts["layers"])
    text = cli("compare", "model.nir", "program.ndp", "--input", "data.npz").out
    for word in ("model.nir (float) against model.nir (chip)", "hidden", "rate of the other"):
        assert word in text
    assert ("equal in every bit" in text) == facts["equal"] != ("first divergence: layer" in text)


def test_compare_says_what_deserves_a_look(cli: Cli, work: Path) -> None:
    assert cli("compile", "model.nir", "--target", "loihi2", "--bits", "8,hidden=3", "-o", "coarse.ndp").code == 0
    words = ("compare", "model.nir", "coarse.ndp", "--input", "data.npz")
    facts = cli(*words, "--json").json
    hidden, out = facts["layers"]
    assert hidden["made_here"] == hidden["mismatching"] > 0 and out["made_here"] < out["mismatching"]
    assert hidden["membrane_rms"] > 3 * out["membrane_rms_made_here"] > 0
    assert sum(hidden["per_step"]["mismatching"]) == hidden["mismatching"] and facts["steps"] == 10
    (found,) = [f for f in facts["findings"] if f["kind"] == "made_here" and f["layer"] == "hidden"]
    assert [trial["change"] for trial in found["tried"]][1:] == [f"{n}-bit weights into 'hidden'" for n in (4, 8)]
    assert facts["decisions"].keys() >= {"flips", "accuracy_first", "accuracy_second", "became_wrong"}
    text = cli(*words, "--by-step").out
    for word in (
        "made here",
        "findings:",
        "  - hidden, made here: ",
        "try: ",
        "tried",
        "decisions: ",
        "accuracy",
        "by step",
    ):
        assert word in text, word
    assert not any(f["tried"] for f in cli(*words, "--no-try", "--json").json["findings"])


def test_compare_two_files_and_a_module(cli: Cli, nets: Path) -> None:
    words = ("compare", "model.nir", "vague.nir", "--input", "data.npz", "--dt-s", "0.001", "--reset", "value")
    assert cli(*words, "--json").json["equal"]
    rng = np.random.default_rng(0)
    nodes = {"fc1": nir.Linear(weight=rng.normal(0.2, 0.5, (8, 6))), "hidden": graphs.lif((8,), 0.875)}
    graphs.write(graphs.chain(nodes, source=(6,), sink=(8,)), nets, "other.nir")
    facts = cli("compare", "model.nir", "other.nir", "--input", "data.npz", "--json").json
    assert [row["layer"] for row in facts["layers"]] == ["hidden"] and not facts["equal"]
    assert (facts["only_first"], facts["only_second"]) == (["out"], [])
    text = cli("compare", "model.nir", "other.nir", "--input", "data.npz").out
    assert "only in model.nir (float): out" in text and "first divergence: layer 'hidden', sample" in text
    assert cli("compare", "toynets:make", "toynets:Models.net", "--input", "spikes.npz", "--json").json["equal"]


MISTAKES = {
    "data of another shape": (["model.nir", "program.ndp", "--input", "spikes.npz"], 8, "the input takes", "model.nir"),
    "other layers": (
        ["model.nir", "toynets:make", "--input", "data.npz"],
        3,
        "neither names nor sizes",
        "toynets:make",
    ),
    "no program": (["model.nir", "none.ndp", "--input", "data.npz"], 3, "no such file", "none.ndp"),
    "no model": (["none.nir", "program.ndp", "--input", "data.npz"], 3, "neither a file nor", "MODEL"),
    "no data": (["model.nir", "program.ndp", "--input", "none.npz"], 3, "no such file", "none.npz"),
    "a program first": (
        ["program.ndp", "model.nir", "--input", "data.npz"],
        3,
        "a program comes second",
        "program.ndp",
    ),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes_in_comparing(cli: Cli, nets: Path, case: str) -> None:
    words, code, what, where = MISTAKES[case]
    result = cli("compare", *words, "--json")
    assert (result.code, result.err) == (code, "")
    assert what in result.json["what"] and where in result.json["where"] and result.json["remedy"]


def test_compare_needs_input(cli: Cli, work: Path) -> None:
    result = cli("compare", "model.nir", "program.ndp")
    assert result.code == 2 and "--input" in result.err
