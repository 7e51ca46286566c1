"""Two recordings of the same layers on the same input, bit by bit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rasters = Mapping[str, NDArray[Any]]
"""(B, T, n) by layer."""


@dataclass(frozen=True)
class LayerAgreement:
    """How far two recordings of a layer agree.

    Attributes:
        layer: The user's name.
        neurons: Its size.
        bits: Values compared.
        mismatching: Values that differ.
        rate_found: Spikes per neuron and step of the first recording.
        rate_expected: Of the second.
        void: Whether neither has a spike, so that their equality proves nothing.
    """

    layer: str
    neurons: int
    bits: int
    mismatching: int
    rate_found: float
    rate_expected: float
    void: bool


@dataclass(frozen=True)
class Divergence:
    """The first value that differs; all numbers count from 0.

    Attributes:
        layer: The user's name.
        sample: Number in the batch.
        step: Step of the sample.
        neuron: Number in C order.
        found: Spikes in the first recording.
        expected: In the second.
        membrane_found: Membrane in the first recording, where it is known.
        membrane_expected: In the second.
        threshold: Of the neuron in the first recording, where it is known.
        threshold_expected: In the second, where it is known for itself.
    """

    layer: str
    sample: int
    step: int
    neuron: int
    found: int
    expected: int
    membrane_found: float | None = None
    membrane_expected: float | None = None
    threshold: float | None = None
    threshold_expected: float | None = None

    def __str__(self) -> str:
        membranes = [
            f"{name} {value:.9g}"
            for name, value in (
                ("membranes", self.membrane_found),
                ("and", self.membrane_expected),
                ("threshold", self.threshold),
                ("and", None if self.threshold_expected == self.threshold else self.threshold_expected),
            )
            if value is not None
        ]
        return (
            f"layer '{self.layer}', sample {self.sample}, step {self.step}, neuron {self.neuron}: {self.found} against "
            f"{self.expected} spikes{'; ' if membranes else ''}{', '.join(membranes)}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def agreement(layer: str, found: NDArray[Any], expected: NDArray[Any]) -> LayerAgreement:
    """Compare (B, T, n) messages."""
    return LayerAgreement(
        layer,
        found.shape[2],
        found.size,
        int(np.count_nonzero(found != expected)),
        float(found.mean()),
        float(expected.mean()),
        not (found.any() or expected.any()),
    )


def first_divergence(
    layers: Iterable[str],
    differ: Rasters,
    found: Rasters,
    expected: Rasters,
    *,
    membranes_found: Rasters | None = None,
    membranes_expected: Rasters | None = None,
    thresholds: Mapping[str, NDArray[Any]] | None = None,
) -> Divergence | None:
    """The earliest step of the first sample in which a layer differs, and there the first layer in the order given.

    Args:
        layers: Names, those that feed others first.
        differ: Which values differ, (B, T, n) by layer.
        found: First recording.
        expected: Second.
        membranes_found: Of the first recording, as far as they are known.
        membranes_expected: Of the second.
        thresholds: (n,) by layer.
    """
    best: tuple[int, int, int, str, int] | None = None
    for order, layer in enumerate(layers):
        if layer in differ and differ[layer].any():
            sample, step, neuron = (int(i) for i in np.unravel_index(np.argmax(differ[layer]), differ[layer].shape))
            best = min(best or (sample, step, order, layer, neuron), (sample, step, order, layer, neuron))
    if best is None:
        return None
    sample, step, _, layer, neuron = best

    def at(rasters: Rasters | None) -> float | None:
        return None if rasters is None or layer not in rasters else float(rasters[layer][sample, step, neuron])

    return Divergence(
        layer,
        sample,
        step,
        neuron,
        int(found[layer][sample, step, neuron]),
        int(expected[layer][sample, step, neuron]),
        at(membranes_found),
        at(membranes_expected),
        None if thresholds is None or layer not in thresholds else float(thresholds[layer][neuron]),
    )
