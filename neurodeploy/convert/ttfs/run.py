"""Running a network of first spikes: to the end of its horizon, or until the first output has spiked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from neurodeploy.convert.ttfs.chip import INPUT, OUTPUT
from neurodeploy.convert.ttfs.code import NEVER, Code, first_spikes
from neurodeploy.convert.ttfs.guard import Guard
from neurodeploy.errors import SimulationError
from neurodeploy.program import Program
from neurodeploy.simulate import Session, simulate
from neurodeploy.simulate.counters import CoreSteps, Counters, StepTimes, add_counters

CHUNK_BYTES = 2**27
"""Of spikes that are held at a time."""
CHUNK_STEPS = 16
"""Steps after which a run that may end looks at its outputs."""


@dataclass(frozen=True, eq=False)
class Result:
    """Of N samples.

    Attributes:
        outputs: Whole ticks of each output, (N, n): floor of a class read-out, ceil of one of values. Where no spike
            came before the run ended, minus or plus :data:`neurodeploy.convert.ttfs.code.NEVER`.
        classes: Output that spiked first, ties to the lowest index, (N,); None of a read-out of values.
        steps: Ticks that each sample was run for, (N,).
        counters: Of these ticks and no others, for :func:`neurodeploy.estimate.model.costs_of`.
    """

    outputs: NDArray[np.int64]
    classes: NDArray[np.int64] | None
    steps: NDArray[np.int64]
    counters: Counters


def run_all(program: Program, code: Code, ticks: NDArray[np.int64], engine: str) -> Result:
    """Run every sample for the whole horizon.

    Raises:
        SimulationError: A window was too short, a register too narrow, or an output did not spike.
    """
    guard = Guard(program.net)
    chunk = max(1, CHUNK_BYTES // (code.horizon * (program.net.neurons + program.net.inputs[INPUT].size)))
    outputs, counters = [], []
    for start in range(0, len(ticks), chunk):
        spikes = code.spikes(ticks[start : start + chunk])
        run = simulate(program, spikes, engine=engine)
        fired = {name: first_spikes(sent) for name, sent in run.spikes.items()} | {INPUT: first_spikes(spikes)}
        guard.check_counters(run.counters)
        guard.check(fired, np.full(len(spikes), code.horizon - 1), start)
        _check_fired(fired[OUTPUT], code, start)
        outputs.append(code.outputs(fired[OUTPUT]))
        counters.append(run.counters)
    found = np.concatenate(outputs)
    steps = np.full(len(ticks), code.horizon)
    return Result(found, _classes(found, code), steps, reduce(add_counters, counters))


def run_until_spike(program: Program, code: Code, ticks: NDArray[np.int64]) -> Result:
    """Run each sample until its first output spike; what is counted are the ticks up to it.

    Raises:
        SimulationError: As of :func:`run_all`, or the read-out is one of values.
    """
    if code.readout != "class":
        raise SimulationError(
            "the first spike of a read-out of values says nothing of the others",
            where="ttfs",
            remedy="convert with readout='class', or use run",
        )
    guard, session = Guard(program.net), Session(program.net)
    outputs, stops = [], []
    for sample in range(len(ticks)):
        spikes = code.spikes(ticks[sample : sample + 1])[0]
        padded = np.pad(spikes, ((0, code.horizon - len(spikes)), (0, 0)))
        fired, stop = _until_spike(session, padded, guard)
        _check_fired(fired[OUTPUT], code, sample)
        guard.check(fired, np.array([stop]), sample)
        outputs.append(code.outputs(fired[OUTPUT]))
        stops.append(stop + 1)
        session.restart()
    found, steps = np.concatenate(outputs), np.array(stops)
    return Result(found, _classes(found, code), steps, _counted(program, code.spikes(ticks), steps))


def _until_spike(session: Session, spikes: NDArray[np.uint8], guard: Guard) -> tuple[dict[str, NDArray[np.int64]], int]:
    """First spikes of a sample, (1, n) each, up to the tick of the first output spike."""
    sent: dict[str, list[NDArray[np.uint8]]] = {INPUT: [spikes]}
    for start in range(0, len(spikes), CHUNK_STEPS):
        run = session.run(spikes[start : start + CHUNK_STEPS])
        guard.check_counters(run.counters)
        for name, values in run.spikes.items():
            sent.setdefault(name, []).append(values)
        if run.spikes[OUTPUT].any():
            break
    rasters = {name: np.concatenate(parts) for name, parts in sent.items()}
    stop = int(min(first_spikes(rasters[OUTPUT][None]).min(), len(spikes) - 1))
    return {name: first_spikes(values[None, : stop + 1]) for name, values in rasters.items()}, stop


def _check_fired(fired: NDArray[np.int64], code: Code, first: int) -> None:
    late = (fired == NEVER).all(axis=1) if code.readout == "class" else (fired == NEVER).any(axis=1)
    if late.any():
        raise SimulationError(
            f"{'no' if code.readout == 'class' else 'an'} output of sample {first + int(late.argmax())} has "
            f"{'' if code.readout == 'class' else 'not '}spiked within {code.horizon} ticks",
            where="ttfs",
            remedy="convert with horizon='long', or calibrate on data that include such inputs",
        )


def _classes(outputs: NDArray[np.int64], code: Code) -> NDArray[np.int64] | None:
    return np.asarray(outputs.argmax(axis=1), np.int64) if code.readout == "class" else None


def _counted(program: Program, spikes: NDArray[np.uint8], steps: NDArray[np.int64]) -> Counters:
    """Counters of samples of different lengths, each counted for its own ticks only."""
    parts = [
        simulate(program, spikes[steps == length], steps=int(length), keep=()).counters for length in np.unique(steps)
    ]
    return reduce(add_counters, (_lengthened(part, parts[-1]) for part in parts))


def _lengthened(counters: Counters, longest: Counters) -> Counters:
    """The same in arrays as of the longest run, nothing being done in steps that were not run."""
    traffic, long = counters.traffic, longest.traffic
    assert traffic is not None and long is not None
    whole = long.cores.steps_per_bin > 1  # bins of runs of different lengths differ: one for all steps

    def longer(values: NDArray[np.int64]) -> NDArray[np.int64]:
        if whole:
            return np.asarray(values.sum(axis=0, keepdims=True))
        return np.pad(values, [(0, longest.steps - len(values)), *[(0, 0)] * (values.ndim - 1)])

    cores, times = traffic.cores, traffic.times
    by_kind = {kind: longer(values) for kind, values in cores.syn_ops_of.items()}
    rest = [name for name in CoreSteps.__dataclass_fields__ if name not in ("steps_per_bin", "syn_ops_of")]
    long_cores = CoreSteps(longest.steps if whole else 1, by_kind, *(longer(getattr(cores, name)) for name in rest))
    long_times = StepTimes(*(longer(getattr(times, name)) for name in StepTimes.__dataclass_fields__))
    return replace(
        counters,
        steps=longest.steps,
        live_steps=longest.live_steps,
        traffic=replace(traffic, cores=long_cores, times=long_times),
    )
