"""Weights that are whole multiples of a unit already."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_STEPS = 255
"""Largest multiple of a unit that a synapse holds: 255 where all weights have one sign."""
TOLERANCE = 1e-4
"""Of a unit: what single precision makes of whole multiples of it, and more."""
RESOLUTION = 2**20
"""Parts of the largest weight that are told apart when the different weights are counted."""
SAMPLE = 4096


def unit_of(weights: Sequence[NDArray[Any]]) -> float | None:
    """The largest unit of which all weights are whole multiples, at most ``MOST_STEPS``; None where there is none."""
    top = max((float(np.abs(w).max(initial=0.0)) for w in weights), default=0.0)
    if top == 0:
        return None
    parts = [different for w in weights if (different := _magnitudes(w.reshape(-1), top)) is not None]
    if len(parts) < len(weights):
        return None
    multiples = np.outer(np.arange(1, MOST_STEPS + 1), np.unique(np.concatenate(parts)) / top)
    whole = np.abs(multiples - np.rint(multiples)).max(axis=1) <= TOLERANCE
    return top / (int(np.argmax(whole)) + 1) if whole.any() else None


def _magnitudes(flat: NDArray[Any], top: float) -> NDArray[np.float64] | None:
    """Magnitudes that differ, or None where they are more than there are multiples; most need no look at all."""
    found = np.zeros(0)
    for part in (flat[:SAMPLE], flat):
        exact = np.abs(part.astype(np.float64))
        first = np.unique(np.rint(exact * (RESOLUTION / top)), return_index=True)[1]
        if len(first) > MOST_STEPS + 1:
            return None
        found = exact[first]
    return found
