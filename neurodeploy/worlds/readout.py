"""From the output neurons' spike counts to actions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import SimulationError
from neurodeploy.worlds.world import Floats


class Readout(Protocol):
    """How actions are read off."""

    @property
    def neurons(self) -> int:
        """Output neurons that it reads."""
        ...

    def actions(self, counts: NDArray[np.int64], steps: int) -> Floats:
        """Actions (E, n) from spikes per output neuron (E, neurons) in ``steps`` chip steps."""
        ...


@dataclass(frozen=True)
class MostSpikes:
    """Each neuron stands for an action; the one with most spikes is taken, ties go to the first.

    Attributes:
        values: For each neuron its action, all of the same length.
    """

    values: tuple[tuple[float, ...], ...]

    @property
    def neurons(self) -> int:
        """One for each action."""
        return len(self.values)

    def actions(self, counts: NDArray[np.int64], steps: int) -> Floats:
        """See :class:`Readout`."""
        chosen: Floats = np.array(self.values)[_checked(counts, self.neurons).argmax(axis=1)]
        return chosen


@dataclass(frozen=True)
class PushPull:
    """One component: the first half of the neurons push, the second half pull.

    The action is ``span (push - pull) / (full_rate steps neurons / 2)``, limited to +-span.

    Attributes:
        span: Largest action.
        neurons: An even number.
        full_rate: Mean spikes per step of one half at which the action is full.
    """

    span: float
    neurons: int
    full_rate: float

    def actions(self, counts: NDArray[np.int64], steps: int) -> Floats:
        """See :class:`Readout`."""
        push, pull = np.split(_checked(counts, self.neurons), 2, axis=1)
        full = self.full_rate * steps * self.neurons / 2
        difference = (push.sum(axis=1, dtype=np.float64) - pull.sum(axis=1, dtype=np.float64)) / full
        actions: Floats = self.span * np.clip(difference, -1.0, 1.0)[:, None]
        return actions


def _checked(counts: NDArray[np.int64], neurons: int) -> NDArray[np.int64]:
    if counts.ndim != 2 or counts.shape[1] != neurons:
        raise SimulationError(
            f"counts of shape {counts.shape} for a read-out of {neurons} neurons",
            where="read-out",
            remedy="use the read-out that the policy was trained with, and its output population",
        )
    return counts
