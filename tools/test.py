#!/usr/bin/env python3
"""Runs the whole test suite: ``python3 tools/test.py [pytest arguments]``.

Needs Python >= 3.10 and git. Makes two environments in the checkout, once, and again when the lists of packages
(``tools/requirements``; Lava's are package data) or the Python version change:

* ``.venv-test``: the frameworks, the test tools, and this package as an editable install (built again when the C
  sources or the build change);
* ``.venv-lava``: Lava 0.10.0, which the tests in ``tests/lava`` compare with, and lava-dl 0.6.0 for those in
  ``tests/netx`` (with CPU PyTorch, some 1.5 GB). With ``--lava-python=PATH`` among the arguments that interpreter is
  used instead.

Paths among the arguments are relative to the checkout. The exit code is pytest's.
"""

from __future__ import annotations

import hashlib
import platform
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LISTS = {
    path.name: path
    for folder in ("tools/requirements", "neurodeploy/export/lava/requirements")
    for path in (ROOT / folder).glob("*.txt")
}
TEST_VENV = ROOT / ".venv-test"
LAVA_VENV = ROOT / ".venv-lava"

TEST_STEPS = (
    ("-r", "torch.txt", "-c", "test-constraints.txt"),
    ("-r", "test.txt", "-c", "test-constraints.txt"),
    ("--no-deps", "-r", "norse.txt"),
    ("--no-deps", "-r", "neurobench.txt"),
    ("--no-deps", "-r", "spikingjelly.txt"),
    ("-r", "sinabs-dependencies.txt", "-c", "test-constraints.txt"),
    ("--no-deps", "-r", "sinabs.txt", "-r", "rockpool.txt"),
)
EDITABLE = ("-c", "test-constraints.txt", "-e", ".[test,dev]")
# Lava's metadata wants Python 3.10. The flag must not reach the dependencies, for which pip would then pick releases
# that do not run here; so they come first.
LAVA_STEPS = (
    ("-r", "lava-dependencies.txt"),
    ("--no-deps", "--ignore-requires-python", "-r", "lava.txt"),
    ("-r", "torch.txt", "-c", "lava-dependencies.txt"),
    ("-r", "lava-dl-dependencies.txt", "-c", "lava-dependencies.txt"),
    ("--no-deps", "--ignore-requires-python", "-r", "lava-dl.txt"),
)
BUILD_INPUTS = ("pyproject.toml", "CMakeLists.txt", "build_backend/*.py", "neurodeploy/kernels/*.[ch]")


def main(arguments: list[str]) -> int:
    """Make the environments, run pytest in the first."""
    if sys.version_info < (3, 10):  # noqa: UP036 (this script runs before anything else is checked)
        sys.exit(f"neurodeploy needs Python 3.10 or newer, this is {platform.python_version()}: {sys.executable}")
    sync(TEST_VENV, TEST_STEPS)
    sync_package()
    if not any(a.startswith("--lava-python") for a in arguments):
        sync(LAVA_VENV, LAVA_STEPS)
        # one word: pytest would take a second one for a path of tests, and look for its options there
        arguments = [f"--lava-python={python_of(LAVA_VENV)}", *arguments]
    return subprocess.run([python_of(TEST_VENV), "-m", "pytest", *arguments], cwd=ROOT).returncode


def python_of(venv: Path) -> Path:
    """The interpreter of an environment."""
    return venv / "bin" / "python"


def sync(venv: Path, steps: tuple[tuple[str, ...], ...]) -> None:
    """Make the environment anew unless it was made from the same lists by the same Python."""
    names = {word for step in steps for word in step if word.endswith(".txt")}
    wanted = digest([LISTS[name] for name in names], repr(steps), sys.version, platform.machine())
    stamp = venv / "made-from"
    if read(stamp) == wanted:
        return
    began = time.monotonic()
    note(f"making {venv.name} for Python {platform.python_version()}")
    run([sys.executable, "-m", "venv", "--clear", venv], "the venv module may be missing (Debian: python3-venv)")
    for step in steps:
        pip(venv, step)
    stamp.write_text(wanted)
    note(f"{venv.name} made in {time.monotonic() - began:.0f} s")


def sync_package() -> None:
    """Install the package editable, again where anything that its build reads has changed."""
    inputs = [path for pattern in BUILD_INPUTS for path in ROOT.glob(pattern)]
    wanted = digest(inputs, repr(EDITABLE), str(ROOT))
    stamp = TEST_VENV / "built-from"
    if read(stamp) == wanted:
        return
    began = time.monotonic()
    note("building the package")
    pip(TEST_VENV, EDITABLE)
    stamp.write_text(wanted)
    note(f"built in {time.monotonic() - began:.0f} s")


def digest(paths: list[Path], *more: str) -> str:
    """A hash of files, with their names, and of strings."""
    total = hashlib.sha256("\0".join(more).encode())
    for path in sorted(paths):
        total.update(b"\0" + path.name.encode() + b"\0" + path.read_bytes())
    return total.hexdigest()


def read(path: Path) -> str | None:
    """Text of a file, or None."""
    return path.read_text() if path.is_file() else None


def pip(venv: Path, arguments: tuple[str, ...]) -> None:
    """``pip install`` in an environment; names ending in .txt are requirement lists."""
    words = [str(LISTS[a]) if a.endswith(".txt") else a for a in arguments]
    run(
        [python_of(venv), "-m", "pip", "install", "-q", *words], "the reason is above; with the network down, try again"
    )


def run(command: list[str | Path], hint: str) -> None:
    """Run a command in the checkout; where it fails, say which one and stop."""
    result = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL)
    if result.returncode:
        line = " ".join(str(word) for word in command)
        sys.exit(f"tools/test.py: setting up failed (exit code {result.returncode}) at\n  {line}\n{hint}")


def note(text: str) -> None:
    """A line of progress."""
    print(f"tools/test.py: {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
