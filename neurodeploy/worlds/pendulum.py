"""A pendulum that a motor too weak to lift it has to swing up and hold upright."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import SimulationError
from neurodeploy.worlds.draws import Purpose, generator, sensor_generators
from neurodeploy.worlds.population_code import shared
from neurodeploy.worlds.world import Floats, Outcome, State, checked_actions

GRAVITY_MPS2 = 9.81
_HALF_CIRCLE_RAD = np.array([0.15, 0.3, 0.5, 0.8, 1.2, 1.8, 2.4, np.pi])
ANGLE_CENTRES_RAD = np.concatenate([-_HALF_CIRCLE_RAD[::-1], [0.0], _HALF_CIRCLE_RAD])
VELOCITY_CENTRES_RADPS = np.array([-8, -6, -4, -2.5, -1.5, -0.8, -0.4, 0, 0.4, 0.8, 1.5, 2.5, 4, 6, 8.0])


@dataclass(frozen=True, eq=False)
class PendulumState(State):
    """E pendulums.

    Attributes:
        angle_rad: (E,) from upright, counter-clockwise, within -pi..pi.
        velocity_radps: (E,).
        upright_s: (E,) for how long it has been upright without a break.
        seen_angle_rad: (E,) what the sensor reads.
        seen_velocity_radps: (E,) what the sensor reads.
    """

    angle_rad: Floats
    velocity_radps: Floats
    upright_s: Floats
    seen_angle_rad: Floats
    seen_velocity_radps: Floats


@dataclass(frozen=True)
class PendulumWorld:
    """A point mass on a rod: ``m l^2 a'' = m g l sin a - c a' + u``, the angle ``a`` counted from upright.

    Integrated by the classical Runge-Kutta method of order 4. Actions are torques ``u`` (E, 1), limited to
    +-``most_torque_nm``. The reward of a control step is ``-(a^2 + 0.1 a'^2 + 0.001 u^2)`` times its length, with a and
    a' after it. An episode is always run for ``most_steps``; it is a success where the pendulum was upright
    (``|a| <= upright_rad``) for its whole last ``hold_s``.

    Attributes:
        mass_kg: Of the point.
        length_m: Of the rod.
        damping_nms: Torque per angular velocity, ``c``.
        most_torque_nm: Of the motor; the default is 0.31 of what holds the rod level.
        control_step_s: An action lasts so long.
        physics_steps: In each of them.
        most_steps: Control steps of an episode.
        upright_rad: See above.
        hold_s: See above.
        angle_noise_std_rad: Standard deviation of the angle sensor's normal noise.
        velocity_noise_std_radps: Of the velocity sensor's.
        sensor_seed: Of both.
    """

    mass_kg: float = 1.0
    length_m: float = 1.0
    damping_nms: float = 0.05
    most_torque_nm: float = 3.0
    control_step_s: float = 0.05
    physics_steps: int = 5
    most_steps: int = 200
    upright_rad: float = 0.3
    hold_s: float = 2.0
    angle_noise_std_rad: float = 0.0
    velocity_noise_std_radps: float = 0.0
    sensor_seed: int = 0

    def __post_init__(self) -> None:
        if self.angle_noise_std_rad < 0 or self.velocity_noise_std_radps < 0:
            raise SimulationError("noise below 0", where="PendulumWorld", remedy="give standard deviations >= 0")

    @property
    def inertia_kgm2(self) -> float:
        """``m l^2``."""
        return self.mass_kg * self.length_m**2

    @property
    def weight_nm(self) -> float:
        """Torque of gravity on the level rod, ``m g l``."""
        return self.mass_kg * GRAVITY_MPS2 * self.length_m

    def start(self, episodes: NDArray[np.int64], seed: int) -> PendulumState:
        """Angles uniform over the circle, velocities within +-1 rad/s."""
        drawn = [generator(seed, int(e), 0, Purpose.START).uniform((-np.pi, -1), (np.pi, 1)) for e in episodes]
        angle_rad, velocity_radps = np.array(drawn).reshape(-1, 2).T
        state = PendulumState(
            episode=np.asarray(episodes, np.int64),
            step=np.zeros(len(drawn), np.int64),
            outcome=np.full(len(drawn), Outcome.RUNNING, np.int8),
            angle_rad=angle_rad,
            velocity_radps=velocity_radps,
            upright_s=np.zeros(len(drawn)),
            seen_angle_rad=angle_rad,
            seen_velocity_radps=velocity_radps,
        )
        return self._sensed(state)

    def observe(self, state: PendulumState) -> Floats:
        """(E, 31) in 0..1: the angle's units, the two ends being one, then the velocity's."""
        angle = shared(state.seen_angle_rad, ANGLE_CENTRES_RAD)
        joined = np.hstack([angle[:, :1] + angle[:, -1:], angle[:, 1:-1]])
        return np.hstack([joined, shared(state.seen_velocity_radps, VELOCITY_CENTRES_RADPS)])

    def advance(self, state: PendulumState, actions: Floats) -> tuple[PendulumState, Floats]:
        """One control step; see the class for the actions and the reward."""
        torque_nm = checked_actions(actions, (len(state.episode), 1), "a torque in N m")[:, 0]
        torque_nm = np.clip(torque_nm, -self.most_torque_nm, self.most_torque_nm)
        angle_rad, velocity_radps = state.angle_rad, state.velocity_radps
        for _ in range(self.physics_steps):
            angle_rad, velocity_radps = self._runge_kutta(angle_rad, velocity_radps, torque_nm)
        angle_rad = wrapped(angle_rad)
        upright = np.abs(angle_rad) <= self.upright_rad
        upright_s = np.where(upright, state.upright_s + self.control_step_s, 0.0)
        step = state.step + 1
        held = upright_s >= self.hold_s - 0.5 * self.control_step_s
        ended = np.where(held, Outcome.SUCCESS, Outcome.TIMEOUT)
        cost = angle_rad**2 + 0.1 * velocity_radps**2 + 0.001 * torque_nm**2
        moved = replace(
            state,
            step=step,
            outcome=np.where(step >= self.most_steps, ended, Outcome.RUNNING).astype(np.int8),
            angle_rad=angle_rad,
            velocity_radps=velocity_radps,
            upright_s=upright_s,
        )
        return self._sensed(moved), -cost * self.control_step_s

    def energy_j(self, angle_rad: Floats, velocity_radps: Floats) -> Floats:
        """Kinetic and potential, 0 at rest upright: ``m l^2 a'^2 / 2 + m g l (cos a - 1)``."""
        return 0.5 * self.inertia_kgm2 * velocity_radps**2 + self.weight_nm * (np.cos(angle_rad) - 1)

    def _acceleration_radps2(self, angle_rad: Floats, velocity_radps: Floats, torque_nm: Floats) -> Floats:
        total_nm = self.weight_nm * np.sin(angle_rad) - self.damping_nms * velocity_radps + torque_nm
        acceleration: Floats = total_nm / self.inertia_kgm2
        return acceleration

    def _runge_kutta(self, a: Floats, v: Floats, torque_nm: Floats) -> tuple[Floats, Floats]:
        h = self.control_step_s / self.physics_steps
        v1, f1 = v, self._acceleration_radps2(a, v, torque_nm)
        v2, f2 = v + h / 2 * f1, self._acceleration_radps2(a + h / 2 * v1, v + h / 2 * f1, torque_nm)
        v3, f3 = v + h / 2 * f2, self._acceleration_radps2(a + h / 2 * v2, v + h / 2 * f2, torque_nm)
        v4, f4 = v + h * f3, self._acceleration_radps2(a + h * v3, v + h * f3, torque_nm)
        return a + h / 6 * (v1 + 2 * v2 + 2 * v3 + v4), v + h / 6 * (f1 + 2 * f2 + 2 * f3 + f4)

    def _sensed(self, state: PendulumState) -> PendulumState:
        angle_rad, velocity_radps = state.angle_rad, state.velocity_radps
        if self.angle_noise_std_rad or self.velocity_noise_std_radps:
            generators = sensor_generators(self.sensor_seed, state.episode, state.step)
            noise = np.array([numbers.standard_normal(2) for numbers in generators]).reshape(-1, 2)
            angle_rad = wrapped(angle_rad + self.angle_noise_std_rad * noise[:, 0])
            velocity_radps = velocity_radps + self.velocity_noise_std_radps * noise[:, 1]
        return replace(state, seen_angle_rad=angle_rad, seen_velocity_radps=velocity_radps)


def wrapped(angle_rad: Floats) -> Floats:
    """The same directions within -pi .. pi."""
    return (angle_rad + np.pi) % (2 * np.pi) - np.pi
