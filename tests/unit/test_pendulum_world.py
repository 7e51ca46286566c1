"""The pendulum against physics, and its expert."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from neurodeploy.errors import SimulationError
from neurodeploy.worlds import Outcome, PendulumState, PendulumWorld, SwingUpExpert, run_episodes
from neurodeploy.worlds.pendulum import GRAVITY_MPS2, wrapped


def at(world: PendulumWorld, angle_rad: float, velocity_radps: float = 0.0) -> PendulumState:
    angle, velocity = np.array([angle_rad]), np.array([velocity_radps])
    return replace(
        world.start(np.arange(1), 0),
        angle_rad=angle,
        velocity_radps=velocity,
        seen_angle_rad=angle,
        seen_velocity_radps=velocity,
    )


def test_energy_is_conserved_without_drive_and_damping() -> None:
    world = PendulumWorld(damping_nms=0.0)
    state = world.start(np.arange(20), 4)
    before = world.energy_j(state.angle_rad, state.velocity_radps)
    for _ in range(world.most_steps):
        state, _ = world.advance(state, np.zeros((20, 1)))
    after = world.energy_j(state.angle_rad, state.velocity_radps)
    np.testing.assert_allclose(after, before, atol=1e-4)


def test_energy_changes_by_the_work_done() -> None:
    """E' = a' u - c a'^2, at an angle where nothing else is easy."""
    world = PendulumWorld(control_step_s=1e-4, physics_steps=1, damping_nms=0.2)
    state = at(world, 1.0, 2.0)
    moved, _ = world.advance(state, np.array([[3.0]]))
    change = world.energy_j(moved.angle_rad, moved.velocity_radps) - world.energy_j(
        state.angle_rad, state.velocity_radps
    )
    assert change[0] / 1e-4 == pytest.approx(2.0 * 3.0 - 0.2 * 2.0**2, rel=1e-2)


def test_small_swings_have_the_textbook_period() -> None:
    world = PendulumWorld(damping_nms=0.0, length_m=0.5, control_step_s=0.001, physics_steps=1)
    state, signs = at(world, np.pi - 0.01), []
    for _ in range(3000):
        state, _ = world.advance(state, np.zeros((1, 1)))
        signs.append(np.sign(wrapped(state.angle_rad - np.pi))[0])
    crossings = np.flatnonzero(np.diff(signs)) * 0.001
    assert np.diff(crossings).mean() == pytest.approx(np.pi * np.sqrt(0.5 / GRAVITY_MPS2), rel=1e-3)


def test_first_step_by_hand() -> None:
    world = PendulumWorld(mass_kg=2.0, length_m=0.5, damping_nms=0.0, control_step_s=1e-3, physics_steps=1)
    level, _ = world.advance(at(world, np.pi / 2), np.zeros((1, 1)))
    assert level.velocity_radps[0] == pytest.approx(9.81 / 0.5 * 1e-3, rel=1e-6)
    pushed, reward = world.advance(at(world, 0.0), np.array([[99.0]]))
    assert pushed.velocity_radps[0] == pytest.approx(3.0 / (2.0 * 0.5**2) * 1e-3, rel=1e-5)  # the motor's most
    cost = pushed.angle_rad[0] ** 2 + 0.1 * pushed.velocity_radps[0] ** 2 + 0.001 * 9
    assert reward[0] == pytest.approx(-cost * 1e-3)


@pytest.mark.parametrize(
    ("angles", "outcome"),
    [
        ((0.31, 0.0, 0.2, 0.0), Outcome.SUCCESS),
        ((0.31, 0.31, 0.0, -0.2), Outcome.SUCCESS),
        ((0.0, 0.0, 0.31, 0.0), Outcome.TIMEOUT),
        ((0.0, 0.0, 0.0, -0.31), Outcome.TIMEOUT),
    ],
)
def test_success_is_upright_for_the_whole_last_time(angles: tuple[float, ...], outcome: Outcome) -> None:
    world = PendulumWorld(most_steps=4, hold_s=0.1)  # two control steps
    state, outcomes = at(world, 0.0), []
    for angle in angles:
        state = replace(state, angle_rad=np.array([angle]), velocity_radps=np.zeros(1))
        state, _ = world.advance(state, np.zeros((1, 1)))
        outcomes.append(int(state.outcome[0]))
    assert outcomes == [Outcome.RUNNING] * 3 + [outcome]


def test_observation_shares_each_value_between_two_units() -> None:
    world = PendulumWorld()
    seen = np.concatenate(
        [world.observe(at(world, *pair)) for pair in ((0.0, 0.0), (0.225, -0.6), (np.pi, 9), (-3.1416, 0))]
    )
    assert seen.shape == (4, 31)
    np.testing.assert_allclose(seen.sum(axis=1), 2.0)
    assert seen[0, 8] == seen[0, 16 + 7] == 1.0
    np.testing.assert_allclose(seen[1, [9, 10]], 0.5)
    np.testing.assert_allclose(seen[1, 16 + np.array([5, 6])], 0.5)
    np.testing.assert_allclose(seen[2:, 0], 1.0)  # both ends are one unit
    assert seen[2, -1] == 1.0  # faster than the last centre


def test_sensor_noise_is_seeded_and_does_not_move_the_pendulum() -> None:
    clean, noisy = PendulumWorld(), PendulumWorld(angle_noise_std_rad=0.1, velocity_noise_std_radps=0.5)
    a, b = clean.start(np.arange(400), 1), noisy.start(np.arange(400), 1)
    np.testing.assert_array_equal(a.angle_rad, b.angle_rad)
    assert np.std(wrapped(b.seen_angle_rad - b.angle_rad)) == pytest.approx(0.1, rel=0.15)
    assert np.std(b.seen_velocity_radps - b.velocity_radps) == pytest.approx(0.5, rel=0.15)
    few = noisy.start(np.array([7, 300]), 1)
    for f in fields(few):
        np.testing.assert_array_equal(getattr(few, f.name), getattr(b, f.name)[[7, 300]], err_msg=f.name)
    with pytest.raises(SimulationError, match="noise"):
        PendulumWorld(angle_noise_std_rad=-0.1)


def test_regulator_solves_its_riccati_equation_and_is_stable() -> None:
    world = PendulumWorld()
    stiff, damp = SwingUpExpert(world).regulator
    closed = np.array([[0, 1], [(9.81 - stiff), -(0.05 + damp)]])
    assert np.linalg.eigvals(closed).real.max() < 0
    # scalar conditions of the equation for K = (k1, k2), m l^2 = 1: see its lower left and lower right entries
    assert stiff == pytest.approx(9.81 + np.sqrt(9.81**2 + 1 / 0.01))
    assert damp == pytest.approx(-0.05 + np.sqrt(0.05**2 + 0.1 / 0.01 + 2 * stiff))


def test_expert_swings_up_and_beats_doing_nothing() -> None:
    world = PendulumWorld()
    expert = run_episodes(world, SwingUpExpert(world), 60, seed=2)
    again = run_episodes(world, SwingUpExpert(world), 60, seed=2)
    idle = run_episodes(world, lambda state: np.zeros((len(state.episode), 1)), 60, seed=2)
    np.testing.assert_array_equal(expert.returns, again.returns)
    assert expert.success_rate >= 0.95 and idle.success_rate == 0
    assert expert.returns.mean() > idle.returns.mean() / 2
    assert (expert.steps == world.most_steps).all()
