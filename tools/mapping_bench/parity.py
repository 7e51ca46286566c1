"""Our count of Loihi 1's resources beside nengo-loihi's: ``python tools/mapping_bench/parity.py [--random N]``.

Runs nengo-loihi in an environment of its own, which is made under ``--cache``, and compares every block of its cores
with our count of the same neurons. Where it does not split a layer it also counts axons of source pixels that no kernel
meets; the cases have none. ``--write`` stores what it said as a golden file, which a test compares with ours;
without it, it must say the same again. ``--random`` compares so many random networks, too. Exit code 1 where anything
differs.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tools" / "bench")]

from environments import environment  # noqa: E402
from nengo_cases import CASES, GOLDEN, compare, random_case  # noqa: E402

WORKER = Path(__file__).with_name("nengo_worker.py")


def main() -> int:
    """Print the cores of each case; 1 where anything differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "neurodeploy-bench")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--random", type=int, default=0, metavar="N")
    given = parser.parse_args()
    given.cache.mkdir(parents=True, exist_ok=True)
    python = environment("nengo-loihi", given.cache)
    text = json.dumps({"made by": "tools/mapping_bench/parity.py", **ask(python, CASES)}, indent=1) + "\n"
    if given.write:
        GOLDEN.write_text(text, encoding="utf-8")
    different = [] if GOLDEN.read_text(encoding="utf-8") == text else [f"{GOLDEN.name} holds something else"]
    for name, outcome in json.loads(text)["cases"].items():
        compared = compare(CASES[name], outcome)
        print(f"{name}: nengo-loihi {len(outcome['blocks'])} cores, ours {compared.cores}")
        for line in outcome["summary"]:
            print(f"  {line}")
        different += [f"{name}: {line}" for line in compared.differences]
    cases = {str(seed): random_case(seed) for seed in range(given.random)}
    outcomes = {name: o for name, o in ask(python, cases)["cases"].items() if "refused" not in o}
    for name, outcome in outcomes.items():
        different += [f"random network {name}: {line}" for line in compare(cases[name], outcome).differences]
    cores = sum(len(outcome["blocks"]) for outcome in outcomes.values())
    print(f"{len(outcomes)} random networks of {cores} cores; {len(cases) - len(outcomes)} more exceed its limits")
    for line in different:
        print(f"differs: {line}", file=sys.stderr)
    return int(bool(different))


def ask(python: Path, cases: dict[str, Any]) -> dict[str, Any]:
    """What nengo-loihi says of some cases."""
    said = subprocess.run([python, WORKER], input=json.dumps(cases), stdout=subprocess.PIPE, text=True, check=True)
    answer: dict[str, Any] = json.loads(said.stdout)
    return answer


if __name__ == "__main__":
    sys.exit(main())
