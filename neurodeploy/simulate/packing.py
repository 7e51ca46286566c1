"""Weights as the C kernels read them: nd.h says which layouts there are."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.connections import Conv2d, Dense, Sparse
from neurodeploy.simulate.arena import Arena
from neurodeploy.simulate.conv_blocks import blocks
from neurodeploy.simulate.structs import WORD
from neurodeploy.simulate.sums import INT16, PACKED_TARGETS, Incoming

UNLIMITED = 2**31 - 1
MOST_DOTS = 2**24
"""Weights of a projection that are kept for dot products, too."""
SHORT_TARGETS = 2**16
"""What an index of 16 bits can name."""

Order = NDArray[np.int64]


class Packing:
    """Fills the weights of projections in.

    Args:
        library: The kernels, for the width of their vectors.
        arena: Keeps what is made.
        orders: Neuron at each place, of populations that are kept in another order.
        pixels: Pixel at each place, of the same.
    """

    def __init__(
        self, library: ctypes.CDLL, arena: Arena, orders: Mapping[str, Order], pixels: Mapping[str, Order]
    ) -> None:
        self._library = library
        self._columns, self._bytes = library.nd_tile_columns(), library.nd_vector_bytes()
        self._has_dots = library.nd_dots_from_percent() <= 100
        self._arena, self._keep, self._orders, self._pixels = arena, arena.keep, orders, pixels

    def fill(self, slot: Any, incoming: Incoming, target: Any) -> None:
        """The weights of a projection into ``target``, an ``nd_population``."""
        c = incoming.projection.connection
        if incoming.projection.delays is not None:
            self._fill_delayed(slot, incoming, target)
        elif isinstance(c, Conv2d):
            slot.fan_out = self._keep(self._by_source(incoming, c.fan_out()), np.int32)
            (self._fill_graded_kernel if incoming.is_graded else self._fill_blocks)(slot, incoming, target)
        elif isinstance(c, Dense):
            weights = self._by_target(incoming, self._by_source(incoming, c.weights, axis=1))
            if target.is_narrow or target.is_tiled:
                self._fill_tiles(slot, incoming, target, weights)
            else:
                slot.weights = self._keep(weights.T, np.int16)
        elif isinstance(c, Sparse):
            self._fill_sparse(slot, incoming, target, c)
        else:
            slot.fan_out = self._keep(c.fan_out(), np.int32)

    def map_at(self, slot: Any, target: Any) -> int | None:
        """Where each vector of sums lies in the map of a population's only convolution; None where one is torn."""
        lanes = self._bytes // 4
        if slot.c_out % lanes or not slot.channels_last:
            return None
        at = np.ctypeslib.as_array(ctypes.cast(slot.at, ctypes.POINTER(ctypes.c_int32)), (slot.h_out * slot.w_out,))
        vectors = (at[:, None] + np.arange(0, slot.c_out, lanes)).ravel()
        silent = np.full((-(-target.size // WORD) * WORD - target.size) // lanes, slot.map_size - 2 * self._bytes)
        return self._keep(np.concatenate([vectors, silent]), np.int32)

    def _by_source(self, incoming: Incoming, values: NDArray[Any], axis: int = 0) -> NDArray[Any]:
        order = self._orders.get(incoming.projection.source)
        return values if order is None else values.take(order, axis)

    def _by_target(self, incoming: Incoming, values: NDArray[Any]) -> NDArray[Any]:
        order = self._orders.get(incoming.projection.target)
        return values if order is None else values.take(order, 0)

    def _fill_tiles(self, slot: Any, incoming: Incoming, target: Any, weights: NDArray[Any]) -> None:
        """The layout of kernels/dense.c."""
        if target.is_narrow:
            columns = self._units(weights, incoming, target).T
        else:
            scaled, slot.weight_shift = weights >> incoming.shift, incoming.shift
            most = max(1, int(np.abs(scaled).max(initial=1)))
            slot.tile_limit = UNLIMITED if incoming.largest >> incoming.shift <= INT16 else INT16 // most
            columns = scaled.astype(np.int8).T
        if target.is_narrow and target.is_tiled and self._has_dots and columns.size <= MOST_DOTS:
            slot.dots = self._keep(self._dots(columns), np.int8)
        parts = []
        for start in range(0, slot.n_target, self._columns):
            padded = self._tile(columns, start)
            halves = padded.reshape(len(padded), -1, 2, self._bytes // 2)
            halves[:, :, 0] ^= np.int8(-128)  # plus 128, without a sign
            parts.append(halves.transpose(0, 1, 3, 2).ravel())
        slot.tiles = self._keep(np.concatenate(parts), np.int8)

    def _tile(self, columns: NDArray[np.int8], start: int) -> NDArray[np.int8]:
        """The tile of some columns, (n_source, width), filled up with zeros."""
        part = columns[:, start : start + self._columns]
        width = next(w for w in (self._columns // 4, self._columns // 2, self._columns) if w >= part.shape[1])
        return np.pad(part, ((0, 0), (0, width - part.shape[1])))

    def _dots(self, columns: NDArray[np.int8]) -> NDArray[np.int8]:
        """The layout of kernels/dot.c."""
        quads = np.pad(columns, ((0, -len(columns) % 4), (0, 0)))
        parts = []
        for start in range(0, columns.shape[1], self._columns):
            tile = self._tile(quads, start)
            split = tile.reshape(len(tile) // 4, 4, -1, self._bytes)  # quads, sources, parts, columns of a part
            parts.append(split.transpose(2, 0, 3, 1).ravel())
        return np.concatenate(parts)

    def _fill_delayed(self, slot: Any, incoming: Incoming, target: Any) -> None:
        """Synapses with a delay each, by source, for the ring of kernels/sparse.c."""
        from scipy.sparse import csr_array

        p, c = incoming.projection, incoming.projection.connection
        assert p.delays is not None
        rows = (
            c.by_target() if isinstance(c, Sparse) else Sparse.keeping_zeros(c.weights, c.source_shape, c.target_shape)
        )
        number = csr_array((np.arange(rows.weights.size), rows.indices, rows.indptr), (c.n_target, c.n_source)).tocsc()
        source, order = self._orders.get(p.source), self._orders.get(p.target)
        if source is not None:
            number = number[:, source]
        indices = number.indices if order is None else np.argsort(order)[number.indices]
        bits = incoming.exponent - target.input_exp - incoming.shift
        slot.indptr = self._keep(number.indptr, np.int64)
        slot.packed = self._arena.hold(self._packed(rows.weights[number.data], indices, bits))
        slot.delays = self._keep(p.delays.ravel()[number.data], np.uint8)
        slot.ring = 1 << int(p.delay).bit_length()

    def _units(self, weights: NDArray[Any], incoming: Incoming, target: Any) -> NDArray[np.int8]:
        """Weights in the units of a narrow population's sums."""
        return _shifted(weights, incoming.exponent - target.input_exp - incoming.shift)

    def _fill_sparse(self, slot: Any, incoming: Incoming, target: Any, c: Sparse) -> None:
        by_source = c.to_csc()
        source, order = self._orders.get(incoming.projection.source), self._orders.get(incoming.projection.target)
        if source is not None:
            by_source = by_source[:, source]
        indices = by_source.indices if order is None else np.argsort(order)[by_source.indices]
        slot.indptr = self._keep(by_source.indptr, np.int64)
        if target.is_narrow:
            bits = incoming.exponent - target.input_exp - incoming.shift
        elif incoming.is_graded or not incoming.fits_bytes(incoming.exponent) or c.n_target > PACKED_TARGETS:
            slot.weights, slot.indices = self._keep(by_source.data, np.int16), self._keep(indices, np.int32)
            return
        else:
            bits, slot.weight_shift = -incoming.shift, incoming.shift
        if c.n_target <= SHORT_TARGETS:
            slot.small = self._keep(_shifted(by_source.data, bits), np.int8)
            slot.short_indices = self._keep(indices, np.uint16)
        else:
            slot.packed = self._arena.hold(self._packed(by_source.data, indices, bits))

    def _packed(self, weights: NDArray[Any], indices: NDArray[Any], bits: int) -> NDArray[np.uint32]:
        """index << 8 | weight * 2^bits."""
        weights, indices = (np.ascontiguousarray(values, np.int32) for values in (weights, indices))
        packed = np.empty(weights.size, np.uint32)
        self._library.nd_pack(weights.ctypes.data, indices.ctypes.data, weights.size, bits, packed.ctypes.data)
        return packed

    def _fill_shape(self, slot: Any, incoming: Incoming) -> Conv2d:
        c = incoming.projection.connection
        assert isinstance(c, Conv2d)
        (slot.c_in, slot.h_in, slot.w_in), (slot.c_out, slot.h_out, slot.w_out) = c.source_shape, c.target_shape
        (slot.kh, slot.kw), slot.groups = c.weights.shape[2:], c.groups
        return c

    def _fill_blocks(self, slot: Any, incoming: Incoming, target: Any) -> None:
        c, keep = self._fill_shape(slot, incoming), self._keep
        dtype = np.int16 if target.is_narrow else np.int32
        weights = (c.weights >> target.input_exp if target.is_narrow else c.weights).astype(dtype)
        made = blocks(c, weights, self._bytes // weights.itemsize)
        pixels = self._pixels.get(incoming.projection.target)
        slot.channels_last = pixels is not None
        slot.taps, slot.vector_at = keep(made.taps, dtype), keep(made.vector_at * weights.itemsize, np.int32)
        size = weights.itemsize
        slot.base, slot.tap = (keep(self._by_source(incoming, t * size), np.int32) for t in (made.base, made.tap))
        slot.at = keep(made.at if pixels is None else made.at[pixels], np.int32)
        slot.vectors, slot.map_size = len(made.vector_at), made.map_size

    def _fill_graded_kernel(self, slot: Any, incoming: Incoming, target: Any) -> None:
        c = self._fill_shape(slot, incoming)
        grouped = c.weights.reshape(c.groups, c.weights.shape[0] // c.groups, *c.weights.shape[1:])
        slot.weights = self._keep(grouped.transpose(0, 2, 3, 4, 1), np.int32)
        slot.meets_y, slot.meets_x = (self._keep(_meets(c, axis), np.int32) for axis in (0, 1))


def _shifted(weights: NDArray[Any], bits: int) -> NDArray[np.int8]:
    """Weights times 2^bits, which fit 8 bits; exact, since where bits are lost they are 0."""
    if bits < 0:
        weights = weights >> -bits
    elif bits > 0:
        weights = weights << bits
    return weights.astype(np.int8)


def _meets(c: Conv2d, axis: int) -> NDArray[np.int64]:
    """Output position that each (source position, tap) of one axis adds to, or -1."""
    source, taps = np.arange(c.source_shape[1 + axis])[:, None], np.arange(c.weights.shape[2 + axis])
    reached = source + c.padding[axis] - taps * c.dilation[axis]
    output = reached // c.stride[axis]
    legal = (reached % c.stride[axis] == 0) & (output >= 0) & (output < c.target_shape[1 + axis])
    return np.where(legal, output, -1)
