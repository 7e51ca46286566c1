"""Values as they travel: bytes, arrays, numbers and text, so that nobody unpickles objects of another version."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy import errors
from neurodeploy.errors import DoesNotFit, NeurodeployError, SimulationError, Violation
from neurodeploy.program import Program
from neurodeploy.simulate import Run
from neurodeploy.simulate.counters import (
    CoreSteps,
    Counters,
    PopulationCounters,
    SourceTraffic,
    StepTimes,
    Traffic,
    add_counters,
)
from neurodeploy.storage import load, save

Plain = dict[str, Any]
"""Arrays, numbers and text, and dicts and lists of them."""


def program_bytes(program: Program) -> bytes:
    """The ``.ndp`` file of a program."""
    with tempfile.TemporaryDirectory(prefix="neurodeploy-") as folder:
        save(program, Path(folder) / "program.ndp")
        return (Path(folder) / "program.ndp").read_bytes()


def program_from(contents: bytes) -> Program:
    """A program from the bytes of its ``.ndp`` file; UnreadableFile as :func:`neurodeploy.storage.load`."""
    with tempfile.TemporaryDirectory(prefix="neurodeploy-") as folder:
        path = Path(folder) / "program.ndp"
        path.write_bytes(contents)
        return load(path)


def pack(messages: NDArray[Any]) -> Plain:
    """Messages: one bit for each where all are 0 or 1, else as they are. Engines ask for values, not for a dtype."""
    if np.all((messages == 0) | (messages == 1)):
        return {"shape": messages.shape, "bits": np.packbits(messages.astype(bool, copy=False), axis=None)}
    return {"values": np.ascontiguousarray(messages)}


def unpack(packed: Plain) -> NDArray[Any]:
    """The messages; uint8 where all were 0 or 1."""
    if "values" in packed:
        values: NDArray[Any] = packed["values"]
        return values
    shape = packed["shape"]
    return np.unpackbits(packed["bits"], count=int(np.prod(shape, dtype=np.int64))).reshape(shape)


def run_to_plain(run: Run) -> Plain:
    """A Run without registers."""
    counters = replace(run.counters, populations=dict(run.counters.populations))  # decoded: asdict knows dicts only
    return {
        "spikes": dict(run.spikes),
        "counters": asdict(counters),
        "steps": run.steps,
        "engine": run.engine,
        "latency_steps": run.latency_steps,
    }


def run_from_plain(plain: Mapping[str, Any]) -> Run:
    """The Run again."""
    counted = dict(plain["counters"])
    populations = {name: PopulationCounters(**c) for name, c in counted.pop("populations").items()}
    traffic = counted.pop("traffic")
    if traffic is not None:
        sources = {name: SourceTraffic(**sent) for name, sent in traffic["sources"].items()}
        cores, times = CoreSteps(**traffic["cores"]), StepTimes(**traffic["times"])
        traffic = Traffic(
            sources, traffic["syn_ops_into"], tuple(traffic["fired_into"]), cores, times, traffic["times_of"]
        )
    counters = Counters(populations=populations, traffic=traffic, **counted)
    return Run(plain["spikes"], {}, counters, plain["steps"], plain["engine"], plain["latency_steps"])


def join_runs(parts: Sequence[Run]) -> Run:
    """One Run over all samples, in the order of the parts; ``engine`` is ``reference`` where some fell back on that."""
    first, engines = parts[0], {part.engine for part in parts}
    return replace(
        first,
        spikes={name: np.concatenate([part.spikes[name] for part in parts]) for name in first.spikes},
        counters=reduce(add_counters, [part.counters for part in parts]),
        engine=first.engine if len(engines) == 1 else "reference",
    )


def error_to_plain(error: NeurodeployError) -> Plain:
    """An error's fields, as ``--json`` prints them."""
    return dict(error.to_dict())


def error_from_plain(plain: Mapping[str, Any]) -> NeurodeployError:
    """The error again: of its class where that is one of :mod:`neurodeploy.errors`, else a SimulationError."""
    kind = getattr(errors, plain["error"], SimulationError)
    if kind is DoesNotFit:
        rows = [{name: v for name, v in row.items() if name != "share"} for row in plain["violations"]]
        return DoesNotFit([Violation(**row) for row in rows], where=plain["where"])
    error: NeurodeployError = kind(plain["what"], where=plain["where"], remedy=plain["remedy"])
    return error
