"""Sums of a comparison, added up part by part, so that memory does not grow with the data."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.compare.comparison import LayerComparison, Sums
from neurodeploy.compare.sides import Traces

AXES = ((0, 2), (0, 1))
"""Summed over for sums by step and by neuron."""


class Tally:
    """One layer's sums.

    Args:
        layer: Its name.
        thresholds: (n,), infinite for neurons that never fire.
    """

    def __init__(self, layer: str, thresholds: NDArray[Any]) -> None:
        self.layer, self.thresholds = layer, thresholds
        self.samples = self.wraps = self.saturations = 0
        self._sums: dict[str, list[NDArray[Any]]] = {}

    def add(self, first: Traces, second: Traces, forced: Traces | None) -> None:
        """A part of the samples: both free runs, and the second driven by the first one's spikes."""
        name = self.layer
        a, b = first.spikes[name], second.spikes[name]
        self.samples += len(a)
        self.wraps += second.wraps.get(name, 0)
        self.saturations += second.saturations.get(name, 0)
        self._add("mismatching", a != b)
        self._add("spikes_first", a)
        self._add("spikes_second", b)
        self._add("error_power", _error_power(first, second, name))
        if forced is not None:
            self._add("made_here", a != forced.spikes[name])
            self._add("error_power_made_here", _error_power(first, forced, name))

    def _add(self, key: str, values: NDArray[Any] | None) -> None:
        if values is None:
            return
        kind = np.float64 if values.dtype.kind == "f" else np.int64
        sums = [np.asarray(values.sum(axis=axes, dtype=kind)) for axes in AXES]
        known = self._sums.get(key)
        self._sums[key] = sums if known is None else [x + y for x, y in zip(known, sums, strict=True)]

    def result(self) -> LayerComparison:
        """The layer's comparison."""
        by_step, by_neuron = (
            Sums(
                got["mismatching"],
                got.get("made_here"),
                got["spikes_first"],
                got["spikes_second"],
                got.get("error_power"),
                got.get("error_power_made_here"),
            )
            for got in ({key: sums[axis] for key, sums in self._sums.items()} for axis in range(len(AXES)))
        )
        spiking = np.isfinite(self.thresholds)
        threshold = float(np.median(self.thresholds[spiking])) if spiking.any() else None
        return LayerComparison(
            self.layer, self.samples, spiking, threshold, by_step, by_neuron, self.wraps, self.saturations
        )


def _error_power(first: Traces, second: Traces, layer: str) -> NDArray[np.float64] | None:
    if layer not in first.membranes or layer not in second.membranes:
        return None
    return np.asarray((second.membranes[layer] - first.membranes[layer]) ** 2, np.float64)
