"""A user who errs is told what, where and how to mend it, as text and as JSON, and nothing is written."""

from __future__ import annotations

import os
from pathlib import Path

import graphs
import nir
import numpy as np
import pytest
from commandline import Cli

import neurodeploy as nd
from neurodeploy import demo

COMPILE = ["compile", "model.nir", "--target", "loihi2", "-o", "new.ndp"]
RUN = ["run", "program.ndp", "--input", "data.npz"]


def swap(words: list[str], **changes: str) -> list[str]:
    """The words with some replaced; ``_`` stands for ``.``."""
    return [changes.get(w.replace(".", "_"), w) for w in words]


VAGUE = [*swap(COMPILE, model_nir="vague.nir"), "--reset", "value"]

USAGE = {
    "command": (["compil"], "did you mean 'compile'?"),
    "group command": (["targets", "lst"], "did you mean 'list'?"),
    "option": ([*RUN, "--engne", "fast"], "--engine"),
    "engine": ([*RUN, "--engine", "fst"], "did you mean 'fast'?"),
    "reset": ([*COMPILE, "--reset", "substract"], "did you mean 'subtract'?"),
    "decay": ([*COMPILE, "--decay", "exponential"], "known: euler, exp"),
    "pass": ([*COMPILE, "--stop-after", "quantise"], "did you mean 'quantize'?"),
    "no model": (["compile", "--target", "loihi2"], "Missing argument 'MODEL'"),
    "no target": (["compile", "model.nir", "-o", "new.ndp"], "--target"),
    "no output": (["compile", "model.nir", "--target", "loihi2"], "-o"),
    "no input": (["run", "program.ndp"], "--input"),
    "bits": ([*COMPILE, "--bits", "eight"], "--bits"),
    "steps": ([*RUN, "--steps", "0"], "--steps"),
    "neurons": ([*COMPILE, "--max-neurons-per-core", "0"], "--max-neurons-per-core"),
    "dt": ([*COMPILE, "--dt-s", "1ms"], "--dt-s"),
    "too many": ([*RUN, "more"], "more"),
    "into a folder": (["compile", "model.nir", "--target", "loihi2", "-o", "."], "directory"),
    "result into a folder": ([*RUN, "-o", "."], "directory"),
    "demo into a file": (["demo", "--out", "text"], "file"),
    "program is a folder": (["run", ".", "--input", "data.npz"], "directory"),
    "output of a part": ([*COMPILE, "--stop-after", "map"], "no program to write"),
}


@pytest.mark.parametrize("case", USAGE)
def test_usage_errors(cli: Cli, work: Path, case: str) -> None:
    words, expected = USAGE[case]
    before = {p.name: p.read_bytes() for p in work.iterdir()}
    result = cli(*words)
    assert (result.code, result.out) == (2, "")
    assert expected in result.err and "Usage: neurodeploy" in result.err and "--help" in result.err
    result = cli(*words, "--json")
    assert (result.code, result.err) == (2, "")
    assert result.json.keys() == {"error", "what", "where", "remedy", "exit_code"}
    assert expected in result.json["what"] and result.json["exit_code"] == 2
    assert result.json["where"].startswith("neurodeploy") and "--help" in result.json["remedy"]
    assert {p.name: p.read_bytes() for p in work.iterdir()} == before


def test_nothing_at_all_prints_help(cli: Cli) -> None:
    result = cli()
    assert result.code == 2 and "neurodeploy demo" in result.err and result.out == ""


ERRORS = {
    # words: exit code, error, and what its three parts must hold
    "model missing": (
        swap(COMPILE, model_nir="none.nir"),
        3,
        "UnknownModel",
        "'none.nir' is neither a file",
        "MODEL",
        "known",
    ),
    "model is text": (swap(COMPILE, model_nir="text"), 3, "UnreadableFile", "not a readable NIR", "text", "nir.write"),
    "model is a program": (swap(COMPILE, model_nir="program.ndp"), 3, "UnreadableFile", "HDF5", "program.ndp", "nir"),
    "model is vague": (
        swap(COMPILE, model_nir="vague.nir"),
        3,
        "AmbiguousSemantics",
        "dt_s, reset",
        "vague.nir",
        "--dt-s",
    ),
    "vague, to inspect": (["inspect", "vague.nir"], 3, "AmbiguousSemantics", "dt_s, reset", "vague.nir", "--reset"),
    "conflicting dt": ([*COMPILE, "--dt-s", "0.002"], 3, "AmbiguousSemantics", "0.002", "model.nir", "drop the option"),
    "conflicting reset": ([*COMPILE, "--reset", "none"], 3, "AmbiguousSemantics", "'none'", "model.nir", "drop"),
    "dt of zero": ([*VAGUE, "--dt-s", "0"], 3, "AmbiguousSemantics", "dt_s = 0.0", "vague.nir", "--dt-s"),
    "dt NaN": ([*VAGUE, "--dt-s", "nan"], 3, "AmbiguousSemantics", "dt_s = nan", "vague.nir", "--dt-s"),
    "dt above tau": ([*VAGUE, "--dt-s", "1"], 3, "UnsupportedNode", "shorter than the time step", "node '", "--dt-s"),
    "output": ([*COMPILE, "--output", "outpt"], 3, "ModelError", "outpt", "model.nir", "did you mean 'output'?"),
    "target": (swap(COMPILE, loihi2="lohi2"), 4, "UnknownTarget", "'lohi2'", "target", "did you mean 'loihi2'?"),
    "target to inspect": (
        ["inspect", "model.nir", "--target", "x"],
        4,
        "UnknownTarget",
        "'x'",
        "target",
        "known: hala-point",
    ),
    "target to show": (["targets", "show", "tinny"], 4, "UnknownTarget", "tinny", "target", "did you mean 'tiny'?"),
    "target to check": (["targets", "check", "./none.toml"], 4, "UnknownTarget", "No such file", "none.toml", "loihi1"),
    "target is text": (
        ["targets", "check", "text.toml"],
        4,
        "InvalidTarget",
        "1 problems",
        "text.toml:1",
        "on one line",
    ),
    "bits": ([*COMPILE, "--bits", "9"], 5, "FieldOverflow", "9-bit", "loihi2", "--bits"),
    "too finely": (
        [*COMPILE, "--max-neurons-per-core", "1", "--target", "narrow.toml"],
        6,
        "DoesNotFit",
        "cores 11 of 2",
        "narrow",
        "fit",
    ),
    "missing folder": (
        swap(COMPILE, new_ndp="none/new.ndp"),
        3,
        "UnwritableFile",
        "no folder",
        "none/new.ndp",
        "create the folder",
    ),
    "onto the model": (
        swap(COMPILE, new_ndp="./model.nir"),
        3,
        "UnwritableFile",
        "overwrite the input",
        "model.nir",
        "another name",
    ),
    "onto a pipe": (swap(COMPILE, new_ndp="pipe"), 3, "UnwritableFile", "not a file", "pipe", "file name"),
    "program missing": (swap(RUN, program_ndp="none.ndp"), 3, "UnreadableFile", "no such file", "none.ndp", "compile"),
    "program is text": (
        swap(RUN, program_ndp="text"),
        3,
        "UnreadableFile",
        "not a neurodeploy program",
        "text",
        ".ndp",
    ),
    "program is a model": (swap(RUN, program_ndp="model.nir"), 3, "UnreadableFile", "HDF5", "model.nir", ".ndp"),
    "data missing": (swap(RUN, data_npz="none.npz"), 3, "UnreadableFile", "no such file", "none.npz", "path"),
    "data is text": (swap(RUN, data_npz="text"), 3, "UnreadableFile", "not an .npz", "text", "numpy.savez"),
    "data is a program": (
        swap(RUN, data_npz="program.ndp"),
        3,
        "UnreadableFile",
        "not an .npz",
        "program.ndp",
        "savez",
    ),
    "result onto the data": ([*RUN, "-o", "data.npz"], 3, "UnwritableFile", "overwrite", "data.npz", "another name"),
    "result onto the program": (
        [*RUN, "-o", "program.ndp"],
        3,
        "UnwritableFile",
        "overwrite",
        "program.ndp",
        "another",
    ),
    "result nowhere": ([*RUN, "-o", "none/r.npz"], 3, "UnwritableFile", "no folder", "none/r.npz", "create the folder"),
    "steps too small": ([*RUN, "--steps", "2"], 8, "SimulationError", "2 steps do not reach", "simulate", "at least 3"),
    "steps too many": ([*RUN, "--steps", "3000000000"], 8, "SimulationError", "GiB", "run", "fewer steps"),
    "demo into nowhere": (
        ["demo", "--out", "text/x"],
        3,
        "UnwritableFile",
        "cannot make the folder",
        "text/x",
        "another",
    ),
    "demo of nothing": (["demo", "--model", "digit-mlp"], 3, "UnknownModel", "digit-mlp", "--model", "known: "),
}


@pytest.mark.parametrize("case", ERRORS)
def test_errors(cli: Cli, work: Path, case: str) -> None:
    words, code, name, what, where, remedy = ERRORS[case]
    if words[0] == "demo" and not nd.list_models():
        pytest.skip("this checkout has no bundled models")
    (work / "text.toml").write_text("this is not TOML\n")
    tiny = Path(nd.load_target("tiny").path).read_text()
    narrow = tiny.replace('name = "tiny"', 'name = "narrow"').replace(
        "cores_per_chip = { value = 7", "cores_per_chip = { value = 1"
    )
    (work / "narrow.toml").write_text(narrow)
    os.mkfifo(work / "pipe")
    before = {p.name: p.read_bytes() for p in work.iterdir() if p.is_file()}
    result = cli(*words, "--json")
    assert (result.code, result.err) == (code, "")
    fields = result.json
    assert (fields["error"], fields["exit_code"]) == (name, code)
    assert what in fields["what"] and where in fields["where"] and remedy in fields["remedy"]
    plain = cli(*words)
    assert (plain.code, plain.out) == (code, "")
    assert plain.err == f"error: {fields['what']}\n  at:  {fields['where']}\n  try: {fields['remedy']}\n"
    assert {p.name: p.read_bytes() for p in work.iterdir() if p.is_file()} == before


def test_a_vague_file_lists_choices_and_flags(cli: Cli, work: Path) -> None:
    remedy = cli("compile", "vague.nir", "--target", "loihi2", "-o", "new.ndp", "--json").json["remedy"]
    for word in ("--dt-s", "--reset", "(choices: value, subtract, none, ", "seconds"):
        assert word in remedy


def test_all_problems_of_a_target_file_at_once(cli: Cli, work: Path) -> None:
    tiny = Path(nd.load_target("tiny").path).read_text()
    broken = tiny.replace("cores_per_tile", "core_per_tile").replace(
        "hop_x_j = { value = 2e-12", "hop_x_j = { value = -2e-12"
    )
    (work / "mine.toml").write_text(broken)
    for words in (["targets", "check", "mine.toml"], ["compile", "model.nir", "--target", "mine.toml", "-o", "p.ndp"]):
        result = cli(*words)
        assert result.code == 4
        for word in ("core_per_tile", "did you mean 'cores_per_tile'?", "energy.hop_x_j", "mine.toml:"):
            assert word in result.err


def test_violations_are_json_even_where_nothing_is_available(cli: Cli, work: Path) -> None:
    rng = np.random.default_rng(0)
    nodes = {"fc": nir.Linear(weight=rng.normal(0, 1, (900, 4))), "wide": graphs.lif((900,), 0.5)}
    graphs.write(graphs.chain(nodes, source=(4,), sink=(900,)), work, "wide.nir")
    result = cli("compile", "wide.nir", "--target", "tiny", "-o", "new.ndp", "--json")
    assert result.code == 6
    (row,) = result.json["violations"]
    assert row.keys() == {"resource", "needed", "available", "layer", "remedy", "share"}
    assert (row["resource"], row["available"]) == ("cores", 14) and row["share"] == row["needed"] / 14
    facts = cli("inspect", "wide.nir", "--target", "tiny", "--json").json
    assert facts["cores"] is None and facts["problems"][0]["what"].startswith("cores ")


def test_an_installation_without_models(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "list_models", list)
    result = cli("demo", "--json")
    assert result.code == 3 and "no bundled models" in result.json["what"] and "pip install" in result.json["remedy"]
