#!/usr/bin/env python3
"""Runs of the fast engine while a second process hogs all cores: ``python tools/bench/stress.py``.

Every run's spikes and counters are compared with the reference engine's. The same number of runs is timed before, with
the machine as it is. Exits 1 where a bit differs or the runs take more than ``MOST_SLOWDOWN`` times as long.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from tables import aligned
from workloads import Spec, read, stored

MOST_SLOWDOWN = 4.0
WARM_RUNS = 3
CASES = (
    (Spec("W1", "W1", 100), "one"),
    (Spec("W1x64", "W1", 100, 64), "one"),
    (Spec("W1x64", "W1", 100, 64), "all"),
    (Spec("W1x64", "W1", 100, 64), "default"),
    (Spec("W2x16", "W2", 50, 16), "all"),
    (Spec("W3-300", "W3", 300), "one"),
    (Spec("W3-300", "W3", 300), "all"),
)
HOG_ARRAY = 2**21
"""Numbers of 8 bytes that a hog walks through: more than its share of most caches."""


def hog() -> None:
    """Keep a core and its caches busy until the process is ended."""
    values = np.ones(HOG_ARRAY)
    os.write(1, b"busy\n")  # in one piece: the hogs share the pipe
    while True:
        np.multiply(values, 1.0000001, out=values)
        sum(k * k for k in range(20_000))


def hog_all() -> None:
    """The second process: one hog per core."""
    processes = [multiprocessing.Process(target=hog) for _ in range(os.cpu_count() or 1)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()


@contextmanager
def hogged() -> Iterator[None]:
    """All cores busy within the block."""
    process = subprocess.Popen(
        [sys.executable, __file__, "--hog"], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    try:
        for _ in range(os.cpu_count() or 1):
            if process.stdout.readline() != "busy\n":
                raise RuntimeError("the process that should hog the cores did not start")
        yield
        if process.poll() is not None:
            raise RuntimeError("the process that should hog the cores ended")
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()


class Case:
    """A network with its input and the reference's result."""

    def __init__(self, spec: Spec, threads: str, cache: Path, references: dict[str, Any]) -> None:
        from peers.ours import network

        import neurodeploy as nd

        workload = read(stored(spec, cache))
        count = {"one": 1, "all": os.cpu_count(), "default": None}[threads]
        self.name = f"{spec.name}, {threads} thread{'' if threads == 'one' else 's'}"
        self._net, self._spikes = network(workload), np.array(workload["spikes"])
        self._options = {"steps": spec.steps, "threads": count}
        if spec.name not in references:
            references[spec.name] = nd.simulate(self._net, self._spikes, steps=spec.steps, engine="reference")
        self._expected = references[spec.name]

    def seconds(self, runs: int) -> tuple[list[float], int]:
        """Time of each run, and how many differ from the reference."""
        import neurodeploy as nd

        times, wrong = [], 0
        for _ in range(runs):
            began = time.perf_counter()
            run = nd.simulate(self._net, self._spikes, **self._options)
            times.append(time.perf_counter() - began)
            wrong += not self._right(run)
        return times, wrong

    def _right(self, run: Any) -> bool:
        expected = self._expected
        if run.engine != "fast" or run.counters.populations != expected.counters.populations:
            return False
        return all(np.array_equal(run.spikes[name], spikes) for name, spikes in expected.spikes.items())


def measure(runs: int, cache: Path) -> dict[str, Any]:
    """All cases, first on the machine as it is, then under load."""
    references: dict[str, Any] = {}
    cases = [Case(spec, threads, cache, references) for spec, threads in CASES]
    rows = [{"name": case.name, "runs": runs} for case in cases]
    for case, row in zip(cases, rows, strict=True):
        case.seconds(WARM_RUNS)
        row["idle_s"], row["idle_wrong"] = case.seconds(runs)
    with hogged():
        for case, row in zip(cases, rows, strict=True):
            row["loaded_s"], row["wrong"] = case.seconds(runs)
    for row in rows:
        row["wrong"] += row.pop("idle_wrong")
        row["slowdown"] = sum(row["loaded_s"]) / sum(row["idle_s"])
    return {"cores": os.cpu_count(), "rows": rows}


def table(found: dict[str, Any]) -> list[list[str]]:
    """Heading and rows."""
    rows = [["case", "runs", "wrong", "idle, median", "loaded, median", "loaded, worst", "slower by (sum of all runs)"]]
    for row in found["rows"]:
        idle, loaded = (1e3 * statistics.median(row[name]) for name in ("idle_s", "loaded_s"))
        times = [f"{ms:.3g} ms" for ms in (idle, loaded, 1e3 * max(row["loaded_s"]))]
        rows.append([row["name"], str(row["runs"]), str(row["wrong"]), *times, f"{row['slowdown']:.2f} x"])
    return rows


def explained(found: dict[str, Any]) -> str:
    """What the table shows."""
    return (
        f"A second process runs {found['cores']} hogs of processor and memory, as many as there are cores; every run "
        "is compared with `reference`."
    )


def text(found: dict[str, Any]) -> str:
    """For the terminal."""
    return "\n".join([f"== under load: {explained(found)}", *aligned(table(found))])


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=100, help="of each case, idle and under load")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "neurodeploy-bench")
    parser.add_argument("--json", type=Path, help="write the figures")
    parser.add_argument("--hog", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.hog:
        hog_all()
        return 0
    given.cache.mkdir(parents=True, exist_ok=True)
    found = measure(given.runs, given.cache)
    print(text(found))
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    bad = [row["name"] for row in found["rows"] if row["wrong"] or row["slowdown"] > MOST_SLOWDOWN]
    for name in bad:
        print(f"stress: {name}: wrong bits, or more than {MOST_SLOWDOWN:g} times slower", file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
