"""The ``fast`` engine: hands a plan to the C kernels. Equal to ``reference`` in every bit."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy import kernels
from neurodeploy.chipnet import ChipPopulation, ChipProjection
from neurodeploy.connections import Conv2d, Dense, Sparse
from neurodeploy.errors import SimulationError
from neurodeploy.neurons import model_named
from neurodeploy.simulate.plan import Outcome, Plan
from neurodeploy.simulate.reference import run_reference

KINDS = {"dense": 0, "sparse": 1, "conv2d": 2, "direct": 3}
MAX_SOURCES = 2**23 - 1
"""Largest fan-in of 9-bit weights whose sum is sure to fit 32 bits."""
NO_MEMORY = 1


def _int32(*names: str) -> list[tuple[str, Any]]:
    return [(name, ctypes.c_int32) for name in names]


def _pointers(*names: str) -> list[tuple[str, Any]]:
    return [(name, ctypes.c_void_p) for name in names]


class _Raster(ctypes.Structure):
    """``nd_raster`` of kernels/nd.h."""

    _fields_ = [*_pointers("values"), *_int32("size", "graded")]


class _Population(ctypes.Structure):
    """``nd_population`` of kernels/nd.h."""

    _fields_ = [
        *_pointers("step"),
        *_int32("size", "n_ports", "n_outputs", "first_raster", "n_registers", "n_state"),
        *_int32("first", "last", "reset_interval", "reset_offset"),
        *_pointers("fields", "initial", "constant", "traces", "active"),
        *((name, ctypes.c_int64) for name in ("wraps", "saturations")),
    ]


class _Projection(ctypes.Structure):
    """``nd_projection`` of kernels/nd.h."""

    _fields_ = [
        *_int32("kind", "source", "target", "port", "weight_exp", "latency", "graded", "products_wrap"),
        *_int32("n_source", "n_target"),
        *_pointers("weights", "indptr", "indices"),
        *_int32("c_in", "h_in", "w_in", "c_out", "h_out", "w_out", "kh", "kw"),
        *_int32("stride_y", "stride_x", "pad_y", "pad_x", "dilation_y", "dilation_x", "groups"),
    ]


class _Arena:
    """Keeps the arrays alive whose addresses C holds."""

    def __init__(self) -> None:
        self.kept: list[Any] = []

    def keep(self, values: NDArray[Any], dtype: type) -> int:
        array: NDArray[Any] = np.ascontiguousarray(values, dtype=dtype)
        self.kept.append(array)
        return array.ctypes.data

    def table(self, addresses: Sequence[int | None]) -> int:
        """The address of an array of addresses; None is NULL."""
        self.kept.append((ctypes.c_void_p * max(1, len(addresses)))(*addresses))
        return ctypes.addressof(self.kept[-1])


def run_fast(plan: Plan) -> Outcome:
    """Run all samples and steps in one call.

    Raises:
        KernelsUnavailable: The library is missing or of another version.
        SimulationError: Memory ran out, or a convolution's sum left 32 bits.
    """
    library = kernels.load()
    net, arena = plan.net, _Arena()
    spikes, states = plan.rasters(), plan.traces()
    active = {n: np.zeros((plan.batch, p.size), np.int64) for n, p in net.populations.items()}
    messages = spikes | {n: np.ascontiguousarray(values) for n, values in plan.padded_inputs().items()}
    rasters = (_Raster * len(messages))()
    for raster, values in zip(rasters, messages.values(), strict=True):
        raster.values, raster.size, raster.graded = values.ctypes.data, values.shape[2], values.dtype != np.uint8
    raster_of = {source: k for k, source in enumerate(messages)}
    populations = (_Population * len(net.populations))()
    for entry, (name, population) in zip(populations, net.populations.items(), strict=True):
        entry.first, entry.last = plan.window(name)
        entry.first_raster, entry.n_outputs = raster_of[name], len(plan.outputs[name])
        entry.active = active[name].ctypes.data
        _fill_population(entry, population, states.get(name, {}), library, arena)
    projections = (_Projection * len(plan.projections))()
    numbers = {name: k for k, name in enumerate(net.populations)}
    for slot, projection in zip(projections, plan.projections, strict=True):
        slot.source, slot.target = raster_of[projection.source], numbers[projection.target]
        slot.port = model_named(net.populations[projection.target].model).ports.index(projection.port)
        _fill_projection(slot, projection, arena)
    failed = library.nd_run(
        populations,
        ctypes.c_int32(len(populations)),
        projections,
        ctypes.c_int32(len(projections)),
        rasters,
        ctypes.c_int32(plan.batch),
        ctypes.c_int32(plan.steps),
    )
    if failed == NO_MEMORY:
        raise SimulationError(
            "not enough memory for the registers", where="fast engine", remedy="run fewer samples at a time"
        )
    if failed:
        return run_reference(plan)  # raises, and says where
    wraps = {n: int(e.wraps) for n, e in zip(net.populations, populations, strict=True)}
    saturations = {n: int(e.saturations) for n, e in zip(net.populations, populations, strict=True)}
    return Outcome(spikes, states, active, wraps, saturations)


def _fill_population(
    entry: Any, population: ChipPopulation, states: Mapping[str, NDArray[Any]], library: Any, arena: _Arena
) -> None:
    model = model_named(population.model)

    def full(values: NDArray[Any]) -> int:
        return arena.keep(np.broadcast_to(values, (population.size,)), np.int32)

    entry.step = ctypes.cast(getattr(library, f"nd_{model.name}"), ctypes.c_void_p).value
    entry.size, entry.n_ports = population.size, len(model.ports)
    entry.n_registers, entry.n_state = len(model.registers), len(model.state)
    entry.reset_interval, entry.reset_offset = population.reset_interval, population.reset_offset
    entry.fields = arena.table([full(f) for f in model.kernel_fields(population.fields, population.reset)])
    initial = model.initial(population.fields)
    entry.initial = arena.table([full(initial[register]) for register in model.state])
    entry.constant = full(model.constant_input(population.fields))
    entry.traces = arena.table([states[r].ctypes.data if r in states else None for r in model.registers])


def _fill_projection(slot: Any, projection: ChipProjection, arena: _Arena) -> None:
    c = projection.connection
    if c.n_source > MAX_SOURCES:
        raise SimulationError(
            f"{c.n_source:,} sources in one projection",
            where=f"projection '{projection.source}' -> '{projection.target}'",
            remedy=f"split the source into populations of at most {MAX_SOURCES:,}",
        )
    slot.kind, slot.weight_exp, slot.latency = KINDS[c.kind], projection.weight_exp, projection.latency
    slot.graded, slot.products_wrap = projection.message_bits > 0, projection.products_wrap
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
