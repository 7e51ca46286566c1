"""Starts a peer's worker and talks to it; one that is not being timed is stopped, and costs the others nothing."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from peers import Unavailable

HERE = Path(__file__).resolve().parent
POISON = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "PYTHONPATH")
"""Variables that would slow a peer's numpy, or make it import something else."""


@dataclass(frozen=True)
class Entrant:
    """A peer with a thread count and, for ours, an instruction-set level."""

    module: str
    threads: int = 1
    level: str = ""

    @property
    def name(self) -> str:
        """As in the tables."""
        return (
            f"{self.module}{f'-{self.level}' if self.level else ''}{f', {self.threads}T' if self.threads > 1 else ''}"
        )


@dataclass
class Worker:
    """A running worker.

    Attributes:
        entrant: What it runs.
        facts: Its first answer: versions, set-up times, memory, spikes.
        seconds: Times of single runs so far.
        died: Why it runs no more, or empty.
    """

    entrant: Entrant
    process: subprocess.Popen[str]
    timeout_s: float
    log: Path
    facts: dict[str, Any] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    died: str = ""

    @classmethod
    def start(
        cls, entrant: Entrant, python: Path, folder: Path, variables: Mapping[str, str], timeout_s: float, log: Path
    ) -> Worker:
        """Start, and wait until the network has run once; :class:`Unavailable` where it cannot."""
        environment = {k: v for k, v in os.environ.items() if k not in POISON} | dict(variables)
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(entrant.threads))
        if entrant.level:
            threads["NEURODEPLOY_ISA"] = entrant.level
        command = [str(python), str(HERE / "worker.py"), entrant.module, str(folder), str(entrant.threads)]
        with log.open("w") as errors:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env=environment | threads,
                start_new_session=True,
            )
        worker = cls(entrant, process, timeout_s, log)
        try:
            worker.facts = worker._answer()
        except Unavailable:
            worker.close()
            raise
        worker._signal(signal.SIGSTOP)
        return worker

    def run(self, budget_s: float) -> None:
        """Time single runs for about so long, the other workers being stopped; see :attr:`died`."""
        if self.died:
            return
        try:
            self.seconds += self.ask(f"run {budget_s}")["seconds"]
        except (Unavailable, BrokenPipeError) as reason:
            self.died = f"on the way: {reason}"

    def ask(self, request: str) -> dict[str, Any]:
        """One request, one answer."""
        self._signal(signal.SIGCONT)
        assert self.process.stdin is not None
        self.process.stdin.write(request + "\n")
        self.process.stdin.flush()
        answer = self._answer()
        self._signal(signal.SIGSTOP)
        return answer

    def close(self) -> None:
        """End the worker and whatever it started."""
        self._signal(signal.SIGCONT)
        assert self.process.stdin is not None and self.process.stdout is not None
        try:
            self.process.stdin.close()
            self.process.wait(timeout=10)
        except (subprocess.TimeoutExpired, BrokenPipeError):
            pass
        self._signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], self.timeout_s)
        if not ready:
            raise Unavailable(f"no answer within {self.timeout_s:.0f} s")
        line = self.process.stdout.readline()
        if not line:
            code, tail = self.process.wait(), " ".join(self.log.read_text(errors="replace")[-300:].split())
            raise Unavailable(f"it died (exit code {code}): {tail}")
        answer: dict[str, Any] = json.loads(line)
        if "unavailable" in answer:
            raise Unavailable(answer["unavailable"])
        return answer

    def _signal(self, what: signal.Signals) -> None:
        try:
            os.killpg(self.process.pid, what)
        except ProcessLookupError:
            time.sleep(0)
