"""A network as the C kernels read it: made once, used by every run."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from neurodeploy import kernels
from neurodeploy.chipnet import ChipNetwork, ChipPopulation, ChipProjection
from neurodeploy.connections import Conv2d, Dense, Sparse
from neurodeploy.errors import SimulationError
from neurodeploy.neurons import model_named
from neurodeploy.simulate.components import components
from neurodeploy.simulate.structs import Population, Projection

KINDS = {"dense": 0, "sparse": 1, "conv2d": 2, "direct": 3}
MAX_SOURCES = 2**23 - 1
"""Largest fan-in of 9-bit weights whose sum is sure to fit 32 bits."""
INT16 = 2**15 - 1
PADDING = 16
"""``ND_PADDING`` of kernels/nd.h."""
UNLIMITED = 2**31 - 1
SHORT_TARGETS, PACKED_TARGETS = 2**16, 2**24
"""What an index of 16, or of 24 bits, can name."""


class Arena:
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


class Prepared:
    """Structures to be copied for a run, and what their addresses lead to.

    Attributes:
        sources: Name of every raster: outputs of the populations, then inputs.
        first_raster: Number of each population's first raster.
        populations: ``nd_population[]`` without the fields of a run.
        projections: ``nd_projection[]``, those with a delay per synapse split by delay.
    """

    def __init__(self, net: ChipNetwork, library: ctypes.CDLL) -> None:
        self.key = _key(net)
        self.library = library  # weights lie as its tiles want them
        self.parts = (tuple(net.populations.values()), tuple(net.projections))  # so that no id of the key is used again
        self.arena = Arena()
        outputs = {name: net.outputs_of(name) for name in net.populations}
        self.sources = [*(source for names in outputs.values() for source in names), *net.inputs]
        raster_of = {source: k for k, source in enumerate(self.sources)}
        self.first_raster = {name: raster_of[name] for name in net.populations}
        graded = {source: net.message_bits_of(source) > 0 for source in self.sources}
        split = [part for p in net.projections for part in p.by_delay]
        self.populations = (Population * len(net.populations))()
        self.projections = (Projection * len(split))()
        numbers = {name: k for k, name in enumerate(net.populations)}
        for entry, (name, population) in zip(self.populations, net.populations.items(), strict=True):
            incoming = [p for p in split if p.target == name]
            entry.n_outputs, entry.first_raster = len(outputs[name]), raster_of[name]
            entry.fits32 = _fits32(incoming, graded)
            self._fill_population(entry, population, library)
        for number, component in enumerate(components(net)):
            for name in component.populations:
                entry = self.populations[numbers[name]]
                entry.component, entry.is_recurrent = number, component.is_recurrent
                tiled = net.populations[name].model == "cuba" and not component.is_recurrent and bool(entry.fits32)
                entry.is_tiled = tiled and all(_has_tiles(p) for p in split if p.target == name)
        for slot, p in zip(self.projections, split, strict=True):
            slot.source, slot.target = raster_of[p.source], numbers[p.target]
            slot.port = model_named(net.populations[p.target].model).ports.index(p.port)
            slot.latency, slot.graded, slot.products_wrap = p.latency, p.message_bits > 0, p.products_wrap
            self._fill_projection(slot, p)
            if self.populations[slot.target].is_tiled:
                self._fill_tiles(slot, p, library.nd_tile_columns())
            else:
                self._fill_weights(slot, p)

    def _fill_population(self, entry: Any, population: ChipPopulation, library: ctypes.CDLL) -> None:
        model = model_named(population.model)

        def full(values: NDArray[Any]) -> int:
            padded = np.zeros(population.size + PADDING, np.int32)
            padded[: population.size] = values
            return self.arena.keep(padded, np.int32)

        entry.step = ctypes.cast(getattr(library, f"nd_{model.name}"), ctypes.c_void_p).value
        entry.size, entry.n_ports = population.size, len(model.ports)
        entry.n_registers, entry.n_state = len(model.registers), len(model.state)
        entry.reset_interval, entry.reset_offset = population.reset_interval, population.reset_offset
        fields = model.kernel_fields(population.fields, population.reset)
        entry.fields = self.arena.table([full(f) for f in fields])
        initial = model.initial(population.fields)
        entry.initial = self.arena.table([full(initial[register]) for register in model.state])
        entry.constant = full(model.constant_input(population.fields))
        if model.name == "cuba":
            entry.is_regular = library.nd_cuba_is_regular(ctypes.byref(entry))

    def _fill_projection(self, slot: Any, p: ChipProjection) -> None:
        c = p.connection
        if c.n_source > MAX_SOURCES:
            raise SimulationError(
                f"{c.n_source:,} sources in one projection",
                where=f"projection '{p.source}' -> '{p.target}'",
                remedy=f"split the source into populations of at most {MAX_SOURCES:,}",
            )
        slot.kind, slot.weight_exp = KINDS[c.kind], p.weight_exp
        slot.n_source, slot.n_target = c.n_source, c.n_target
        if not isinstance(c, Dense):
            slot.fan_out = self.arena.keep(c.fan_out(), np.int64)

    def _fill_weights(self, slot: Any, p: ChipProjection) -> None:
        c, keep = p.connection, self.arena.keep
        if isinstance(c, Dense):
            slot.weights = keep(c.weights.T, np.int16)
        elif isinstance(c, Sparse):
            self._fill_sparse(slot, c, graded=p.message_bits > 0)
        elif isinstance(c, Conv2d):
            group_out, (kh, kw) = c.weights.shape[0] // c.groups, c.weights.shape[2:]
            grouped = c.weights.reshape(c.groups, group_out, *c.weights.shape[1:])
            slot.weights = keep(grouped.transpose(0, 2, 3, 4, 1), np.int32)
            (slot.c_in, slot.h_in, slot.w_in), (slot.c_out, slot.h_out, slot.w_out) = c.source_shape, c.target_shape
            slot.kh, slot.kw, slot.groups = kh, kw, c.groups
            slot.meets_y, slot.meets_x = (keep(_meets(c, axis), np.int32) for axis in (0, 1))

    def _fill_sparse(self, slot: Any, c: Sparse, *, graded: bool) -> None:
        keep, by_source = self.arena.keep, c.to_csr().tocsc()
        slot.indptr = keep(by_source.indptr, np.int64)
        if graded or not _fits_bytes(c.weights) or c.n_target > PACKED_TARGETS:
            slot.weights, slot.indices = keep(by_source.data, np.int16), keep(by_source.indices, np.int32)
            return
        slot.weight_shift = _common_shift(c.weights)
        small = (by_source.data >> slot.weight_shift).astype(np.int8)
        if c.n_target <= SHORT_TARGETS:
            slot.small, slot.short_indices = keep(small, np.int8), keep(by_source.indices, np.uint16)
        else:
            slot.packed = keep(by_source.indices.astype(np.uint32) << 8 | small.view(np.uint8), np.uint32)

    def _fill_tiles(self, slot: Any, p: ChipProjection, columns: int) -> None:
        """The layout of kernels/dense.c."""
        slot.weight_shift = _common_shift(p.connection.weights)
        weights = (p.connection.weights >> slot.weight_shift).astype(np.int8).T
        low, high = p.connection.sum_bounds()
        largest = max(int(-low.min(initial=0)), int(high.max(initial=0))) >> slot.weight_shift
        most = max(1, int(np.abs(weights.astype(np.int16)).max(initial=1)))
        slot.tile_limit = UNLIMITED if largest <= INT16 else INT16 // most
        parts = []
        for start in range(0, slot.n_target, columns):
            part = weights[:, start : start + columns]
            width = next(w for w in (columns // 8, columns // 4, columns // 2, columns) if w >= part.shape[1])
            parts.append(np.pad(part, ((0, 0), (0, width - part.shape[1]))).ravel())
        slot.tiles = self.arena.keep(np.concatenate(parts), np.int8)


_prepared: WeakKeyDictionary[ChipNetwork, Prepared] = WeakKeyDictionary()


def prepare(net: ChipNetwork) -> Prepared:
    """The network's structures, made anew only when it has changed.

    Raises:
        KernelsUnavailable: The library is missing or of another version.
    """
    known, library = _prepared.get(net), kernels.load()
    if known is None or known.library is not library or known.key != _key(net):
        _prepared[net] = known = Prepared(net, library)
    return known


def _key(net: ChipNetwork) -> tuple[object, ...]:
    parts = (net.inputs.values(), net.populations.values(), net.projections)
    return (tuple(net.inputs), *(tuple(map(id, part)) for part in parts))


def _fits32(incoming: Sequence[ChipProjection], graded: dict[str, bool]) -> bool:
    """Whether no sum of outputs into a population can leave 32 bits, nor a convolution 24."""
    total = 0
    for p in incoming:
        if graded[p.source] and (p.message_bits or p.connection.kind == "direct"):
            return False
        low, high = p.connection.sum_bounds()
        largest = max(int(-low.min(initial=0)), int(high.max(initial=0)))
        if p.connection.kind == "conv2d" and largest >= 2**23:
            return False
        total += largest << max(0, p.weight_exp)
    return total < 2**31


def _meets(c: Conv2d, axis: int) -> NDArray[np.int64]:
    """Output position that each (source position, tap) of one axis adds to, or -1."""
    source, taps = np.arange(c.source_shape[1 + axis])[:, None], np.arange(c.weights.shape[2 + axis])
    reached = source + c.padding[axis] - taps * c.dilation[axis]
    output = reached // c.stride[axis]
    legal = (reached % c.stride[axis] == 0) & (output >= 0) & (output < c.target_shape[1 + axis])
    return np.where(legal, output, -1)


def _common_shift(weights: NDArray[Any]) -> int:
    """The largest power of two, up to 2^7, that divides all weights."""
    joined = int(np.bitwise_or.reduce(np.abs(weights), axis=None)) if weights.size else 0
    return min(7, (joined & -joined).bit_length() - 1) if joined else 0


def _has_tiles(p: ChipProjection) -> bool:
    return isinstance(p.connection, Dense) and _fits_bytes(p.connection.weights)


def _fits_bytes(weights: NDArray[Any]) -> bool:
    """Whether weights without their common power of two fit 8 bits."""
    shift = _common_shift(weights)
    return -128 <= int(weights.min(initial=0)) >> shift and int(weights.max(initial=0)) >> shift <= 127
