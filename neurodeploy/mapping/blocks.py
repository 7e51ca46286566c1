"""Convolutions, block by block: what a (channel, y, x) block of outputs reads and what its shared rows cost."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from math import gcd
from typing import NamedTuple

import numpy as np

from neurodeploy.chipnet import ChipProjection
from neurodeploy.connections import Conv2d
from neurodeploy.mapping.encodings import Encoding, dense_rows
from neurodeploy.mapping.rows import Ints, index_bits, payload_bits, row_words, sparse_index_bits
from neurodeploy.target_schema import Target

Block = tuple[int, int, int, int, int, int]
"""Half-open ranges of channel, y and x: (c0, c1, y0, y1, x0, x1)."""


class Rows(NamedTuple):
    """The rows of a block: words of memory, encoding, and bits of the index."""

    words: int
    encoding: Encoding
    index_bits: int


@dataclass(frozen=True, eq=False)
class Crops:
    """One axis of a block: the source positions that reach it, each with the kernel taps it meets there.

    Attributes:
        positions: Source coordinates with at least one tap.
        taps: Number of taps of each.
        crop: Equal where two positions meet the same taps.
        base: First output that each reaches, counted from the start of the block.
        used: Number of distinct taps that any position meets.
        step: Distance of two outputs that one position reaches by neighbouring taps.
    """

    positions: Ints
    taps: Ints
    crop: Ints
    base: Ints
    used: int
    step: int

    @cached_property
    def signature(self) -> tuple[int, bytes, bytes]:
        """Equal for two parts of an axis that cost the same."""
        return self.used, self.crop.tobytes(), self.base.tobytes()

    @cached_property
    def sizes(self) -> tuple[Ints, Ints]:
        """Numbers of taps, and how many distinct crops have so many."""
        first = np.unique(self.crop, return_index=True)[1]
        return np.unique(self.taps[first], return_counts=True)

    @cached_property
    def met(self) -> tuple[Ints, Ints]:
        """Numbers of taps, and how many positions meet so many."""
        return np.unique(self.taps, return_counts=True)


class ConvBlocks:
    """Axons and memory of the blocks of one convolution; remembers the parts it has seen.

    Args:
        projection: The synapses.
        connection: Its wiring.
        target: The chip.
    """

    def __init__(self, projection: ChipProjection, connection: Conv2d, target: Target) -> None:
        self.projection, self.connection, self.target = projection, connection, target
        self._axes: dict[tuple[int, int, int], Crops] = {}
        self._rows: dict[tuple[object, ...], Rows] = {}
        self.outputs_per_group = self.connection.weights.shape[0] // self.connection.groups
        self.inputs_per_group = self.connection.weights.shape[1]

    def axis(self, axis: int, low: int, high: int) -> Crops:
        """Crops of the outputs ``low..high-1`` of axis 0 (y) or 1 (x)."""
        key = (axis, low, high)
        if key not in self._axes:
            self._axes[key] = self._crops(axis, low, high)
        return self._axes[key]

    def _crops(self, axis: int, low: int, high: int) -> Crops:
        conv = self.connection
        kernel, size = conv.weights.shape[2 + axis], conv.source_shape[1 + axis]
        out, tap = (a.ravel() for a in np.meshgrid(np.arange(low, high), np.arange(kernel), indexing="ij"))
        at = out * conv.stride[axis] - conv.padding[axis] + tap * conv.dilation[axis]
        inside = (at >= 0) & (at < size)
        out, tap, at = out[inside], tap[inside], at[inside]
        # rising `at` within it rising `out`; taps of one position are evenly spaced, so first and number identify them
        order = np.lexsort((out, at))
        positions, first, taps = np.unique(at[order], return_index=True, return_counts=True)
        crop = tap[order][first] * (kernel + 1) + taps
        step = conv.dilation[axis] // gcd(conv.dilation[axis], conv.stride[axis])
        return Crops(positions, taps, crop, out[order][first] - low, len(np.unique(tap)), step)

    def groups(self, low: int, high: int) -> Counter[int]:
        """How many kernel groups have how many of their output channels among ``low..high-1``."""
        _, counts = np.unique(np.arange(low, high) // self.outputs_per_group, return_counts=True)
        return Counter(counts.tolist())

    def source_channels(self, block: Block) -> tuple[int, int]:
        """Half-open range of the source channels that feed the block."""
        first, last = block[0] // self.outputs_per_group, (block[1] - 1) // self.outputs_per_group
        return first * self.inputs_per_group, (last + 1) * self.inputs_per_group

    def pixels(self, block: Block) -> int:
        """Distinct source pixels with a synapse in the block; all of their channels share an axon."""
        _, _, y0, y1, x0, x1 = block
        return len(self.axis(0, y0, y1).positions) * len(self.axis(1, x0, x1).positions)

    def sources(self, block: Block) -> int:
        """Distinct source neurons with a synapse in the block."""
        return int(self.inputs_per_group) * self.groups(*block[:2]).total() * self.pixels(block)

    def axons(self, block: Block) -> int:
        """In-axons of the block as it is held, where the target does not charge them by the core."""
        return self.pixels(block) if self.rows(block).encoding == Encoding.SHARED else self.sources(block)

    def rows(self, block: Block) -> Rows:
        """The rows of the block, shared or not: whichever larger share, of memory or of in-axons, is the smaller.

        Shared rows, ``rows`` (nengo-loihi): one row per distinct kernel crop and, where the target limits the
        compartment base of a row, per started run of that many pixels of the block; it holds the synapses of all
        in-channels. ``pool`` (a fit to compile reports): one row per in-channel and used kernel tap, of the output
        channels in the block.
        """
        c0, c1, y0, y1, x0, x1 = block
        groups, ys, xs = self.groups(c0, c1), self.axis(0, y0, y1), self.axis(1, x0, x1)
        key = (c1 - c0, frozenset(groups.items()), y1 - y0, x1 - x0, ys.signature, xs.signature)
        if key not in self._rows:
            shape = (c1 - c0, y1 - y0, x1 - x0)
            pool = self.target.core.accounting == "pool"
            self._rows[key] = self._tap_rows(groups, ys, xs) if pool else self._least(shape, groups, ys, xs)
        return self._rows[key]

    def _tap_rows(self, groups: Counter[int], ys: Crops, xs: Crops) -> Rows:
        core = self.target.core
        outputs, number = (np.array(column, np.int64) for column in zip(*groups.items(), strict=True))
        bits = payload_bits(self.projection, self.target) + core.conv_index_bits.value
        words = row_words(outputs, bits, core) + core.conv_row_extra_words.value
        return Rows(int(words @ number) * self.inputs_per_group * ys.used * xs.used, Encoding.SHARED, 0)

    def _least(self, shape: tuple[int, int, int], groups: Counter[int], ys: Crops, xs: Crops) -> Rows:
        if not len(ys.positions) or not len(xs.positions):
            return Rows(0, Encoding.SHARED, 0)
        core = self.target.core
        taps, rows, last = self._shared_rows(shape, ys, xs)
        index = int(index_bits(np.array([last + 1]), core.conv_index_bits.value, core)[0])
        atoms = self.inputs_per_group * sum(outputs * number for outputs, number in groups.items())
        words = row_words(atoms * taps, payload_bits(self.projection, self.target) + index, core)
        shared = int((words + core.conv_row_extra_words.value) @ rows)
        own, sources = self._own_rows(shape, groups, ys, xs)
        pixels = len(ys.positions) * len(xs.positions)
        better = self._largest_share(own.words, sources) < self._largest_share(shared, pixels)
        return own if better else Rows(shared, Encoding.SHARED, index)

    def _largest_share(self, words: int, axons: int) -> int:
        """Of memory and in-axons, in units of the product of both limits."""
        return max(words * self.target.core.in_axons.value, axons * self.target.core.synapse_words.value)

    def _own_rows(self, shape: tuple[int, int, int], groups: Counter[int], ys: Crops, xs: Crops) -> tuple[Rows, int]:
        """Nothing shared: a row for each source neuron, and the number of those."""
        outputs, channels = (np.array(column, np.int64) for column in zip(*groups.items(), strict=True))
        (tap_y, number_y), (tap_x, number_x) = ys.met, xs.met
        synapses = (outputs[:, None, None] * tap_y[:, None] * tap_x).ravel()
        number = (channels[:, None, None] * number_y[:, None] * number_x).ravel() * self.inputs_per_group
        neurons = np.array([shape[0] * shape[1] * shape[2]])
        index = int(sparse_index_bits(neurons, self.target.core)[0])
        sparse = row_words(synapses, payload_bits(self.projection, self.target) + index, self.target.core) @ number
        sources = int(number.sum())
        dense = int(dense_rows(self.projection, sources, neurons, self.target).words[0])
        if dense < sparse:
            return Rows(dense, Encoding.DENSE, self.target.core.synapse_index_bits.value), sources
        return Rows(int(sparse), Encoding.SPARSE, index), sources

    def _shared_rows(self, shape: tuple[int, int, int], ys: Crops, xs: Crops) -> tuple[Ints, Ints, int]:
        """Taps of each kind of row, the number of such rows, and the largest index in any of them, for one atom."""
        _, height, width = shape
        limit, last = self.target.axon.row_base_max, (shape[0] - 1) * height * width
        if limit is None or height * width <= limit.value + 1:
            (tap_y, number_y), (tap_x, number_x) = ys.sizes, xs.sizes
            last += (int(tap_y[-1]) - 1) * ys.step * width + (int(tap_x[-1]) - 1) * xs.step
            return np.outer(tap_y, tap_x).ravel(), np.outer(number_y, number_x).ravel(), last
        run = limit.value + 1
        page = (ys.base[:, None] * width + xs.base) // run
        extent = (ys.taps[:, None] - 1) * ys.step * width + (xs.taps - 1) * xs.step
        stacked = np.stack([np.broadcast_to(ys.crop[:, None], page.shape), np.broadcast_to(xs.crop, page.shape), page])
        _, first = np.unique(stacked.reshape(3, -1), axis=1, return_index=True)
        taps = np.outer(ys.taps, xs.taps).ravel()[first]
        return taps, np.ones_like(taps), last + int((page * run + extent).max())

    def synapses(self, block: Block) -> tuple[Ints, Ints]:
        """Flat indices of the block's source neurons, ascending, and how many synapses each has in the block."""
        c0, c1, y0, y1, x0, x1 = block
        group, outputs = np.unique(np.arange(c0, c1) // self.outputs_per_group, return_counts=True)
        channels = (group[:, None] * self.inputs_per_group + np.arange(self.inputs_per_group)).ravel()
        ys, xs = self.axis(0, y0, y1), self.axis(1, x0, x1)
        _, height, width = self.connection.source_shape
        index = (channels[:, None, None] * height + ys.positions[:, None]) * width + xs.positions
        per_channel = np.repeat(outputs, self.inputs_per_group)
        counts = per_channel[:, None, None] * ys.taps[:, None] * xs.taps
        return index.ravel(), counts.ravel()


def blocks_of(labels: Ints, shape: tuple[int, ...]) -> dict[int, Block | None]:
    """The block that each label covers in a population of ``shape`` (C, H, W); None where it is not a block."""
    order = np.argsort(labels, kind="stable")
    names, first = np.unique(labels[order], return_index=True)
    counts = np.diff(np.append(first, len(labels)))
    edges = []
    for axis in np.unravel_index(order, shape):
        edges += [np.minimum.reduceat(axis, first), np.maximum.reduceat(axis, first) + 1]
    c0, c1, y0, y1, x0, x1 = edges
    whole = (c1 - c0) * (y1 - y0) * (x1 - x0) == counts
    rows = np.stack(edges, axis=1).tolist()
    return {
        int(name): (r[0], r[1], r[2], r[3], r[4], r[5]) if full else None
        for name, r, full in zip(names, rows, whole, strict=True)
    }
