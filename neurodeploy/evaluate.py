"""Accuracy of a network on labelled spikes, in float and on the chip's integers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import ModelError, SimulationError, UnreadableFile
from neurodeploy.network import Network
from neurodeploy.program import Program
from neurodeploy.simulate import Run, simulate
from neurodeploy.simulate.counters import add_counters
from neurodeploy.simulate.float_reference import simulate_float
from neurodeploy.simulate.readout import classify, scores

RASTER_BYTES = 256 * 2**20
"""Memory for the spikes of one part of a data set, one byte each."""


@dataclass(frozen=True, eq=False)
class Samples:
    """Labelled input.

    Attributes:
        spikes: uint8 (N, T, *shape).
        labels: (N,) class numbers, or None.
    """

    spikes: NDArray[np.uint8]
    labels: NDArray[np.int64] | None


def load_samples(path: str | Path) -> Samples:
    """Read ``DATA.npz``: ``spikes`` (N, T, *shape), and ``labels`` (N,) where known.

    Raises:
        UnreadableFile: Missing, not an ``.npz``, or without these arrays.
    """
    path = Path(path)
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except FileNotFoundError as error:
        raise UnreadableFile("no such file", where=str(path), remedy="check the path") from error
    except Exception as error:  # numpy raises whatever a damaged archive makes it meet
        raise UnreadableFile(
            f"not a readable .npz file: {type(error).__name__}: {error}",
            where=str(path),
            remedy="write it with numpy.savez_compressed(path, spikes=..., labels=...)",
        ) from error
    if "events" in arrays:
        arrays = _from_events(arrays, str(path)) | arrays
    if "spikes" not in arrays or arrays["spikes"].ndim < 3:
        raise UnreadableFile(
            f"no array 'spikes' of shape (N, T, ...) among {sorted(arrays)}",
            where=str(path),
            remedy="store spikes=(N, T, *shape) of 0 and 1, or events=(sample, t, address) with shape and steps",
        )
    labels = arrays.get("labels")
    if labels is not None and labels.shape != arrays["spikes"].shape[:1]:
        raise UnreadableFile(
            f"labels have shape {labels.shape}, there are {len(arrays['spikes'])} samples",
            where=str(path),
            remedy="store one class number per sample",
        )
    return Samples(arrays["spikes"], None if labels is None else labels.astype(np.int64))


def _from_events(arrays: dict[str, NDArray[Any]], where: str) -> dict[str, NDArray[Any]]:
    events = arrays["events"]
    if "shape" not in arrays or "steps" not in arrays or events.ndim != 2 or events.shape[1] != 3:
        raise UnreadableFile(
            "events need (rows, 3) integers (sample, t, address), and arrays 'shape' and 'steps'",
            where=where,
            remedy="store all three, t from 0 and address counted in C order",
        )
    shape, steps = tuple(int(n) for n in arrays["shape"]), int(arrays["steps"])
    samples = len(arrays["labels"]) if "labels" in arrays else int(events[:, 0].max(initial=-1)) + 1
    limits = np.array([samples, steps, int(np.prod(shape))])
    if not np.issubdtype(events.dtype, np.integer) or np.any((events < 0) | (events >= limits)):
        raise UnreadableFile(
            f"an event lies outside samples x steps x addresses = {limits.tolist()}",
            where=where,
            remedy="check the order of the columns: sample, t, address",
        )
    spikes = np.zeros((samples, steps, limits[2]), np.uint8)
    spikes[tuple(events.T)] = 1
    return {"spikes": spikes.reshape(samples, steps, *shape)}


def float_scores(network: Network, spikes: NDArray[Any], output: str, *, chunk: int = 64) -> NDArray[np.float64]:
    """Scores (N, classes) of the float network's output population."""
    _check_input(len(network.inputs))
    (name,) = network.inputs
    kind = network.semantics.readout
    kept = () if kind == "count" else (output,)
    parts = []
    for start in range(0, len(spikes), chunk):
        run = simulate_float(network, {name: spikes[start : start + chunk]}, membranes=kept)
        parts.append(scores(kind, run.spikes[output], run.membranes.get(output)))
    return np.concatenate(parts)


def chip_scores(program: Program, run: Run) -> NDArray[np.float64]:
    """Scores (N, classes) of the program's output; a membrane read-out needs v recorded, and is in float units."""
    output = output_of(program)
    population = program.net.populations[output]
    window = slice(population.start, population.start + run.counters.live_steps)
    spikes = run.spikes[output].reshape(run.counters.samples, run.steps, -1)[:, window]
    if program.readout == "count":
        return scores("count", spikes, None)
    v = run.states[output]["v"].reshape(spikes.shape[0], run.steps, -1)[:, window]
    scale = np.ones(()) if population.scale is None else population.scale
    return scores(program.readout, spikes, v / scale + population.offset)


def output_of(program: Program) -> str:
    """The one population that is read out; ModelError lists the choices if there are several."""
    if len(program.outputs) != 1:
        raise ModelError(
            f"the program has {len(program.outputs)} outputs",
            where="read-out",
            remedy=f"compile with --output NAME, one of {', '.join(program.outputs)}",
        )
    return next(iter(program.outputs.values()))


def run_program(
    program: Program,
    spikes: NDArray[Any],
    *,
    engine: str = "fast",
    steps: int | None = None,
    keep: Sequence[str] | None = None,
    progress: Callable[[int], None] = lambda samples: None,
) -> tuple[Run, NDArray[np.float64] | None]:
    """Simulate a data set in parts that fit in memory, and read out.

    Args:
        program: The program.
        spikes: (N, T, *shape).
        engine: ``fast`` or ``reference``.
        steps: Chip steps per sample; default all.
        keep: Populations whose spikes the Run holds; default the outputs.
        progress: Told after each part how many samples it had.

    Returns:
        One Run over all samples, and scores (N, classes), or None where the program has several outputs.
    """
    kept = tuple(program.outputs.values()) if keep is None else tuple(keep)
    single = len(program.outputs) == 1
    record = {output_of(program): ("v",)} if single and program.readout != "count" else {}
    total: Run | None = None
    parts = []
    chunk = _chunk(program, spikes.shape[1])
    for start in range(0, len(spikes), chunk):
        run = simulate(program, spikes[start : start + chunk], engine=engine, steps=steps, record=record)
        if single:
            parts.append(chip_scores(program, run))
        part = replace(run, spikes={n: run.spikes[n] for n in kept}, states={})
        total = part if total is None else _joined(total, part)
        progress(len(run.spikes[kept[0]]) if kept else chunk)
    if total is None:
        raise SimulationError("there are no samples", where="run", remedy="give at least one")
    return total, np.concatenate(parts) if single else None


def _joined(a: Run, b: Run) -> Run:
    spikes = {n: np.concatenate([a.spikes[n], b.spikes[n]]) for n in a.spikes}
    return replace(a, spikes=spikes, counters=add_counters(a.counters, b.counters))


def _chunk(program: Program, steps: int) -> int:
    """Samples whose spike rasters stay within the memory set aside for them."""
    neurons = program.net.neurons + sum(i.size for i in program.net.inputs.values())
    per_sample = (steps + program.net.latency_steps) * neurons
    return max(1, RASTER_BYTES // max(1, per_sample))


def accuracy(values: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Share of samples whose largest score is their label's."""
    return float(np.mean(classify(values) == labels))


def _check_input(inputs: int) -> None:
    if inputs != 1:
        raise SimulationError(
            f"the model has {inputs} inputs",
            where="float reference",
            remedy="call simulate_float with a dict of spikes",
        )
