"""Synapse formats: one scale per population, sign modes, whole multiples kept, and no bit more than they need."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from floats import aligned, chain_of, linear, made, network, neurons
from hypothesis import given, settings
from hypothesis import strategies as st

from neurodeploy import load_target, simulate
from neurodeploy.errors import FieldOverflow
from neurodeploy.network import Network
from neurodeploy.quantize import quantize
from neurodeploy.quantize.formats import fewest_bits, format_of_bits
from neurodeploy.quantize.lattice import unit_of
from neurodeploy.quantize.skeleton import skeleton
from neurodeploy.weights import SIGN_MODES, prepare

LOIHI1, LOIHI2 = load_target("loihi1"), load_target("loihi2")


def one_layer(weights: Any, **exact: Any) -> Network:
    weights = np.asarray(weights, float)
    return network(chain_of(linear("w", weights), neurons("a", len(weights), **exact), shape=(weights.shape[1],)))


def shared_population(rng: np.random.Generator, ratio: float) -> Network:
    """Feed-forward, recurrent and skip weights into one population, of very different sizes."""
    nodes = [linear("w", rng.normal(size=(8, 6))), neurons("a", 8, b=np.full(8, 0.9))]
    nodes += [linear("rec", ratio * rng.normal(size=(8, 8))), linear("all", -rng.random((8, 6)) / ratio)]
    edges = [("in", "w"), ("w", "a"), ("a", "rec"), ("rec", "a"), ("in", "all"), ("all", "a"), ("a", "out")]
    return network(made(nodes, edges, {"in": (6,)}))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([2, 3, 4, 6, 8]), st.floats(-6, 6), st.booleans())
def test_one_scale_for_all_weights_of_a_population(seed: int, bits: int, log_ratio: float, per_channel: bool) -> None:
    """What the registers mean is the same for every synapse of a neuron, and no weight is off by over half a step."""
    from neurodeploy.quantize.choice import Choice

    net = shared_population(np.random.default_rng(seed), 2.0**log_ratio)
    choices = {"a": Choice(per_channel=per_channel)}
    for target in (LOIHI1, LOIHI2):
        chip, report = quantize(net, target, bits=bits, choices=choices)
        d = net.populations["a"].dynamics
        per_weight = np.broadcast_to(chip.populations["a"].scale, (8,)) * d.k * d.w
        for trained, held, row in zip(net.projections, chip.projections, report.projections, strict=True):
            assert held.altered_weights == 0
            assert target.weight.exponent_min.value <= held.weight_exp <= target.weight.exponent_max.value
            unit = (64 * 2.0**held.weight_exp / per_weight)[:, None]
            step = format_of_bits(held.num_weight_bits, held.sign_mode, target).step
            error = np.abs(held.connection.weights * unit - trained.connection.weights)
            assert np.all(error <= step * unit * 0.5 * (1 + 1e-9))
            np.testing.assert_allclose(error.max(), row.error_max, rtol=1e-6, atol=1e-12)
        vth = np.broadcast_to(chip.populations["a"].fields["vth"], (8,))
        np.testing.assert_allclose(vth, d.theta * np.broadcast_to(chip.populations["a"].scale, (8,)) / 64, atol=0.5001)


@settings(max_examples=100, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([1, 2, 3, 5, 20, 63, 127]),
    st.floats(1e-4, 1e4),
    st.sampled_from([np.float32, np.float64]),
    st.sampled_from(["mixed", "excitatory", "inhibitory"]),
)
def test_whole_multiples_stay_whole(seed: int, most: int, unit: float, dtype: Any, sign: str) -> None:
    """Integers times any unit lose nothing, and take no more bits than the integers."""
    rng = np.random.default_rng(seed)
    whole = rng.integers(-most if sign == "mixed" else 0, most + 1, (7, 9)) * (-1 if sign == "inhibitory" else 1)
    whole.flat[:2] = {"mixed": (most, -most), "excitatory": (most, 0), "inhibitory": (-most, 0)}[sign]
    weights = (whole * unit).astype(dtype)
    chip, report = quantize(one_layer(weights, theta=np.full(7, 3 * unit)), LOIHI2)
    (held,), (row,) = chip.projections, report.projections
    assert row.error_max_lsb < 1e-2
    first = held.connection.weights.flat[0] / whole.flat[0]
    np.testing.assert_array_equal(held.connection.weights, whole * first)
    common = int(np.gcd.reduce(np.abs(whole), axis=None))
    needed = (most // common).bit_length() + (sign == "mixed")
    assert held.num_weight_bits <= needed and held.sign_mode == sign


@pytest.mark.parametrize("low", [-128, -127, -64, -2])
def test_the_lowest_weight_has_no_opposite(low: int) -> None:
    """-256 is stored though 256 is not."""
    whole = np.arange(low, low + 12).reshape(3, 4)
    whole[0, 1] = 1
    (held,) = quantize(one_layer(whole * 0.37, theta=np.full(3, 9.0)), LOIHI2)[0].projections
    np.testing.assert_array_equal(held.connection.weights * whole[0, 0], whole * held.connection.weights[0, 0])


def test_binary_and_ternary_weights() -> None:
    """Two bits hold -1, 0 and 1, one bit holds 0 and 1; and the spikes are the float network's."""
    rng = np.random.default_rng(3)
    x = (rng.random((4, 50, 12)) < 0.4).astype(np.uint8)
    for low, bits in ((-1, 2), (0, 1)):
        net = one_layer(rng.integers(low, 2, (9, 12)) * 0.37, theta=np.full(9, 1.2))
        chip, _ = quantize(net, LOIHI1)
        assert chip.projections[0].num_weight_bits == bits
        floats, spikes, _ = aligned(net, chip, x)
        assert floats.spikes["a"].any()
        np.testing.assert_array_equal(spikes["a"], floats.spikes["a"])


def test_a_unit_is_found_only_where_there_is_one() -> None:
    rng = np.random.default_rng(0)
    assert unit_of([rng.normal(size=(20, 20))]) is None
    assert unit_of([np.zeros((3, 3))]) is None
    assert unit_of([np.arange(300.0)]) is None
    assert unit_of([np.array([3.0, -6.0]), np.array([[9.0]])]) == 3.0
    assert unit_of([np.array([1.0, 1 / 256])]) is None
    many = np.full(10_000, 2.0)
    many[9_000] = np.sqrt(2)
    assert unit_of([many]) is None


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.integers(-128, 127), min_size=1, max_size=6),
    st.integers(-7, 7),
    st.sampled_from(SIGN_MODES),
    st.booleans(),
)
def test_fewest_bits(values: list[int], exponent: int, mode: str, movable: bool) -> None:
    """The same numbers in fewer bits, and no width below holds them (each is tried)."""
    form = format_of_bits(8, mode, LOIHI1)
    whole = np.array(values) * form.step
    integers = {"mixed": whole, "excitatory": np.abs(whole), "inhibitory": -np.abs(whole)}[mode].astype(np.int32)
    integers = np.clip(integers, form.smallest, form.largest)
    held, e, narrow = fewest_bits(integers, exponent, form, LOIHI1, movable=movable)
    np.testing.assert_array_equal(held * 2.0**e, integers * 2.0**exponent)
    np.testing.assert_array_equal(prepare(held, mode, narrow.bits), held)
    assert e == exponent or (movable and e >= -7)
    for bits in (b for b in LOIHI1.weight.legal_bits.value if b < narrow.bits):
        for shift in range(8) if movable else (0,):
            if exponent - shift >= -7:
                assert np.any(prepare(integers << shift, mode, bits) != integers << shift)


@pytest.mark.parametrize("sign", [1, -1])
def test_weights_of_one_sign_get_a_bit_more(sign: int) -> None:
    rng = np.random.default_rng(1)
    weights = rng.random((30, 40))
    weights[0, 0] = 1
    chip, report = quantize(one_layer(sign * weights), LOIHI1, bits=4)
    mixed = np.concatenate([sign * weights, np.full((30, 1), -sign * 1e-6)], axis=1)
    _, other = quantize(one_layer(mixed), LOIHI1, bits=4)
    assert chip.projections[0].sign_mode == ("excitatory" if sign > 0 else "inhibitory")
    assert report.projections[0].mantissa_max == 240 and other.projections[0].mantissa_max == 224
    assert report.projections[0].error_rms < 0.6 * other.projections[0].error_rms


def test_a_threshold_that_rounds_to_nothing_is_refused() -> None:
    net = one_layer(1000 * np.random.default_rng(0).normal(size=(40, 400)))
    for target in (LOIHI1, LOIHI2):
        with pytest.raises(
            FieldOverflow, match=r"(?s)a threshold of 0\.\d+ steps of its field.*layer 'a'.*--calibrate"
        ):
            quantize(net, target)


def test_one_bit_for_weights_of_both_signs_is_refused() -> None:
    net = one_layer(np.random.default_rng(0).normal(size=(4, 4)))
    with pytest.raises(
        FieldOverflow, match=r"(?s)1-bit weights have no step.*'in' -> 'a'.*layer 'a' more --bits, of \[2"
    ):
        quantize(net, LOIHI1, bits=1)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0, 0.99), st.floats(0.1, 0.999), st.floats(-5, 8))
def test_proven_headroom_holds(seed: int, a: float, b: float, log_theta: float) -> None:
    """The worst input, all positive or all negative synapses of a neuron, stays within what is proven."""
    rng = np.random.default_rng(seed)
    exact = {"a": np.full(5, a), "b": np.full(5, b), "theta": np.full(5, 2.0**log_theta)}
    net = one_layer(rng.normal(size=(5, 20)), **exact)
    chip, report = quantize(net, LOIHI2)
    (row,) = report.populations
    weights = chip.projections[0].connection.weights
    x = np.concatenate([np.tile(s * weights > 0, (60, 1, 1)).transpose(1, 0, 2) for s in (1, -1)]).astype(np.uint8)
    run = simulate(chip, x, record={"a": ("u", "v")}, strict=row.u_headroom == row.v_headroom == "proven")
    if row.u_headroom == "proven":
        assert np.abs(run.states["a"]["u"]).max() <= 2 ** (23 - row.u_headroom_bits) * (1 + 1e-9)
    if row.u_headroom == row.v_headroom == "proven":
        assert np.abs(run.states["a"]["v"]).max() <= 2 ** (23 - row.v_headroom_bits) * (1 + 1e-9)


@settings(max_examples=40, deadline=None)
@given(st.floats(0.3, 40), st.floats(0.5, 1.0), st.sampled_from(["ge", "gt"]))
def test_thresholds_round_to_the_nearest_step_of_their_field(theta: float, b: float, spike: str) -> None:
    """A chip's neuron fires at ``v > 64 vth``, so at ``v >= 64 vth + 1``: where that is nearest to the threshold."""
    weights = np.array([[1.0, -1 / np.pi, np.e / 9]])
    nodes = [linear("w", weights), neurons("a", 1, {"spike": spike}, b=np.full(1, b), theta=np.full(1, theta))]
    chip, report = quantize(network(chain_of(*nodes, shape=(3,))), LOIHI1)
    population = chip.populations["a"]
    exact = theta * float(population.scale or 0)
    fires_from = 64 * int(population.fields["vth"]) + (1 if spike == "ge" else 0)
    whole = round(exact / 64, 9) * 64  # what floats leave of a step counts as one
    below = (
        spike == "ge" and whole % 64 == 0 and fires_from == whole - 63
    )  # so that equality fires, and no step between
    assert below or abs(fires_from - exact) <= 32.001
    np.testing.assert_allclose(report.populations[0].fields[0].error_lsb, abs(fires_from - exact) / 64, atol=1e-6)


def test_proven_headroom_is_reached() -> None:
    """v of an integrator that is driven just below its threshold, and then once more: what the bound says, exactly."""
    net = one_layer([[0.7, 0.3]], theta=np.full(1, 1.0))
    chip, report = quantize(net, LOIHI1)
    (held,), population = chip.projections, chip.populations["a"]
    threshold, drive = 64 * int(population.fields["vth"]), 64 * int(held.connection.weights.sum()) << held.weight_exp
    assert 2.0 ** (23 - report.populations[0].v_headroom_bits) == pytest.approx(threshold + drive)


@settings(max_examples=30, deadline=None)
@given(st.integers(-128, 0), st.integers(0, 127), st.integers(0, 2**16))
def test_an_early_look_counts_no_bit_too_many(low: int, high: int, seed: int) -> None:
    """What is refused before quantising would not have fitted after it."""
    whole = np.random.default_rng(seed).integers(low, high + 1, (5, 6))
    whole.flat[:2] = low, high
    net = one_layer(whole * 0.3, theta=np.full(5, 30.0))
    (early,), (held,) = skeleton(net, {"a": 8}).projections, quantize(net, LOIHI2)[0].projections
    assert early.num_weight_bits <= held.num_weight_bits or not whole.any()
    assert (
        skeleton(one_layer(np.random.default_rng(seed).normal(size=(5, 60))), {"a": 6}).projections[0].num_weight_bits
        == 6
    )
