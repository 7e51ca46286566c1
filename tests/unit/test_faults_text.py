"""Faults as text, and faults of what the host sends."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from programs import assert_same_array

import neurodeploy as nd
from neurodeploy.errors import InvalidFault
from neurodeploy.faults import FAULTS, inject, is_open, parse
from neurodeploy.faults.bits import BitFlip, StuckAt
from neurodeploy.faults.inputs import InputFixed
from neurodeploy.faults.neurons import Dead
from neurodeploy.faults.weights import WeightLoss


def test_text_means_what_it_says() -> None:
    assert parse("weight_loss=0.5") == (WeightLoss(0.5),)
    assert parse("dead=0.3@hidden") == (Dead(0.3, ("hidden",)),)
    assert parse("dead:which=3/7@hidden/out") == (Dead(which=(3, 7), layers=("hidden", "out")),)
    assert parse("bit_flip=0.01:bit=-1, stuck_at=1e-3:value=1") == (BitFlip(0.01, bit=-1), StuckAt(0.001, value=1))
    assert parse("weight_loss,dead=0.1", 0.25) == (WeightLoss(0.25), Dead(0.1))
    assert parse("input_fixed:value=1@in", 0.25) == (InputFixed(0.25, ("in",), value=1),)
    assert [
        is_open(t) for t in ("dead", "dead@a=b", "dead=0", "dead:which=1", "dead=0,dead:which=2,stuck_at:bit=1")
    ] == [*(True, True, False, False, True)]


@given(st.data())
def test_text_of_a_fault_is_read_back(data: Any) -> None:
    kind = data.draw(st.sampled_from(list(FAULTS.values())))
    low, high = kind.lowest, min(kind.highest, 60.0)
    severity = data.draw(st.integers(1, int(high)).map(float) if kind.whole else st.floats(low, high))
    layers = tuple(data.draw(st.lists(st.sampled_from(["a", "conv.1", "0", "x=y"]), unique=True, max_size=3)))
    options: dict[str, Any] = {}
    if kind in (BitFlip, StuckAt):
        options["bit"] = data.draw(st.none() | st.integers(-3, 3))
    if kind is InputFixed:
        options["value"] = data.draw(st.integers(-5, 5))
    fault = kind(severity, layers, **options)
    assert parse(str(fault)) == (fault,)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no fault"),
        ("weight_los=0.5", "no fault 'weight_los'"),
        ("weight_loss", "no severity"),
        ("weight_loss=x", "no severity of"),
        ("weight_loss=1.5", "not a severity"),
        ("weight_loss=-0.1", "not a severity"),
        ("weight_loss=nan", "not a severity"),
        ("weight_gain=inf", "not a severity"),
        ("threshold_scale=0", "not a severity"),
        ("delay_jitter=1.5", "not a severity"),
        ("lost_cores=-1", "not a severity"),
        ("dead=0.5:which=3", "beside which"),
        ("dead:which=x", "no value of which"),
        ("dead:whom=3", "no option"),
        ("bit_flip=0.1:bit=1/2", "no value of bit"),
        ("stuck_at=0.1:value=2", "stuck at 2"),
        ("dead=0.1@", "without a name"),
        ("dead=0.1@a//b", "without a name"),
        ("dead=0.1,,dead=0.2", "no fault"),
    ],
)
def test_text_that_means_nothing_says_what_would(text: str, message: str) -> None:
    with pytest.raises(InvalidFault, match=message) as error:
        parse(text)
    assert error.value.remedy and "fault '" in error.value.where


def test_severities_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(InvalidFault, match="not a severity"):
        WeightLoss("0.5")  # type: ignore[arg-type]


# ---- inputs -----------------------------------------------------------------------------------------------------

SPIKES = (np.random.default_rng(0).random((6, 9, 2, 5)) < 0.3).astype(np.uint8)


def network(message_bits: int = 0) -> nd.ChipNetwork:
    net = nd.ChipNetwork()
    net.add_input("in", shape=(2, 5), message_bits=message_bits)
    net.add_population("l", shape=(3,), vth=40)
    net.connect("in", "l", np.random.default_rng(1).integers(-50, 100, (3, 10)))
    return net


def test_dropout_loses_messages_and_nothing_else() -> None:
    lost = inject(network(), "input_dropout=0.5", 3).spikes(SPIKES)
    assert lost.dtype == np.uint8 and np.all(lost <= SPIKES)
    assert 0.35 < lost.sum() / SPIKES.sum() < 0.65
    assert not inject(network(), "input_dropout=1").spikes(SPIKES).any()
    twice = inject(network(), "input_dropout=0.5,input_dropout=0.5", 3).spikes(SPIKES)
    assert np.all(twice <= lost) and 0.15 < twice.sum() / SPIKES.sum() < 0.35


def test_fixed_channels_send_one_value_in_every_step_of_every_sample() -> None:
    faulty = inject(network(), "input_fixed=0.4:value=1", 2)
    (hit,) = faulty.manifest.hits
    mask = np.isin(np.arange(10), hit.chosen).reshape(2, 5)
    assert 0 < mask.sum() < 10
    assert_same_array(faulty.spikes(SPIKES), np.where(mask, np.uint8(1), SPIKES))
    dropped = inject(network(), "input_fixed:which=0/7").spikes(SPIKES)
    expected = SPIKES.copy()
    expected[..., 0, 0] = expected[..., 1, 2] = 0
    assert_same_array(dropped, expected)


def test_noise_inverts_spikes_with_its_probability_and_adds_to_graded_messages() -> None:
    noisy = inject(network(), "input_noise=0.5", 1).spikes(np.zeros((40, 50, 2, 5), np.uint8))
    assert noisy.dtype == np.uint8 and abs(noisy.mean() - 0.15866) < 4 * np.sqrt(0.16 * 0.84 / 20000)  # P(N > 1)
    messages = np.random.default_rng(2).integers(-8, 8, (4, 9, 2, 5)).astype(np.int32)
    graded = inject(network(4), "input_noise=3", 1).spikes(messages)
    noise = np.stack([np.random.default_rng([1, 0, 0, 1, i]).standard_normal((9, 10)) * 3 for i in range(4)])
    expected = np.clip(np.rint(messages.reshape(4, 9, 10) + noise), -8, 7).reshape(messages.shape)
    assert_same_array(graded, expected.astype(np.int32))
    assert graded.min() == -8 and graded.max() == 7


@pytest.mark.parametrize(
    "text", ["input_noise=0.4", "input_dropout=0.5", "input_fixed=0.5", "input_noise=0.3,input_dropout=0.3"]
)
def test_a_data_set_in_parts_gets_the_noise_of_the_whole(text: str) -> None:
    faulty = inject(network(), text, 5)
    whole = faulty.spikes(SPIKES)
    assert_same_array(np.concatenate([faulty.spikes(SPIKES[:2]), faulty.spikes(SPIKES[2:], first=2)]), whole)
    assert_same_array(faulty.spikes(SPIKES[3], first=3), whole[3])
    assert_same_array(faulty.spikes({"in": SPIKES})["in"], whole)
    assert not np.array_equal(whole, SPIKES)
    rows = np.argwhere(SPIKES.reshape(6, 9, 10))
    events = nd.Events.from_rows(rows, steps=9, shape=(2, 5), samples=6)
    assert_same_array(faulty.spikes(events), whole)


def test_faults_of_the_image_leave_messages_alone() -> None:
    faulty = inject(network(), "weight_loss=0.5", 5)
    assert faulty.spikes(SPIKES) is SPIKES


def test_messages_of_another_shape_and_values_that_cannot_be_sent_are_refused() -> None:
    with pytest.raises(InvalidFault, match="shape"):
        inject(network(), "input_noise=0.1").spikes(np.zeros((4, 9, 3, 5), np.uint8))
    with pytest.raises(InvalidFault, match="cannot send 2"):
        inject(network(), "input_fixed=0.1:value=2")
    with pytest.raises(InvalidFault, match="no number 10"):
        inject(network(), "input_fixed:which=10")
