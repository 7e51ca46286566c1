#!/usr/bin/env python3
"""Shows that the golden files catch wrong rules: ``python tools/mutations.py [--jobs 2] [--only WORD]``.

Each variant is the package with one rule wrong (the 16 of the specification's table of mutations, and more): a copy in
a temporary folder with some source text replaced, once in the numpy reference and once in the C kernels, which are
compiled there. The comparison of tests/golden runs on the copy; the table says how many values of registers and
messages go wrong.
Exits 1 if a variant survives, if the unchanged package fails, or if a source text does not stand there exactly once:
then correct tests/golden/variants_*.py. Not part of the test run; about two minutes. Needs neurodeploy's dependencies
and a C compiler: CC, or cc, or the package ziglang.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from golden.variant import Edits, Variant  # noqa: E402
from golden.variants_lif import SYNAPSE_AND_LIF_VARIANTS  # noqa: E402
from golden.variants_models import MODEL_VARIANTS  # noqa: E402

VARIANTS = (*SYNAPSE_AND_LIF_VARIANTS, *MODEL_VARIANTS)


def mutate(edits: Edits, folder: Path) -> str | None:
    """Copy the package and apply the edits; returns what is wrong with them, if anything."""
    package = folder / "neurodeploy"
    shutil.copytree(ROOT / "neurodeploy", package, ignore=shutil.ignore_patterns("__pycache__", "lib*"))
    for name, old, new in edits:
        text = (package / name).read_text(encoding="utf-8")
        if text.count(old) != 1:
            return f"{text.count(old)} times in {name}: {old}"
        (package / name).write_text(text.replace(old, new), encoding="utf-8")
    return None


def compile_kernels(kernels: Path) -> str | None:
    """Compile beside the sources; returns the compiler's complaint."""
    found = os.environ.get("CC") or shutil.which("cc")
    command = found.split() if found else [sys.executable, "-m", "ziglang", "cc", "-mcpu=baseline"]
    flags = ["-shared", "-fPIC", "-std=gnu11", "-O1", f"-I{kernels}"]
    suffix = ".dylib" if sys.platform == "darwin" else ".so"
    command += [*flags, *map(str, sorted(kernels.glob("*.c"))), "-o", str(kernels / f"libneurodeploy{suffix}")]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stderr if done.returncode else None


def outcome(variant: Variant, engine: str) -> tuple[bool, str]:
    """Whether the golden files tell the variant from Lava, and a line for the table."""
    edits = variant.reference if engine == "reference" else variant.fast
    with tempfile.TemporaryDirectory(prefix="neurodeploy-mutation-") as name:
        folder = Path(name)
        problem = mutate(edits, folder)
        if problem is None and engine == "fast":
            problem = compile_kernels(folder / "neurodeploy" / "kernels")
        if problem:
            return False, f"NOT TESTED: {problem}"
        # -S: an editable install of neurodeploy would come before the copy
        path = os.pathsep.join([name, str(ROOT / "tests"), *filter(None, sys.path)])
        command = [sys.executable, "-B", "-S", str(Path(__file__).resolve()), "--compare", engine]
        environment = os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        return False, f"NOT TESTED: {done.stderr.strip().splitlines()[-1]}"
    wrong = json.loads(done.stdout.splitlines()[-1])
    caught = wrong["registers"] + wrong["messages"] + wrong["raised"] > 0
    if not edits:
        verdict = "WRONG" if caught else "right"
    else:
        verdict = f"caught by {wrong['networks']} networks" if caught else "SURVIVES"
    raised = f", {wrong['raised']} more raise" if wrong["raised"] else ""
    counts = " ".join(f"{wrong[key]:9,}" for key in ("registers", "messages"))
    return caught == bool(edits), f"{counts}  {verdict}{raised}"


def compare_all(engine: str) -> int:
    """In the copy: run every golden case, print how many values are wrong."""
    import numpy as np
    from golden.files import compare, load

    from neurodeploy.simulate.engine import run_fast
    from neurodeploy.simulate.reference import run_reference

    total = dict.fromkeys(("registers", "messages", "networks", "raised"), 0)
    for case in load().values():
        try:
            with np.errstate(all="ignore"):
                wrong, first = compare(case, {"reference": run_reference, "fast": run_fast}[engine](case.plan))
        except (ValueError, IndexError):
            total["raised"] += 1
            continue
        total["networks"] += first is not None
        for register, count in wrong.items():
            total["messages" if register == "s" else "registers"] += count
    print(json.dumps(total))
    return 0


def main() -> int:
    """Try every variant on both engines."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="", metavar="WORD", help="variants whose name contains this")
    parser.add_argument("--compare", choices=("reference", "fast"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.compare:
        return compare_all(options.compare)
    tries = [(v, e) for v in VARIANTS for e in ("reference", "fast") if options.only in v.name]
    bad = 0
    print(f"{'variant':42} {'engine':10} {'registers':>9} {'messages':>9}  (wrong values)")
    with ThreadPoolExecutor(options.jobs) as pool:
        for (variant, engine), (good, line) in zip(tries, pool.map(lambda pair: outcome(*pair), tries), strict=True):
            print(f"{variant.name:42} {engine:10} {line}", flush=True)
            bad += not good
    print(f"{len(tries)} tried, {bad} not as they should be")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
