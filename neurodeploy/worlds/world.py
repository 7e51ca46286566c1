"""What the worlds have in common: the state of many episodes at once, how they end, and how a policy is run in them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import SimulationError

Floats = NDArray[np.float64]


class Outcome(IntEnum):
    """How an episode stands."""

    RUNNING = 0
    SUCCESS = 1
    COLLISION = 2
    TIMEOUT = 3


@dataclass(frozen=True, eq=False)
class State:
    """E episodes at the same time; every array has them as its first axis.

    Attributes:
        episode: (E,) numbers of the episodes.
        step: (E,) control steps since the start.
        outcome: (E,) :class:`Outcome`.
    """

    episode: NDArray[np.int64]
    step: NDArray[np.int64]
    outcome: NDArray[np.int8]


S = TypeVar("S", bound=State)


class World(Protocol[S]):
    """A world: frozen, so that the same actions give the same bits."""

    @property
    def most_steps(self) -> int:
        """Control steps after which an episode ends."""
        ...

    def start(self, episodes: NDArray[np.int64], seed: int) -> S:
        """The first state of the episodes with these numbers."""
        ...

    def observe(self, state: S) -> Floats:
        """(E, n) what a policy is shown, each within 0..1."""
        ...

    def advance(self, state: S, actions: Floats) -> tuple[S, Floats]:
        """One control step: the next state and the reward (E,) of this step."""
        ...


@dataclass(frozen=True, eq=False)
class Episodes:
    """What came of E episodes.

    Attributes:
        outcome: (E,) :class:`Outcome`, none of them RUNNING.
        steps: (E,) control steps that each took.
        returns: (E,) sums of the rewards.
    """

    outcome: NDArray[np.int8]
    steps: NDArray[np.int64]
    returns: Floats

    @property
    def success_rate(self) -> float:
        """Share of episodes that ended in success."""
        return float(np.mean(self.outcome == Outcome.SUCCESS))

    @property
    def collision_rate(self) -> float:
        """Share of episodes that ended in a collision."""
        return float(np.mean(self.outcome == Outcome.COLLISION))


def run_episodes(world: World[S], policy: Callable[[S], Floats], episodes: int, *, seed: int = 0) -> Episodes:
    """Run a policy in closed loop until every episode is over; all that still run take each step together.

    Args:
        world: The world.
        policy: From a state (of the running episodes only) to their actions (E, n).
        episodes: How many, at least 1; they have the numbers 0 .. episodes - 1.
        seed: 0..2^64 - 1; with the number it decides how an episode starts.

    Raises:
        SimulationError: No episode, or actions that are none.
    """
    if episodes < 1:
        raise SimulationError(f"{episodes} episodes", where="run_episodes", remedy="run at least 1")
    if not 0 <= seed < 2**64:
        raise SimulationError(f"seed = {seed}", where="run_episodes", remedy="give 0..2^64 - 1")
    outcome, steps = np.zeros(episodes, np.int8), np.zeros(episodes, np.int64)
    returns = np.zeros(episodes)
    state = world.start(np.arange(episodes), seed)
    while len(state.episode):
        running = state.episode
        state, reward = world.advance(state, policy(state))
        returns[running] += reward
        steps[running] += 1
        outcome[running] = state.outcome
        state = select(state, state.outcome == Outcome.RUNNING)
    return Episodes(outcome, steps, returns)


def select(state: S, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> S:
    """The state of some of the episodes, given by a mask or by position."""
    return type(state)(**{f.name: getattr(state, f.name)[chosen] for f in dataclasses.fields(state)})


def checked_actions(actions: Floats, shape: tuple[int, int], names: str) -> Floats:
    """Actions as float64; SimulationError unless they are finite and of this shape."""
    values = np.asarray(actions, np.float64)
    if values.shape != shape:
        raise SimulationError(
            f"actions have shape {values.shape}, not {shape}", where="advance", remedy=f"give each episode {names}"
        )
    if not np.isfinite(values).all():
        raise SimulationError("actions hold NaN or infinity", where="advance", remedy=f"give each episode {names}")
    return values
