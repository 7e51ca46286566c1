"""What both engines are told: the network, the input, how long, and what to keep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from neurodeploy.chipnet import ChipNetwork, ChipProjection
from neurodeploy.simulate.events import Events

Messages = NDArray[Any]
"""(B, T, size): uint8 where a sender sends 0 and 1 only, else int32."""


@dataclass(frozen=True, eq=False)
class Plan:
    """One simulation.

    Attributes:
        net: The network.
        inputs: Messages of every input, (B, T, size), or events of that shape; silent after T.
        steps: Chip steps to run; step t = 1..steps.
        live_steps: Steps for which each population is live: ``start < t <= start + live_steps``.
        registers: Registers to keep per population, each at every step.
        strict: Raise on the first overflow.
        kept: Outputs whose messages are returned; None for all.
    """

    net: ChipNetwork
    inputs: Mapping[str, Messages | Events]
    steps: int
    live_steps: int
    registers: Mapping[str, tuple[str, ...]]
    strict: bool
    kept: frozenset[str] | None = None

    @property
    def batch(self) -> int:
        """Number of samples."""
        return len(next(iter(self.inputs.values())))

    @cached_property
    def projections(self) -> tuple[ChipProjection, ...]:
        """The network's projections, those with a delay per synapse split by delay."""
        return tuple(part for p in self.net.projections for part in p.by_delay)

    @cached_property
    def outputs(self) -> dict[str, tuple[str, ...]]:
        """The names of every population's outputs as sources."""
        return {name: self.net.outputs_of(name) for name in self.net.populations}

    def window(self, name: str) -> tuple[int, int]:
        """First and last live step of a population, counted from 1."""
        start = self.net.populations[name].start
        return start + 1, min(start + self.live_steps, self.steps)

    def delivered(self, projection: ChipProjection) -> slice:
        """Steps (0-based) whose messages the target integrates while it is live."""
        first, last = self.window(projection.target)
        return slice(max(0, first - 1 - projection.latency), max(0, last - projection.latency))

    def rasters(self) -> dict[str, Messages]:
        """Room for what every output sends, (B, steps, size), zeros."""
        return {
            source: np.zeros(
                (self.batch, self.steps, self.net.populations[name].size),
                np.int32 if self.net.message_bits_of(source) else np.uint8,
            )
            for name, sources in self.outputs.items()
            for source in sources
        }

    def padded_inputs(self) -> dict[str, Messages]:
        """Inputs cut or filled with silence to ``steps``."""
        dense = {name: v.flags() if isinstance(v, Events) else v for name, v in self.inputs.items()}
        missing = {name: max(0, self.steps - values.shape[1]) for name, values in dense.items()}
        return {
            name: np.pad(values[:, : self.steps], ((0, 0), (0, missing[name]), (0, 0)))
            for name, values in dense.items()
        }

    def keeps(self, source: str) -> bool:
        """Whether the messages of an output are returned."""
        return self.kept is None or source in self.kept

    def traces(self) -> dict[str, dict[str, NDArray[np.int32]]]:
        """Room for the registers to keep, (B, steps, size), zeros."""
        return {
            name: {r: np.zeros((self.batch, self.steps, self.net.populations[name].size), np.int32) for r in registers}
            for name, registers in self.registers.items()
        }


class Outcome(Protocol):
    """What an engine returns; every population has every entry."""

    @property
    def spikes(self) -> Mapping[str, Messages]:
        """Messages of every kept output (a population's name, or ``population.output``), (B, steps, size)."""

    @property
    def states(self) -> Mapping[str, Mapping[str, NDArray[np.int32]]]:
        """int32 (B, steps, size) per recorded register."""

    @property
    def active_updates(self) -> Mapping[str, int]:
        """Updates with input, bias or a nonzero register."""

    @property
    def wraps(self) -> Mapping[str, int]:
        """Times that a register or an int32 sum wrapped."""

    @property
    def saturations(self) -> Mapping[str, int]:
        """Times that a register was clipped."""

    @property
    def syn_ops(self) -> Mapping[str, int]:
        """Messages but 0 that reached a synapse while its target was live, by target."""

    @property
    def sent(self) -> Mapping[str, int]:
        """Messages but 0, of every output and input."""


@dataclass(frozen=True, eq=False)
class WholeOutcome:
    """An :class:`Outcome` that is there as a whole."""

    spikes: Mapping[str, Messages]
    states: Mapping[str, Mapping[str, NDArray[np.int32]]]
    active_updates: Mapping[str, int]
    wraps: Mapping[str, int]
    saturations: Mapping[str, int]
    syn_ops: Mapping[str, int]
    sent: Mapping[str, int]
