"""The ``fast`` engine: hands a plan to the C kernels. Equal to ``reference`` in every bit."""

from __future__ import annotations

import ctypes
import os

import numpy as np

from neurodeploy.errors import SimulationError
from neurodeploy.neurons import model_named
from neurodeploy.simulate.plan import Outcome, Plan
from neurodeploy.simulate.prepared import Arena, prepare
from neurodeploy.simulate.reference import run_reference
from neurodeploy.simulate.structs import Population, Raster

NO_MEMORY = 1
NEURON_STEPS_PER_THREAD = 4_000_000
"""About a millisecond of work, below which starting a thread does not pay."""


def run_fast(plan: Plan, *, threads: int | None = None) -> Outcome:
    """Run all samples and steps in one call.

    Args:
        plan: The simulation.
        threads: How many share the samples; default as many as this process may use and the work is worth.

    Raises:
        KernelsUnavailable: The library is missing or of another version.
        SimulationError: Memory ran out, or a convolution's sum left 32 bits.
    """
    net, arena = plan.net, Arena()
    prepared = prepare(net)
    spikes, states = plan.rasters(), plan.traces()
    types = {name: np.int32 if port.message_bits else np.uint8 for name, port in net.inputs.items()}
    messages = spikes | {name: np.ascontiguousarray(plan.inputs[name], types[name]) for name in net.inputs}
    rasters = (Raster * len(messages))()
    for raster, source in zip(rasters, prepared.sources, strict=True):
        values = messages[source]
        raster.values, raster.size, raster.steps = values.ctypes.data, values.shape[2], values.shape[1]
        raster.graded = values.dtype != np.uint8
    populations = (Population * len(net.populations)).from_buffer_copy(prepared.populations)
    for entry, (name, population) in zip(populations, net.populations.items(), strict=True):
        entry.first, entry.last = plan.window(name)
        kept, registers = states.get(name, {}), model_named(population.model).registers
        entry.traces = arena.table([kept[r].ctypes.data if r in kept else None for r in registers])
    failed = prepared.library.nd_run(
        populations,
        ctypes.c_int32(len(populations)),
        prepared.projections,
        ctypes.c_int32(len(prepared.projections)),
        rasters,
        ctypes.c_int32(len(rasters)),
        ctypes.c_int32(plan.batch),
        ctypes.c_int32(plan.steps),
        ctypes.c_int32(_threads(plan) if threads is None else max(1, min(threads, plan.batch))),
    )
    if failed == NO_MEMORY:
        raise SimulationError(
            "not enough memory for the registers", where="fast engine", remedy="run fewer samples at a time"
        )
    if failed:
        return run_reference(plan)  # raises, and says where
    counts = dict(zip(net.populations, populations, strict=True))
    return Outcome(
        spikes,
        states,
        {name: int(entry.active) for name, entry in counts.items()},
        {name: int(entry.wraps) for name, entry in counts.items()},
        {name: int(entry.saturations) for name, entry in counts.items()},
        {name: int(entry.syn_ops) for name, entry in counts.items()},
        {source: int(raster.sent) for source, raster in zip(prepared.sources, rasters, strict=True)},
    )


def _threads(plan: Plan) -> int:
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    work = plan.batch * plan.steps * plan.net.neurons
    return max(1, min(allowed, plan.batch, work // NEURON_STEPS_PER_THREAD))
