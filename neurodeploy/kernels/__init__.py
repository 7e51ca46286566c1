"""Loads the C kernels, which the package's build puts beside this file.

The same sources are compiled once per instruction set, each a library of its own: ``libneurodeploy`` for any processor
of the platform, and where that is x86-64, ``libneurodeploy-v2``, ``-v3`` and ``-v4`` for these levels of its ABI (SSE
4.2, AVX2, AVX-512). The highest that the processor has is used. The environment variable ``NEURODEPLOY_ISA`` names a
lower one, for tests and measurements; every level computes the same bits.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

ABI_VERSION = 12  # as in version.c

LEVELS = ("baseline", "v2", "v3", "v4")
"""Names of the instruction sets, lowest first; a processor that has one has those before it."""

ISA_VARIABLE = "NEURODEPLOY_ISA"

REINSTALL = "reinstall from source on this machine: pip install --no-binary neurodeploy-snn neurodeploy-snn"

_SUFFIX = {"darwin": ".dylib", "win32": ".dll"}.get(sys.platform, ".so")


class KernelsUnavailable(Exception):
    """The C kernels cannot be used; ``reason`` says why, ``remedy`` what to do, each in one line."""

    def __init__(self, reason: str, remedy: str = REINSTALL) -> None:
        super().__init__(reason)
        self.reason = reason
        self.remedy = remedy


def load() -> ctypes.CDLL:
    """Return the kernel library of ``level()``; each is loaded once.

    Raises:
        KernelsUnavailable: ``level()`` raises it, or the library does not load or has another ABI version.
    """
    return _open(library_path())


def level() -> str:
    """Return the instruction set that ``load()`` uses: the one in ``NEURODEPLOY_ISA``, else the last of ``usable()``.

    Raises:
        KernelsUnavailable: There are no kernels, or none for the level that ``NEURODEPLOY_ISA`` names.
    """
    there = usable()
    wanted = os.environ.get(ISA_VARIABLE)
    if not wanted:
        return there[-1]
    if wanted in there:
        return wanted
    if wanted not in LEVELS:
        why = "no such level"
    elif wanted in installed():
        why = "this processor lacks it"
    else:
        why = "this installation was built without it"
    raise KernelsUnavailable(
        f"{ISA_VARIABLE}={wanted}: {why}; usable here: {', '.join(there)}",
        f"unset {ISA_VARIABLE}, or set it to {' or '.join(there)}",
    )


def library_path() -> Path:
    """Return where the library of ``level()`` is; raises as that does."""
    return installed()[level()]


@cache
def usable() -> tuple[str, ...]:
    """Return the levels that are installed and that this processor has, lowest first; never empty.

    Raises:
        KernelsUnavailable: This installation has no kernels, or the baseline library does not load.
    """
    there = installed()
    if not there:
        raise KernelsUnavailable("the C kernel library is not installed beside neurodeploy.kernels")
    if len(there) == 1:
        return LEVELS[:1]
    # 1 to 4 on x86-64, whose first level is the baseline
    highest = max(1, _open(there[LEVELS[0]]).nd_cpu_level())
    return tuple(name for name in LEVELS[:highest] if name in there)


@cache
def installed() -> Mapping[str, Path]:
    """Return the kernel library of each level that is installed, lowest first; empty if not even the baseline is."""
    # An editable install has two entries here: the source folder and the one that CMake installed to.
    for folder in map(Path, __path__):
        files = {name: folder / f"libneurodeploy{'' if name == LEVELS[0] else f'-{name}'}{_SUFFIX}" for name in LEVELS}
        found = {name: file for name, file in files.items() if file.is_file()}
        if LEVELS[0] in found:
            return found
    return {}


@cache
def _open(path: Path) -> ctypes.CDLL:
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
