"""Faults of weights and of their stored bits, against hand-made numbers and bits from scratch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import neurodeploy as nd
from neurodeploy.errors import InvalidFault
from neurodeploy.faults import inject
from neurodeploy.faults.stored import form_of
from neurodeploy.weights import prepare


def net_of(weights: Any, sign_mode: str = "mixed", bits: int = 8) -> nd.ChipNetwork:
    net = nd.ChipNetwork()
    rows = np.atleast_2d(weights)
    net.add_input("in", shape=(rows.shape[1],))
    net.add_population("l", shape=(rows.shape[0],), vth=100)
    net.connect("in", "l", rows, sign_mode=sign_mode, num_weight_bits=bits)
    return net


def weights_of(net: nd.ChipNetwork, k: int = 0) -> Any:
    return net.projections[k].connection.weights


def raw_bits(weights: Any, sign_mode: str) -> Any:
    """The 9 bits of a mixed weight in two's complement, or the 8 of a magnitude; as the chip has them, from scratch."""
    return np.asarray(weights, np.int64) % 512 if sign_mode == "mixed" else abs(np.asarray(weights, np.int64))


MODES = ("mixed", "excitatory", "inhibitory")


@pytest.mark.parametrize("sign_mode", MODES)
@pytest.mark.parametrize("bits", range(1, 9))
def test_every_stored_word_is_a_weight_that_the_target_keeps(sign_mode: str, bits: int) -> None:
    form = form_of(net_of([[0]], sign_mode, bits).projections[0])
    words = np.arange(1 << bits)
    weights = form.weights(form.of_words(words))
    np.testing.assert_array_equal(prepare(weights, sign_mode, bits), weights)
    assert len(set(weights.tolist())) == 1 << bits
    np.testing.assert_array_equal(form.words(form.codes(weights)), words)


@given(st.sampled_from(MODES), st.integers(1, 8), st.integers(0, 10**6), st.data())
@settings(max_examples=60, deadline=None)
def test_a_flipped_bit_is_one_bit_of_the_stored_word(sign_mode: str, bits: int, seed: int, data: Any) -> None:
    rng = np.random.default_rng(seed)
    low, high = {"mixed": (-256, 256), "excitatory": (0, 256), "inhibitory": (-255, 1)}[sign_mode]
    net = net_of(rng.integers(low, high, (6, 7)), sign_mode, bits)
    bit = data.draw(st.none() | st.integers(-bits, bits - 1))
    text = "bit_flip=0.5" + ("" if bit is None else f":bit={bit}")
    faulty, manifest = inject(net, text, seed)
    flips = raw_bits(weights_of(net), sign_mode) ^ raw_bits(weights_of(faulty), sign_mode)
    lowest = (9 if sign_mode == "mixed" else 8) - bits
    legal = 1 << lowest + (np.arange(bits) if bit is None else np.array([bit % bits]))
    (hit,) = manifest.hits
    np.testing.assert_array_equal(np.flatnonzero(flips), hit.chosen)
    assert np.isin(flips.ravel()[hit.chosen], legal).all()


@pytest.mark.parametrize("value", [0, 1])
def test_a_stuck_bit_has_its_value_wherever_it_was_hit(value: int) -> None:
    net = net_of(np.random.default_rng(1).integers(-256, 256, (20, 20)))
    faulty, manifest = inject(net, f"stuck_at=0.5:bit=2:value={value}", 4)
    before, after = raw_bits(weights_of(net), "mixed").ravel(), raw_bits(weights_of(faulty), "mixed").ravel()
    (hit,) = manifest.hits
    mask = np.zeros(400, bool)
    mask[hit.chosen] = True
    expected = np.where(mask, before | 8 if value else before & ~8, before)  # stored bit 2 is worth 8
    np.testing.assert_array_equal(after, expected)
    assert 150 < mask.sum() < 250 and 0 < len(hit.changed) < mask.sum()


def test_of_a_mixed_weight_the_highest_bit_is_the_sign() -> None:
    faulty = inject(net_of([[100, -100, 0, -256, 254]]), "bit_flip=1:bit=-1").image
    assert weights_of(faulty).tolist() == [[-156, 156, -256, 0, -2]]
    faulty = inject(net_of([[-100, -255, 0]], "inhibitory"), "bit_flip=1:bit=-1").image
    assert weights_of(faulty).tolist() == [[-228, -127, -128]]


def test_gains_round_to_the_nearest_stored_weight_and_saturate() -> None:
    faulty, manifest = inject(net_of([[2, -2, 10, 254, -256, 0]]), "weight_gain=1.5")
    assert weights_of(faulty).tolist() == [
        [4, -4, 16, 254, -256, 0]
    ]  # 3, -3, 15 lie between even numbers: to even codes
    (hit,) = manifest.hits
    assert hit.effective["saturated"] == 2 and hit.changed.tolist() == [0, 1, 2]
    faulty = inject(net_of([[5, 200, 1]], "excitatory"), "weight_gain=1.4").image
    assert weights_of(faulty).tolist() == [[7, 255, 1]]
    faulty = inject(net_of([[-5, -200, -1]], "inhibitory"), "weight_gain=1.4").image
    assert weights_of(faulty).tolist() == [[-7, -255, -1]]
    faulty = inject(net_of([[16, -48]], bits=5), "weight_gain=1.4").image
    assert weights_of(faulty).tolist() == [[16, -64]]  # steps of 16
    (hit,) = inject(net_of([[100, -50]]), "weight_gain=0.5").manifest.hits
    assert hit.effective["gain"] == pytest.approx((100 * 50 + 50 * 24) / (100**2 + 50**2))  # -25 is stored as -24


def test_noise_is_added_in_weight_units_and_rounded_without_a_bias() -> None:
    net = net_of(np.zeros((200, 200), np.int64), "mixed")
    faulty, manifest = inject(net, "weight_noise=12", 9)
    noise = np.random.default_rng([9, 0, 0]).standard_normal((200, 200)) * 12
    np.testing.assert_array_equal(weights_of(faulty), 2 * np.rint(noise / 2))
    effect = manifest.hits[0].effective
    assert abs(effect["mean_change"]) < 4 * 12 / 200 and effect["std_change"] == pytest.approx(12, rel=0.02)
    assert inject(net, "weight_noise=0.1", 9).manifest.hits[0].effective["rounded_away"] == 40000
    positive = inject(net_of(np.zeros((9, 9), np.int64), "excitatory"), "weight_noise=5", 1)
    assert weights_of(positive.image).min() == 0 and positive.manifest.hits[0].effective["saturated"] > 20


def test_a_kernel_that_no_synapse_stores_is_refused() -> None:
    net = nd.ChipNetwork()
    net.add_input("in", shape=(1, 3, 3))
    net.add_population("l", shape=(1, 2, 2))
    net.connect("in", "l", np.full((1, 1, 2, 2), 3), kind="conv2d")
    with pytest.raises(InvalidFault, match="kernel holds 3"):
        inject(net, "weight_loss=0.1")


def test_faults_act_in_the_order_given() -> None:
    net = net_of([[100, -100, 8]])
    assert weights_of(inject(net, "weight_gain=4,weight_gain=0.25").image).tolist() == [[64, -64, 8]]
    assert weights_of(inject(net, "weight_gain=0.25,weight_gain=4").image).tolist() == [[96, -96, 8]]
    assert not weights_of(inject(net, "weight_gain=4,weight_loss=1").image).any()


def test_the_same_fault_twice_draws_twice() -> None:
    net = net_of(np.full((50, 50), 8))
    faulty, manifest = inject(net, "weight_loss=0.5,weight_loss=0.5", 1)
    once, twice = (set(h.chosen.tolist()) for h in manifest.hits)
    assert 500 < len(once & twice) < 750 and (weights_of(faulty) == 0).sum() == len(once | twice)
    assert 1750 < len(once | twice) < 2000
