"""The functions of the C kernels for ctypes."""

from __future__ import annotations

import ctypes
from typing import Any

INT32, INT64, POINTER = ctypes.c_int32, ctypes.c_int64, ctypes.c_void_p
SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "nd_run": (INT32, [POINTER, INT32, POINTER, INT32, POINTER, *[INT32] * 4]),
    "nd_open": (POINTER, [POINTER, INT32, POINTER, INT32, POINTER, INT32, INT32]),
    "nd_advance": (INT32, [POINTER, POINTER, POINTER, INT32]),
    "nd_pack": (None, [POINTER, POINTER, INT64, INT32, POINTER]),
    "nd_sparse_cut": (INT32, [POINTER, INT32, POINTER]),
    "nd_restart": (None, [POINTER]),
    "nd_sum_bounds": (None, [POINTER, POINTER, INT64, POINTER]),
    "nd_close": (None, [POINTER]),
}


def declare(library: ctypes.CDLL) -> ctypes.CDLL:
    """The library, told its functions' arguments."""
    for name, (result, arguments) in SIGNATURES.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library
