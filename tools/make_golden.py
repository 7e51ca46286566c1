#!/usr/bin/env python3
"""Makes tests/golden from Lava 0.10.0: ``python tools/make_golden.py --lava-python PATH [--draw]``.

Runs the committed networks through Lava again and exits 1 unless every file comes out with the same bytes. With
``--draw`` it makes the networks anew (corners by hand, random ones by seed) and writes files and manifest; two draws
give the same bytes. Needs neurodeploy and pytest; PATH is the interpreter that has Lava (tools/test.py makes
``.venv-lava``).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from golden.draw import SEED, drawn  # noqa: E402
from golden.files import FOLDER, compare, manifest, pack, sha256, unpack  # noqa: E402
from lava_case import Case  # noqa: E402

from neurodeploy.export.lava import run_lava_many  # noqa: E402

MOST_BYTES = 700_000
TIMEOUT_S = 600.0
VERSIONS = """
import importlib.metadata, json, platform, numpy
print(json.dumps({"lava": importlib.metadata.version("lava-nc"), "numpy": numpy.__version__,
                  "python": platform.python_version()}))
"""


def main() -> int:
    """Check or draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lava-python", type=Path, required=True)
    parser.add_argument("--draw", action="store_true", help="draw the networks anew and write the files")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    if not options.draw:
        return check(options.folder, options.lava_python, options.jobs)
    groups = drawn()
    files = {name: pack(answered(cases, options.lava_python, options.jobs)) for name, cases in groups.items()}
    if sum(map(len, files.values())) > MOST_BYTES:
        sys.exit(f"make_golden: more than {MOST_BYTES:,} bytes; draw fewer networks")
    entries = {name: about(data) for name, data in files.items()}
    content = versions(options.lava_python) | {"seed": SEED, "files": entries}
    options.folder.mkdir(parents=True, exist_ok=True)
    for path in options.folder.glob("*.npz"):
        path.unlink()
    for name, data in files.items():
        (options.folder / name).write_bytes(data)
    (options.folder / "manifest.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    total = {key: sum(entry[key] for entry in entries.values()) for key in ("networks", "values", "bytes")}
    print(f"{total['networks']} networks, {total['values']:,} values of Lava, {total['bytes']:,} bytes")
    return 0


def answered(cases: list[Any], python: Path, jobs: int) -> list[Any]:
    """The cases with Lava's results, in the order given."""

    def on_lava(part: list[Any]) -> list[Any]:
        outcomes = run_lava_many([c.unprepared for c in part], python=python, timeout_s=TIMEOUT_S)
        return [replace(case, lava=outcome) for case, outcome in zip(part, outcomes, strict=True)]

    parts = [cases[k::jobs] for k in range(min(jobs, len(cases)))]
    with ThreadPoolExecutor(jobs) as pool:
        done = {case.label: case for part in pool.map(on_lava, parts) for case in part}
    return [done[case.label] for case in cases]


def about(data: bytes) -> dict[str, Any]:
    """The manifest's entry of a file."""
    cases = unpack(data)
    return {
        "sha256": sha256(data),
        "bytes": len(data),
        "networks": len(cases),
        "values": sum(case.values for case in cases),
        "spikes": sum(int((s != 0).sum()) for case in cases for s in case.answer().spikes.values()),
    }


def versions(python: Path) -> dict[str, str]:
    """Versions of Lava, NumPy and Python in Lava's environment."""
    command = [str(python), "-E", "-s", "-c", VERSIONS]
    found: dict[str, str] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


def check(folder: Path, python: Path, jobs: int) -> int:
    """Run the networks of the files again; 1 if any file would change."""
    changed, content = [], manifest(folder)
    for name, entry in content["files"].items():
        cases: list[Case] = unpack((folder / name).read_bytes())
        again = answered(cases, python, jobs)
        same = sha256(pack(again)) == entry["sha256"]
        print(f"{name}: {entry['networks']} networks, {'same bytes' if same else 'DIFFERENT BYTES'}", flush=True)
        if not same:
            changed.append(name)
            pairs = zip(cases, again, strict=True)
            moved = [first for old, new in pairs if (first := compare(old, new.answer())[1])]
            print(
                "\n".join(moved)
                or "  all values are as before; they are packed otherwise (another zlib, or a change of files.py)"
            )
    here = versions(python)
    print(", ".join(f"{key} {here[key]} (made with {content[key]})" for key in here))
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main())
