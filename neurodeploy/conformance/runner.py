"""A backend through all cases, in a worker process that is replaced where a case hangs or kills it."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from neurodeploy.conformance.backend import BackendFault, Declaration
from neurodeploy.conformance.judge import CRASHED, FAULTS, TIMEOUT, Result
from neurodeploy.conformance.suite import load_suite, write_suite

START_S = 120.0
"""For importing the backend, which may mean a large framework."""


@dataclass(frozen=True)
class Report:
    """All results of one backend.

    Attributes:
        backend: Its factory.
        declaration: What it says of itself.
        results: In the suite's order.
        abouts: What each case tests.
    """

    backend: str
    declaration: Declaration
    results: tuple[Result, ...]
    abouts: dict[str, str]

    @property
    def counts(self) -> dict[str, int]:
        """Results by status."""
        statuses = [r.status for r in self.results]
        return {status: statuses.count(status) for status in dict.fromkeys(sorted(statuses))}

    @property
    def faults(self) -> int:
        """Results that would hurt a user."""
        return sum(r.status in FAULTS for r in self.results)


def run_backend(
    factory: str,
    *,
    folder: Path | None = None,
    only: Sequence[str] = (),
    timeout_s: float = 30.0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Report:
    """Run the suite.

    Args:
        factory: ``package.module:factory``, see :class:`neurodeploy.conformance.backend.Backend`.
        folder: A suite's folder; default one written for the time step that the backend declares.
        only: Patterns of names, such as ``topology/*``; default all.
        timeout_s: For each case.
        progress: Told cases done and cases in all.

    Raises:
        BackendFault: The backend cannot be made, or no case has such a name.
        UnreadableFile: The folder holds no suite.
    """
    with tempfile.TemporaryDirectory(prefix="neurodeploy-") as made:
        place = Path(made) if folder is None else folder
        entries = [] if folder is None else load_suite(folder)
        with _Workers(factory, place) as workers:
            declared = workers.current().declaration
            if folder is None:
                write_suite(place, declared.dt_s)
                entries = load_suite(place)
            chosen = [k for k, e in enumerate(entries) if not only or any(fnmatch(e.name, p) for p in only)]
            if not chosen:
                remedy = "see `neurodeploy conformance list`"
                raise BackendFault(f"no case is called {' or '.join(only)}", where="--only", remedy=remedy)
            results = []
            for k in chosen:
                results.append(workers.ask(entries[k].name, k, timeout_s))
                progress(len(results), len(chosen))
    return Report(factory, declared, tuple(results), {entries[k].name: entries[k].about for k in chosen})


class _Workers:
    """One process after the other."""

    def __init__(self, factory: str, folder: Path) -> None:
        self._made_from = factory, folder
        self._now: _Worker | None = None

    def __enter__(self) -> _Workers:
        return self

    def __exit__(self, *exception: object) -> None:
        self._drop()

    def current(self) -> _Worker:
        """The one that runs, else a new one."""
        if self._now is None:
            self._now = _Worker(*self._made_from)
        return self._now

    def ask(self, name: str, number: int, timeout_s: float) -> Result:
        """The result of a case, whatever becomes of the process."""
        try:
            return Result(**self.current().ask(number, timeout_s))
        except TimeoutError:
            self._drop()
            return Result(name, TIMEOUT, f"no answer in {timeout_s:g} s")
        except EOFError:
            self._drop()
            return Result(name, CRASHED, "the process died")

    def _drop(self) -> None:
        if self._now is not None:
            self._now.close()
        self._now = None


class _Worker:
    """The process, and a thread that reads what it says."""

    def __init__(self, factory: str, folder: Path) -> None:
        command = [sys.executable, "-m", "neurodeploy.conformance.worker", factory, str(folder)]
        path = os.pathsep.join([os.getcwd(), *(p for p in sys.path if p)])
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            env=os.environ | {"PYTHONPATH": path},
        )
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()
        try:
            said = self._hear(START_S)
        except (TimeoutError, EOFError) as end:
            self.close()
            late = isinstance(end, TimeoutError)
            raise BackendFault(
                f"it {'did not start within ' + format(START_S, 'g') + ' s' if late else 'died while starting'}",
                where=f"BACKEND {factory}",
                remedy="see that the factory alone works: python -c 'import package.module as m; m.factory()'",
            ) from end
        if "fault" in said:
            self.close()
            what, where, remedy = said["fault"]
            raise BackendFault(what, where=where, remedy=remedy)
        self.declaration = Declaration(**said["declaration"])

    def ask(self, case: int, timeout_s: float) -> dict[str, Any]:
        """The result of a case; TimeoutError or EOFError where there is none."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(f"{case}\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise EOFError from error
        return self._hear(timeout_s)

    def _hear(self, timeout_s: float) -> dict[str, Any]:
        try:
            line = self._lines.get(timeout=timeout_s)
        except queue.Empty:
            raise TimeoutError from None
        if not line:
            raise EOFError
        said: dict[str, Any] = json.loads(line)
        return said

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put("")

    def close(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except BrokenPipeError:
                    pass
