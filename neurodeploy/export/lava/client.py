"""Starts the worker in a process group of its own, with a hard timeout, and cleans up after it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from neurodeploy.errors import MissingDependency, SimulationError
from neurodeploy.export.lava.job import LavaOutcome, read_outcome, write_jobs
from neurodeploy.simulate.plan import Plan

WORKER = Path(__file__).with_name("worker.py")
SHARED_MEMORY = Path("/dev/shm")
LAVA_VERSION = "0.10.0"
NO_LAVA = 3
TAIL = 3000
DYING_S = 10.0


class LavaTimeout(SimulationError):
    """Lava did not answer in time."""


def run_lava(plan: Plan, *, python: Path, timeout_s: float) -> LavaOutcome:
    """Run one plan on Lava's ``fixed_pt`` models; see :func:`run_lava_many`."""
    return run_lava_many([plan], python=python, timeout_s=timeout_s)[0]


def run_lava_many(plans: Sequence[Plan], *, python: Path, timeout_s: float) -> list[LavaOutcome]:
    """Run plans one after the other in one fresh worker process.

    Args:
        plans: Networks of the models of :mod:`neurodeploy.export.lava.models`, ``cuba`` with reset ``zero``, or
            ``none`` where nothing can fire; delays on dense and sparse only.
        python: The interpreter that has lava-nc 0.10.0; neurodeploy need not be installed there.
        timeout_s: For all of them; Lava hangs for ever where one of its processes dies.

    Raises:
        SimulationError: Lava has no exact equal of something in a plan, or it failed.
        LavaTimeout: No answer in time.
        MissingDependency: ``python`` is not there or has no Lava.
    """
    with tempfile.TemporaryDirectory(prefix="neurodeploy-lava-") as name:
        folder = Path(name)
        write_jobs(plans, folder)
        _run_worker(python, folder, len(plans), timeout_s)
        return [read_outcome(plan, folder / f"result-{k}.npz") for k, plan in enumerate(plans)]


def check_lava(python: Path, *, timeout_s: float = 120.0) -> dict[str, str]:
    """Import Lava there, through the worker; its version, NumPy's and Python's.

    Raises:
        MissingDependency: ``python`` is not there, or has no Lava or another one.
        SimulationError: The import failed otherwise, or hung.
    """
    with tempfile.TemporaryDirectory(prefix="neurodeploy-lava-") as name:
        folder = Path(name)
        write_jobs([], folder)
        _run_worker(python, folder, 0, timeout_s)
        found: dict[str, str] = json.loads((folder / "versions.json").read_text(encoding="utf-8"))
    if found["lava-nc"] != LAVA_VERSION:
        raise _missing(python, f"lava-nc {found['lava-nc']} instead of {LAVA_VERSION}")
    return found


def _run_worker(python: Path, folder: Path, jobs: int, timeout_s: float) -> None:
    segments = _segments()
    # -B: write nothing beside the package; -E -s: no other `lava` or `tests` from PYTHONPATH or the user's packages
    command = [str(python), "-B", "-E", "-s", str(WORKER), str(folder)]
    # each Lava process is an OS process, so more threads only fight
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with (folder / "log.txt").open("wb") as log:
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            raise _missing(python, str(error)) from error
        code = None
        try:
            code = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise LavaTimeout(
                f"Lava did not answer within {timeout_s:g} s, {_place(folder, jobs)}{_tail(folder / 'log.txt')}",
                where="engine lava",
                remedy="allow more time (--lava-timeout); the usual other cause is an exception in one of Lava's "
                "processes, after which the others wait for ever",
            ) from None
        finally:
            # Lava's children outlive their parent
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            _wait_for_group(process.pid)
            if code != 0:
                _remove_segments(_segments() - segments)
    if code == NO_LAVA:
        raise _missing(python, _tail(folder / "error.txt"))
    if code:
        raise SimulationError(
            f"Lava failed (exit code {code}), {_place(folder, jobs)}"
            f"{_tail(folder / 'error.txt')}{_tail(folder / 'log.txt')}",
            where="engine lava",
            remedy="use --engine reference, which defines the bits, and report the network",
        )


def _missing(python: Path, reason: str) -> MissingDependency:
    return MissingDependency(
        f"no Lava at this interpreter: {reason.strip()}",
        where=str(python),
        remedy="neurodeploy lava setup, which makes an environment with it; or name another one with --lava-python",
    )


def _place(folder: Path, jobs: int) -> str:
    with suppress(OSError):
        return f"in network {int((folder / 'progress.txt').read_text()) + 1} of {jobs}"
    return "before the first network"


def _tail(path: Path) -> str:
    text = path.read_text(encoding="utf-8", errors="replace").strip() if path.exists() else ""
    return f"\n{text[-TAIL:]}" if text else ""


def _wait_for_group(group: int) -> None:
    """Until the killed processes are gone: one that is still going down maps its shared memory."""
    deadline = time.monotonic() + DYING_S
    while _group_lives(group) and time.monotonic() < deadline:
        time.sleep(0.01)


def _group_lives(group: int) -> bool:
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, found = entry.read_text(errors="replace").rpartition(")")[2].split()[:3]
            if int(found) == group and state not in "ZX":
                return True
    return False


def _segments() -> set[Path]:
    """Shared memory as Python's multiprocessing names it; the worker's parts stay behind when it is killed."""
    return set(SHARED_MEMORY.glob("psm_*"))


def _remove_segments(appeared: set[Path]) -> None:
    """Remove what appeared with the worker, but nothing that another process of this machine still uses."""
    if not appeared:
        return
    in_use = set()
    for maps in Path("/proc").glob("[0-9]*/maps"):
        with suppress(OSError):
            in_use |= {path for path in appeared if path.name in maps.read_text(errors="replace")}
    for path in appeared - in_use:
        with suppress(OSError):
            path.unlink()
