"""Writes the demo's results into README.md, between its two marks; ``--check`` only compares."""

from __future__ import annotations

import sys
from pathlib import Path

from neurodeploy.cli_print import si
from neurodeploy.demo import run_demo

README = Path(__file__).parent.parent / "README.md"
START, END = "<!-- demo: tools/readme_table.py -->\n", "<!-- end -->\n"
COLUMNS = ("model", "chip", "float accuracy", "chip accuracy", "cores", "spikes", "SynOps", "energy", "latency")


def table() -> str:
    """Markdown rows of all bundled models on both chips, per inference."""
    lines = [f"| {' | '.join(COLUMNS)} |\n", "|---" * len(COLUMNS) + "|\n"]
    for target in ("loihi2", "loihi1"):
        for r in run_demo(target):
            energy = f"{si(r['energy_low_j'], 'J')} .. {si(r['energy_high_j'], 'J')}"
            latency = f"{si(r['latency_low_s'], 's')} .. {si(r['latency_high_s'], 's')}"
            lines.append(
                f"| {r['model']} | {target} | {100 * r['float_accuracy']:.2f} % | {100 * r['integer_accuracy']:.2f} % "
                f"| {r['cores']} | {r['spikes']:,.0f} | {r['synops']:,.0f} | {energy} | {latency} |\n"
            )
    return "".join(lines)


def main() -> int:
    """Exit code 1 with ``--check`` where the README is out of date."""
    text = README.read_text(encoding="utf-8")
    head, _, rest = text.partition(START)
    _, _, tail = rest.partition(END)
    updated = head + START + table() + END + tail
    if "--check" in sys.argv[1:]:
        if updated != text:
            print("README.md is out of date: run python tools/readme_table.py", file=sys.stderr)
        return int(updated != text)
    README.write_text(updated, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
