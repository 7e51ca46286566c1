"""What spike times stand for: from values to the input's spikes, and from the output's spikes to values and classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.convert.ttfs.relu_net import Array, checked_rows
from neurodeploy.errors import ModelError

NEVER = 2**40
"""Tick of a neuron that did not spike."""
SCHEMA = 1


@dataclass(frozen=True)
class Code:
    """The meaning of a program's spikes; ticks are chip steps of a sample, counted from 0.

    Attributes:
        t_in: Tick of an input of 0, and of the references.
        t_out: Tick of an output of 0.
        horizon: Ticks of a sample.
        input_ticks: Per unit of the input.
        ticks: Per unit of every activation and output.
        fraction_bits: q of the weights.
        readout: ``class``: outputs are negated, so that the largest floor spikes first; ``values``: ceiled outputs.
        references: Reference neurons of the input, its last addresses.
        low, high: Ticks that each input may have, (n,).
    """

    t_in: int
    t_out: int
    horizon: int
    input_ticks: float
    ticks: float
    fraction_bits: int
    readout: str
    references: int
    low: tuple[int, ...]
    high: tuple[int, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, with what a chip must have; a side that is the same for all inputs is one number."""
        sides = {name: list(v) if len(set(v)) > 1 else v[0] for name, v in (("low", self.low), ("high", self.high))}
        head = {"code": "ttfs", "schema": SCHEMA, "requires": "ramp,fire_once,ttfs_readout", "inputs": len(self.low)}
        return head | asdict(self) | sides

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Code:
        """From a Program's ``semantics``; ModelError if it holds no such code."""
        if values.get("code") != "ttfs" or values.get("schema") != SCHEMA:
            raise ModelError("not a program of spike times", where="ttfs", remedy="give one that `convert ttfs` made")
        known = {name: values[name] for name in cls.__dataclass_fields__}
        for side in ("low", "high"):
            known[side] = (known[side],) * values["inputs"] if isinstance(known[side], int) else tuple(known[side])
        return cls(**known)

    def ticks_of(self, x: Any) -> NDArray[np.int64]:
        """Values (B, *shape) as ticks (B, n), ``round(input_ticks * x)``.

        Raises:
            ShapeMismatch: Another shape, or no sample.
            SimulationError: A value outside the inputs' range; names the first.
        """
        return checked_rows(x, np.asarray(self.low), np.asarray(self.high), self.input_ticks)

    def spikes(self, ticks: NDArray[np.int64]) -> NDArray[np.uint8]:
        """One spike per input and reference, (B, T, n + references)."""
        samples, inputs = ticks.shape
        length = self.t_in + max(0, *self.high) + 1
        made = np.zeros((samples, length, inputs + self.references), np.uint8)
        made[:, self.t_in, inputs:] = 1
        rows, columns = np.indices(ticks.shape)
        made[rows, self.t_in + ticks, columns] = 1
        return made

    def outputs(self, fired: NDArray[np.int64]) -> NDArray[np.int64]:
        """Whole values of the output's spikes, ``floor`` or ``ceil``; :data:`NEVER` or its negative where none came."""
        late = np.where(fired == NEVER, NEVER, fired - self.t_out)
        return -late if self.readout == "class" else late


def first_spikes(spikes: Array) -> NDArray[np.int64]:
    """Tick of each neuron's first spike, (B, n), of spikes (B, T, n); :data:`NEVER` where none came."""
    fired = spikes != 0
    return np.where(fired.any(axis=1), fired.argmax(axis=1), NEVER).astype(np.int64)
