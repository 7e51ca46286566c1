"""Runs a backend in a process of its own, which may hang or die: ``python -m neurodeploy.conformance.worker``.

Arguments are the factory and the suite's folder, which is read when the first case is asked for; each line of standard
input names a case by its number, each line of the result is JSON. What the backend prints goes nowhere.
"""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from dataclasses import asdict, replace
from pathlib import Path

from neurodeploy.conformance.backend import load_backend
from neurodeploy.conformance.judge import try_case
from neurodeploy.conformance.suite import Entry, load_suite
from neurodeploy.errors import NeurodeployError


def main(factory: str, folder: str) -> None:
    """First a line with the declaration, then one for each case."""
    warnings.simplefilter("ignore")
    results = os.fdopen(os.dup(1), "w", encoding="utf-8")
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)

    def say(value: object) -> None:
        results.write(json.dumps(value) + "\n")
        results.flush()

    try:
        backend = load_backend(factory)
    except NeurodeployError as error:
        say({"fault": [error.what, error.where, error.remedy]})
        return
    say({"declaration": asdict(backend.declaration)})
    entries: list[Entry] = []
    for line in sys.stdin:
        entries = entries or load_suite(Path(folder))
        began = time.perf_counter()
        result = try_case(backend, entries[int(line)])
        say(asdict(replace(result, seconds=time.perf_counter() - began)))


if __name__ == "__main__":
    main(*sys.argv[1:])
