"""The float form: a network of first-spike neurons, simulated from event to event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from neurodeploy.convert.ttfs.events import crossings, taps
from neurodeploy.convert.ttfs.relu_net import Array, ReluNet
from neurodeploy.convert.ttfs.stages import Stage, stages_of
from neurodeploy.errors import SimulationError


@dataclass(frozen=True, eq=False)
class SpikingNet:
    """A ReLU network in spike times.

    Attributes:
        net: What it equals.
        stages: Its layers, inputs apart.
    """

    net: ReluNet
    stages: tuple[Stage, ...]

    @property
    def neurons(self) -> int:
        """Inputs and references counted: in ``compact`` (n_0 + 1) + 2 (n_1 + 1) + ... + n_L, in ``paper`` with a 3."""
        return len(self.net.low) + 1 + sum(stage.neurons for stage in self.stages)

    @property
    def t_out(self) -> float:
        """When an output of 0 spikes, counted from the spike of the input's reference."""
        return float(sum(stage.after for stage in self.stages))

    def run(self, x: Any) -> Array:
        """(B, n_0) within the box to (B, n_L).

        Raises:
            SimulationError: A value outside the box, or a neuron that fired before an input arrived.
        """
        values = self.net.checked(x)
        times = np.column_stack([values, np.zeros(len(values))])  # counted from the layer's reference
        for number, stage in enumerate(self.stages):
            delays = np.full(times.shape[1], float(stage.delay))
            delays[-1] = 0
            fired, last = crossings(taps(stage.weights), times, delays, stage.theta)
            if stage.kind == "affine" and (early := np.argwhere(fired < last)).size:
                sample, neuron = early[0].tolist()
                raise too_early(f"layer {number}, neuron {neuron}", sample, len(early))
            times = fired - stage.after
        return times


def spiking_net(net: ReluNet, *, mode: str = "compact", calibration: Any = None) -> SpikingNet:
    """Lower a ReLU network into first-spike neurons that equal it.

    Args:
        net: The network and the box of its inputs.
        mode: ``compact``, 2 L - 1 layers, or ``paper``, 3 L - 2 layers, for L affine maps.
        calibration: Inputs (B, n_0) on which the windows are measured, with a quarter to spare; None: windows that hold
            for the whole box.

    Raises:
        ModelError: No such mode.
        SimulationError: Calibration data outside the box.
    """
    seen = None if calibration is None else net.checked(calibration)
    return SpikingNet(net, stages_of(net, 1, mode, seen, negated=False))


def too_early(where: str, sample: int, many: int) -> SimulationError:
    """The guard's error, of float and integer forms."""
    return SimulationError(
        f"a neuron fired before its last input had arrived, in sample {sample} ({many} in all): the window is too "
        "short, and no value behind it can be trusted",
        where=where,
        remedy="convert with windows for the worst case, or calibrate on data that include such inputs",
    )
