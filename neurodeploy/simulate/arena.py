"""Memory that C reads."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

LINE = 64
"""Bytes of a cache line, to which arrays are aligned: vectors that cross one are read twice."""


class Arena:
    """Keeps the arrays alive whose addresses C holds."""

    def __init__(self) -> None:
        self.kept: list[Any] = []

    def keep(self, values: NDArray[Any], dtype: type) -> int:
        """The address of the values, contiguous and aligned."""
        array: NDArray[Any] = np.ascontiguousarray(values, dtype=dtype)
        if array.ctypes.data % LINE:
            room = np.empty(array.nbytes + LINE, np.uint8)
            start = -room.ctypes.data % LINE
            aligned = room[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
            aligned[...] = array
            array = aligned
        return self.hold(array)

    def hold(self, array: NDArray[Any]) -> int:
        """The address of a contiguous array as it is."""
        self.kept.append(array)
        return array.ctypes.data

    def table(self, addresses: Sequence[int | None]) -> int:
        """The address of an array of addresses; None is NULL."""
        self.kept.append((ctypes.c_void_p * max(1, len(addresses)))(*addresses))
        return ctypes.addressof(self.kept[-1])
