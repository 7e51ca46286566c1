"""A plane with moving discs that a unicycle has to cross."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from neurodeploy.worlds.draws import Purpose, generator
from neurodeploy.worlds.lidar import Lidar, ray_disc_distances_m
from neurodeploy.worlds.population_code import directional
from neurodeploy.worlds.world import Floats, Outcome, State, checked_actions

GOAL_UNITS = 12
START_CLEARANCE_M = 1.5
GOAL_CLEARANCE_M = 0.5


@dataclass(frozen=True, eq=False)
class ObstacleState(State):
    """E episodes with D discs each.

    Attributes:
        position_m: (E, 2) centre of the robot.
        heading_rad: (E,) counter-clockwise from the x axis.
        command: (E, 2) the last action: speed in m/s, turn rate in rad/s.
        goal_m: (E, 2).
        disc_position_m: (E, D, 2).
        disc_velocity_mps: (E, D, 2).
        disc_radius_m: (E, D).
        ranges_m: (E, rays) what the lidar reads now, with its faults.
        previous_ranges_m: (E, rays) what it read one control step ago.
    """

    position_m: Floats
    heading_rad: Floats
    command: Floats
    goal_m: Floats
    disc_position_m: Floats
    disc_velocity_mps: Floats
    disc_radius_m: Floats
    ranges_m: Floats
    previous_ranges_m: Floats


@dataclass(frozen=True)
class ObstacleWorld:
    """A robot crosses a square from left to right while discs move about in it.

    The robot is a unicycle: ``x' = v cos h, y' = v sin h, h' = w``, integrated exactly for constant ``(v, w)``. It may
    leave the square; the discs go straight and are reflected at its walls. The goal is reached, or a disc hit, where
    centres are nearer than the radii allow at the end of a physics step; a hit counts first.

    Actions are (speed in m/s, turn rate in rad/s), limited to 0 .. ``most_speed_mps`` and +-``most_turn_radps``. The
    reward is the distance to the goal that a step gained, in metres.

    Attributes:
        discs: How many.
        arena_m: Side of the square, from the origin.
        disc_radius_m: Smallest and largest.
        disc_speed_mps: Lowest and highest.
        robot_radius_m: Of the robot, a disc too.
        goal_radius_m: From the robot's centre.
        most_speed_mps: Of the robot.
        most_turn_radps: Of the robot.
        control_step_s: An action lasts so long.
        physics_steps: In each of them.
        most_steps: Control steps after which an episode is a timeout.
        lidar: What the robot sees.
    """

    discs: int = 6
    arena_m: float = 10.0
    disc_radius_m: tuple[float, float] = (0.4, 0.8)
    disc_speed_mps: tuple[float, float] = (0.1, 0.5)
    robot_radius_m: float = 0.2
    goal_radius_m: float = 0.4
    most_speed_mps: float = 1.0
    most_turn_radps: float = 2.0
    control_step_s: float = 0.2
    physics_steps: int = 4
    most_steps: int = 150
    lidar: Lidar = field(default_factory=Lidar)

    def start(self, episodes: NDArray[np.int64], seed: int) -> ObstacleState:
        """The robot at the left, its goal at the right, the discs anywhere but on either."""
        drawn = [self._drawn(generator(seed, int(episode), 0, Purpose.START)) for episode in episodes]
        names = ("position_m", "heading_rad", "goal_m", "disc_position_m", "disc_velocity_mps", "disc_radius_m")
        stacked = {name: np.array(values) for name, values in zip(names, zip(*drawn, strict=True), strict=True)}
        count = len(drawn)
        state = ObstacleState(
            episode=np.asarray(episodes, np.int64),
            step=np.zeros(count, np.int64),
            outcome=np.full(count, Outcome.RUNNING, np.int8),
            command=np.zeros((count, 2)),
            ranges_m=np.zeros((count, self.lidar.rays)),
            previous_ranges_m=np.zeros((count, self.lidar.rays)),
            **stacked,
        )
        first = self._scan(state)
        return replace(state, ranges_m=first, previous_ranges_m=first)

    def observe(self, state: ObstacleState) -> Floats:
        """(E, 2 rays + 16) in 0..1: nearness and closing speed by ray, bearing and nearness of the goal, own motion."""
        nearness = 1 - state.ranges_m / self.lidar.range_m
        fastest_m = (self.most_speed_mps + self.disc_speed_mps[1]) * self.control_step_s
        closing = np.clip((state.previous_ranges_m - state.ranges_m) / fastest_m, 0.0, 1.0)
        to_goal = state.goal_m - state.position_m
        bearing_rad = np.arctan2(to_goal[:, 1], to_goal[:, 0]) - state.heading_rad
        near = np.clip(1 - np.linalg.norm(to_goal, axis=1) / self.lidar.range_m, 0.0, 1.0)
        speed, turn = (state.command / (self.most_speed_mps, self.most_turn_radps)).T
        own = np.stack([near, speed, np.maximum(turn, 0.0), np.maximum(-turn, 0.0)], axis=1)
        return np.hstack([nearness, closing, directional(bearing_rad, GOAL_UNITS), own])

    def advance(self, state: ObstacleState, actions: Floats) -> tuple[ObstacleState, Floats]:
        """One control step; see the class for the actions and the reward."""
        command = checked_actions(actions, (len(state.episode), 2), "a speed in m/s and a turn rate in rad/s")
        limit = np.array([self.most_speed_mps, self.most_turn_radps])
        command = np.clip(command, limit * (0, -1), limit)
        before_m = np.linalg.norm(state.goal_m - state.position_m, axis=1)
        moved = replace(state, command=command, step=state.step + 1, previous_ranges_m=state.ranges_m)
        for _ in range(self.physics_steps):
            moved = self._physics_step(moved)
        late = (moved.outcome == Outcome.RUNNING) & (moved.step >= self.most_steps)
        moved = replace(moved, outcome=np.where(late, Outcome.TIMEOUT, moved.outcome).astype(np.int8))
        gained_m = before_m - np.linalg.norm(moved.goal_m - moved.position_m, axis=1)
        return replace(moved, ranges_m=self._scan(moved)), gained_m

    def _physics_step(self, state: ObstacleState) -> ObstacleState:
        """Only episodes that are not over move."""
        running = state.outcome == Outcome.RUNNING
        step_s = np.where(running, self.control_step_s / self.physics_steps, 0.0)
        position_m, heading_rad = unicycle(state.position_m, state.heading_rad, state.command, step_s)
        discs_m, velocity_mps = reflected(
            state.disc_position_m + state.disc_velocity_mps * step_s[:, None, None],
            state.disc_velocity_mps,
            self.arena_m,
        )
        gaps_m = np.linalg.norm(discs_m - position_m[:, None], axis=2) - state.disc_radius_m
        hit = (gaps_m < self.robot_radius_m).any(axis=1)
        there = np.linalg.norm(state.goal_m - position_m, axis=1) < self.goal_radius_m
        new = np.select([hit, there], [Outcome.COLLISION, Outcome.SUCCESS], Outcome.RUNNING)
        return replace(
            state,
            position_m=position_m,
            heading_rad=heading_rad,
            disc_position_m=discs_m,
            disc_velocity_mps=velocity_mps,
            outcome=np.where(running, new, state.outcome).astype(np.int8),
        )

    def _scan(self, state: ObstacleState) -> Floats:
        directions = self.lidar.directions_rad(state.heading_rad)
        discs = state.disc_position_m, state.disc_radius_m
        true_m = ray_disc_distances_m(state.position_m, directions, *discs, self.lidar.range_m)
        return self.lidar.degraded(true_m, state.episode, state.step)

    def _drawn(self, numbers: np.random.Generator) -> tuple[Floats, float, Floats, Floats, Floats, Floats]:
        margin_m, side_m = 1.0, self.arena_m
        position_m = np.array([margin_m, numbers.uniform(margin_m, side_m - margin_m)])
        goal_m = np.array([side_m - margin_m, numbers.uniform(margin_m, side_m - margin_m)])
        heading_rad = numbers.uniform(-np.pi / 2, np.pi / 2)
        radius_m = numbers.uniform(*self.disc_radius_m, self.discs)
        places = np.array([self._free_place(numbers, r, position_m, goal_m) for r in radius_m]).reshape(-1, 2)
        direction = numbers.uniform(0, 2 * np.pi, self.discs)
        speed_mps = numbers.uniform(*self.disc_speed_mps, self.discs)
        velocity_mps = speed_mps[:, None] * np.stack([np.cos(direction), np.sin(direction)], axis=1)
        return position_m, heading_rad, goal_m, places, velocity_mps, radius_m

    def _free_place(self, numbers: np.random.Generator, radius_m: float, start_m: Floats, goal_m: Floats) -> Floats:
        while True:
            place_m = numbers.uniform(0, self.arena_m, 2)
            clear = np.linalg.norm(place_m - start_m) > radius_m + START_CLEARANCE_M
            if clear and np.linalg.norm(place_m - goal_m) > radius_m + GOAL_CLEARANCE_M:
                return place_m


def unicycle(position_m: Floats, heading_rad: Floats, command: Floats, step_s: Floats) -> tuple[Floats, Floats]:
    """Position and heading after ``step_s`` at constant speed and turn rate: the exact arc.

    Its chord has the length ``v t sin(w t / 2) / (w t / 2)`` and the direction ``h + w t / 2``.
    """
    half_turn = 0.5 * command[:, 1] * step_s
    chord_m = command[:, 0] * step_s * np.sinc(half_turn / np.pi)
    along = heading_rad + half_turn
    return position_m + chord_m[:, None] * np.stack([np.cos(along), np.sin(along)], axis=1), along + half_turn


def reflected(position_m: Floats, velocity_mps: Floats, side_m: float) -> tuple[Floats, Floats]:
    """Points that have gone past a wall of 0 .. ``side_m``, by less than its side, and their velocities, mirrored."""
    low, high = position_m < 0, position_m > side_m
    position_m = np.where(low, -position_m, np.where(high, 2 * side_m - position_m, position_m))
    speed = np.abs(velocity_mps)
    return position_m, np.where(low, speed, np.where(high, -speed, velocity_mps))
