"""How Loihi-class synapses hold a weight: clip, then clear low bits, by sign mode (as Lava 0.10.0 prepares it)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

SIGN_MODES = ("mixed", "excitatory", "inhibitory")
LIMITS = {"mixed": (-256, 255), "excitatory": (0, 255), "inhibitory": (-255, 0)}


def prepare(weights: NDArray[Any], sign_mode: str, num_weight_bits: int) -> NDArray[np.int32]:
    """The weights that the synapse memory really holds.

    Args:
        weights: Integers of any shape.
        sign_mode: One of ``SIGN_MODES``.
        num_weight_bits: 1..8, or 9 for mixed (nothing cleared; not a Loihi format).

    Mixed weights lose ``9 - num_weight_bits`` low bits toward minus infinity (so 8 bits keep even numbers: 5 becomes 4,
    -5 becomes -6), the others ``8 - num_weight_bits`` toward zero.
    """
    low, high = LIMITS[sign_mode]
    cleared = (9 if sign_mode == "mixed" else 8) - num_weight_bits
    # in place, because a big network has hundreds of millions of them
    fits = weights.dtype.itemsize < 4 or weights.dtype == np.int32
    held = (weights if fits else np.clip(weights.astype(np.int64, copy=False), low, high)).astype(np.int32)
    np.clip(held, low, high, out=held)
    if sign_mode == "inhibitory":
        np.negative(held, out=held)
    if cleared:
        held >>= cleared
        held <<= cleared
    if sign_mode == "inhibitory":
        np.negative(held, out=held)
    return held
