"""Writes the table of frameworks, layers and options into docs/frontends.md; ``--check`` only compares.

The rows are the cases that the tests run, ``tests/frameworks/cases_*.py``. Exit code 1 where a cell is wrong, and with
``--check`` where the table is out of date.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))
from framework_cases import SEEDS, Outcome, check, frameworks  # noqa: E402

DOCS = ROOT / "docs" / "frontends.md"
START, END = "<!-- table: tools/frontends_table.py -->\n", "<!-- end -->\n"


def table() -> tuple[str, list[str]]:
    """Markdown, and what is wrong."""
    lines, wrong = [], []
    for framework, cases in frameworks().items():
        if cases is None:
            wrong.append(f"{framework} is not installed: its rows cannot be made")
            continue
        lines += [f"\n## {framework}\n\n", "| layer | option | result |\n", "|---|---|---|\n"]
        outcomes = []
        for case in cases:
            outcome = check(case)
            outcomes.append(outcome)
            lines.append(f"| {case.layer} | {case.option} | {cell(outcome)} |\n")
            if outcome.verdict == "wrong":
                wrong.append(f"{framework}: {case}: {outcome.reason}")
        exact = [o for o in outcomes if o.verdict == "exact"]
        bits, ties = sum(o.bits for o in exact), sum(o.ties for o in exact)
        lines.append(f"\n{len(exact) * len(SEEDS)} networks, {bits:,} spikes compared, {ties} ties.\n")
    return "".join(lines), wrong


def cell(outcome: Outcome) -> str:
    """A cell of the table."""
    if outcome.verdict == "refused":
        return f"refused: {outcome.reason}".replace("|", "/").replace("\n", " ")
    ties = f", {outcome.ties} ties" if outcome.ties else ""
    return f"{outcome.verdict}{ties}"


def main() -> int:
    """Make the table, write or compare it, and tell what is wrong."""
    import torch

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    text = DOCS.read_text(encoding="utf-8")
    head, _, rest = text.partition(START)
    _, _, tail = rest.partition(END)
    made, wrong = table()
    updated = head + START + made + END + tail
    if "--check" not in sys.argv[1:]:
        DOCS.write_text(updated, encoding="utf-8")
    elif updated != text:
        wrong.append(f"{DOCS.name} is out of date: run python tools/frontends_table.py")
    for line in wrong:
        print(line, file=sys.stderr)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
