"""Gate neurons, for cores whose neurons have no firing windows.

A layer starts so far below its threshold that no input can lift it over; in the first step of its phase a gate neuron
lifts it by as much, and after the last another one puts it back, so that what is left above the threshold stays silent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurodeploy.chipnet import ChipNetwork
from neurodeploy.convert.qcfs.bounds import Bounds
from neurodeploy.target import Target

MANTISSA_MOST = 254
FAR = 2**16
"""A threshold that a clock of 1 a step passes once in a sample: it needs 2^22 steps for the next time."""


@dataclass(frozen=True)
class Gate:
    """How a layer is held down and lifted.

    Attributes:
        mantissas: Even weights of as many gate neurons.
        exponent: Their weight exponent.
    """

    mantissas: tuple[int, ...] = ()
    exponent: int = 0

    @property
    def height(self) -> int:
        """By how much, in units of weight."""
        return int(sum(self.mantissas) << self.exponent)


def gate_above(found: Bounds, target: Target) -> Gate:
    """The gate of a layer with these bounds: no input lifts a membrane above its height."""
    most = max(int(found.high.max()), 0)
    exponent = 0
    while exponent < target.weight.exponent_max.value and MANTISSA_MOST << exponent < most:
        exponent += 1
    rest = -(-most >> exponent)
    rest += rest % 2
    whole, left = divmod(rest, MANTISSA_MOST)
    return Gate((MANTISSA_MOST,) * whole + ((left,) if left else ()), exponent)


def add_gate(chip: ChipNetwork, name: str, gate: Gate, arrivals: tuple[int, ...]) -> None:
    """Neurons ``NAME_gate`` that lift ``name`` in the first of the steps, and put it back in the second, if any."""
    mantissas = np.array(gate.mantissas)
    weights = np.concatenate([mantissas, -mantissas][: len(arrivals)])
    fires = np.repeat(np.array(arrivals) - 1, len(mantissas))
    chip.add_population(
        f"{name}_gate", shape=(len(weights),), du=4095, dv=0, vth=FAR, v0=(FAR << 6) - fires, bias_mant=1, reset="zero"
    )
    chip.connect(
        f"{name}_gate", name, np.tile(weights, (chip.size_of(name), 1)), weight_exp=gate.exponent, sign_mode="mixed"
    )
