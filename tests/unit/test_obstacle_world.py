"""The obstacle world against cases computed by hand."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from neurodeploy.errors import SimulationError
from neurodeploy.worlds import Lidar, ObstacleState, ObstacleWorld, Outcome, VelocityObstacleExpert, run_episodes
from neurodeploy.worlds.lidar import ray_disc_distances_m
from neurodeploy.worlds.obstacles import reflected, unicycle
from neurodeploy.worlds.velocity_obstacle import time_to_contact_s

FAR_M = 9.0


Disc = tuple[float, float, float]
"""Centre x, y and radius in metres."""


def distances(discs: list[Disc], angles: list[float], origin: tuple[float, float] = (0, 0)) -> list[float]:
    rows = np.array(discs, float).reshape(1, -1, 3)
    found = ray_disc_distances_m(np.array([origin], float), np.array([angles]), rows[..., :2], rows[..., 2], FAR_M)
    return found[0].tolist()


def test_rays_meet_discs_where_geometry_says() -> None:
    assert distances([(3, 0, 1)], [0, np.pi / 2, np.pi]) == pytest.approx([2, FAR_M, FAR_M])
    assert distances([(5, 3, 5)], [0]) == pytest.approx([1])  # 5 - sqrt(25 - 9)
    assert distances([(0, 6, 2)], [np.pi / 2], origin=(0, 1)) == pytest.approx([3])
    assert distances([(2, 2, 1)], [np.pi / 4]) == pytest.approx([np.sqrt(8) - 1])
    assert distances([(3, 1.001, 1)], [0]) == [FAR_M]
    assert distances([(0.2, 0, 1)], [0, np.pi]) == [0, 0]  # within
    assert distances([(6, 0, 1), (4, 0, 1), (-2, 0, 1)], [0]) == pytest.approx([3])  # the nearest ahead
    assert distances([(30, 0, 1)], [0]) == [FAR_M]
    assert distances([], [0, 1]) == [FAR_M, FAR_M]


def test_rays_turn_with_the_robot() -> None:
    directions = Lidar(rays=4).directions_rad(np.array([0.0, np.pi / 2]))
    np.testing.assert_allclose(directions[0], [0, np.pi / 2, np.pi, 3 * np.pi / 2])
    np.testing.assert_allclose(directions[1] - directions[0], np.pi / 2)


def test_lidar_faults_hit_what_they_say() -> None:
    true_m = np.full((500, 12), 2.0)
    episodes, steps = np.arange(500), np.zeros(500, np.int64)

    def read(**faults: object) -> np.ndarray:
        return replace(Lidar(), **faults).degraded(true_m, episodes, steps)  # type: ignore[arg-type]

    np.testing.assert_array_equal(read(), true_m)
    stuck = read(stuck_rays=(0, 5), stuck_at_m=0.5)
    np.testing.assert_array_equal(stuck[:, [0, 5]], 0.5)
    np.testing.assert_array_equal(np.delete(stuck, [0, 5], axis=1), 2.0)
    lost = read(dropout=0.3)
    assert set(np.unique(lost)) == {2.0, 4.0}
    assert np.mean(lost == 4.0) == pytest.approx(0.3, abs=0.03)
    noisy = read(noise_std_m=0.5)
    assert np.std(noisy) == pytest.approx(0.5, abs=0.03) and np.mean(noisy) == pytest.approx(2.0, abs=0.03)
    assert read(noise_std_m=50.0).min() == 0.0 and read(noise_std_m=50.0).max() == 4.0
    np.testing.assert_array_equal(noisy, read(noise_std_m=0.5))
    assert not np.array_equal(noisy, read(noise_std_m=0.5, seed=1))
    later = replace(Lidar(), noise_std_m=0.5).degraded(true_m, episodes, steps + 1)
    assert not np.isclose(noisy, later).any()


@pytest.mark.parametrize(
    "fault",
    [{"noise_std_m": -1}, {"dropout": 1.5}, {"stuck_rays": (12,)}, {"stuck_at_m": 5}, {"rays": 0}, {"seed": -1}],
)
def test_lidars_that_cannot_be_are_refused(fault: dict[str, object]) -> None:
    with pytest.raises(SimulationError, match=next(iter(fault))):
        replace(Lidar(), **fault)  # type: ignore[arg-type]


def test_unicycle_drives_exact_arcs() -> None:
    start = np.zeros((3, 2)), np.array([0.0, 0.0, np.pi / 2])
    command = np.array([[1.0, np.pi / 2], [2.0, 0.0], [1.0, -np.pi]])
    position, heading = unicycle(*start, command, np.ones(3))
    radius = 2 / np.pi  # v / w of a quarter circle
    np.testing.assert_allclose(position, [[radius, radius], [2, 0], [2 / np.pi, 0]], atol=1e-12)
    np.testing.assert_allclose(heading, [np.pi / 2, 0, -np.pi / 2])


def test_walls_mirror() -> None:
    position, velocity = reflected(np.array([[-0.5, 4.0], [10.25, 9.0]]), np.array([[-1.0, 2.0], [0.5, -3.0]]), 10.0)
    np.testing.assert_allclose(position, [[0.5, 4.0], [9.75, 9.0]])
    np.testing.assert_allclose(velocity, [[1.0, 2.0], [-0.5, -3.0]])


def placed(world: ObstacleWorld, disc: tuple[float, float, float], goal: tuple[float, float]) -> ObstacleState:
    """A robot at (2, 2) that looks along x, and one disc at rest."""
    return replace(
        world.start(np.arange(1), 0),
        position_m=np.array([[2.0, 2.0]]),
        heading_rad=np.zeros(1),
        goal_m=np.array([goal], float),
        disc_position_m=np.array([[disc[:2]]]),
        disc_velocity_mps=np.zeros((1, 1, 2)),
        disc_radius_m=np.array([[disc[2]]]),
    )


def test_collision_at_the_first_physics_step_within_both_radii() -> None:
    world = ObstacleWorld(discs=1)
    state = placed(world, (3.0, 2.0, 0.48), (8, 2))
    ahead = np.array([[1.0, 0.0]])
    state, gained = world.advance(state, ahead)
    assert (state.outcome[0], gained[0]) == (Outcome.RUNNING, pytest.approx(0.2))
    state, _ = world.advance(state, ahead)
    assert state.outcome[0] == Outcome.COLLISION
    assert state.position_m[0, 0] == pytest.approx(2.35)  # nearer than 0.68 after 0.32 m, in steps of 0.05
    stopped, _ = world.advance(placed(world, (2.69, 2.0, 0.48), (8, 2)), np.zeros((1, 2)))
    assert stopped.outcome[0] == Outcome.RUNNING
    hit, _ = world.advance(placed(world, (2.67, 2.0, 0.48), (8, 2)), np.zeros((1, 2)))
    assert hit.outcome[0] == Outcome.COLLISION


def test_goal_collision_first_and_timeout() -> None:
    world = ObstacleWorld(discs=1, most_steps=2)
    still = np.zeros((1, 2))
    reached, _ = world.advance(placed(world, (7, 7, 0.5), (2.39, 2)), still)
    assert reached.outcome[0] == Outcome.SUCCESS
    both, _ = world.advance(placed(world, (2.3, 2, 0.5), (2.39, 2)), still)
    assert both.outcome[0] == Outcome.COLLISION
    once, _ = world.advance(placed(world, (7, 7, 0.5), (2.41, 2)), still)
    twice, _ = world.advance(once, still)
    assert (once.outcome[0], twice.outcome[0]) == (Outcome.RUNNING, Outcome.TIMEOUT)


def test_observation_of_a_placed_robot() -> None:
    world = ObstacleWorld(discs=1)
    state = placed(world, (4.0, 2.0, 0.9), (2, 4))  # 1.1 m ahead; the goal 2 m to the left
    state, _ = world.advance(state, np.zeros((1, 2)))
    (observed,) = world.observe(state)
    assert observed.shape == (40,) and observed.min() >= 0 and observed.max() <= 1
    np.testing.assert_allclose(observed[:12], [0.725] + [0] * 11)
    assert observed[12] == 1.0  # `start` saw nothing within 1.5 m: limited
    np.testing.assert_allclose(
        observed[24:36], np.maximum(np.cos(np.pi / 2 - np.arange(12) * np.pi / 6), 0), atol=1e-12
    )
    np.testing.assert_allclose(observed[36:], [0.5, 0, 0, 0])


def test_actions_are_limited_and_checked() -> None:
    world = ObstacleWorld()
    state = world.start(np.arange(2), 0)
    fast, _ = world.advance(state, np.array([[9.0, -9.0], [-1.0, 9.0]]))
    np.testing.assert_array_equal(fast.command, [[1.0, -2.0], [0.0, 2.0]])
    with pytest.raises(SimulationError, match="shape"):
        world.advance(state, np.zeros((2, 3)))
    with pytest.raises(SimulationError, match="NaN"):
        world.advance(state, np.full((2, 2), np.nan))
    with pytest.raises(SimulationError, match="0 episodes"):
        run_episodes(world, VelocityObstacleExpert(world), 0)
    with pytest.raises(SimulationError, match="seed"):
        run_episodes(world, VelocityObstacleExpert(world), 1, seed=-1)


def test_starts_leave_room() -> None:
    state = ObstacleWorld().start(np.arange(50), 3)
    from_robot = np.linalg.norm(state.disc_position_m - state.position_m[:, None], axis=2) - state.disc_radius_m
    from_goal = np.linalg.norm(state.disc_position_m - state.goal_m[:, None], axis=2) - state.disc_radius_m
    assert from_robot.min() > 1.5 and from_goal.min() > 0.5
    speed = np.linalg.norm(state.disc_velocity_mps, axis=2)
    assert 0.1 <= speed.min() and speed.max() <= 0.5


def test_same_seed_same_bits_in_any_batch() -> None:
    world = ObstacleWorld(lidar=Lidar(noise_std_m=0.3, dropout=0.1))
    many, few = world.start(np.arange(20), 5), world.start(np.array([3, 11]), 5)
    for _ in range(5):
        many, _ = world.advance(many, np.tile([1.0, 0.5], (20, 1)))
        few, _ = world.advance(few, np.tile([1.0, 0.5], (2, 1)))
    for f in fields(few):
        np.testing.assert_array_equal(getattr(many, f.name)[[3, 11]], getattr(few, f.name), err_msg=f.name)
    other = world.start(np.arange(20), 6)
    assert not np.isclose(other.disc_position_m, world.start(np.arange(20), 5).disc_position_m).any()


def test_time_to_contact() -> None:
    offset = np.array([[5, 0], [5, 3], [5, 0], [0.5, 0], [0.5, 0], [5, 1.5], [5, 0]], float)
    closing = np.array([[1, 0], [1, 0], [-1, 0], [1, 0], [-1, 0], [1, 0], [0, 0]], float)
    radius = np.array([1, 5, 1, 1, 1, 1, 1], float)
    np.testing.assert_allclose(time_to_contact_s(offset, closing, radius), [4, 1, np.inf, 0, np.inf, np.inf, np.inf])


def test_expert_crosses_and_what_it_sees_matters() -> None:
    world = ObstacleWorld()
    expert = run_episodes(world, VelocityObstacleExpert(world), 60, seed=9)
    again = run_episodes(world, VelocityObstacleExpert(world), 60, seed=9)
    blind = run_episodes(world, VelocityObstacleExpert(world, weight_m=0.0), 60, seed=9)
    np.testing.assert_array_equal(expert.returns, again.returns)
    np.testing.assert_array_equal(expert.outcome, again.outcome)
    assert expert.success_rate >= 0.9
    assert blind.success_rate <= 0.7
    assert set(expert.outcome.tolist()) <= {Outcome.SUCCESS, Outcome.COLLISION, Outcome.TIMEOUT}
