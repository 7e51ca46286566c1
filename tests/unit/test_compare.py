"""Comparison of models layer by layer: counts, rates and the first divergence against plain loops over both runs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from graphs import chain, lif, write
from nir import Linear
from toy_framework import Layer, random_net, toy  # noqa: F401 - a fixture

import neurodeploy as nd
from neurodeploy import compare
from neurodeploy.compare import sides
from neurodeploy.errors import ModelError, SimulationError
from neurodeploy.evaluate import run_program

SPIKES = (np.random.default_rng(0).random((7, 30, 8)) < 0.4).astype(np.uint8)
SPIKES[:2] = 0  # the first divergence is in a later sample
pytestmark = pytest.mark.usefixtures("toy")


def compare_models(*args: Any, **options: Any) -> Any:
    return compare.compare_models(*args, **options).to_dict()


def first_difference(a: Any, b: Any, order: list[str]) -> tuple[str, int, int, int] | None:
    for sample in range(len(SPIKES)):
        for step in range(SPIKES.shape[1]):
            for layer in order:
                for neuron in range(a[layer].shape[2]):
                    if a[layer][sample, step, neuron] != b[layer][sample, step, neuron]:
                        return layer, sample, step, neuron
    return None


def test_two_float_models(monkeypatch: pytest.MonkeyPatch) -> None:
    net = random_net()
    other = replace(net, layers=[net.layers[0], replace(net.layers[1], beta=0.85)])
    a, b = net.run({"in": SPIKES}), other.run({"in": SPIKES})
    expected = first_difference(a.spikes, b.spikes, ["n0", "n1"])
    for part in (2**40, 1):  # all samples at once, and one by one
        monkeypatch.setattr(sides, "PART_BYTES", part)
        facts = compare_models(net, other, SPIKES)
        assert not facts["equal"] and facts["matched_by"] == "name"
        for row in facts["layers"]:
            name = row["layer"]
            assert row["mismatching"] == (a.spikes[name] != b.spikes[name]).sum() and row["bits"] == a.spikes[name].size
            np.testing.assert_allclose([row["rate_first"], row["rate_second"]], [s.spikes[name].mean() for s in (a, b)])
        d = facts["first_divergence"]
        assert expected == (d["layer"], d["sample"], d["step"], d["neuron"])
        before = [s.membranes["n1"][expected[1:]] + s.spikes["n1"][expected[1:]] for s in (a, b)]  # reset by 1
        assert [d["membrane_found"], d["membrane_expected"]] == pytest.approx(before, abs=1e-5)
        assert (d["threshold"], d["threshold_expected"]) == (1, 1)


def test_a_model_equals_itself() -> None:
    facts = compare_models(random_net(), random_net(), SPIKES)
    assert facts["equal"] and facts["first_divergence"] is None
    assert facts["first"] == facts["second"] == {"model": "Net", "kind": "float"}


def test_float_against_the_chip() -> None:
    net = random_net(sizes=(8, 12, 10, 5))
    program = nd.compile(net, "loihi2", nd.Options(bits=4), sample=SPIKES)
    facts = compare_models(net, program, SPIKES)
    run, _ = run_program(program, SPIKES, keep=tuple(program.net.populations))
    float_spikes = net.run({"in": SPIKES}).spikes
    chip = {}
    for name, population in program.net.populations.items():
        chip[name] = run.spikes[name].reshape(7, -1, population.size)[:, population.start : population.start + 30]
    assert facts["second"] == {"model": "Net", "kind": "chip"}
    for row in facts["layers"]:
        assert row["mismatching"] == (float_spikes[row["layer"]] != chip[row["layer"]]).sum() > 0
    d = facts["first_divergence"]
    assert first_difference(float_spikes, chip, ["n0", "n1", "n2"]) == (d["layer"], d["sample"], d["step"], d["neuron"])
    assert abs(d["membrane_found"] - d["membrane_expected"]) < 0.5  # both in float units, before the reset
    assert (d["membrane_found"] > d["threshold"] == 1) == d["found"]
    assert (d["membrane_expected"] > d["threshold_expected"]) == d["expected"]
    assert d["threshold_expected"] == pytest.approx(1, abs=0.01)


def test_exact_numbers_are_equal_on_the_chip() -> None:
    net = random_net(beta=1.0)
    net = replace(net, layers=[replace(x, weight=exact(x.weight)) for x in net.layers])
    assert compare_models(net, nd.compile(net, "loihi2", sample=SPIKES), SPIKES)["equal"]


def exact(weight: Any) -> Any:
    """Multiples of 1/64 whose largest is 127/64: 8 bits hold them."""
    rounded = np.clip(np.rint(weight * 64), -127, 126)
    rounded.flat[0] = 127
    return rounded / 64


def test_what_the_file_leaves_open_is_taken_from_the_program(tmp_path: Any) -> None:
    rng = np.random.default_rng(3)
    nodes = {"w": Linear(weight=rng.normal(0.1, 0.5, (6, 8))), "a": lif((6,), 0.875)}
    path = write(chain(nodes, source=(8,), sink=(6,), dt_s=None, reset=None), tmp_path)
    program = nd.compile(path, options=nd.Options({"dt_s": 1e-3, "reset": "subtract"}))
    facts = compare_models(path, program, SPIKES)
    (row,) = facts["layers"]
    assert row["mismatching"] / row["bits"] < 0.05 and row["rate_first"] > 0.05
    value = compare_models(path, program, SPIKES, nd.Options({"reset": "value"}))
    assert value["layers"][0]["mismatching"] > 3 * row["mismatching"]


def test_layers_without_common_names_are_matched_in_order(tmp_path: Any) -> None:
    rng = np.random.default_rng(3)
    weight = rng.normal(0.1, 0.5, (6, 8))
    paths = []
    for names in ("wa", "xb"):
        nodes = {names[0]: Linear(weight=weight), names[1]: lif((6,), 0.875)}
        paths.append(write(chain(nodes, source=(8,), sink=(6,)), tmp_path, f"{names}.nir"))
    facts = compare_models(*paths, SPIKES)
    assert facts["equal"] and facts["matched_by"] == "order"
    assert [row["layer"] for row in facts["layers"]] == ["a"]
    assert facts["only_first"] == facts["only_second"] == []


def test_void_layers_are_marked() -> None:
    net = random_net()
    net.layers[1] = Layer(-np.abs(net.layers[1].weight), 0.9)
    assert [row["void"] for row in compare_models(net, net, SPIKES)["layers"]] == [False, True]


@pytest.mark.parametrize(
    ("other", "spikes", "error", "text"),
    [
        (random_net(sizes=(8, 12, 6)), SPIKES, ModelError, "layer 'n1' has 5 neurons in one and 6"),
        (nd.list_models()[0], SPIKES, ModelError, "share neither names nor sizes"),
        (random_net(), SPIKES[:, :, :7], SimulationError, r"shape \(7, 30, 7\), the input takes"),
        (random_net(), SPIKES[:0], SimulationError, r"shape \(0, 30, 8\)"),
        (random_net(), SPIKES * 2, SimulationError, "other values than 0 and 1"),
    ],
)
def test_what_cannot_be_compared(other: Any, spikes: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        compare_models(random_net(), other, spikes)
