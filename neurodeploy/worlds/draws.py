"""Random numbers that depend on the episode and the step alone, not on which other episodes run beside it."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray


class Purpose(IntEnum):
    """What numbers are drawn for; each has a stream of its own."""

    START = 0
    SENSOR = 1


def generator(seed: int, episode: int, step: int, purpose: Purpose) -> np.random.Generator:
    """The generator of one episode at one step: Philox with the key (seed, episode) and a counter for the rest."""
    counter = np.array([0, 0, purpose, step], np.uint64)
    return np.random.Generator(np.random.Philox(key=np.array([seed, episode], np.uint64), counter=counter))


def sensor_generators(seed: int, episodes: NDArray[np.int64], steps: NDArray[np.int64]) -> list[np.random.Generator]:
    """A generator for what each episode's sensors add at its step."""
    pairs = zip(episodes.tolist(), steps.tolist(), strict=True)
    return [generator(seed, episode, step, Purpose.SENSOR) for episode, step in pairs]
