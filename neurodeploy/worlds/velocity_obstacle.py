"""The expert of the obstacle world: velocity obstacles over what the unicycle can reach.

A velocity is dangerous as far as it leads into a disc that goes on as it does now (Fiorini and Shiller, 1998). Of the
reachable ones the expert takes that with the least ``|v - v_goal| + weight / time to contact`` (the penalty of van den
Berg, Lin and Manocha, 2008). It sees the true positions and velocities, not the lidar.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurodeploy.worlds.obstacles import ObstacleState, ObstacleWorld
from neurodeploy.worlds.world import Floats


@dataclass(frozen=True)
class VelocityObstacleExpert:
    """Chooses among a grid of speeds and turn rates.

    Attributes:
        world: Whose limits hold.
        speeds: Shares of the highest speed.
        turns: Shares of the highest turn rate, counter-clockwise positive.
        look_s: A turn rate stands for the heading that it has led to after so long.
        margin_m: Kept from every disc.
        weight_m: Of one over the time to contact.
        horizon_s: Contacts later than this count nothing.
    """

    world: ObstacleWorld
    speeds: tuple[float, ...] = (0.0, 0.5, 1.0)
    turns: tuple[float, ...] = (-1.0, -0.5, -0.2, 0.0, 0.2, 0.5, 1.0)
    look_s: float = 0.6
    margin_m: float = 0.15
    weight_m: float = 1.0
    horizon_s: float = 4.0

    @property
    def actions(self) -> Floats:
        """(choices, 2) speed in m/s and turn rate in rad/s of each choice."""
        limits = self.world.most_speed_mps, self.world.most_turn_radps
        actions: Floats = np.array([(speed, turn) for speed in self.speeds for turn in self.turns]) * limits
        return actions

    def __call__(self, state: ObstacleState) -> Floats:
        """Actions (E, 2)."""
        best: Floats = self.actions[self.costs(state).argmin(axis=1)]
        return best

    def costs(self, state: ObstacleState) -> Floats:
        """(E, choices), in m/s."""
        rates_radps = np.array(self.turns) * self.world.most_turn_radps
        headings = state.heading_rad[:, None] + rates_radps * self.look_s
        speeds_mps = np.array(self.speeds) * self.world.most_speed_mps
        unit = np.stack([np.cos(headings), np.sin(headings)], axis=-1)
        velocity_mps = speeds_mps[:, None, None] * unit[:, None]
        to_goal = state.goal_m - state.position_m
        wanted_mps = self.world.most_speed_mps * to_goal / np.linalg.norm(to_goal, axis=1, keepdims=True)
        deviation = np.linalg.norm(velocity_mps - wanted_mps[:, None, None], axis=-1)
        contact_s = time_to_contact_s(
            (state.disc_position_m - state.position_m[:, None])[:, None, None],
            velocity_mps[:, :, :, None] - state.disc_velocity_mps[:, None, None],
            (state.disc_radius_m + self.world.robot_radius_m + self.margin_m)[:, None, None],
        ).min(axis=-1, initial=np.inf)
        danger = np.where(contact_s < self.horizon_s, self.weight_m / np.maximum(contact_s, 0.05), 0.0)
        costs: Floats = (deviation + danger).reshape(len(state.episode), -1)
        return costs


def time_to_contact_s(offset_m: Floats, closing_mps: Floats, radius_m: Floats) -> Floats:
    """When something at ``offset_m`` that is approached at ``closing_mps`` is within ``radius_m``.

    Args:
        offset_m: (..., 2).
        closing_mps: (..., 2) velocity towards it, relative.
        radius_m: (...).

    Returns:
        (...): the smaller root of ``|offset - closing t| = radius``; 0 where it is within the radius and comes nearer,
        infinity where it never is, or is and goes away.
    """
    approach = (offset_m * closing_mps).sum(axis=-1)
    square = (closing_mps**2).sum(axis=-1)
    excess = (offset_m**2).sum(axis=-1) - radius_m**2
    root = approach**2 - square * excess
    meets = (approach > 0) & (root >= 0)
    time_s = (approach - np.sqrt(np.maximum(root, 0.0))) / np.where(meets, square, 1.0)
    contact_s: Floats = np.where(meets, np.maximum(time_s, 0.0), np.inf)
    return contact_s
