"""The expert of the pendulum: energy shaping far from upright, a linear quadratic regulator near it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from neurodeploy.worlds.pendulum import PendulumState, PendulumWorld
from neurodeploy.worlds.world import Floats


@dataclass(frozen=True)
class SwingUpExpert:
    """Sees the true angle and velocity.

    Far from upright ``u = -gain E sat(a' / knee)`` drives the energy E of :meth:`PendulumWorld.energy_j` to that of
    rest upright (Astrom and Furuta, 2000), since ``E' = a' u - c a'^2``. The regulator takes over where the limited
    torque can still win against gravity: the linearised pendulum's unstable mode ``a + a' / sqrt(g / l)`` must stay
    within ``most_torque / (m g l)``, of which ``catch`` is the share used.

    Attributes:
        world: Whose constants hold.
        gain_per_rad: Torque per joule of missing energy.
        knee_radps: Velocity at which the swing's torque is full.
        catch: Share of the region that the limited torque can hold.
    """

    world: PendulumWorld
    gain_per_rad: float = 2.0
    knee_radps: float = 0.5
    catch: float = 0.8

    @cached_property
    def regulator(self) -> Floats:
        """Torque per rad and per rad/s about upright, for the cost ``a^2 + 0.1 a'^2 + 0.01 u^2``."""
        from scipy.linalg import solve_continuous_are

        w = self.world
        a = np.array([[0.0, 1.0], [w.weight_nm / w.inertia_kgm2, -w.damping_nms / w.inertia_kgm2]])
        b = np.array([[0.0], [1.0 / w.inertia_kgm2]])
        p = solve_continuous_are(a, b, np.diag([1.0, 0.1]), np.array([[0.01]]))
        gains: Floats = (b.T @ p / 0.01)[0]
        return gains

    def __call__(self, state: PendulumState) -> Floats:
        """Actions (E, 1), torques within the motor's."""
        w, a, v = self.world, state.angle_rad, state.velocity_radps
        swing = -self.gain_per_rad * w.energy_j(a, v) * np.clip(v / self.knee_radps, -1, 1)
        hold = -(self.regulator[0] * a + self.regulator[1] * v)
        unstable_rad = a + v * np.sqrt(w.inertia_kgm2 / w.weight_nm)
        near = (np.abs(unstable_rad) < self.catch * w.most_torque_nm / w.weight_nm) & (np.abs(a) < 1)
        return np.clip(np.where(near, hold, swing), -w.most_torque_nm, w.most_torque_nm)[:, None]
