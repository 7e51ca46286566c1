"""Times the fast engine beside its peers: ``python tools/bench --peers numpy_events,brian2 --workloads W1,W3``.

Needs neurodeploy in the interpreter that runs it; makes every peer's environment under ``--cache``. All entrants of a
workload get the same inputs and take turns of many short runs, each alone (the others are stopped); W4's peers come in
one at a time beside ours and the prototype, for memory. Each of our results is compared with the reference engine in
the same run, and exact peers' spikes with ours. Prints the tables; ``--json`` and ``--markdown`` write them;
``--from-json`` makes the Markdown again. Exits 1 where two results that must be equal differ.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import datetime, timezone
from itertools import product
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from environments import STEPS, environment  # noqa: E402
from machine import load, machine  # noqa: E402
from peers import Unavailable  # noqa: E402
from report import faults, markdown, text  # noqa: E402
from workers import Entrant, Worker  # noqa: E402
from workloads import SPECS, Spec, stored  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
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


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="tools/bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--peers", default="all", help=f"all, none, or of: {', '.join(p for p in ENVIRONMENTS if p != 'ours')}"
    )
    parser.add_argument("--workloads", default=",".join(SPECS), help=f"of: {', '.join(SPECS)}")
    parser.add_argument("--threads", default="1", help="thread counts, e.g. 1,2")
    parser.add_argument("--levels", default="", help="also ours with NEURODEPLOY_ISA set to each of these, e.g. v3")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each entrant")
    parser.add_argument(
        "--budget", type=float, default=0.3, metavar="SECONDS", help="length of a turn; one run at least"
    )
    parser.add_argument("--timeout", type=float, default=900.0, metavar="SECONDS", help="for any one answer of a peer")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "neurodeploy-bench")
    parser.add_argument("--prototype", type=Path, default=ROOT.parent / "shared" / "prototypes" / "kern2.cpp")
    parser.add_argument(
        "--python", action="append", default=[], metavar="PEER=PATH", help="makes that peer's environment"
    )
    parser.add_argument("--json", type=Path, help="write the figures")
    parser.add_argument("--markdown", type=Path, help="write the page of the documentation")
    parser.add_argument("--from-json", type=Path, help="measure nothing; take the figures from this file")
    given = parser.parse_args()
    given.peers = {"all": list(ENVIRONMENTS), "none": []}.get(given.peers, given.peers.split(","))
    given.workloads = given.workloads.split(",")
    for what, names, known in (("peer", given.peers, ENVIRONMENTS), ("workload", given.workloads, SPECS)):
        for name in names:
            if name not in known:
                parser.error(f"no {what} '{name}'; there are {', '.join(known)}")
    return given


def main() -> int:
    """Measure or read, then print and write."""
    given = options()
    document = json.loads(given.from_json.read_text()) if given.from_json else measure(given)
    print(text(document))
    if given.json:
        given.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    if given.markdown:
        given.markdown.parent.mkdir(exist_ok=True)
        given.markdown.write_text(markdown(document), encoding="utf-8")
    wrong = faults(document)
    for fault in wrong:
        print(f"bench: {fault}", file=sys.stderr)
    return 1 if wrong else 0


def measure(given: argparse.Namespace) -> dict[str, Any]:
    """All figures."""
    if importlib.util.find_spec("neurodeploy") is None:
        sys.exit(f"bench: neurodeploy is not installed for {sys.executable}: pip install .")
    began, before = time.monotonic(), load()
    given.cache.mkdir(parents=True, exist_ok=True)
    pythons = interpreters(given)
    entrants = [Entrant("ours", level=level) for level in filter(None, given.levels.split(","))]
    modules = ["ours", *(p for p in given.peers if p != "ours")]
    entrants += [Entrant(m, t) for m, t in product(modules, map(int, given.threads.split(",")))]
    results = [row for name in given.workloads for row in rows_of(SPECS[name], entrants, pythons, given)]
    return {
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d"),
        "machine": machine() | {"load_before": before, "load_after": load()},
        "settings": {
            "rounds": given.rounds,
            "budget_s": given.budget,
            "minutes": round((time.monotonic() - began) / 60, 1),
        },
        "results": results,
    }


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
                for _ in range(given.rounds):
                    for worker in [*present, *visitors]:
                        worker.run(given.budget)
                rows += [row_of(spec, w) for w in visitors]
        for worker in present:
            row = row_of(spec, worker)
            if worker.entrant.module == "ours":
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
        log = given.cache / f"{spec.name}-{entrant.name.replace(', ', '-')}.log"
        return stack.enter_context(Worker.start(entrant, python, folder, variables, given.timeout, log))
    except Unavailable as reason:
        rows.append({"workload": spec.name, **identity(entrant), "unavailable": str(reason)})
        return None


def identity(entrant: Entrant) -> dict[str, Any]:
    """How a row names its entrant."""
    return {"name": entrant.name, "peer": entrant.module, "threads": entrant.threads, "level": entrant.level}


def row_of(spec: Spec, worker: Worker) -> dict[str, Any]:
    """What is reported of an entrant; times in seconds."""
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


if __name__ == "__main__":
    sys.exit(main())
