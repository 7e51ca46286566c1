#!/usr/bin/env python3
"""Random networks on Lava and on both engines: ``python tools/verify_against_lava.py --networks N --lava-python PATH``.

Compares the registers and messages of every population, neuron and step. Network k has the seed S + k, which says
everything of it: ``--only SEED`` runs one again. With ``--minutes`` no batch begins after the limit. Prints counts by
model, connection kind, regime and register, and the first divergences; exits 1 on any. Needs neurodeploy and pytest;
PATH is the interpreter that has Lava (tools/test.py makes ``.venv-lava``).
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from golden.files import compare  # noqa: E402
from networks import random_case  # noqa: E402

from neurodeploy.errors import NeurodeployError  # noqa: E402
from neurodeploy.export.lava import LavaOutcome, run_lava_many  # noqa: E402
from neurodeploy.simulate.engine import run_fast  # noqa: E402
from neurodeploy.simulate.reference import run_reference  # noqa: E402

BATCH = 50
SECONDS_PER_NETWORK = 20.0
ENGINES = {"reference": run_reference, "fast": run_fast}
SHOWN = 10


@dataclass
class Tally:
    """What was compared so far; a key such as ``kind conv2d`` counts the networks that have it."""

    networks: int = 0
    values: int = 0
    spikes: int = 0
    matched: Counter[str] = field(default_factory=Counter)
    mismatched: Counter[str] = field(default_factory=Counter)
    divergences: list[str] = field(default_factory=list)

    def add(self, seed: int, case: Any, lava: LavaOutcome) -> None:
        """Run both engines on one network and compare."""
        case = replace(case, lava=lava)
        self.networks += 1
        self.values += case.values
        self.spikes += sum(int((s != 0).sum()) for s in lava.spikes.values())
        for engine, run in ENGINES.items():
            wrong, first = compare(case, run(case.plan))
            (self.mismatched if first else self.matched).update(f"{engine}, {key}" for key in traits(case))
            for register, count in wrong.items():
                (self.mismatched if count else self.matched)[f"{engine}, register {register}"] += 1
            if first:
                self.divergences.append(f"seed {seed}, engine {engine}: {first}")

    def report(self) -> str:
        """The table."""
        lines = [f"{'networks with':34} {'matched':>8} {'mismatched':>10}"]
        for key in sorted(self.matched | self.mismatched):
            lines.append(f"{key:34} {self.matched[key]:8} {self.mismatched[key]:10}")
        lines += self.divergences[:SHOWN]
        if self.divergences:
            lines.append("again: tools/verify_against_lava.py --lava-python PATH --only SEED")
        what = f"{self.networks} networks, {self.values:,} values per engine, {self.spikes:,} messages but 0"
        return "\n".join([*lines, f"{what}; {len(self.divergences)} runs diverge"])


def traits(case: Any) -> set[str]:
    """What a network has, for the table."""
    net = case.plan.net
    models = {f"model {p.model}" for p in net.populations.values()}
    kinds = {
        f"kind {p.connection.kind}{' graded' if p.message_bits else ''}{' delayed' if p.delay else ''}"
        for p in net.projections
    }
    modes = {f"sign {p.sign_mode}" for p in net.projections if p.connection.kind in ("dense", "sparse")}
    having = {
        "with a reset schedule": any(p.reset_interval for p in net.populations.values()),
        "with a late start": any(p.start for p in net.populations.values()),
        "with delays per synapse": any(p.delays is not None for p in net.projections),
    }
    return models | kinds | modes | {f"regime {case.label.split()[0]}", *(k for k, has in having.items() if has)}


def batch_on_lava(seeds: list[int], python: Path) -> list[tuple[int, Any, LavaOutcome]]:
    """Draw the networks of some seeds and run them in one worker process of Lava."""
    cases = [random_case(seed) for seed in seeds]
    plans = [c.unprepared for c in cases]
    outcomes = run_lava_many(plans, python=python, timeout_s=60 + SECONDS_PER_NETWORK * len(plans))
    return list(zip(seeds, cases, outcomes, strict=True))


def answers(options: argparse.Namespace, deadline: float) -> Iterator[list[tuple[int, Any, LavaOutcome]]]:
    """Batches as they are done; none is begun after the deadline."""
    seeds = [options.only] if options.only is not None else range(options.seed, options.seed + options.networks)
    batches = iter([list(seeds[k : k + BATCH]) for k in range(0, len(seeds), BATCH)])
    with ThreadPoolExecutor(options.jobs) as pool:
        pending: set[Future[Any]] = set()
        while True:
            room = options.jobs - len(pending) if time.monotonic() < deadline else 0
            pending |= {pool.submit(batch_on_lava, batch, options.lava_python) for batch in islice(batches, room)}
            if not pending:
                return
            done, pending = wait(pending, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()


def main() -> int:
    """Draw, run, compare, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lava-python", type=Path, required=True)
    parser.add_argument("--networks", type=int, default=200)
    parser.add_argument("--seed", type=int, default=100_000, help="of the first network")
    parser.add_argument("--only", type=int, metavar="SEED", help="this network alone")
    parser.add_argument("--minutes", type=float, default=float("inf"))
    parser.add_argument("--jobs", type=int, default=2, help="Lava processes side by side")
    options = parser.parse_args()
    began, tally = time.monotonic(), Tally()
    try:
        for batch in answers(options, began + 60 * options.minutes):
            for seed, case, lava in batch:
                tally.add(seed, case, lava)
            minutes = (time.monotonic() - began) / 60
            progress = f"{tally.networks} networks, {len(tally.divergences)} runs diverge, {minutes:.1f} min"
            print(progress, file=sys.stderr, flush=True)
    except NeurodeployError as error:
        print(tally.report())
        sys.exit(f"verify_against_lava: {error}")
    print(tally.report())
    return 1 if tally.divergences else 0


if __name__ == "__main__":
    sys.exit(main())
