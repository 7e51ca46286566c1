"""The proof at the door: what is read exactly passes, what is not is refused with the first value that differs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toy_framework import Layer, Net, from_module, random_net, toy  # noqa: F401 - a fixture

import neurodeploy as nd
from neurodeploy.errors import ModelError, ShapeMismatch
from neurodeploy.frontends.imported import Imported
from neurodeploy.lower import lower, resolve_semantics
from neurodeploy.pipeline import run_passes
from neurodeploy.proof import SourceDiffers, prove

SAMPLE = (np.random.default_rng(1).random((3, 40, 8)) < 0.4).astype(np.uint8)


def proof(net: Net, sample: Any = SAMPLE, **options: Any) -> dict[str, Any]:
    imported = from_module(net)
    network = lower(imported.graph, resolve_semantics(imported.graph, imported.semantics))
    return prove(imported, network, None if sample is None else {"in": sample}, where="Net", **options)


@pytest.mark.parametrize("seed", range(3))
def test_what_is_read_exactly_has_no_mismatch(seed: int) -> None:
    net = random_net(seed)
    facts = proof(net)
    assert (facts["mismatching"], facts["void"], facts["first_divergence"]) == (0, [], None)
    assert (facts["samples"], facts["steps"], facts["input"]) == (3, 40, "given")
    assert [(row["layer"], row["bits"]) for row in facts["layers"]] == [("n0", 3 * 40 * 12), ("n1", 3 * 40 * 5)]
    sent = net.run({"in": SAMPLE}).spikes
    assert [row["rate"] for row in facts["layers"]] == [sent["n0"].mean(), sent["n1"].mean()]


def test_a_layer_read_wrongly_is_refused_with_the_first_divergence() -> None:
    net = random_net()
    wrong = [net.layers[0], replace(net.layers[1], beta=0.8)]
    with pytest.raises(SourceDiffers) as caught:
        proof(replace(net, read_as=wrong))
    facts = caught.value.facts
    assert [row["mismatching"] > 0 for row in facts["layers"]] == [False, True]
    first = facts["first_divergence"]
    theirs = net.run({"in": SAMPLE})
    ours = Net([net.layers[0], wrong[1]]).run({"in": SAMPLE}).spikes["n1"]
    place = np.unravel_index(np.argmax(ours != theirs.spikes["n1"]), ours.shape)
    assert (first["layer"], first["sample"], first["step"], first["neuron"]) == ("n1", *place)
    assert (first["found"], first["expected"]) == (ours[place], theirs.spikes["n1"][place])
    assert first["membrane_expected"] == theirs.membranes["n1"][place] and first["threshold"] == 1.0
    text = str(caught.value)
    for word in ("layer 'n1'", f"sample {place[0]}", f"step {place[1]}", f"neuron {place[2]}", "--tolerance-bits"):
        assert word in text
    assert caught.value.exit_code == 3 and caught.value.to_dict()["layers"] == facts["layers"]


def test_a_layer_s_fault_is_not_blamed_on_those_behind_it() -> None:
    """The second layer follows the module's own first layer."""
    net = random_net()
    with pytest.raises(SourceDiffers) as caught:
        proof(replace(net, read_as=[replace(net.layers[0], beta=0.8), net.layers[1]]))
    first, second = caught.value.facts["layers"]
    assert first["mismatching"] and not second["mismatching"] and second["free"]


def test_a_tolerance_accepts_so_many_bits_and_no_more() -> None:
    net = random_net()
    net = replace(net, read_as=[net.layers[0], replace(net.layers[1], beta=0.89)])
    with pytest.raises(SourceDiffers) as caught:
        proof(net)
    bits = caught.value.facts["mismatching"]
    assert 0 < bits < 100
    assert proof(net, tolerance_bits=bits)["mismatching"] == bits
    with pytest.raises(SourceDiffers, match=rf"{bits} bits \({bits - 1} allowed\)"):
        proof(net, tolerance_bits=bits - 1)


def test_bits_that_rounding_decides_are_ties() -> None:
    """0.1 * 10 is 1 in the module's float32, and more than 1 when float32's 0.1 is summed in float64."""
    net = Net([Layer([[0.1] * 10, [0.2] * 10], 0.0)])
    sample = np.ones((1, 5, 10), np.uint8)
    assert not net.run({"in": sample}).spikes["n0"][..., 0].any()
    facts = proof(net, sample)
    assert (facts["mismatching"], facts["ties"], facts["layers"][0]["free"]) == (5, 5, 5)
    near = Net([Layer([[0.1] * 10, [0.2] * 10], 0.0)], read_as=[Layer([[0.1001] * 10, [0.2] * 10], 0.0)])
    with pytest.raises(SourceDiffers):
        proof(near, sample)


def test_a_membrane_at_its_threshold_is_no_tie() -> None:
    """Quarters add up to the threshold without rounding: whether that fires is a convention, not an accident."""
    imported = from_module(Net([Layer([[0.25] * 4, [0.5] * 4], 0.0)]))
    sample = {"in": np.ones((1, 5, 4), np.uint8)}
    network = lower(imported.graph, resolve_semantics(imported.graph, imported.semantics))
    assert prove(imported, network, sample, where="Net")["mismatching"] == 0
    node = imported.graph.nodes["n0"]
    other = replace(node, conventions={**node.conventions, "spike": "ge"})
    graph = replace(imported.graph, nodes={**imported.graph.nodes, "n0": other})
    with pytest.raises(SourceDiffers, match="differ in 5 bits"):
        prove(imported, lower(graph, resolve_semantics(graph, imported.semantics)), sample, where="Net")


def test_a_silent_layer_is_void() -> None:
    net = random_net()
    net.layers[1] = Layer(-np.abs(net.layers[1].weight), 0.9)
    facts = proof(net)
    assert facts["void"] == ["n1"] and facts["layers"][1]["void"] == "it sent no spike"


def test_a_layer_that_the_module_does_not_show_is_void() -> None:
    facts = proof(random_net(hides=(1,)))
    assert facts["void"] == ["n1"] and "does not show" in facts["layers"][1]["void"]


def test_real_values_are_compared_too() -> None:
    readout = np.random.default_rng(2).normal(size=(3, 5))
    net = random_net(readout=readout)
    facts = proof(net)
    assert [(row["layer"], row["bits"], row["mismatching"]) for row in facts["layers"]][-1] == ("out", 360, 0)
    imported = from_module(net)
    spoilt = replace(net, readout=readout + 0.01)
    network = lower(imported.graph, resolve_semantics(imported.graph, imported.semantics))
    with pytest.raises(SourceDiffers) as caught:
        prove(Imported(imported.graph, {}, spoilt, "toy"), network, {"in": SAMPLE}, where="Net")
    first = caught.value.facts["first_divergence"]
    assert first["layer"] == "out" and first["membrane_found"] != first["membrane_expected"]


def test_values_that_are_no_numbers_differ() -> None:
    net = random_net(readout=np.full((2, 5), np.nan))
    imported = from_module(random_net(readout=np.ones((2, 5))))
    network = lower(imported.graph, resolve_semantics(imported.graph, imported.semantics))
    with pytest.raises(SourceDiffers):
        prove(Imported(imported.graph, {}, net, "toy"), network, {"in": SAMPLE}, where="Net")


def test_parts_of_the_samples_make_the_same_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    net = random_net(readout=np.ones((2, 5)))
    net = replace(net, read_as=[net.layers[0], replace(net.layers[1], beta=0.89)])
    sample = np.concatenate([np.zeros((1, 40, 8), np.uint8), SAMPLE])
    whole = proof(net, sample, tolerance_bits=1000)
    assert whole["mismatching"] and whole["first_divergence"]["sample"] > 0 and whole["void"] == []
    monkeypatch.setattr("neurodeploy.proof.PART_BYTES", 1)
    parts = proof(net, sample, tolerance_bits=1000)
    for rows in zip(whole["layers"], parts["layers"], strict=True):
        assert rows[0].pop("rate") == pytest.approx(rows[1].pop("rate"))
    assert parts == whole
    assert len(net.runs) == 1 + 4


def test_drawn_spikes_make_every_layer_busy_and_are_the_same_each_time() -> None:
    """Weak weights: a few spikes in the input would leave the second layer silent."""
    net = random_net()
    net.layers[1] = replace(net.layers[1], weight=0.15 * np.abs(net.layers[1].weight), beta=0.5)
    first, again = proof(net, None), proof(net, None)
    assert first == again and first["void"] == [] and first["input"] != "drawn: density 0.1, seed 0"
    assert min(row["rate"] for row in first["layers"]) >= 0.02
    assert first["steps"] >= 100


@pytest.mark.usefixtures("toy")
def test_compile_stores_the_proof_and_the_conventions(tmp_path: Path) -> None:
    net = random_net()
    program = nd.compile(net, "loihi2", sample=SAMPLE)
    assert program.provenance["proof"] == proof(net)
    assert program.provenance["model"] == "Net" and program.semantics["framework"] == "toy 1.0"
    assert program.semantics["layers"]["n0"] == {"reset": "subtract", "factors": ["b"]}  # type: ignore[index]
    nd.save(program, tmp_path / "p.ndp")
    assert nd.load(tmp_path / "p.ndp").provenance == program.provenance
    other = nd.compile(random_net(1), "loihi2", sample=SAMPLE)
    assert other.provenance["model_sha256"] != program.provenance["model_sha256"]
    assert nd.compile(net, "loihi2").provenance["model_sha256"] == program.provenance["model_sha256"]


@pytest.mark.usefixtures("toy")
def test_compile_refuses_what_differs_unless_told_otherwise() -> None:
    net = random_net()
    net = replace(net, read_as=[net.layers[0], replace(net.layers[1], beta=0.89)])
    with pytest.raises(SourceDiffers):
        nd.compile(net, sample=SAMPLE)
    program = nd.compile(net, options=nd.Options(tolerance_bits=1000), sample=SAMPLE)
    assert program.provenance["proof"]["mismatching"] > 0  # type: ignore[index]


@pytest.mark.usefixtures("toy")
def test_compile_warns_of_void_layers() -> None:
    with pytest.warns(UserWarning, match="nothing is proven of layer 'n1'"):
        nd.compile(random_net(hides=(1,)), sample=SAMPLE)


@pytest.mark.usefixtures("toy")
def test_the_user_s_time_step_goes_to_the_frontend_and_other_options_stay() -> None:
    options = nd.Options({"dt_s": 0.5, "readout": "v_last"})
    state = run_passes(random_net(), "loihi2", options, stop_after="prove", sample=SAMPLE)
    assert state.semantics is not None and (state.semantics.dt_s, state.semantics.readout) == (0.5, "v_last")


@pytest.mark.usefixtures("toy")
def test_options_of_the_frontend() -> None:
    state = run_passes(random_net(), "loihi2", nd.Options(frontend={"dt_s": 0.25}), stop_after="read", sample=SAMPLE)
    assert state.semantics is not None and state.semantics.dt_s == 0.25
    with pytest.raises(ModelError, match="no option 'dt_ss'") as caught:
        nd.compile(random_net(), options=nd.Options(frontend={"dt_ss": 0.25}))
    assert "did you mean 'dt_s'" in caught.value.remedy


@pytest.mark.usefixtures("toy")
@pytest.mark.parametrize(
    ("sample", "error", "text"),
    [
        (np.zeros((3, 40)), ShapeMismatch, r"shape \(3, 40\)"),
        (np.zeros((0, 40, 8)), ShapeMismatch, r"shape \(0, 40, 8\)"),
        (np.full((1, 4, 8), 2), ModelError, "other values than 0 and 1"),
        (np.full((1, 4, 8), np.nan), ModelError, "other values than 0 and 1"),
        (np.full((1, 4, 8), "x"), ShapeMismatch, "holds <U1"),
        ({"in": SAMPLE}, ShapeMismatch, "mapping"),
    ],
)
def test_wrong_samples(sample: Any, error: type[ModelError], text: str) -> None:
    with pytest.raises(error, match=text) as caught:
        nd.compile(random_net(), sample=sample)
    assert caught.value.remedy


@pytest.mark.parametrize("model", [3, None, b"net", Net])
def test_what_is_no_model(model: Any) -> None:
    with pytest.raises(ModelError, match="is not a model") as caught:
        nd.compile(model)
    assert "torch module" in caught.value.remedy


def test_a_sample_beside_a_file_is_an_error() -> None:
    with pytest.raises(ModelError, match="a sample beside a file"):
        nd.compile(nd.list_models()[0], sample=SAMPLE)
