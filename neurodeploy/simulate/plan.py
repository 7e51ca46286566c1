"""What both engines are told: the network, the input, how long, and what to keep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from neurodeploy.chipnet import ChipNetwork, ChipProjection


@dataclass(frozen=True, eq=False)
class Plan:
    """One simulation.

    Attributes:
        net: The network.
        inputs: Spikes of every input, uint8 (B, T, size); silent after T.
        steps: Chip steps to run; step t = 1..steps.
        live_steps: Steps for which each population is live: ``start < t <= start + live_steps``.
        registers: Registers to keep per population, each at every step.
        strict: Raise on the first overflow.
    """

    net: ChipNetwork
    inputs: Mapping[str, NDArray[np.uint8]]
    steps: int
    live_steps: int
    registers: Mapping[str, tuple[str, ...]]
    strict: bool

    @property
    def batch(self) -> int:
        """Number of samples."""
        return len(next(iter(self.inputs.values())))

    @cached_property
    def projections(self) -> tuple[ChipProjection, ...]:
        """The network's projections, those with a delay per synapse split by delay."""
        return tuple(part for p in self.net.projections for part in p.by_delay)

    def window(self, name: str) -> tuple[int, int]:
        """First and last live step of a population, counted from 1."""
        start = self.net.populations[name].start
        return start + 1, min(start + self.live_steps, self.steps)

    def delivered(self, target: str, delay: int) -> slice:
        """Steps (0-based) whose spikes a population integrates while it is live, over synapses of this delay."""
        first, last = self.window(target)
        return slice(max(0, first - 2 - delay), max(0, last - 1 - delay))


@dataclass(frozen=True, eq=False)
class Outcome:
    """What an engine returns; every population has every entry.

    Attributes:
        spikes: uint8 (B, steps, size).
        states: int32 (B, steps, size) per recorded register.
        active_updates: Updates with input, bias or a nonzero register, int64 (B, size).
        wraps: Times that u or an int32 sum wrapped.
        saturations: Times that v was clipped.
    """

    spikes: Mapping[str, NDArray[np.uint8]]
    states: Mapping[str, Mapping[str, NDArray[np.int32]]]
    active_updates: Mapping[str, NDArray[np.int64]]
    wraps: Mapping[str, int]
    saturations: Mapping[str, int]
