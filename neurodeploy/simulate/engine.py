"""The ``fast`` engine: hands a plan to the C kernels. Equal to ``reference`` in every bit."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy import kernels
from neurodeploy.chipnet import ChipPopulation, ChipProjection
from neurodeploy.connections import Conv2d, Dense, Sparse
from neurodeploy.errors import SimulationError
from neurodeploy.neurons import model_named
from neurodeploy.simulate.plan import Outcome, Plan

RESETS = {"zero": 0, "subtract": 1, "none": 2}
KINDS = {"dense": 0, "sparse": 1, "conv2d": 2}
MAX_SOURCES = 2**23 - 1
"""Largest fan-in of 9-bit weights whose sum is sure to fit 32 bits."""


class _Population(ctypes.Structure):
    """``nd_population`` of kernels/nd.h."""

    _fields_ = [
        *((name, ctypes.c_int32) for name in ("size", "reset", "first", "last", "reset_interval", "reset_offset")),
        *(
            (name, ctypes.c_void_p)
            for name in ("du", "dv", "vth", "bias", "u0", "v0", "refractory", "u_trace", "v_trace", "active")
        ),
        *((name, ctypes.c_int64) for name in ("wraps", "saturations")),
    ]


class _Projection(ctypes.Structure):
    """``nd_projection`` of kernels/nd.h."""

    _fields_ = [
        *(
            (name, ctypes.c_int32)
            for name in ("kind", "source", "target", "weight_exp", "delay", "n_source", "n_target")
        ),
        *((name, ctypes.c_void_p) for name in ("weights", "indptr", "indices")),
        *((name, ctypes.c_int32) for name in ("c_in", "h_in", "w_in", "c_out", "h_out", "w_out", "kh", "kw")),
        *(
            (name, ctypes.c_int32)
            for name in ("stride_y", "stride_x", "pad_y", "pad_x", "dilation_y", "dilation_x", "groups")
        ),
    ]


class _Arena:
    """Keeps the arrays alive whose addresses C holds."""

    def __init__(self) -> None:
        self.kept: list[NDArray[Any]] = []

    def keep(self, values: NDArray[Any], dtype: type) -> int:
        array: NDArray[Any] = np.ascontiguousarray(values, dtype=dtype)
        self.kept.append(array)
        return array.ctypes.data


def run_fast(plan: Plan) -> Outcome:
    """Run all samples and steps in one call.

    Raises:
        KernelsUnavailable: The library is missing or of another version.
        SimulationError: Memory ran out.
    """
    library = kernels.load()
    net, arena = plan.net, _Arena()
    index = {name: k for k, name in enumerate([*net.populations, *net.inputs])}
    spikes = {n: np.zeros((plan.batch, plan.steps, p.size), np.uint8) for n, p in net.populations.items()}
    active = {n: np.zeros((plan.batch, p.size), np.int64) for n, p in net.populations.items()}
    states = {
        n: {r: np.zeros((plan.batch, plan.steps, net.populations[n].size), np.int32) for r in registers}
        for n, registers in plan.registers.items()
    }
    inputs = {}
    for name, values in plan.inputs.items():
        length = min(values.shape[1], plan.steps)
        inputs[name] = np.zeros((plan.batch, plan.steps, values.shape[2]), np.uint8)
        inputs[name][:, :length] = values[:, :length]
    populations = (_Population * len(net.populations))()
    for entry, (name, population) in zip(populations, net.populations.items(), strict=True):
        _fill_population(entry, population, plan.window(name), arena)
        entry.active = active[name].ctypes.data
        for register, trace in states.get(name, {}).items():
            setattr(entry, f"{register}_trace", trace.ctypes.data)
    projections = (_Projection * len(plan.projections))()
    for slot, projection in zip(projections, plan.projections, strict=True):
        slot.source, slot.target = index[projection.source], index[projection.target]
        _fill_projection(slot, projection, arena)
    rasters = [*spikes.values(), *inputs.values()]
    addresses = (ctypes.c_void_p * len(rasters))(*(r.ctypes.data for r in rasters))
    failed = library.nd_run(
        populations,
        ctypes.c_int32(len(populations)),
        projections,
        ctypes.c_int32(len(projections)),
        addresses,
        ctypes.c_int32(plan.batch),
        ctypes.c_int32(plan.steps),
    )
    if failed:
        raise SimulationError(
            "not enough memory for the registers", where="fast engine", remedy="run fewer samples at a time"
        )
    wraps = {n: int(e.wraps) for n, e in zip(net.populations, populations, strict=True)}
    saturations = {n: int(e.saturations) for n, e in zip(net.populations, populations, strict=True)}
    return Outcome(spikes, states, active, wraps, saturations)


def _fill_population(entry: Any, population: ChipPopulation, window: tuple[int, int], arena: _Arena) -> None:
    entry.size, entry.reset = population.size, RESETS[population.reset]
    entry.first, entry.last = window
    entry.reset_interval, entry.reset_offset = population.reset_interval, population.reset_offset
    for name in ("du", "dv", "vth", "u0", "v0", "refractory"):
        setattr(entry, name, arena.keep(population.full(name), np.int32))
    bias = model_named(population.model).constant_input(population.fields)
    entry.bias = arena.keep(np.broadcast_to(bias, (population.size,)), np.int32)


def _fill_projection(slot: Any, projection: ChipProjection, arena: _Arena) -> None:
    c = projection.connection
    if c.n_source > MAX_SOURCES:
        raise SimulationError(
            f"{c.n_source:,} sources in one projection",
            where=f"projection '{projection.source}' -> '{projection.target}'",
            remedy=f"split the source into populations of at most {MAX_SOURCES:,}",
        )
    slot.kind, slot.weight_exp, slot.delay = KINDS[c.kind], projection.weight_exp, projection.delay
    slot.n_source, slot.n_target = c.n_source, c.n_target
    if isinstance(c, Dense):
        slot.weights = arena.keep(c.weights.T, np.int16)
    elif isinstance(c, Sparse):
        by_source = c.to_csr().tocsc()
        slot.weights = arena.keep(by_source.data, np.int16)
        slot.indptr = arena.keep(by_source.indptr, np.int64)
        slot.indices = arena.keep(by_source.indices, np.int32)
    elif isinstance(c, Conv2d):
        group_out, (kh, kw) = c.weights.shape[0] // c.groups, c.weights.shape[2:]
        grouped = c.weights.reshape(c.groups, group_out, *c.weights.shape[1:])
        slot.weights = arena.keep(grouped.transpose(0, 2, 3, 4, 1), np.int32)
        (slot.c_in, slot.h_in, slot.w_in), (slot.c_out, slot.h_out, slot.w_out) = c.source_shape, c.target_shape
        slot.kh, slot.kw, slot.groups = kh, kw, c.groups
        (slot.stride_y, slot.stride_x), (slot.pad_y, slot.pad_x) = c.stride, c.padding
        slot.dilation_y, slot.dilation_x = c.dilation
