"""Weights to the integers of a synapse's format, and what that loses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.quantize.formats import Format

CHUNK = 2**20


@dataclass(frozen=True, eq=False)
class Rounded:
    """Result of :func:`round_weights`.

    Attributes:
        integers: int32, multiples of the format's step.
        error_max: Largest error, in units of the integers.
        error_max_own: Largest error, in the weights' own units.
        error_rms: RMS error over RMS weight.
        zeroed: Share of nonzero weights that became zero.
        clipped: Share of weights that became smaller by more than half a step.
    """

    integers: NDArray[np.int32]
    error_max: float
    error_max_own: float
    error_rms: float
    zeroed: float
    clipped: float


def round_weights(weights: NDArray[Any], unit: float | NDArray[np.float64], form: Format) -> Rounded:
    """Round ``weights / unit`` to the nearest integer of the format; ``unit`` is one number or broadcasts.

    Works in parts, so that a large matrix needs no second copy in float64.
    """
    flat = weights.reshape(-1)
    units = None if np.ndim(unit) == 0 else np.broadcast_to(unit, weights.shape).reshape(-1)
    integers = np.empty(flat.shape, np.int32)
    for start in range(0, len(flat), CHUNK):
        part = slice(start, start + CHUNK)
        exact = flat[part].astype(np.float64) / (unit if units is None else units[part])
        integers[part] = np.clip(np.rint(exact / form.step) * form.step, form.smallest, form.largest)
    return measured(weights, unit, integers.reshape(weights.shape), form)


def measured(
    weights: NDArray[Any], unit: float | NDArray[np.float64], integers: NDArray[np.int32], form: Format
) -> Rounded:
    """What given integers lose."""
    flat, whole = weights.reshape(-1), integers.reshape(-1)
    units = None if np.ndim(unit) == 0 else np.broadcast_to(unit, weights.shape).reshape(-1)
    error_max, error_max_own, error_power, power = 0.0, 0.0, 0.0, 0.0
    nonzero, zeroed, clipped = 0, 0, 0
    for start in range(0, len(flat), CHUNK):
        part = slice(start, start + CHUNK)
        scale = unit if units is None else units[part]
        exact = flat[part].astype(np.float64) / scale
        error = whole[part] - exact
        error_max = max(error_max, float(np.abs(error).max()))
        error_max_own = max(error_max_own, float(np.abs(error * scale).max()))
        error_power += float(error @ error)
        power += float(exact @ exact)
        nonzero += int(np.count_nonzero(exact))
        zeroed += int(np.count_nonzero((whole[part] == 0) & (exact != 0)))
        beyond = (exact > form.largest + form.step / 2) | (exact < form.smallest - form.step / 2)
        clipped += int(np.count_nonzero(beyond))
    return Rounded(
        integers,
        error_max,
        error_max_own,
        (error_power / power) ** 0.5 if power else 0.0,
        zeroed / nonzero if nonzero else 0.0,
        clipped / nonzero if nonzero else 0.0,
    )
