"""Quantisation: exact where the numbers allow, bounded where not, refused where impossible."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import nir
import numpy as np
import pytest
from floats import aligned
from graphs import chain, conv_net, cubalif, graph, lif, write

from neurodeploy import load_target, simulate
from neurodeploy.chipnet import ChipNetwork
from neurodeploy.errors import FieldOverflow, UnsupportedFeature
from neurodeploy.frontends import read_nir
from neurodeploy.lower import lower, resolve_semantics
from neurodeploy.network import Network
from neurodeploy.quantize import QuantizationReport, quantize
from neurodeploy.quantize.features import RULES, check_features, missing_features
from neurodeploy.target import Target

CHIPS = ["loihi1", "loihi2"]


def lowered(value: nir.NIRGraph, folder: Path, **options: object) -> Network:
    file = read_nir(write(value, folder))
    return lower(file, resolve_semantics(file, options))


def exact_weights(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Multiples of 1/128 whose largest is 127/128: 8-bit mantissas hold them without rounding."""
    weights = rng.integers(-126, 127, shape)
    weights.flat[0] = 127
    return weights / 128


def accumulator(n: int, **changes: Any) -> nir.IF:
    fields = {"r": np.ones(n), "v_threshold": np.ones(n), "v_reset": np.zeros(n)}
    return nir.IF(**(fields | changes))


@pytest.mark.parametrize(("chip", "reset"), [("loihi1", "value"), ("loihi2", "value"), ("loihi2", "subtract")])
def test_integrators_are_exact(tmp_path: Path, chip: str, reset: str) -> None:
    """No decay, dyadic weights, biases and thresholds: every spike equal, recurrence and skip included."""
    rng = np.random.default_rng(5)
    nodes = {
        "w1": nir.Affine(weight=exact_weights(rng, 20, 10), bias=rng.integers(-16, 16, 20) / 128),
        "a": accumulator(20),
        "rec": nir.Linear(weight=rng.integers(-32, 33, (20, 20)) / 128),
        "w2": nir.Linear(weight=exact_weights(rng, 20, 20)),
        "b": accumulator(20, v_threshold=np.full(20, 1.5)),
        "w3": nir.Affine(weight=exact_weights(rng, 6, 20), bias=np.full(6, 1 / 32)),
        "skip": nir.Linear(weight=exact_weights(rng, 6, 20)),
        "c": accumulator(6),
    }
    edges = [("input", "w1"), ("w1", "a"), ("a", "rec"), ("rec", "a"), ("a", "w2"), ("w2", "b"), ("b", "w3")]
    edges += [("w3", "c"), ("a", "skip"), ("skip", "c"), ("c", "output")]
    network = lowered(graph(nodes, edges, source=(10,), sink=(6,), reset=reset), tmp_path)
    target = load_target(chip)
    net, report = quantize(network, target)
    check_features(net, target)
    assert {p.delay for p in net.projections if (p.source, p.target) == ("a", "c")} == {1}
    x = (rng.random((8, 40, 10)) < 0.3).astype(np.uint8)
    floats, spikes, _ = aligned(network, net, x)
    for name in network.populations:
        assert floats.spikes[name].any()
        np.testing.assert_array_equal(spikes[name], floats.spikes[name])
    assert max(p.error_max_lsb for p in report.projections) == 0
    assert max(p.vth_error for p in report.populations) == 0


@pytest.mark.parametrize("chip", CHIPS)
def test_nonzero_reset_and_leak_are_exact_up_to_rounding(tmp_path: Path, chip: str) -> None:
    """Membranes counted from v_reset, leak and start potential in the bias and v0; compared before the first spike."""
    rng = np.random.default_rng(2)
    node = lif(
        (12,),
        0.75,
        v_reset=np.full(12, -0.5),
        v_leak=np.linspace(-0.4, 0.4, 12),
        v_threshold=np.full(12, 1.0),
        r=np.full(12, 2.0),
    )
    network = lowered(
        chain({"w": nir.Linear(weight=exact_weights(rng, 12, 8)), "a": node}, source=(8,), sink=(12,)),
        tmp_path,
        v_init="v_leak",
    )
    net, _ = quantize(network, load_target(chip))
    x = (rng.random((4, 60, 8)) < 0.3).astype(np.uint8)
    floats, spikes, v = aligned(network, net, x)
    assert floats.spikes["a"].any()
    quiet = np.cumsum(floats.spikes["a"] + spikes["a"], axis=1) == 0
    np.testing.assert_allclose(v["a"][quiet], floats.membranes["a"][quiet], atol=2e-3)
    assert np.mean(spikes["a"] != floats.spikes["a"]) < 0.01


@pytest.mark.parametrize("chip", CHIPS)
def test_bias_behind_a_synaptic_current(tmp_path: Path, chip: str) -> None:
    """u has no bias on the chip: steady state in v's bias, the transient in u0; the membranes agree from step one."""
    rng = np.random.default_rng(4)
    bias = rng.uniform(-0.2, 0.2, 12)
    nodes = {
        "w1": nir.Linear(weight=exact_weights(rng, 8, 8)),
        "a": lif((8,), 0.5),
        "w2": nir.Affine(weight=exact_weights(rng, 12, 8) / 8, bias=bias),
        "b": cubalif((12,), 0.75, 0.875, threshold=50.0),
    }
    network = lowered(chain(nodes, source=(8,), sink=(12,)), tmp_path)
    target = load_target(chip)
    net, _ = quantize(network, target)
    check_features(net, target)
    x = (rng.random((4, 60, 8)) < 0.3).astype(np.uint8)
    floats, spikes, v = aligned(network, net, x)
    np.testing.assert_array_equal(spikes["a"], floats.spikes["a"])
    assert not floats.spikes["b"].any()
    np.testing.assert_allclose(v["b"], floats.membranes["b"], atol=0.02)
    assert np.abs(floats.membranes["b"]).max() > 3


@pytest.mark.parametrize("bits", [8, 6, 4])
def test_more_bits_mean_less_error(tmp_path: Path, bits: int) -> None:
    network = lowered(conv_net(np.random.default_rng(0)), tmp_path)
    net, report = quantize(network, load_target("loihi2"), bits=bits)
    for p in net.projections:
        grid = 2 ** (9 - bits)
        assert not np.any(p.connection.weights % grid)
        assert p.altered_weights == 0
    for row in report.projections:
        assert row.error_max_lsb <= 0.5
        assert row.error_rms < 2.0 ** (1 - bits) * 2
    finer = quantize(network, load_target("loihi2"), bits=8)[1]
    assert all(a.error_rms >= b.error_rms for a, b in zip(report.projections, finer.projections, strict=True))


def test_headroom_is_a_bound(tmp_path: Path) -> None:
    """Where the report proves headroom, the worst input (all positive or all negative synapses) does not overflow."""
    rng = np.random.default_rng(0)
    nodes = {"w": nir.Linear(weight=rng.normal(size=(6, 30))), "a": cubalif((6,), 0.75, 0.875)}
    network = lowered(chain(nodes, source=(30,), sink=(6,)), tmp_path)
    net, report = quantize(network, load_target("loihi2"))
    (row,) = report.populations
    assert 0 < row.u_headroom_bits < 4 and row.v_headroom_bits > 0
    weights = network.projections[0].connection.weights
    for k in range(6):
        for sign in (1, -1):
            x = np.tile(weights[k] * sign > 0, (100, 1)).astype(np.uint8)
            run = simulate(net, x, record={"a": ("u", "v")}, strict=True)
            assert np.abs(run.states["a"]["u"]).max() <= 2 ** (23 - row.u_headroom_bits) * 1.01
            assert np.abs(run.states["a"]["v"]).max() <= 2 ** (23 - row.v_headroom_bits) * 1.01


def test_a_large_threshold_lowers_the_exponent_and_then_the_mantissa(tmp_path: Path) -> None:
    target = load_target("loihi1")
    reports: list[QuantizationReport] = []
    for threshold in (1.0, 3e3, 1e5):
        nodes = {"w": nir.Linear(weight=np.array([[1.0, -1 / np.pi]])), "a": lif((1,), 0.875, threshold)}
        reports.append(quantize(lowered(chain(nodes, source=(2,), sink=(1,)), tmp_path), target)[1])
    exponents = [r.projections[0].weight_exp for r in reports]
    assert exponents[0] > 0 > exponents[1] >= exponents[2] == target.weight.exponent_min.value
    assert [r.populations[0].limited_by for r in reports[1:]] == ["threshold", "threshold"]
    assert [r.projections[0].mantissa_max for r in reports] == [254, 254, 168]
    nodes = {"w": nir.Linear(weight=np.array([[1.0, -0.5]])), "a": lif((1,), 0.875, 1e7)}
    with pytest.raises(FieldOverflow, match=r"threshold leaves the weights only .* try: train with a threshold|steps"):
        quantize(lowered(chain(nodes, source=(2,), sink=(1,)), tmp_path), target)


def test_weight_bits_that_the_target_lacks(tmp_path: Path) -> None:
    network = lowered(conv_net(np.random.default_rng(0)), tmp_path)
    with pytest.raises(FieldOverflow, match=r"(?s)7-bit weights.*choose --bits from \[1, 2, 3, 4, 5, 6, 8\]"):
        quantize(network, load_target("loihi1"), bits=7)


def base_net(**fields: Any) -> ChipNetwork:
    net = ChipNetwork()
    net.add_input("in", shape=(1, 4, 4))
    net.add_population("a", shape=(1, 4, 4), vth=100, **fields)
    net.connect("in", "a", np.full((1, 1, 1, 1), 2), kind="conv2d")
    return net


def with_connection(**settings: Any) -> ChipNetwork:
    net = base_net()
    net.add_population("b", shape=2)
    net.connect("a", "b", np.full((2, 16), 2), **settings)
    return net


def odd_kernel() -> ChipNetwork:
    net = ChipNetwork()
    net.add_input("in", shape=(1, 4, 4))
    net.add_population("a", shape=(1, 4, 4), vth=100)
    net.connect("in", "a", np.full((1, 1, 1, 1), 3), kind="conv2d")
    return net


def with_model(model: str) -> ChipNetwork:
    net = base_net()
    net.add_population("b", shape=2, model=model)
    return net


def with_graded_input() -> ChipNetwork:
    net = base_net()
    net.add_input("values", shape=2, message_bits=8)
    return net


LACKING = {
    "models": (lambda: with_model("rf"), "neuron model 'rf'"),
    "graded_messages": (with_graded_input, "graded messages of 8 bits"),
    "resets": (lambda: base_net(reset="subtract"), "reset 'subtract'"),
    "decays": (lambda: base_net(du=-1), "current without decay"),
    "initial_state": (lambda: base_net(v0=5), "initial membrane"),
    "late_bias": (lambda: base_net(bias_mant=5, start=2), "bias that begins at step 3"),
    "delays": (lambda: with_connection(delays=7), "delay of 7"),
    "refractory_periods": (lambda: base_net(refractory=9), "refractory period of 9"),
    "firing": (lambda: base_net(window=(2, 5)), "a firing window"),
    "reset_schedules": (lambda: base_net(reset_interval=4), "a reset schedule"),
    "weight_exponents": (lambda: with_connection(weight_exp=3), "weight exponent 3"),
    "weight_formats": (odd_kernel, "odd or too large kernel"),
    "fields": (lambda: base_net(bias_mant=300), "bias mantissa above 255"),
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_every_rule_refuses_what_the_chip_lacks(rule: Any) -> None:
    build, text = LACKING[rule.__name__]
    tiny = load_target("tiny")
    never = msgspec.structs.replace(tiny.compartment.sample_reset, value=False)
    tiny = msgspec.structs.replace(tiny, compartment=msgspec.structs.replace(tiny.compartment, sample_reset=never))
    assert rule.__doc__
    assert not list(rule(base_net(), tiny))
    (found,) = rule(build(), tiny)
    assert text in found[1] and found[2]
    with pytest.raises(UnsupportedFeature, match=text):
        check_features(build(), tiny)


def test_all_findings_at_once() -> None:
    net = base_net(reset="subtract", v0=5, bias_mant=300)
    assert len(missing_features(net, load_target("tiny"))) == 3


def test_wider_fields_allow_more(tmp_path: Path) -> None:
    """The limits come from the target file: the same network on a chip with a shorter threshold field."""
    network = lowered(conv_net(np.random.default_rng(0)), tmp_path)
    target = load_target("loihi2")
    narrow_field = msgspec.structs.replace(target.compartment.vth_mantissa_max, value=255)
    compartment = msgspec.structs.replace(target.compartment, vth_mantissa_max=narrow_field)
    narrow: Target = msgspec.structs.replace(target, compartment=compartment)
    wide_net, narrow_net = quantize(network, target)[0], quantize(network, narrow)[0]
    assert max(p.fields["vth"].max() for p in wide_net.populations.values()) > 255
    assert max(p.fields["vth"].max() for p in narrow_net.populations.values()) <= 255
