"""Small worlds for spiking policies: moving obstacles and a pendulum, their experts, and policies in closed loop."""

from neurodeploy.worlds.bundled import BundledPolicy, load_policy
from neurodeploy.worlds.lidar import Lidar
from neurodeploy.worlds.obstacles import ObstacleState, ObstacleWorld
from neurodeploy.worlds.pendulum import PendulumState, PendulumWorld
from neurodeploy.worlds.policy import SpikingPolicy, Tallied, chip_counts, float_counts, session_counts
from neurodeploy.worlds.rates import FiringRates, firing_rates
from neurodeploy.worlds.readout import MostSpikes, PushPull, Readout
from neurodeploy.worlds.swing_up import SwingUpExpert
from neurodeploy.worlds.velocity_obstacle import VelocityObstacleExpert
from neurodeploy.worlds.world import Episodes, Outcome, State, World, run_episodes

__all__ = [
    "BundledPolicy",
    "Episodes",
    "FiringRates",
    "Lidar",
    "MostSpikes",
    "ObstacleState",
    "ObstacleWorld",
    "Outcome",
    "PendulumState",
    "PendulumWorld",
    "PushPull",
    "Readout",
    "SpikingPolicy",
    "State",
    "SwingUpExpert",
    "Tallied",
    "VelocityObstacleExpert",
    "World",
    "chip_counts",
    "firing_rates",
    "float_counts",
    "load_policy",
    "run_episodes",
    "session_counts",
]
