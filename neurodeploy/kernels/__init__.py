"""Loads the C kernels, which the package's build puts beside this file."""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from pathlib import Path

ABI_VERSION = 4  # as in version.c

_SUFFIX = {"darwin": ".dylib", "win32": ".dll"}.get(sys.platform, ".so")


class KernelsUnavailable(Exception):
    """The C kernels cannot be used; ``reason`` says why, in one line."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def library_path() -> Path | None:
    """Return where the kernel library is, or None if this installation has none."""
    # An editable install has two entries here: the source folder and the one that CMake installed to.
    for folder in __path__:
        path = Path(folder) / f"libneurodeploy{_SUFFIX}"
        if path.is_file():
            return path
    return None


@cache
def load() -> ctypes.CDLL:
    """Return the kernel library, loaded once.

    Raises:
        KernelsUnavailable: the library is missing, does not load, or has another ABI version.
    """
    path = library_path()
    if path is None:
        raise KernelsUnavailable("the C kernel library is not installed beside neurodeploy.kernels")
    try:
        library = ctypes.CDLL(str(path))
        abi = library.nd_abi_version
    except (OSError, AttributeError) as error:
        raise KernelsUnavailable(f"the C kernel library does not load: {error}") from error
    abi.argtypes = ()
    abi.restype = ctypes.c_int
    if (found := abi()) != ABI_VERSION:
        raise KernelsUnavailable(
            f"the C kernel library {path} has ABI version {found}, this package needs {ABI_VERSION}; "
            "install the package again to rebuild it"
        )
    return library
