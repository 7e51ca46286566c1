"""What calibration looks at."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import SimulationError
from neurodeploy.network import Network


@dataclass(frozen=True, eq=False)
class CalibrationData:
    """Spikes (N, T, *shape) of 0 and 1, and class numbers (N,) where they are known."""

    spikes: NDArray[Any]
    labels: NDArray[np.int64] | None = None

    def part(self, chosen: NDArray[np.intp] | slice) -> CalibrationData:
        """Some samples."""
        return CalibrationData(self.spikes[chosen], None if self.labels is None else self.labels[chosen])


def calibration_data(value: Any, network: Network) -> CalibrationData:
    """Data from an array of spikes, or from anything that has ``spikes`` and perhaps ``labels``.

    Raises:
        SimulationError: The network has several inputs, or the data are not spikes of its input, or there are none.
    """
    spikes, labels = np.asarray(getattr(value, "spikes", value)), getattr(value, "labels", None)
    where = "calibration data"
    if len(network.inputs) != 1:
        raise SimulationError(
            f"the model has {len(network.inputs)} inputs, a data set feeds one", where=where, remedy="do not calibrate"
        )
    ((name, shape),) = network.inputs.items()
    if spikes.ndim < 3 or not len(spikes) or not spikes.shape[1] or math.prod(spikes.shape[2:]) != math.prod(shape):
        raise SimulationError(
            f"spikes of shape {spikes.shape} for the input '{name}' {shape}",
            where=where,
            remedy=f"give (samples, steps, {', '.join(map(str, shape))}), at least one of each",
        )
    if not np.all((spikes == 0) | (spikes == 1)):
        raise SimulationError(
            "messages other than 0 and 1", where=where, remedy="encode values as spikes with `neurodeploy encode`"
        )
    if labels is not None and (np.shape(labels) != (len(spikes),) or np.any(np.asarray(labels) < 0)):
        raise SimulationError(
            f"labels of shape {np.shape(labels)} for {len(spikes)} samples",
            where=where,
            remedy="give a class number >= 0 for each sample, or no labels",
        )
    return CalibrationData(spikes.astype(np.uint8), None if labels is None else np.asarray(labels, np.int64))
