"""Accuracy of a network on labelled spikes, in float and on the chip's integers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import ModelError, SimulationError, UnreadableFile
from neurodeploy.network import Network
from neurodeploy.npz import read_arrays
from neurodeploy.program import Program
from neurodeploy.semantics import MEMBRANE_READOUTS, SPIKE_READOUTS
from neurodeploy.simulate import Run, simulate
from neurodeploy.simulate.counters import add_counters
from neurodeploy.simulate.events import MOST_ADDRESSES, Events
from neurodeploy.simulate.float_reference import simulate_float
from neurodeploy.simulate.inputs import Spikes, check_events, check_messages
from neurodeploy.simulate.readout import classify, scores

RASTER_BYTES = 256 * 2**20
"""Memory for the messages of one part of a data set: one byte for a spike, four for a graded one."""
SAMPLE_BYTES = 2**32
"""Most memory for the spikes of one sample; keeps step counts within the 32 bits of the C kernels, too."""


@dataclass(frozen=True, eq=False)
class Samples:
    """Labelled input.

    Attributes:
        spikes: (N, T, *shape): uint8 where all are 0 or 1, else int32 (graded messages).
        labels: (N,) class numbers, or None.
    """

    spikes: NDArray[Any]
    labels: NDArray[np.int64] | None


def load_samples(path: str | Path) -> Samples:
    """Read ``DATA.npz``, and ``labels`` (N,) where known, class numbers from 0.

    Either ``spikes`` (N, T, *shape), 0 and 1 or graded messages; or ``events``, integer rows (sample, t, address) from
    0, the address in C order, with ``shape`` and ``steps``: N is then the number of labels, else the last sample with
    an event; events that coincide are one spike.

    Raises:
        UnreadableFile: Missing, not an ``.npz``, or with other arrays or values than these.
    """
    spikes, labels = read_samples(path)
    return Samples(_dense(spikes, str(path)) if isinstance(spikes, Events) else spikes, labels)


def read_samples(path: str | Path) -> tuple[Spikes, NDArray[np.int64] | None]:
    """Spikes and labels as :func:`load_samples` reads them, but events as such, which may be fewer than would fit."""
    where = str(path)
    arrays, found = read_arrays(Path(path), _ARRAYS, _SAVE)
    if ("spikes" in arrays) == ("events" in arrays):
        raise UnreadableFile(
            f"one array 'spikes' or 'events' is needed, found {found}", where=where, remedy=f"write it with {_SAVE}"
        )
    labels = arrays.get("labels")
    check_labels(labels, None, where)
    spikes = _events(arrays, where) if "events" in arrays else _messages(arrays["spikes"], where)
    check_labels(labels, len(spikes), where)
    return spikes, None if labels is None else labels.astype(np.int64)


def check_labels(labels: NDArray[Any] | None, samples: int | None, where: str) -> None:
    """UnreadableFile unless they are absent, or class numbers; and one for each sample, where that is known."""
    if labels is None:
        return
    if labels.ndim != 1 or labels.dtype.kind not in "iu" or np.any(labels < 0):
        raise UnreadableFile(
            f"labels must be one class number >= 0 per sample, found {labels.dtype} of shape {labels.shape}",
            where=where,
            remedy="store integers (N,), counted from 0",
        )
    if samples is not None and len(labels) != samples:
        raise UnreadableFile(
            f"there are {len(labels)} labels and {samples} samples",
            where=where,
            remedy="store one class number per sample",
        )


_ARRAYS = ("spikes", "events", "shape", "steps", "labels")
_SAVE = "numpy.savez_compressed(path, spikes=..., labels=...), spikes (N, T, *shape) of integers"


def _messages(values: NDArray[Any], where: str) -> NDArray[Any]:
    if values.ndim < 3 or values.size == 0:
        raise UnreadableFile(
            f"spikes have shape {values.shape}", where=where, remedy="give (N, T, *shape), at least one of each"
        )
    if values.dtype.kind not in "buif":
        raise UnreadableFile(
            f"spikes are {values.dtype}", where=where, remedy="store uint8 values 0 and 1, or integers"
        )
    legal = np.isfinite(values) & (values == np.rint(values)) & (np.abs(values.astype(np.float64)) < 2**31)
    if not legal.all():
        first = tuple(int(i) for i in np.unravel_index(np.argmin(legal), legal.shape))
        raise UnreadableFile(
            f"spikes hold {values[first]} at {first}, not a 32-bit integer",
            where=where,
            remedy="encode real values with `neurodeploy encode`, or scale and round them into graded messages",
        )
    return values.astype(np.uint8 if np.all((values == 0) | (values == 1)) else np.int32)


def _events(arrays: dict[str, NDArray[Any]], where: str) -> Events:
    events = arrays["events"]
    legal = all(name in arrays and arrays[name].dtype.kind in "iu" for name in ("events", "shape", "steps"))
    if not legal or events.ndim != 2 or events.shape[1] != 3 or arrays["steps"].size != 1:
        raise UnreadableFile(
            "events need integer rows (sample, t, address), and integers 'shape' and 'steps'",
            where=where,
            remedy="store all three, t from 0 and address counted in C order",
        )
    shape, steps = tuple(int(n) for n in arrays["shape"].ravel()), int(arrays["steps"].item())
    samples = len(arrays["labels"]) if "labels" in arrays else int(events[:, 0].max()) + 1 if len(events) else 0
    if min(samples, steps, *shape) < 1:
        raise UnreadableFile(
            f"{samples} samples, {steps} steps, shape {shape}", where=where, remedy="give at least one of each"
        )
    limits = (samples, steps, math.prod(shape))
    for column, limit, name in zip(events.T, limits, ("sample", "t", "address"), strict=True):
        wrong = np.flatnonzero((column < 0) | (column >= limit))
        if len(wrong):
            raise UnreadableFile(
                f"event {wrong[0]} has {name} {column[wrong[0]]}, of 0..{limit - 1}",
                where=where,
                remedy="check the order of the columns (sample, t, address), and 'shape' and 'steps'",
            )
    with _fitting(limits, where):
        if limits[2] > MOST_ADDRESSES:
            raise MemoryError
        return Events.from_rows(events, steps=steps, shape=shape, samples=samples)


def _dense(events: Events, where: str) -> NDArray[np.uint8]:
    with _fitting(events.shape, where):
        return events.array()


@contextmanager
def _fitting(limits: tuple[int, int, int], where: str) -> Iterator[None]:
    try:
        yield
    except (MemoryError, ValueError) as error:
        samples, steps, addresses = limits
        raise UnreadableFile(
            f"{samples} x {steps} steps x {addresses} addresses do not fit in memory",
            where=where,
            remedy="check 'shape' and 'steps', or store fewer samples per file",
        ) from error


def float_scores(network: Network, spikes: NDArray[Any], output: str, *, chunk: int = 64) -> NDArray[np.float64]:
    """Scores (N, classes) of the float network's output population."""
    _check_input(len(network.inputs), "simulate_float")
    (name,) = network.inputs
    kind = network.semantics.readout
    kept = (output,) if kind in MEMBRANE_READOUTS else ()
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
    if program.readout in SPIKE_READOUTS:
        return scores(program.readout, spikes, None)
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
    spikes: Spikes,
    *,
    engine: str = "fast",
    steps: int | None = None,
    keep: Sequence[str] | None = None,
    threads: int | None = None,
    progress: Callable[[int], None] = lambda samples: None,
) -> tuple[Run, NDArray[np.float64] | None]:
    """Simulate a data set in parts that fit in memory, and read out.

    Args:
        program: The program.
        spikes: (N, T, *shape), or events.
        engine: ``fast`` or ``reference``.
        steps: Chip steps per sample; default all.
        keep: Populations whose spikes the Run holds; default the outputs.
        threads: Of the ``fast`` engine, as :func:`neurodeploy.simulate.simulate` takes them.
        progress: Told after each part how many samples it had.

    Returns:
        One Run over all samples, and scores (N, classes), or None where the program has several outputs.
    """
    check_data(program, spikes)
    kept = tuple(program.outputs.values()) if keep is None else tuple(keep)
    single = len(program.outputs) == 1
    record = {output_of(program): ("v",)} if single and program.readout in MEMBRANE_READOUTS else {}
    runs, parts = [], []
    chunk = _chunk(program, program.net.steps_of(spikes.shape[1]) if steps is None else steps)
    for start in range(0, len(spikes), chunk):
        part = spikes[start : start + chunk]
        run = simulate(program, part, engine=engine, steps=steps, record=record, threads=threads)
        if single:
            parts.append(chip_scores(program, run))
        runs.append(replace(run, spikes={n: run.spikes[n] for n in kept}, states={}))
        progress(len(part))
    return _joined(runs), np.concatenate(parts) if single else None


def check_data(program: Program, spikes: Spikes) -> None:
    """SimulationError unless there are samples (N, ...), of messages that the program's only input takes."""
    _check_input(len(program.net.inputs), "simulate")
    (port,) = program.net.inputs.values()
    if isinstance(spikes, Events):
        check_events(spikes, port)
    else:
        check_messages(spikes, port)
    if not len(spikes):
        raise SimulationError("there are no samples", where="run", remedy="give at least one")


def _joined(runs: Sequence[Run]) -> Run:
    spikes = {n: np.concatenate([run.spikes[n] for run in runs]) for n in runs[0].spikes}
    return replace(runs[0], spikes=spikes, counters=reduce(add_counters, (run.counters for run in runs)))


def _chunk(program: Program, steps: int) -> int:
    """Samples whose spike rasters stay within the memory set aside for them."""
    net = program.net
    sources = [*net.inputs, *(output for name in net.populations for output in net.outputs_of(name))]
    per_sample = steps * sum(net.size_of(s) * (4 if net.message_bits_of(s) else 1) for s in sources)
    if per_sample > SAMPLE_BYTES:
        raise SimulationError(
            f"{steps:,} steps of one sample need {per_sample / 2**30:,.0f} GiB", where="run", remedy="run fewer steps"
        )
    return max(1, RASTER_BYTES // max(1, per_sample))


def accuracy(values: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Share of samples whose largest score is their label's.

    Raises:
        SimulationError: A label is not the number of an output neuron.
    """
    if labels.max(initial=0) >= values.shape[1]:
        raise SimulationError(
            f"label {labels.max()}, but the output has {values.shape[1]} neurons",
            where="accuracy",
            remedy=f"use class numbers 0..{values.shape[1] - 1}, counted from 0",
        )
    return float(np.mean(classify(values) == labels))


def _check_input(inputs: int, instead: str) -> None:
    if inputs != 1:
        raise SimulationError(
            f"the model has {inputs} inputs, a data set feeds one",
            where="data set",
            remedy=f"call {instead} from Python with a dict of spikes",
        )
