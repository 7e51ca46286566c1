"""Real values as the activity of units with overlapping receptive fields, which a rate code then sends as spikes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurodeploy.worlds.world import Floats


def shared(values: Floats, centres: NDArray[np.float64]) -> Floats:
    """Triangular receptive fields: a value at a centre drives that unit alone, one between two drives both in part.

    Args:
        values: (E,), any; beyond the outermost centres they count as those.
        centres: (units,), ascending, at least two.

    Returns:
        (E, units) in 0..1; each row sums to 1.
    """
    clipped = np.clip(values, centres[0], centres[-1])[:, None]
    ramps = np.clip((clipped - centres[:-1]) / np.diff(centres), 0.0, 1.0)
    ones, zeros = np.ones((len(values), 1)), np.zeros((len(values), 1))
    return np.hstack([ones, ramps]) - np.hstack([ramps, zeros])


def directional(angles_rad: Floats, units: int) -> Floats:
    """Cosine tuning: unit k is driven by ``max(0, cos(angle - 2 pi k / units))``.

    Args:
        angles_rad: (E,).
        units: How many, the first for angle 0.

    Returns:
        (E, units) in 0..1.
    """
    preferred = 2 * np.pi * np.arange(units) / units
    return np.maximum(np.cos(angles_rad[:, None] - preferred), 0.0)
