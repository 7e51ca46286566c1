"""Spiking policies in closed loop: read-outs by hand, and the same bits batched, one by one and on both engines."""

from __future__ import annotations

import numpy as np
import pytest

from neurodeploy import ChipNetwork, Session
from neurodeploy.errors import SimulationError, UnknownModel
from neurodeploy.worlds import (
    MostSpikes,
    PendulumWorld,
    PushPull,
    SpikingPolicy,
    Tallied,
    chip_counts,
    firing_rates,
    load_policy,
    run_episodes,
    session_counts,
)
from neurodeploy.worlds.population_code import directional, shared

STEPS = 8


def network(seed: int, outputs: int = 4) -> ChipNetwork:
    """31 inputs, two layers behind one another."""
    rng = np.random.default_rng(seed)
    net = ChipNetwork()
    net.add_input("in", shape=(31,))
    net.add_population("hidden", shape=(16,), du=4095, dv=512, vth=2, start=1)
    net.add_population("out", shape=(outputs,), du=4095, dv=512, vth=2, start=2)
    net.connect("in", "hidden", 2 * rng.integers(-60, 100, (16, 31)))
    net.connect("hidden", "out", 2 * rng.integers(-60, 100, (outputs, 16)))
    return net


def test_batched_one_by_one_and_reference_are_the_same_bits() -> None:
    net, world = network(0), PendulumWorld(most_steps=6)
    readout = PushPull(span=3.0, neurons=4, full_rate=0.5)
    observations = np.random.default_rng(1).random((9, 31))
    counters = {
        "batch": chip_counts(net),
        "reference": chip_counts(net, engine="reference"),
        "session": session_counts(Session(net), net),
    }
    results = {}
    for name, count in counters.items():
        policy = SpikingPolicy(world, count, "out", readout, STEPS)
        actions, counts = policy.decide(observations)
        results[name] = (actions, counts, run_episodes(world, policy, 5, seed=3).returns)
    for name in ("reference", "session"):
        for found, expected in zip(results[name], results["batch"], strict=True):
            if isinstance(expected, dict):
                for population, values in expected.items():
                    np.testing.assert_array_equal(found[population], values)
                    assert values.any()
            else:
                np.testing.assert_array_equal(found, expected)


def test_the_documented_loop_over_single_steps_counts_the_same() -> None:
    net = network(2)
    spikes = (np.random.default_rng(3).random((4, STEPS, 31)) < 0.4).astype(np.uint8)
    expected = chip_counts(net)(spikes)["out"]
    session, start = Session(net), net.populations["out"].start
    for sample, counts in zip(spikes, expected, strict=True):
        session.restart()
        sent = [session.step(s)["out"] for s in sample]
        sent += [session.step(0 * sample[0])["out"] for _ in range(start)]
        np.testing.assert_array_equal(np.sum(sent[start:], axis=0), counts)
    assert expected.any()


def test_most_spikes() -> None:
    readout = MostSpikes(((0.0, 2.0), (0.5, -2.0), (1.0, 0.0)))
    counts = np.array([[1, 3, 2], [0, 5, 5], [0, 0, 0], [1, 2, 3]])
    np.testing.assert_array_equal(readout.actions(counts, 8), [[0.5, -2.0], [0.5, -2.0], [0.0, 2.0], [1.0, 0.0]])
    assert readout.neurons == 3
    with pytest.raises(SimulationError, match="3 neurons"):
        readout.actions(counts[:, :2], 8)


def test_push_pull() -> None:
    readout = PushPull(span=3.0, neurons=4, full_rate=0.5)  # full: 8 spikes of 2 neurons in 8 steps
    counts = np.array([[2, 3, 1, 0], [0, 0, 8, 8], [8, 8, 0, 0], [1, 1, 1, 1]])
    np.testing.assert_allclose(readout.actions(counts, 8), [[1.5], [-3.0], [3.0], [0.0]])


def test_population_codes() -> None:
    centres = np.array([-1.0, 0.0, 2.0])
    np.testing.assert_allclose(
        shared(np.array([-5.0, -0.25, 0.0, 1.5, 9.0]), centres),
        [[1, 0, 0], [0.25, 0.75, 0], [0, 1, 0], [0, 0.25, 0.75], [0, 0, 1]],
    )
    np.testing.assert_allclose(
        directional(np.array([0.0, np.pi / 4]), 4), [[1, 0, 0, 0], [0.5**0.5, 0.5**0.5, 0, 0]], atol=1e-12
    )


def test_firing_rates_by_hand() -> None:
    """Two episodes, three neurons: deviations over episodes 0.2, 0 and 0.1."""
    rates = np.array([[0.0, 0.3, 0.5], [0.4, 0.3, 0.3]])
    found = firing_rates(rates)
    assert found.mean == pytest.approx(0.3)
    assert found.std_mean == pytest.approx(0.1)
    assert found.std_std == pytest.approx(np.sqrt((0.1**2 + 0.1**2 + 0) / 3))
    with pytest.raises(SimulationError, match="shape"):
        firing_rates(np.zeros((0, 3)))


def test_tally_counts_by_episode() -> None:
    world = PendulumWorld(most_steps=3)

    def count(spikes: np.ndarray) -> dict[str, np.ndarray]:
        return {"a": np.full((len(spikes), 2), 4), "out": np.tile([0, 2], (len(spikes), 1))}

    policy = Tallied(SpikingPolicy(world, count, "out", PushPull(3.0, 2, 0.5), STEPS), 5)
    assert policy.rates.shape == (5, 0)
    run_episodes(world, policy, 4)
    np.testing.assert_allclose(policy.rates[:4], np.tile([0.5, 0.5, 0.0, 0.25], (4, 1)))
    assert not policy.rates[4].any()


def test_unknown_policy() -> None:
    with pytest.raises(UnknownModel, match="obstacle"):
        load_policy("obstacle")
