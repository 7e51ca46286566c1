"""A network that fires in float fires on the chip, or is refused with the field that it does not fit."""

from __future__ import annotations

import numpy as np
import pytest
from floats import affine, aligned, chain_of, linear, network, neurons
from hypothesis import given, settings
from hypothesis import strategies as st

from neurodeploy import ChipNetwork, load_target, simulate
from neurodeploy.errors import FieldOverflow
from neurodeploy.network import Network
from neurodeploy.quantize import quantize
from neurodeploy.simulate.float_reference import simulate_float

CHIPS = ["loihi1", "loihi2"]


def two_layers(rng: np.random.Generator, size: float, threshold: float) -> Network:
    """Leaky layers whose weights, biases and thresholds are all ``size`` times those of a usual network."""
    weights = [rng.normal(0.1, 0.25, (24, 40)), rng.normal(0.1, 0.4, (10, 24))]
    nodes = []
    for name, w in zip("ab", weights, strict=True):
        w *= size / np.abs(w).max()
        nodes += [affine(f"w{name}", w, rng.normal(0, 0.05, len(w)) * size)]
        nodes += [neurons(name, len(w), b=np.full(len(w), 0.9), theta=np.full(len(w), threshold * size))]
    return network(chain_of(*nodes, shape=(40,)))


def naive(net: Network) -> ChipNetwork:
    """What a fixed scale of 1 = 128 makes of the network."""
    chip = ChipNetwork()
    chip.add_input("in", shape=(40,))
    for p in net.populations.values():
        chip.add_population(p.name, shape=p.shape, dv=410, vth=int(np.rint(128 * p.dynamics.theta[0])))
    for q in net.projections:
        chip.connect(q.source, q.target, 2 * np.rint(64 * q.connection.weights).astype(np.int64))
    return chip


@pytest.mark.parametrize("chip", CHIPS)
def test_weights_100_times_too_small_still_fire(chip: str) -> None:
    """Rates and spikes as in float, and the very integers of the network of usual size."""
    x = (np.random.default_rng(7).random((6, 120, 40)) < 0.3).astype(np.uint8)
    made = {}
    for size in (1.0, 0.005):
        net = two_layers(np.random.default_rng(1), size, 2.0)
        made[size], report = quantize(net, load_target(chip))
        floats, spikes, _ = aligned(net, made[size], x)
        for name in net.populations:
            rates = spikes[name].mean(axis=(0, 1)), floats.spikes[name].mean(axis=(0, 1))
            assert 0.05 < rates[1].mean() < 0.6
            np.testing.assert_allclose(rates[0], rates[1], atol=0.01)
            if name == "a":  # of layers behind it, neurons near their threshold tell every spike that came late
                wrong = np.count_nonzero(spikes[name] != floats.spikes[name])
                assert wrong < 0.1 * np.count_nonzero(floats.spikes[name])
        assert not any(row.zeroed > 0.05 for row in report.projections)
    small = made[0.005]
    assert not simulate(naive(net), x).spikes["b"].any()  # what the test is about
    for p, q in zip(made[1.0].projections, small.projections, strict=True):
        np.testing.assert_array_equal(p.connection.weights, q.connection.weights)
        assert p.weight_exp == q.weight_exp
    for name, p in made[1.0].populations.items():
        for field in ("vth", "bias_mant", "bias_exp", "dv", "du"):
            np.testing.assert_array_equal(p.fields[field], small.populations[name].fields[field])


@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize("ratio", [30.0, 1e3, 1e4])
def test_thresholds_far_above_the_weights_still_fire(chip: str, ratio: float) -> None:
    """Exponents below 0 floor every sum; the rates stay."""
    rng = np.random.default_rng(0)
    weights = rng.uniform(-0.3, 1.0, (12, 150)) * 1e-4
    weights.flat[0] = 1e-4
    net = network(chain_of(linear("w", weights), neurons("a", 12, theta=np.full(12, ratio * 1e-4)), shape=(150,)))
    x = (rng.random((2, 1500, 150)) < 0.5).astype(np.uint8)
    run = simulate(quantize(net, load_target(chip))[0], x)  # not strict: v may be clipped just above the threshold
    floats = simulate_float(net, {"in": x})
    counts = run.spikes["a"][:, 1:].sum(axis=(0, 1)), floats.spikes["a"].sum(axis=(0, 1))
    assert counts[1].min() > 2
    np.testing.assert_allclose(counts[0], counts[1], atol=2 + 0.005 * counts[1].max())


@settings(max_examples=25, deadline=None)
@given(st.floats(-30, 30), st.floats(-6, 3), st.integers(0, 2**16))
def test_a_network_fires_or_is_refused_by_name(log_size: float, log_ratio: float, seed: int) -> None:
    """Whatever the size of its numbers and of its threshold: the same rates, or an error that names the field."""
    net = two_layers(np.random.default_rng(seed), 2.0**log_size, 10.0**log_ratio)
    x = (np.random.default_rng(7).random((2, 60, 40)) < 0.3).astype(np.uint8)
    try:
        chip, _ = quantize(net, load_target("loihi1"))
    except FieldOverflow as error:
        assert "threshold" in error.what and "layer 'a'" in str(error) and error.remedy
        assert not 1e-3 < 10.0**log_ratio < 1e3
        return
    floats, spikes, _ = aligned(net, chip, x) if _proven(net) else (None, None, None)
    if floats is not None and spikes is not None:
        assert abs(float(spikes["a"].mean()) - float(floats.spikes["a"].mean())) < 0.02


def _proven(net: Network) -> bool:
    return all(r.u_headroom == r.v_headroom == "proven" for r in quantize(net, load_target("loihi1"))[1].populations)


@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize(
    ("theta", "bias", "what"),
    [
        (1e7, 0.0, r"threshold leaves the weights only 0\.\d steps"),
        (1e-4, 0.0, r"a threshold of 0\.\d+ steps of its field would round to nothing"),
        (1.0, 1e7, r"bias leaves the weights only 0\.\d steps"),
    ],
)
def test_what_cannot_fit_is_refused_with_the_field_named(chip: str, theta: float, bias: float, what: str) -> None:
    rng = np.random.default_rng(0)
    nodes = [affine("w", rng.uniform(-1, 1, (4, 6000)), np.full(4, bias)), neurons("slow", 4, theta=np.full(4, theta))]
    net = network(chain_of(*nodes, shape=(6000,)))
    with pytest.raises(FieldOverflow, match=rf"(?s){what}.*at: +layer 'slow'.*try: +train with"):
        quantize(net, load_target(chip))
