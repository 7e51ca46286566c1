"""What workers do. Values go in and out as :mod:`neurodeploy.cluster.wire` has them; users' errors are such values."""

from __future__ import annotations

import tempfile
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

import msgspec

from neurodeploy.cluster.wire import Plain, error_to_plain, program_bytes, program_from, run_to_plain, unpack
from neurodeploy.compilation import Options
from neurodeploy.errors import NeurodeployError
from neurodeploy.evaluate import run_program
from neurodeploy.pipeline import compile_model
from neurodeploy.program import Program
from neurodeploy.target import Target
from neurodeploy.version import installed_version

THREADS = 1
"""Of the engine in a task: a worker runs as many tasks at a time as it was given threads."""

_loading = Lock()


def hold(value: Any) -> Any:
    """What other tasks need: Dask copies it to each worker once, and makes it anew where all copies are lost."""
    return value


def compile_task(version: str, name: str, contents: bytes, target: Plain, options: Plain) -> Plain:
    """Compile a model file of that name and these bytes; ``{"program": bytes}`` or ``{"error": fields}``."""
    if version != installed_version():
        return _other_version()
    with tempfile.TemporaryDirectory(prefix="neurodeploy-") as folder:
        path = Path(folder) / name
        path.write_bytes(contents)
        try:
            program = compile_model(path, msgspec.convert(target, Target), Options(**options))
        except NeurodeployError as error:
            error.where = error.where.replace(str(path), name)
            return {"error": error_to_plain(error)}
    return {"program": program_bytes(program)}


def run_task(version: str, compiled: Plain, shard: Plain, settings: Plain) -> Plain:
    """Run a shard on what :func:`compile_task` made; ``{"run": ..., "scores": ...}`` or ``{"error": fields}``.

    Args:
        version: The client's.
        compiled: ``{"program": bytes}``; with ``error`` it is handed on.
        shard: Packed messages.
        settings: ``engine``, ``steps`` and ``keep`` of :func:`neurodeploy.evaluate.run_program`.
    """
    if version != installed_version():
        return _other_version()
    if "error" in compiled:
        return compiled
    try:
        run, scores = run_program(_program(compiled["program"]), unpack(shard), threads=THREADS, **settings)
    except NeurodeployError as error:
        return {"error": error_to_plain(error)}
    return {"run": run_to_plain(run), "scores": scores}


def _program(contents: bytes) -> Program:
    """Read once per worker, also where several of its threads ask at once."""
    with _loading:
        return _read(contents)


@lru_cache(maxsize=2)
def _read(contents: bytes) -> Program:
    return program_from(contents)


def _other_version() -> Plain:
    """For workers that came after :func:`neurodeploy.cluster.connection.connect` had asked them all."""
    return {"other_version": installed_version()}
