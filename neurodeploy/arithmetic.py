"""The integer operations that every model shares (``x << n`` and ``>>`` floor; these three do not)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

STATE_LIMIT = 2**23
"""Magnitude that a 24-bit state register reaches."""


def wrap_int32(x: Ints) -> Ints:
    """Two's complement wrap to 32 bits."""
    wrapped: Ints = ((x + 2**31) & (2**32 - 1)) - 2**31
    return wrapped


def wrap_int24(x: Ints) -> Ints:
    """Two's complement wrap to 24 bits."""
    wrapped: Ints = ((x + 2**23) & (2**24 - 1)) - 2**23
    return wrapped


def round_to_zero_shift(x: Ints, bits: int) -> Ints:
    """Right shift of the magnitude: division by ``2**bits`` toward zero."""
    shifted: Ints = np.sign(x) * (np.abs(x) >> bits)
    return shifted


def shift(x: Ints, exponent: int) -> Ints:
    """``x * 2**exponent``, floored."""
    shifted: Ints = x << exponent if exponent >= 0 else x >> -exponent
    return shifted
