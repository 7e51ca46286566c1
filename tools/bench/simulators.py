"""Times all entrants of a workload in turns, each alone, and compares their results."""

from __future__ import annotations

import argparse
import ast
import sys
from contextlib import ExitStack
from itertools import product
from pathlib import Path
from typing import Any

from environments import STEPS, environment
from peers import Unavailable
from workers import Entrant, Worker
from workloads import SPECS, Spec, stored

PEERS = Path(__file__).resolve().parent / "peers"
SLOW_TO_BUILD = ("nest",)
HOSTS = ("ours", "prototype")
"""Stay while the peers of a big workload come and go."""
ENVIRONMENTS: dict[str, str | None] = {  # None: the interpreter that runs this
    "ours": None,
    "prototype": None,
    "numpy_events": None,
    "torch_loop": "torch",
    "torch_layers": "torch",
    "torch_int8": "torch",
    "snntorch": "snntorch",
    "norse": "norse",
    "spikingjelly": "spikingjelly",
    "brian2": "brian2",
    "nest": "nest",
    "lava": "lava",
    "nengo_loihi": "nengo-loihi",
}
CHECKED = {"W1x256": (8, 100), "W2x64": (8, 50), "W4": (1, 3)}
"""Samples and steps that the slow reference runs where not all."""


def measure(given: argparse.Namespace) -> list[dict[str, Any]]:
    """Rows of all workloads."""
    pythons = interpreters(given)
    entrants = [Entrant("ours", level=level) for level in filter(None, given.levels.split(","))]
    modules = ["ours", *(p for p in given.peers if p != "ours")]
    entrants += [Entrant(module, threads) for module, threads in product(modules, given.threads)]
    return [row for name in given.workloads for row in rows_of(SPECS[name], entrants, pythons, given)]


def interpreters(given: argparse.Namespace) -> dict[str, Path | Unavailable]:
    """Per module the Python that runs it, or why there is none."""
    chosen = dict(pair.split("=", 1) for pair in given.python)
    made: dict[str | None, Path | Unavailable] = {None: Path(sys.executable)}
    for name in {ENVIRONMENTS[module] for module in given.peers} - {None}:
        assert name is not None and name in STEPS
        try:
            made[name] = environment(name, given.cache, Path(chosen[name]) if name in chosen else None)
        except Unavailable as reason:
            made[name] = reason
    return {module: made[ENVIRONMENTS[module]] for module in {"ours", *given.peers}}


def rows_of(
    spec: Spec, entrants: list[Entrant], pythons: dict[str, Any], given: argparse.Namespace
) -> list[dict[str, Any]]:
    """One workload."""
    note(f"{spec.name}: making the workload")
    folder = stored(spec, given.cache)
    hosts = [e for e in entrants if e.module in HOSTS]
    guests = [e for e in entrants if e.module not in HOSTS]
    rows: list[dict[str, Any]] = []
    with ExitStack() as stay:
        present = [w for e in hosts if (w := begin(e, spec, folder, pythons, given, rows, stay))]
        for group in [[g] for g in guests] or [[]] if spec.big else [guests]:
            with ExitStack() as visit:
                visitors = [w for e in group if (w := begin(e, spec, folder, pythons, given, rows, visit))]
                for _ in range(given.rounds if visitors or not group else 0):
                    for worker in [*present, *visitors]:
                        worker.run(given.budget)
                rows += [row_of(spec, w) for w in visitors]
        for worker in present:
            row = row_of(spec, worker)
            if worker.entrant.module == "ours" and "unavailable" not in row:
                samples, steps = CHECKED.get(spec.name, (spec.samples, spec.steps))
                row |= worker.ask(f"check {samples} {steps}")
            rows.insert(0, row)
    return rows


def begin(
    entrant: Entrant,
    spec: Spec,
    folder: Path,
    pythons: dict[str, Any],
    given: argparse.Namespace,
    rows: list[dict[str, Any]],
    stack: ExitStack,
) -> Worker | None:
    """A worker that has run once, or a row that says why not."""
    note(f"{spec.name}: {entrant.name}")
    variables = {"BENCH_PROTOTYPE": str(given.prototype), "BENCH_CACHE": str(given.cache)}
    python = pythons[entrant.module]
    try:
        if isinstance(python, Unavailable):
            raise python
        _refuse(entrant, spec)
        log = given.cache / f"{spec.name}-{entrant.name.replace(', ', '-')}.log"
        return stack.enter_context(Worker.start(entrant, python, folder, variables, given.timeout, log))
    except Unavailable as reason:
        rows.append({"workload": spec.name, **identity(entrant), "unavailable": str(reason)})
        return None


def _refuse(entrant: Entrant, spec: Spec) -> None:
    """Unavailable where a peer's module says so by its constants; read, for importing a framework takes seconds."""
    statements = ast.parse((PEERS / f"{entrant.module}.py").read_text(encoding="utf-8")).body
    says = {
        s.targets[0].id: s.value for s in statements if isinstance(s, ast.Assign) and isinstance(s.targets[0], ast.Name)
    }
    if spec.base not in ast.literal_eval(says["WORKLOADS"]):
        raise Unavailable("this workload is not written for this peer")
    if spec.samples > 1 and not ast.literal_eval(says["BATCHES"]):
        raise Unavailable("it runs one sample at a time: see the workload with one")
    if spec.big and entrant.threads > 1 and entrant.module in SLOW_TO_BUILD:
        raise Unavailable("its set-up takes minutes: see that with one thread")


def identity(entrant: Entrant) -> dict[str, Any]:
    """How a row names its entrant."""
    return {"name": entrant.name, "peer": entrant.module, "threads": entrant.threads, "level": entrant.level}


def row_of(spec: Spec, worker: Worker) -> dict[str, Any]:
    """What is reported of an entrant; times in seconds."""
    if worker.died:
        return {"workload": spec.name, **identity(worker.entrant), "unavailable": worker.died}
    times = sorted(worker.seconds)
    middle = times[len(times) // 2]
    return {
        "workload": spec.name,
        **identity(worker.entrant),
        "min_s": times[0],
        "median_s": middle,
        "p90_s": times[len(times) * 9 // 10],
        "max_s": times[-1],
        "repeats": len(times),
        "setup_s": max(0.0, worker.facts["build_s"] + worker.facts["first_s"] - middle),
        **worker.facts,
    }


def note(line: str) -> None:
    """Progress."""
    print(f"bench: {line}", file=sys.stderr, flush=True)
