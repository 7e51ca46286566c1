"""A Dask scheduler and workers, started as a user would."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

# what a process runs first, to look like one where neurodeploy is not installed, or another version is
ABSENT = """
import importlib.metadata, sys
def version(name):
    if name == "neurodeploy-snn":
        raise importlib.metadata.PackageNotFoundError(name)
    return real(name)
real, importlib.metadata.version, sys.modules["neurodeploy"] = importlib.metadata.version, version, None
"""
OLDER = """
import importlib.metadata
def version(name):
    return "0.0.7" if name == "neurodeploy-snn" else real(name)
real, importlib.metadata.version = importlib.metadata.version, version
"""


class Dask:
    """A scheduler process, and worker processes as asked for; all end with the test."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder, self._stack, self._numbers = folder, stack, count()
        port = folder / "port"
        listening = f"__import__('pathlib').Path({str(port)!r}).write_text(scheduler.address)"
        preload = f"async def dask_setup(scheduler):\n    {listening}\n"
        self.scheduler = self._start(
            "scheduler", preload, "--port", "0", "--host", "127.0.0.1", "--dashboard-address", ":0"
        )
        wait_until(lambda: port.exists() and port.read_text())
        self.address = port.read_text()

    def worker(self, preload: str = "") -> subprocess.Popen[bytes]:
        """One that the scheduler knows, without a nanny, so that it stays dead when killed.

        Args:
            preload: Code that it runs first.
        """
        from distributed import Client

        name = f"worker{next(self._numbers)}"
        options = ("--name", name, "--no-nanny", "--nthreads", "1", "--no-dashboard")
        process = self._start("worker", preload, self.address, *options)
        with Client(self.address, set_as_default=False) as client:
            wait_until(lambda: any(w["name"] == name for w in client.scheduler_info(-1)["workers"].values()))
        return process

    def _start(self, kind: str, preload: str, *arguments: str) -> subprocess.Popen[bytes]:
        code = f"from distributed.cli.dask_{kind} import main; main()"
        file = self._folder / f"preload{len(list(self._folder.iterdir()))}.py"
        file.write_text(preload)
        options = ("--preload", str(file), "--local-directory", str(self._folder))
        options = options if kind == "worker" else options[:2]
        process = subprocess.Popen(
            [sys.executable, "-c", code, *arguments, *options], stderr=subprocess.DEVNULL, cwd=self._folder
        )
        self._stack.callback(process.wait)
        self._stack.callback(process.kill)
        return process


def wait_until(condition: Callable[[], Any], seconds: float = 120) -> None:
    """Return when something is true; fail where it does not become so."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)
