#!/usr/bin/env python3
"""Shows that the tests catch wrong rules: ``python tools/mutations.py [--jobs 2] [--only WORD] [--check]``.

Each variant is the package with one rule wrong (the 16 of the specification's table of mutations, and more): a copy in
a temporary folder with some source text replaced, once in the numpy reference and once in the C kernels, which are
compiled there for this processor; or in the fast engine alone, where it takes a way of its own. The comparison of
tests/golden runs on the copy; the table says how many values of registers and messages go wrong. Where none does, and
first where a variant names some of them, the fast engine's unit tests run, too.
Exits 1 if a variant survives, if the unchanged package fails, or if a source text does not stand there exactly once:
then correct tests/golden/variants_*.py. ``--check`` looks for the texts only. Not part of the test run; about six
minutes. Needs an environment with the package's dependencies and test tools, such as .venv-test, and a C compiler: CC,
or cc, or the package ziglang.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from golden.variant import Edits, Variant  # noqa: E402
from golden.variants_arithmetic import ARITHMETIC_VARIANTS  # noqa: E402
from golden.variants_lif import SYNAPSE_AND_LIF_VARIANTS  # noqa: E402
from golden.variants_models import MODEL_VARIANTS  # noqa: E402
from golden.variants_paths import PATH_VARIANTS  # noqa: E402

VARIANTS = (*SYNAPSE_AND_LIF_VARIANTS, *MODEL_VARIANTS, *ARITHMETIC_VARIANTS, *PATH_VARIANTS)
UNIT_TESTS = [f"tests/unit/test_{name}.py" for name in ("fast_engine", "shared_steps", "sums", "sessions")]
HANGS_S = 900


class NotTested(Exception):
    """The variant could not be tried."""


def mutate(edits: Edits, package: Path) -> None:
    """Apply the edits to a package, or complain of each text that does not stand there once."""
    wrong = []
    for name, old, new in edits:
        text = (package / name).read_text(encoding="utf-8")
        if text.count(old) == 1:
            (package / name).write_text(text.replace(old, new), encoding="utf-8")
        else:
            wrong.append(f"{text.count(old)} times in {name}: {old}")
    if wrong:
        raise NotTested("; ".join(wrong))


class Compiler:
    """Compiles kernels; of those that are as in the checkout, only once.

    Args:
        folder: For the objects.
    """

    def __init__(self, folder: Path) -> None:
        found = os.environ.get("CC") or shutil.which("cc")
        self._command = found.split() if found else [sys.executable, "-m", "ziglang", "cc"]
        native = ["-march=native"] if platform.machine() in ("x86_64", "AMD64") else []
        self._command += ["-fPIC", "-std=gnu11", "-O1", "-pthread", *native]
        self._folder = folder
        self._compile((ROOT / "neurodeploy" / "kernels").glob("*.c"), folder)

    def link(self, kernels: Path, edited: set[str]) -> None:
        """Make the library beside the sources, of which those named were edited."""
        headers = any(name.endswith(".h") for name in edited)
        sources = sorted(kernels.glob("*.c"))
        changed = [source for source in sources if headers or source.name in edited]
        self._compile(changed, kernels)
        objects = [(kernels if source in changed else self._folder) / f"{source.stem}.o" for source in sources]
        suffix = ".dylib" if sys.platform == "darwin" else ".so"
        self._run(["-shared", *map(str, objects), "-o", str(kernels / f"libneurodeploy{suffix}")])

    def _compile(self, sources: Iterable[Path], folder: Path) -> None:
        for source in sources:
            self._run([f"-I{source.parent}", "-c", str(source), "-o", str(folder / f"{source.stem}.o")])

    def _run(self, arguments: list[str]) -> None:
        done = subprocess.run([*self._command, *arguments], capture_output=True, text=True)
        if done.returncode:
            raise NotTested(done.stderr)


def outcome(variant: Variant, engine: str, compiler: Compiler) -> tuple[bool, str]:
    """Whether the tests tell the variant from what is right, and a line for the table."""
    edits = variant.fast if engine == "fast" else variant.reference or ()
    try:
        with tempfile.TemporaryDirectory(prefix="neurodeploy-mutation-") as name:
            package = Path(name) / "neurodeploy"
            shutil.copytree(ROOT / "neurodeploy", package, ignore=shutil.ignore_patterns("__pycache__", "lib*"))
            mutate(edits, package)
            if engine == "fast":
                kernels = {Path(file).name for file, *_ in edits if file.startswith("kernels/")}
                compiler.link(package / "kernels", kernels)
            caught, line = tried(variant, engine, Path(name))
    except NotTested as problem:
        return False, f"NOT TESTED: {problem}"
    if not edits:
        line += "  WRONG" if caught else "  right"
    elif not caught:
        line += "  SURVIVES"
    return caught == bool(edits), line


def tried(variant: Variant, engine: str, folder: Path) -> tuple[bool, str]:
    """Whether anything goes wrong with the copy, and what: cheapest first."""
    nothing = " " * 19
    if engine == "fast" and variant.tests and (failed := unit_tests(folder, "-k", variant.tests)):
        return True, f"{nothing}  caught by {failed}"
    done = run(folder, str(Path(__file__).resolve()), "--compare", engine)
    if done is None or done.returncode < 0:
        return True, f"{nothing}  crashes or hangs"
    if done.returncode:
        raise NotTested(done.stderr.strip().splitlines()[-1])
    wrong = json.loads(done.stdout.splitlines()[-1])
    counts = " ".join(f"{wrong[key]:9,}" for key in ("registers", "messages"))
    if wrong["registers"] + wrong["messages"] + wrong["raised"]:
        raised = f", {wrong['raised']} more raise" if wrong["raised"] else ""
        return True, f"{counts}  caught by {wrong['networks']} networks{raised}"
    failed = unit_tests(folder) if engine == "fast" else None
    return bool(failed), f"{counts}  caught by {failed}" if failed else counts


def unit_tests(folder: Path, *options: str) -> str | None:
    """The first unit test of the fast engine that fails on the copy."""
    tests = map(str, map(ROOT.joinpath, UNIT_TESTS))
    where = ("-c", str(ROOT / "pyproject.toml"), "--rootdir", str(ROOT), "-p", "no:cacheprovider")
    done = run(folder, "-m", "pytest", "-x", "-q", "--tb=no", *where, *options, *tests)
    if done is None or done.returncode < 0:
        return "a crash, or hanging"
    if done.returncode not in (0, 1):  # such as no test of that name
        raise NotTested(done.stdout.strip() + done.stderr.strip())
    return re.findall(r"^FAILED .*?::(\S+)", done.stdout, re.MULTILINE)[0] if done.returncode else None


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str] | None:
    """Python with the copy of the package; None where it hangs."""
    # -S: an editable install of neurodeploy would come before the copy
    path = os.pathsep.join([str(folder), str(ROOT / "tests"), *filter(None, sys.path)])
    environment = os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-B", "-S", *arguments]
    try:
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment, timeout=HANGS_S)
    except subprocess.TimeoutExpired:
        return None


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


def check(variants: Iterable[Variant]) -> int:
    """Print every text that does not stand where a variant replaces it."""
    bad = 0
    for variant in variants:
        for edits in {variant.reference or (), variant.fast}:
            for name, old, _ in edits:
                count = (ROOT / "neurodeploy" / name).read_text(encoding="utf-8").count(old)
                if count != 1:
                    print(f"{variant.name}: {count} times in {name}: {old}")
                    bad += 1
    return 1 if bad else 0


def main() -> int:
    """Try every variant on the engines that have its rule."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="", metavar="WORD", help="variants whose name contains this")
    parser.add_argument("--check", action="store_true", help="only that all texts stand where they should")
    parser.add_argument("--compare", choices=("reference", "fast"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.compare:
        return compare_all(options.compare)
    variants = [variant for variant in VARIANTS if options.only in variant.name]
    if options.check:
        return check(variants)
    tries = [(v, e) for v in variants for e in ("reference", "fast") if e == "fast" or v.reference is not None]
    bad = 0
    print(f"{'variant':46} {'engine':10} {'registers':>9} {'messages':>9}  (wrong values)", flush=True)
    with tempfile.TemporaryDirectory(prefix="neurodeploy-objects-") as name, ThreadPoolExecutor(options.jobs) as pool:
        compiler = Compiler(Path(name))
        results = pool.map(lambda pair: outcome(*pair, compiler), tries)
        for (variant, engine), (good, line) in zip(tries, results, strict=True):
            print(f"{variant.name:46} {engine:10} {line}", flush=True)
            bad += not good
    print(f"{len(tries)} tried, {bad} not as they should be")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
