"""What a gain writes: a neuron that takes g times its input equals one with threshold and bias divided by g.

For a reset to zero or by subtraction the update is linear in v: dividing it by g leaves every spike where it is. So no
synapse is touched. Exact for real numbers, and on integers for neurons without leak whose registers g divides; a leak
rounds v and v / g differently, so that in general the registers below define the behaviour. Initial potentials and the
synapses that take a threshold off (of resets one step late) stay as they were compiled.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurodeploy.adapt.rules import GAIN_HIGH, GAIN_LOW, GAIN_ONE
from neurodeploy.adapt.traces import Ints
from neurodeploy.chipnet import ChipPopulation
from neurodeploy.errors import SimulationError
from neurodeploy.neurons.cuba import VTH_NEVER
from neurodeploy.target import Target

VTH_MAX, BIAS_MAX = VTH_NEVER - 1, 4095
"""Ranges of the fields where no target says less."""


@dataclass(frozen=True, eq=False)
class GainRegisters:
    """Threshold and bias of a layer as compiled, and the gains that their fields have room for.

    Attributes:
        vth, bias_mant: int64 (n,).
        low, high: Gains in Q8, (n,): GAIN_LOW..GAIN_HIGH, less where a register would leave its field.
        adapts: Which neurons have a threshold that can be divided, bool (n,); dead ones never fire.
    """

    vth: Ints
    bias_mant: Ints
    low: Ints
    high: Ints
    adapts: NDArray[np.bool_]

    @classmethod
    def of(cls, population: ChipPopulation, target: Target | None) -> GainRegisters:
        """Of a population that :func:`adaptable` finds neurons in."""
        vth, bias, adapts = population.full("vth"), population.full("bias_mant"), adaptable(population)
        limits = (VTH_MAX, BIAS_MAX)
        if target is not None:
            limits = (target.compartment.vth_mantissa_max.value, target.compartment.bias_mantissa_max.value)
        low, high = np.full(len(vth), GAIN_LOW), np.full(len(vth), GAIN_ONE)
        while np.any(low < high):  # the smallest gain whose registers fit; both shrink with the gain
            middle = (low + high) // 2
            fits = ~adapts | (divided(vth, middle) <= limits[0]) & (np.abs(divided(bias, middle)) <= limits[1])
            low, high = np.where(fits, low, middle + 1), np.where(fits, middle, high)
        low, high = np.where(adapts, low, GAIN_ONE), np.where(adapts, GAIN_HIGH, GAIN_ONE)
        return cls(vth, bias, low, high, adapts)

    def at(self, gain: Ints) -> dict[str, Ints]:
        """Registers for gains in Q8, (n,), 1 where a neuron does not adapt."""
        vth = np.where(self.adapts, np.maximum(1, divided(self.vth, gain)), self.vth)
        return {"vth": vth, "bias_mant": divided(self.bias_mant, gain)}


def divided(register: Ints, gain: Ints) -> Ints:
    """``register / gain``, gain in Q8, rounded to the nearest, halves up."""
    return (GAIN_ONE * register + gain // 2) // gain


def adaptable(population: ChipPopulation) -> NDArray[np.bool_]:
    """Neurons with a threshold of 1 or more that v can exceed, (n,).

    Raises:
        SimulationError: There are none, or the model has no threshold.
    """
    where, remedy = f"layer '{population.name}'", "leave it out: layers=(...)"
    if population.model != "cuba":
        raise SimulationError(
            f"neuron model '{population.model}' has no threshold to adapt", where=where, remedy=remedy
        )
    vth = population.full("vth")
    found: NDArray[np.bool_] = (vth >= 1) & (vth < VTH_NEVER)
    if not found.any():
        raise SimulationError("no neuron has a threshold that can be adapted", where=where, remedy=remedy)
    return found
