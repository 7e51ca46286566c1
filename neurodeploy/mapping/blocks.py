"""Convolutions, block by block: what a (channel, y, x) block of outputs reads and what its shared rows cost."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from neurodeploy.chipnet import ChipProjection
from neurodeploy.connections import Conv2d
from neurodeploy.mapping.rows import Ints, conv_bits, row_words
from neurodeploy.target_schema import Target

Block = tuple[int, int, int, int, int, int]
"""Half-open ranges of channel, y and x: (c0, c1, y0, y1, x0, x1)."""


@dataclass(frozen=True, eq=False)
class Crops:
    """One axis of a block: the source positions that reach it, each with the kernel taps it meets there.

    Attributes:
        positions: Source coordinates with at least one tap.
        taps: Number of taps of each.
        crop: Equal where two positions meet the same taps.
        base: First output that each reaches, counted from the start of the block.
        used: Number of distinct taps that any position meets.
    """

    positions: Ints
    taps: Ints
    crop: Ints
    base: Ints
    used: int

    @cached_property
    def signature(self) -> tuple[int, bytes, bytes]:
        """Equal for two parts of an axis that cost the same."""
        return self.used, self.crop.tobytes(), self.base.tobytes()

    @cached_property
    def sizes(self) -> Counter[int]:
        """How many distinct crops have how many taps."""
        first = np.unique(self.crop, return_index=True)[1]
        return Counter(self.taps[first].tolist())


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
        self._words: dict[tuple[object, ...], int] = {}
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
        return Crops(positions, taps, crop, out[order][first] - low, len(np.unique(tap)))

    def groups(self, low: int, high: int) -> Counter[int]:
        """How many kernel groups have how many of their output channels among ``low..high-1``."""
        _, counts = np.unique(np.arange(low, high) // self.outputs_per_group, return_counts=True)
        return Counter(counts.tolist())

    def axons(self, block: Block) -> int:
        """Distinct source neurons with a synapse in the block."""
        c0, c1, y0, y1, x0, x1 = block
        channels = int(self.inputs_per_group) * self.groups(c0, c1).total()
        return channels * len(self.axis(0, y0, y1).positions) * len(self.axis(1, x0, x1).positions)

    def words(self, block: Block) -> int:
        """Words of synapse memory of the block's shared rows.

        ``rows`` (nengo-loihi): one row per in-channel, distinct kernel crop and, where the target limits the
        compartment base of a row, started run of that many pixels of the block. ``pool`` (a fit to compile
        reports): one row per in-channel and used kernel tap, of the output channels in the block.
        """
        c0, c1, y0, y1, x0, x1 = block
        groups, ys, xs = self.groups(c0, c1), self.axis(0, y0, y1), self.axis(1, x0, x1)
        key = (c1 - c0, frozenset(groups.items()), y1 - y0, x1 - x0, ys.signature, xs.signature)
        if key not in self._words:
            shape = (c1 - c0, y1 - y0, x1 - x0)
            self._words[key] = sum(
                number * self.inputs_per_group * self._words_per_input(outputs, shape, ys, xs)
                for outputs, number in groups.items()
            )
        return self._words[key]

    def _words_per_input(self, outputs: int, shape: tuple[int, int, int], ys: Crops, xs: Crops) -> int:
        core = self.target.core
        bits = conv_bits(self.projection, self.target, shape[0] * shape[1] * shape[2])
        if core.accounting == "pool":
            taps, rows = np.ones(1, np.int64), np.array([ys.used * xs.used])
        else:
            taps, rows = self._shared_rows(shape, ys, xs)
        words = row_words(outputs * taps, bits, core) + core.conv_row_extra_words.value
        return int(words @ rows)

    def _shared_rows(self, shape: tuple[int, int, int], ys: Crops, xs: Crops) -> tuple[Ints, Ints]:
        """Taps of each kind of row and number of such rows, per in-channel."""
        limit = self.target.axon.row_base_max
        if limit is None or shape[1] * shape[2] <= limit.value + 1:
            pairs = [(a * b, m * n) for a, m in ys.sizes.items() for b, n in xs.sizes.items()]
            taps, rows = (np.array(column, np.int64) for column in zip(*pairs, strict=True)) if pairs else _EMPTY
            return taps, rows
        page = (ys.base[:, None] * shape[2] + xs.base) // (limit.value + 1)
        stacked = np.stack([np.broadcast_to(ys.crop[:, None], page.shape), np.broadcast_to(xs.crop, page.shape), page])
        _, first = np.unique(stacked.reshape(3, -1), axis=1, return_index=True)
        taps = np.outer(ys.taps, xs.taps).ravel()[first]
        return taps, np.ones_like(taps)

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


_EMPTY = (np.zeros(0, np.int64), np.zeros(0, np.int64))


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
