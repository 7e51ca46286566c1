"""Measures the fast engine beside its peers and the machine's limits, in one run: ``python tools/bench``.

Needs neurodeploy in the interpreter that runs it; makes every peer's environment under ``--cache``, where ``--prepare``
does no more than that. The parts of a run:

* simulators: all entrants of a workload get the same inputs and take turns of many short runs, each alone (the others
  are stopped); W4's peers come in one at a time beside ours and the prototype, for memory. Each of our results is
  compared with the reference engine in the same run, and exact peers' spikes with ours;
* floors: the best rates of this machine, from which each workload's physical floor follows (floors.py);
* start: how long `neurodeploy demo` takes to its first result;
* scale: 1,000,000 neurons in bounded memory, and the growth of time (scale.py);
* stress: runs while a second process hogs all cores (stress.py).

Prints the tables and the acceptance; ``--json`` writes the figures, ``--page`` puts them between the marks of a page of
the documentation, ``--from-json`` does so without measuring. Exits 1 where results that must be equal differ or a row
of the acceptance is not met.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import floors  # noqa: E402
import scale  # noqa: E402
import simulators  # noqa: E402
import start  # noqa: E402
import stress  # noqa: E402
from acceptance import missed  # noqa: E402
from machine import load, machine, stolen_share, ticks  # noqa: E402
from page import put  # noqa: E402
from peers import Unavailable  # noqa: E402
from report import faults, markdown, text  # noqa: E402
from simulators import ENVIRONMENTS, note  # noqa: E402
from workloads import SPECS, stored  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("start", "floors", "simulators", "scale", "stress")


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="tools/bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--peers", default="all", help=f"all, none, or of: {', '.join(p for p in ENVIRONMENTS if p != 'ours')}"
    )
    parser.add_argument("--parts", default=",".join(PARTS), help=f"of: {', '.join(PARTS)}")
    parser.add_argument("--workloads", default=",".join(SPECS), help=f"of: {', '.join(SPECS)}")
    parser.add_argument("--threads", default="1,2", help="thread counts")
    parser.add_argument("--levels", default="v3", help="also ours with NEURODEPLOY_ISA set to each of these")
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
    parser.add_argument("--prepare", action="store_true", help="make environments and workloads, and measure nothing")
    parser.add_argument("--runs", type=int, default=100, help="of each case under load")
    parser.add_argument(
        "--limit-gib", type=float, default=8.0, help="address space of the network of 1,000,000 neurons"
    )
    parser.add_argument("--json", type=Path, help="write the figures")
    parser.add_argument("--page", type=Path, help="page of the documentation to put them into, e.g. docs/benchmarks.md")
    parser.add_argument("--from-json", type=Path, help="measure nothing; take the figures from this file")
    given = parser.parse_args()
    given.peers = {"all": list(ENVIRONMENTS), "none": []}.get(given.peers, given.peers.split(","))
    given.workloads, given.parts = given.workloads.split(","), given.parts.split(",")
    given.threads = [int(count) for count in given.threads.split(",")]
    for what, names, known in (
        ("peer", given.peers, ENVIRONMENTS),
        ("workload", given.workloads, SPECS),
        ("part", given.parts, PARTS),
    ):
        for name in names:
            if name not in known:
                parser.error(f"no {what} '{name}'; there are {', '.join(known)}")
    return given


def main() -> int:
    """Measure or read, then print and write."""
    given = options()
    if given.prepare:
        return prepare(given)
    document = json.loads(given.from_json.read_text()) if given.from_json else measure(given)
    if given.json:
        given.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(text(document))
    if given.page:
        put(given.page, "bench", markdown(document))
    wrong = [*faults(document), *missed(document)]
    for fault in wrong:
        print(f"bench: {fault}", file=sys.stderr)
    return 1 if wrong else 0


def prepare(given: argparse.Namespace) -> int:
    """What a run needs and can be made before; 1 where an environment cannot be made."""
    given.cache.mkdir(parents=True, exist_ok=True)
    wanting = {str(found) for found in simulators.interpreters(given).values() if isinstance(found, Unavailable)}
    for name in given.workloads:
        note(f"{name}: making the workload")
        stored(SPECS[name], given.cache)
    for reason in sorted(wanting):
        note(reason)
    return 1 if wanting else 0


def measure(given: argparse.Namespace) -> dict[str, Any]:
    """All figures."""
    if importlib.util.find_spec("neurodeploy") is None:
        sys.exit(f"bench: neurodeploy is not installed for {sys.executable}: pip install .")
    given.cache.mkdir(parents=True, exist_ok=True)
    began, before, ticks_before = time.monotonic(), load(), ticks()
    works: dict[str, Callable[[], Any]] = {
        "start": start.measure,
        "floors": lambda: floors.measure(given.cache, given.threads),
        "results": lambda: simulators.measure(given),
        "scale": lambda: scale.measure(given.limit_gib or None, given.rounds),
        "stress": lambda: stress.measure(given.runs, given.cache),
    }
    measured: dict[str, Any] = {"results": [], "failed": []}
    for part, (name, work) in zip(PARTS, works.items(), strict=True):
        if part not in given.parts:
            continue
        note(part)
        try:
            measured[name] = work()
        except Exception as error:  # whatever it is, the other parts have taken long
            traceback.print_exc()
            measured["failed"].append(f"{part}: {type(error).__name__}: {error}")
    return measured | {
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d"),
        "machine": machine()
        | {"load_before": before, "load_after": load(), "stolen": stolen_share(ticks_before, ticks())},
        "settings": {
            "rounds": given.rounds,
            "budget_s": given.budget,
            "threads": given.threads,
            "peers": given.peers,
            "workloads": given.workloads if "simulators" in given.parts else [],
            "minutes": round((time.monotonic() - began) / 60, 1),
        },
    }


if __name__ == "__main__":
    sys.exit(main())
