"""scikit-build-core, plus a C compiler on machines that have none.

Where no working compiler is found, the build requires the ``ziglang`` package (Clang with its own C
library, build time only) and compiles with ``python -m ziglang cc``. Where there is one, nothing is
downloaded. Setting CC overrides the search.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scikit_build_core import build as skbuild
from scikit_build_core.build import (  # noqa: F401 (hooks that need no compiler)
    build_sdist,
    get_requires_for_build_sdist,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)

Settings = dict[str, "str | list[str]"] | None

ZIG = "ziglang>=0.17,<0.18"  # older ones lack __builtin_cpu_supports
COMPILERS = ("clang", "gcc", "cc")  # clang first: measured 1.0 to 1.6 times faster kernels


def _works(compiler: str) -> bool:
    """Whether it links a shared library: a gcc without the C library's headers is no compiler."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "probe.c")
        source.write_text("#include <stdlib.h>\nint probe(void) { return abs(-1); }\n")
        command = [compiler, "-shared", "-fPIC", str(source), "-o", str(Path(folder, "probe.so"))]
        return subprocess.run(command, capture_output=True).returncode == 0


def _compiler() -> str | None:
    """The user's CC, else the first one on PATH that works, else None."""
    found = (path for name in COMPILERS if (path := shutil.which(name)))
    return os.environ.get("CC") or next(filter(_works, found), None)


@contextmanager
def _compiler_set() -> Iterator[None]:
    """Point CMake at the compiler for the time of one build."""
    before = dict(os.environ)
    with tempfile.TemporaryDirectory() as cache:
        compiler = _compiler()
        if compiler is None:
            # Zig compiles for the building machine's own CPU unless told otherwise, and without -O3 spends
            # 16 s on a debug runtime for CMake's compiler check.
            compiler = f'"{sys.executable}" -m ziglang cc -mcpu=baseline -O3'
            os.environ.setdefault("ZIG_GLOBAL_CACHE_DIR", cache)
        os.environ["CC"] = compiler
        try:
            yield
        except SystemExit:
            print(
                f"\nneurodeploy's C kernels could not be compiled with: {compiler}\n"
                "The reason is above. Set CC to use another compiler (GCC or Clang).",
                file=sys.stderr,
            )
            raise
        finally:
            os.environ.clear()
            os.environ.update(before)


def get_requires_for_build_wheel(config_settings: Settings = None) -> list[str]:
    return skbuild.get_requires_for_build_wheel(config_settings) + ([] if _compiler() else [ZIG])


def get_requires_for_build_editable(config_settings: Settings = None) -> list[str]:
    return skbuild.get_requires_for_build_editable(config_settings) + ([] if _compiler() else [ZIG])


def build_wheel(wheel_directory: str, config_settings: Settings = None, metadata_directory: str | None = None) -> str:
    with _compiler_set():
        return skbuild.build_wheel(wheel_directory, config_settings, metadata_directory)


def build_editable(
    wheel_directory: str, config_settings: Settings = None, metadata_directory: str | None = None
) -> str:
    with _compiler_set():
        return skbuild.build_editable(wheel_directory, config_settings, metadata_directory)
