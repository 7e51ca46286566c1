"""Weights to the even integers of a mixed synapse, and what that loses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.quantize.scale import grid, mantissa_max

CHUNK = 2**20


@dataclass(frozen=True, eq=False)
class Rounded:
    """Result of :func:`round_weights`.

    Attributes:
        integers: int32, multiples of the format's step.
        error_max: Largest error, in units of the integers.
        error_rms: RMS error over RMS weight.
        zeroed: Share of nonzero weights that became zero.
    """

    integers: NDArray[np.int32]
    error_max: float
    error_rms: float
    zeroed: float


def round_weights(weights: NDArray[Any], unit: float, bits: int) -> Rounded:
    """Round ``weights / unit`` to the nearest multiple of the step of ``bits``-bit synapses, and clip.

    Works in parts, so that a large matrix needs no second copy in float64.
    """
    step, largest = grid(bits), mantissa_max(bits)
    flat = weights.reshape(-1)
    integers = np.empty(flat.shape, np.int32)
    error_max, error_power, power, nonzero, zeroed = 0.0, 0.0, 0.0, 0, 0
    for start in range(0, len(flat), CHUNK):
        exact = flat[start : start + CHUNK].astype(np.float64) / unit
        part = np.clip(np.rint(exact / step) * step, -largest, largest)
        integers[start : start + CHUNK] = part
        error = part - exact
        error_max = max(error_max, float(np.abs(error).max()))
        error_power += float(error @ error)
        power += float(exact @ exact)
        nonzero += int(np.count_nonzero(exact))
        zeroed += int(np.count_nonzero((part == 0) & (exact != 0)))
    return Rounded(
        integers.reshape(weights.shape),
        error_max,
        (error_power / power) ** 0.5 if power else 0.0,
        zeroed / nonzero if nonzero else 0.0,
    )
