"""Our count of Loihi 1's resources beside nengo-loihi's: ``python tools/mapping_bench/parity.py [--cache DIR]``.

Runs nengo-loihi in an environment of its own, which is made under ``--cache``, and compares every block of its cores
with our count of the same neurons. Where it does not split a layer it also counts axons of source pixels that no kernel
meets; the cases have none. ``--write`` stores what it said as a golden file, which a test compares with ours;
without it, it must say the same again. Exit code 1 where anything differs.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tools" / "bench")]

from environments import environment  # noqa: E402
from nengo_cases import CASES, GOLDEN, compare  # noqa: E402

WORKER = Path(__file__).with_name("nengo_worker.py")


def main() -> int:
    """Print the cores of each case; 1 where anything differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "neurodeploy-bench")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    given.cache.mkdir(parents=True, exist_ok=True)
    python = environment("nengo-loihi", given.cache)
    said = subprocess.run(
        [python, WORKER], input=json.dumps(CASES), stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    text = json.dumps({"made by": "tools/mapping_bench/parity.py", **json.loads(said)}, indent=1) + "\n"
    if given.write:
        GOLDEN.write_text(text, encoding="utf-8")
    different = [] if GOLDEN.read_text(encoding="utf-8") == text else [f"{GOLDEN.name} holds something else"]
    for name, outcome in json.loads(text)["cases"].items():
        compared = compare(name, outcome)
        print(f"{name}: nengo-loihi {len(outcome['blocks'])} cores, ours {compared.cores}")
        for line in outcome["summary"]:
            print(f"  {line}")
        different += [f"{name}: {line}" for line in compared.differences]
    for line in different:
        print(f"differs: {line}", file=sys.stderr)
    return int(bool(different))


if __name__ == "__main__":
    sys.exit(main())
