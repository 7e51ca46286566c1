#!/usr/bin/env python3
"""Runs the tests of the C kernels under AddressSanitizer and UndefinedBehaviorSanitizer: ``python tools/sanitize.py``.

Builds the package with both by GCC (``CC`` names another one) into a temporary folder and runs the golden files and
the comparison with the reference on random networks, on every instruction set that this processor has, and the tests of
the fast engine's own ways and of sessions on the best. Signed overflow and shifts out of range count. Arguments go to
pytest in place of these tests.

Exits 1, with the reports, where a sanitizer finds anything or a test fails; also where faults planted in a small
library are not found, for then the sanitizers do not work here. Needs an environment with the package's dependencies
and test tools, such as .venv-test, on Linux.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TESTS = (
    "tests/golden",
    "tests/properties/test_engines_agree.py",
    "tests/unit/test_kernels_agree.py",
    "tests/unit/test_fast_engine.py",
    "tests/unit/test_shared_steps.py",
    "tests/unit/test_sessions.py",
)
FLAGS = "-fsanitize=address,undefined -fno-omit-frame-pointer -g"
REPORT = re.compile(r"runtime error: |ERROR: AddressSanitizer")

PLANTED = """
#include <stdint.h>
#include <stdlib.h>
int32_t overflow(int32_t x) { return x + x; }
int32_t shift(int32_t x) { return 1 << x; }
int32_t beyond(const int32_t *x) { return x[4]; }
"""
CALLS = """
import ctypes, sys
import numpy as np
planted = ctypes.CDLL(sys.argv[1])
planted.overflow(2**30)
planted.shift(33)
planted.beyond(np.zeros(4, np.int32).ctypes.data_as(ctypes.c_void_p))
"""
EXPECTED = ("signed integer overflow", "shift exponent 33 is too large", "heap-buffer-overflow")


def main(arguments: list[str]) -> int:
    """Build, show that the sanitizers work, run the tests."""
    with tempfile.TemporaryDirectory(prefix="neurodeploy-sanitize-") as name:
        folder = Path(name)
        show_that_they_find(folder)
        package = build(folder)
        print(f"sanitized kernels: {', '.join(sorted(p.name for p in package.glob('neurodeploy/kernels/lib*')))}")
        # not from the checkout, whose own package would be imported
        tests = [str(ROOT / word) if (ROOT / word.split("::")[0]).exists() else word for word in arguments or TESTS]
        # capture=sys: the sanitizers write to file descriptor 2, past it
        options = [
            "-c",
            str(ROOT / "pyproject.toml"),
            "--rootdir",
            str(ROOT),
            "-p",
            "no:cacheprovider",
            "--capture=sys",
        ]
        done = run(["-m", "pytest", "-q", *options, *tests], folder, package)
    print(done.stderr)
    found = len(REPORT.findall(done.stderr))
    print(f"sanitizers: {found} findings; pytest: exit {done.returncode}")
    return 1 if found or done.returncode else 0


def compiler() -> str:
    """GCC, whose run-time libraries can be loaded before Python's."""
    found = os.environ.get("CC") or shutil.which("gcc")
    if not found:
        sys.exit("no GCC on PATH: install it, or name one in CC")
    return found


def build(folder: Path) -> Path:
    """Install the package, with sanitized kernels, in a folder of its own."""
    target = folder / "package"
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(target), str(ROOT)]
    # stripped libraries have no line numbers
    command += ["--config-settings", "install.strip=false"]
    subprocess.run(command, check=True, env=os.environ | {"CC": compiler(), "CFLAGS": FLAGS, "LDFLAGS": FLAGS})
    for library in target.glob("neurodeploy/kernels/lib*"):
        if b"__asan_init" not in library.read_bytes():
            sys.exit(f"{library.name} was built without AddressSanitizer")
    return target


def run(arguments: list[str], folder: Path, package: Path) -> subprocess.CompletedProcess[str]:
    """Python with the sanitizers' libraries and the package in ``package``; keeps what goes to stderr."""
    runtimes = [
        subprocess.run([compiler(), f"-print-file-name={name}"], capture_output=True, text=True, check=True).stdout
        for name in ("libasan.so", "libubsan.so")
    ]
    environment = os.environ | {
        "LD_PRELOAD": " ".join(map(str.strip, runtimes)),
        "ASAN_OPTIONS": "detect_leaks=0",  # CPython leaks on purpose
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "PYTHONMALLOC": "malloc",  # Python's own allocator hides what lies beyond a block
        "PYTHONPATH": os.pathsep.join([str(package), str(ROOT / "tests"), *filter(None, sys.path)]),
    }
    # -S: an editable install of neurodeploy would come before the one in `package`
    command = [sys.executable, "-B", "-S", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True, errors="replace")


def show_that_they_find(folder: Path) -> None:
    """Call three planted faults; exits unless each is reported."""
    source, library = folder / "planted.c", folder / "planted.so"
    source.write_text(PLANTED)
    subprocess.run([compiler(), *FLAGS.split(), "-shared", "-fPIC", str(source), "-o", str(library)], check=True)
    text = run(["-c", CALLS, str(library)], folder, folder).stderr
    missed = [fault for fault in EXPECTED if fault not in text]
    if missed:
        sys.exit(f"{text}\nthe sanitizers do not work here: planted and not found: {', '.join(missed)}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
