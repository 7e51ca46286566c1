"""The bundled models on their whole test sets: cards tell the truth, engines agree, chips keep the accuracy."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from neurodeploy import compile as compile_model
from neurodeploy import list_models, load_model, simulate
from neurodeploy.bundled import BundledModel
from neurodeploy.evaluate import accuracy, chip_scores, float_scores, load_samples, output_of
from neurodeploy.mapping import check_mapping
from neurodeploy.pipeline import run_passes

MODELS = ["digits-conv", "digits-mlp", "vowels-rsnn"]
LARGEST_DROP = 0.01
"""One point of accuracy."""


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> BundledModel:
    return load_model(request.param)


def test_all_models_are_there() -> None:
    assert list_models() == MODELS


def test_card_describes_these_files(model: BundledModel) -> None:
    result, data = model.card["result"], model.card["data"]
    for file in (model.nir, model.test):
        assert hashlib.sha256(file.read_bytes()).hexdigest() == model.card["sha256"][file.name]
    samples = load_samples(model.test)
    assert len(samples.spikes) == data["test_samples"] == result["total"]
    for key in ("name", "source", "licence", "citation", "split"):
        assert data[key].strip()
    assert result["nir_mismatching_bits"] == 0 < result["nir_compared_bits"]
    assert model.card["training"]["command"] and model.card["training"]["date"]


def test_float_accuracy_is_the_card_s(model: BundledModel) -> None:
    samples = load_samples(model.test)
    state = run_passes(model.nir, "loihi2", stop_after="lower")
    assert state.network is not None and samples.labels is not None
    (output,) = state.network.outputs.values()
    found = accuracy(float_scores(state.network, samples.spikes, output), samples.labels)
    assert found == pytest.approx(model.card["result"]["float_test_accuracy"], abs=1e-9)


@pytest.mark.parametrize("target", ["loihi1", "loihi2"])
def test_engines_agree_and_the_accuracy_is_kept(model: BundledModel, target: str) -> None:
    samples = load_samples(model.test)
    assert samples.labels is not None
    program = compile_model(model.nir, target)
    check_mapping(program.net, program.mapping, program.target)
    record = dict.fromkeys(program.net.populations, ("u", "v"))
    fast = simulate(program, samples.spikes, record=record)
    slow = simulate(program, samples.spikes, record=record, engine="reference")
    assert (fast.engine, slow.engine) == ("fast", "reference")
    for name in program.net.populations:
        np.testing.assert_array_equal(fast.spikes[name], slow.spikes[name])
        for register in ("u", "v"):
            np.testing.assert_array_equal(fast.states[name][register], slow.states[name][register])
        assert fast.spikes[name].any()
    assert fast.counters.populations == slow.counters.populations
    assert all(c.wraps == 0 for c in fast.counters.populations.values())
    assert output_of(program) in program.net.populations
    integer = accuracy(chip_scores(program, fast), samples.labels)
    assert integer >= model.card["result"]["float_test_accuracy"] - LARGEST_DROP
