#!/usr/bin/env python3
"""Bundled models on degraded chips: ``python tools/faults_table.py [--page] [--table FILE.csv]``.

Accuracy over faults, severities and ten seeds on whole test sets, with 95 % intervals, and yields with cores lost.
``--page`` writes the tables into docs/faults.md. Some minutes on one core; ``--table`` is continued where it exists.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import neurodeploy as nd
from neurodeploy.evaluate import output_of
from neurodeploy.robustness import Case, Demand, cells_of, load_case, summarise, sweep, yields

PAGE = Path(__file__).resolve().parent.parent / "docs" / "faults.md"
START, END = "<!-- figures: python tools/faults_table.py --page -->", "<!-- end of figures -->"
MODELS = ("digits-mlp", "digits-conv", "vowels-rsnn")
TARGET = "loihi2"
SEEDS = 10
FAULTS = {
    "weight_loss": (0.1, 0.3, 0.5),
    "weight_gain": (0.6, 1.6),
    "weight_noise": (20, 40),
    "bit_flip": (0.001, 0.01, 0.05),
    "stuck_at": (0.01, 0.05),
    "dead": (0.1, 0.3),
    "stuck_on": (0.01, 0.05),
    "threshold_scale": (0.67, 1.5),
    "threshold_drift": (0.2, 0.4),
    "delay_jitter": (1, 2),
    "input_noise": (0.2, 0.3),
    "input_dropout": (0.1, 0.3),
    "input_fixed": (0.1, 0.3),
}
CHIPS = 20
NEURONS_PER_CORE = 16
CORE_LOSS = (0.05, 0.15)
DROP = 0.02
"""A chip with lost cores is good where it loses at most this."""
ACCURACY = f"""Whole test sets on {TARGET}, {SEEDS} faulty chips (seeds 0..{SEEDS - 1}) for each fault and severity, all
layers hit, the outputs included: mean accuracy, and the paired difference in points to the chip without faults with its
95 % interval (Student's t over the seeds; none where nothing is drawn)."""
YIELD = f"""The same models on cores of at most {NEURONS_PER_CORE} neurons, cores lost at random; {CHIPS} chips (seeds).
A chip is good where it loses at most {100 * DROP:g} points; the interval of the yield is Clopper and Pearson's."""


def measured(table: Path | None) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Lines of accuracy, and lines of yield."""

    def tell(done: int, total: int) -> None:
        print(f"\r{done} of {total} chips", end="" if done < total else "\n", file=sys.stderr, flush=True)

    cells = [*cells_of((), (), 1)]
    for fault, severities in FAULTS.items():
        cells += cells_of([fault], severities, SEEDS)[1:]
    whole = [load_case(model, TARGET) for model in MODELS]
    rows = sweep(whole, cells, table=table, progress=tell)
    spread = [load_case(model, TARGET, nd.Options(max_neurons_per_core=NEURONS_PER_CORE)) for model in MODELS]
    lossy = sweep(spread, cells_of(["core_loss"], CORE_LOSS, CHIPS), table=table, progress=tell)
    demand = Demand(drop=DROP)
    for line in (good := yields(lossy, demand)):
        (case,) = (c for c in spread if c.model == line["model"])
        chips = [row for row in lossy if all(row[name] == line[name] for name in ("model", "fault", "severity"))]
        (healthy,) = (row for row in lossy if row["model"] == line["model"] and row["fault"] == "none")
        line["cores"] = case.program.mapping.cores
        line["headless"] = sum(not demand.met(row, healthy) and lost_output(case, row) for row in chips)
    return summarise(rows), good


def lost_output(case: Case, row: dict[str, Any]) -> bool:
    """Whether the chip of a row has lost a core that holds outputs."""
    if row["severity"] is None:
        return False
    mapped, output = case.program.mapping.core_of, output_of(case.program)
    hit = nd.faults.inject(case.program, f"{row['fault']}={row['severity']}", row["seed"]).manifest.hits[0]
    return bool(np.isin(mapped[output], hit.chosen).any())


def accuracy_table(lines: Sequence[dict[str, Any]]) -> Iterator[str]:
    """A row for each fault and severity, a column for each model."""
    yield f"| fault | severity | {' | '.join(MODELS)} |"
    yield "|---|---:|" + "---:|" * len(MODELS)
    for fault, severity in dict.fromkeys((line["fault"], line["severity"]) for line in lines):
        cells = [_accuracy(line) for line in lines if line["fault"] == fault and line["severity"] == severity]
        yield f"| {fault} | {'' if severity is None else f'{severity:g}'} | {' | '.join(cells)} |"


def _accuracy(line: dict[str, Any]) -> str:
    if line["fault"] == "none":
        return f"{100 * line['accuracy']:.2f} %"
    ends = (line["difference_low"], line["difference_high"])
    band = "" if ends[0] is None else f" [{100 * ends[0]:+.1f}, {100 * ends[1]:+.1f}]"
    return f"{100 * line['accuracy']:.1f} %, {100 * line['difference']:+.1f}{band}"


def yield_table(lines: Sequence[dict[str, Any]]) -> Iterator[str]:
    """A row for each model and probability."""
    heads = ("model", "cores", "each core lost with", "good chips", "yield", "interval", "bad, the output's core lost")
    yield f"| {' | '.join(heads)} | mean accuracy | worst |"
    yield "|---|" + "---:|" * (len(heads) + 1)
    for line in lines:
        if line["fault"] == "none":
            continue
        band = f"{100 * line['yield_low']:.0f} .. {100 * line['yield_high']:.0f} %"
        mean, worst = (f"{100 * line[name]:.1f} %" for name in ("accuracy", "accuracy_min"))
        yield (
            f"| {line['model']} | {line['cores']} | {line['severity']:g} | {line['good']} of {line['chips']} | "
            f"{100 * line['yield']:.0f} % | {band} | {line['headless']} | {mean} | {worst} |"
        )


def main() -> None:
    """Print the tables; with ``--page`` into the documentation too."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--page", action="store_true", help="write them into docs/faults.md")
    parser.add_argument("--table", type=Path, help="a CSV file of all runs, continued where it exists")
    options = parser.parse_args()
    lines, good = measured(options.table)
    text = "\n\n".join((ACCURACY, "\n".join(accuracy_table(lines)), YIELD, "\n".join(yield_table(good))))
    print(text)
    if options.page:
        page = PAGE.read_text(encoding="utf-8")
        found = re.sub(
            f"{re.escape(START)}.*{re.escape(END)}", lambda _: f"{START}\n{text}\n{END}", page, flags=re.DOTALL
        )
        PAGE.write_text(found, encoding="utf-8")


if __name__ == "__main__":
    main()
