"""The bundled policies: cards tell the truth, both engines agree, and the chip still does the task."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest

from neurodeploy import encode
from neurodeploy.bundled import list_policies
from neurodeploy.worlds import (
    ObstacleWorld,
    PendulumWorld,
    SwingUpExpert,
    VelocityObstacleExpert,
    chip_counts,
    float_counts,
    load_policy,
    run_episodes,
)

WORLDS: dict[str, Any] = {"obstacles": ObstacleWorld(), "pendulum": PendulumWorld()}
EXPERTS: dict[str, Any] = {
    "obstacles": VelocityObstacleExpert(WORLDS["obstacles"]),
    "pendulum": SwingUpExpert(WORLDS["pendulum"]),
}
EPISODES = 40
LARGEST_DROP = 0.2
"""Of the success rate below the expert's, in so few episodes."""


def test_all_policies_are_there() -> None:
    assert list_policies() == list(WORLDS)


@pytest.mark.parametrize("name", list(WORLDS))
def test_card_describes_this_file(name: str) -> None:
    policy = load_policy(name)
    assert hashlib.sha256(policy.nir.read_bytes()).hexdigest() == policy.card["sha256"]["policy.nir"]
    assert policy.nir.stat().st_size < 100 * 1024
    assert policy.card["training"]["command"] and policy.card["training"]["date"]
    (inputs,) = policy.card["encoding"]["shape"]
    network = policy.network()
    assert list(network.inputs.values()) == [(inputs,)]
    assert network.populations[policy.output].size == policy.readout.neurons


@pytest.mark.parametrize("name", list(WORLDS))
def test_the_deployed_policy_acts_almost_as_its_expert(name: str) -> None:
    world, policy = WORLDS[name], load_policy(name)
    expert = run_episodes(world, EXPERTS[name], EPISODES, seed=11)
    chip = run_episodes(world, policy.acting(world, chip_counts(policy.program())), EPISODES, seed=11)
    assert chip.success_rate >= expert.success_rate - LARGEST_DROP
    silent = run_episodes(world, policy.acting(world, lambda spikes: _silence(policy, spikes)), EPISODES, seed=11)
    assert silent.success_rate < chip.success_rate / 2


@pytest.mark.parametrize("name", list(WORLDS))
def test_engines_agree_on_what_the_policy_sees(name: str) -> None:
    world, policy = WORLDS[name], load_policy(name)
    state = world.start(np.arange(30), 4)
    spikes = encode.rate(world.observe(state), policy.steps)
    program = policy.program()
    fast, slow = chip_counts(program)(spikes), chip_counts(program, engine="reference")(spikes)
    floats = float_counts(policy.network())(spikes)
    assert list(fast) == list(slow) == list(floats)
    for layer, counts in fast.items():
        np.testing.assert_array_equal(slow[layer], counts)
        assert counts.any()
        assert np.corrcoef(counts.ravel(), floats[layer].ravel())[0, 1] > 0.95


def _silence(policy: Any, spikes: np.ndarray) -> dict[str, np.ndarray]:
    return {policy.output: np.zeros((len(spikes), policy.readout.neurons), np.int64)}
