"""The ``fast`` engine: hands a plan to the C kernels. Equal to ``reference`` in every bit."""

from __future__ import annotations

import ctypes
import os
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import SimulationError
from neurodeploy.neurons import model_named
from neurodeploy.simulate.arena import Arena
from neurodeploy.simulate.plan import Messages, Outcome, Plan
from neurodeploy.simulate.prepared import Prepared, prepare
from neurodeploy.simulate.rasters import Lazy, reorder, unpack
from neurodeploy.simulate.reference import run_reference
from neurodeploy.simulate.structs import BITS, FLAGS, MESSAGES, WORD, Population, Raster

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
    sent = _room(plan, prepared)
    rasters = (Raster * len(prepared.sources))()
    for raster, source in zip(rasters, prepared.sources, strict=True):
        if source in net.inputs:
            _give(raster, plan.inputs[source], arena, graded=net.inputs[source].message_bits > 0)
        else:
            raster.size, raster.steps = net.size_of(source), plan.steps
            raster.form = MESSAGES if net.message_bits_of(source) else BITS
            raster.values = sent[source].ctypes.data
    states = plan.traces()
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
    for name in states.keys() & prepared.orders.keys():
        states[name] = {r: reorder(values, prepared.orders[name]) for r, values in states[name].items()}
    return Outcome(
        Lazy({source: partial(_messages, values, net.size_of(source), prepared.orders.get(source)) for source, values in sent.items()}),
        states,
        {name: int(entry.active) for name, entry in counts.items()},
        {name: int(entry.wraps) for name, entry in counts.items()},
        {name: int(entry.saturations) for name, entry in counts.items()},
        {name: int(entry.syn_ops) for name, entry in counts.items()},
        {source: int(raster.sent) for source, raster in zip(prepared.sources, rasters, strict=True)},
    )


def _room(plan: Plan, prepared: Prepared) -> dict[str, NDArray[Any]]:
    """Room for what every output sends: uint64 words (B, steps, n_words), or int32 (B, steps, size)."""
    net, room = plan.net, {}
    for sources in plan.outputs.values():
        for source in sources:
            size, graded = net.size_of(source), net.message_bits_of(source)
            row, dtype = (size, np.int32) if graded else (-(-size // WORD), np.uint64)
            room[source] = np.empty((plan.batch, plan.steps, row), dtype)
    return room


def _give(raster: Any, values: Messages, arena: Arena, *, graded: bool) -> None:
    """An input."""
    raster.size, raster.steps, raster.form = values.shape[2], values.shape[1], MESSAGES if graded else FLAGS
    raster.values = arena.keep(values, np.int32 if graded else np.uint8)


def _messages(values: NDArray[Any], size: int, order: NDArray[np.int64] | None) -> Messages:
    return unpack(values, size, order) if values.dtype == np.uint64 else values


def _threads(plan: Plan) -> int:
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    work = plan.batch * plan.steps * plan.net.neurons
    return max(1, min(allowed, plan.batch, work // NEURON_STEPS_PER_THREAD))
