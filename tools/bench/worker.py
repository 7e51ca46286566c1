"""Runs one peer on one workload in the peer's environment, on request: see :mod:`workers` for the other end.

Requests are lines on stdin, answers lines of JSON on stdout; whatever the peer prints goes to stderr. ``run SECONDS``
runs again and again for about so long, once at least; ``check SAMPLES STEPS`` compares with the reference engine.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import resource
import sys
import time
import traceback
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import workloads  # noqa: E402
from peers import Unavailable  # noqa: E402


def main(name: str, folder: str, threads: int) -> int:
    """Serve until stdin ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def answer(**facts: Any) -> None:
        print(json.dumps(facts), file=answers, flush=True)

    try:
        serve(name, folder, threads, answer)
    except Unavailable as reason:
        answer(unavailable=str(reason))
    except (ImportError, OSError, RuntimeError, ValueError, TypeError, AttributeError, MemoryError) as error:
        traceback.print_exc()
        answer(unavailable=f"{type(error).__name__}: {error}")
    return 0


def serve(name: str, folder: str, threads: int, answer: Any) -> None:
    """Prepare, warm up, then answer requests."""
    peer = importlib.import_module(f"peers.{name}")
    workload = workloads.read(Path(folder))
    began = time.perf_counter()
    prepared = peer.prepare(workload, threads)
    built = time.perf_counter()
    result = prepared.run()
    first = time.perf_counter() - built
    counts, digest, work = prepared.counts(result), prepared.digest(result), prepared.work(result)
    del result
    answer(
        versions={package: version(package) for package in peer.PACKAGES} | {"Python": platform.python_version()},
        exact=peer.EXACT,
        build_s=built - began,
        first_s=first,
        peak_bytes=peak_bytes(),
        notes=prepared.notes,
        spikes=None if counts is None else [int(c) for c in counts.sum(1)],
        digest=digest,
        work=work,
        counts=None if counts is None or not peer.EXACT else counts.tolist(),
    )
    for line in sys.stdin:
        request, *words = line.split()
        if request == "check":
            answer(check=peer.check(workload, threads, *map(int, words)))
        else:
            answer(seconds=timed(prepared, float(words[0])))


def timed(prepared: Any, budget_s: float) -> list[float]:
    """Times of single runs until the budget is used up."""
    times: list[float] = []
    end = time.perf_counter() + budget_s
    while not times or time.perf_counter() < end:
        began = time.perf_counter()
        result = prepared.run()
        took = time.perf_counter() - began
        own = prepared.seconds(result)
        times.append(took if own is None else own)
        del result
    return times


def peak_bytes() -> int:
    """Most memory that this process has held, the mapped workload included."""
    status = Path("/proc/self/status")
    if status.is_file():  # Linux: getrusage would count what the parent held when it forked
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return 1024 * int(line.split()[1])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
