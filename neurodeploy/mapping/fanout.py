"""Out-axon slots: what the neurons of a population cost the core that they sit on.

A discrete axon belongs to one neuron. An axon to shared rows belongs to a pixel: neurons of the same pixel on the same
core use it together, each with its channel as the atom (nengo-loihi). It is a pop32 axon: the cheaper pop16 needs first
compartments that are multiples of four, which those of a convolution's blocks are not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from neurodeploy.chipnet import ChipNetwork, ChipProjection
from neurodeploy.mapping.blocks import blocks_of
from neurodeploy.mapping.held import Held
from neurodeploy.mapping.reach import Reach, union
from neurodeploy.mapping.rows import Ints
from neurodeploy.target_schema import Target


@dataclass(frozen=True, eq=False)
class SharedDemand:
    """Axons into the cores that hold one convolution in shared rows; a row for each such core.

    Attributes:
        shape: Source maps (C, H, W).
        channels: First and last + 1 source channel that feeds the core, (2, cores).
        rows: Number of source rows below y that feed it, (cores, H + 1); so ``columns``, (cores, W + 1).
        columns: See ``rows``.
        cost: Slots of one axon.
    """

    shape: tuple[int, ...]
    channels: Ints
    rows: Ints
    columns: Ints
    cost: int

    def of_blocks(self, c: Ints, y: Ints, x: Ints) -> Ints:
        """Slots of blocks that are the products of half-open ranges, (2, parts) each: (c parts, y parts, x parts)."""
        joined = (c[0][:, None] < self.channels[1]) & (c[1][:, None] > self.channels[0])
        tall, wide = self.rows[:, y[1]] - self.rows[:, y[0]], self.columns[:, x[1]] - self.columns[:, x[0]]
        axons = np.zeros((c.shape[1], y.shape[1] * x.shape[1]))  # floats are exact here, and much faster
        for some in _chunks(len(tall), axons.shape[1]):
            pixels = (tall[some, :, None] * wide[some, None, :]).reshape(-1, axons.shape[1])
            axons += joined[:, some].astype(np.float64) @ pixels.astype(np.float64)
        slots: Ints = self.cost * axons.astype(np.int64).reshape(c.shape[1], y.shape[1], x.shape[1])
        return slots

    def per_core(self, labels: Ints, cores: int) -> Ints:
        """Slots on each core of neurons with these labels."""
        slots = np.zeros(cores, np.int64)
        blocks = blocks_of(labels, self.shape)
        scattered = [at for at, block in blocks.items() if block is None]
        if scattered:
            slots[scattered] = self._pixel_by_pixel(labels, cores)[scattered]
        whole = np.array([at for at, block in blocks.items() if block is not None], np.int64)
        ends = np.array([block for block in blocks.values() if block is not None], np.int64).reshape(-1, 6)
        for some in _chunks(len(whole), len(self.rows)):
            c0, c1, y0, y1, x0, x1 = ends[some].T
            joined = (c0 < self.channels[1][:, None]) & (c1 > self.channels[0][:, None])
            axons = (self.rows[:, y1] - self.rows[:, y0]) * (self.columns[:, x1] - self.columns[:, x0]) * joined
            slots[whole[some]] = self.cost * axons.sum(axis=0)
        return slots

    def _pixel_by_pixel(self, labels: Ints, cores: int) -> Ints:
        slots = np.zeros(cores, np.int64)
        maps = labels.reshape(self.shape)
        pixels = self.shape[1] * self.shape[2]
        for k in range(len(self.rows)):
            y, x = np.flatnonzero(np.diff(self.rows[k])), np.flatnonzero(np.diff(self.columns[k]))
            feeding = maps[self.channels[0, k] : self.channels[1, k]][:, y[:, None], x]
            pixel = np.broadcast_to(y[:, None] * self.shape[2] + x, feeding.shape)
            axons = np.unique(feeding.ravel() * pixels + pixel.ravel())
            slots += self.cost * np.bincount(axons // pixels, minlength=cores)
        return slots


@dataclass(frozen=True, eq=False)
class Demand:
    """Slots that the neurons of one population need.

    Attributes:
        discrete: Of each neuron for itself, (size,).
        shared: Of the pixels.
    """

    discrete: Ints
    shared: list[SharedDemand] = field(default_factory=list)
    _sums: dict[tuple[int, ...], Ints] = field(default_factory=dict, repr=False)

    @property
    def most(self) -> int:
        """No less than the slots of any one neuron."""
        return int(self.discrete.max(initial=0)) + sum(demand.cost * len(demand.rows) for demand in self.shared)

    def of_blocks(self, shape: tuple[int, ...], c: Ints, y: Ints, x: Ints) -> Ints:
        """Slots of blocks, see :meth:`SharedDemand.of_blocks`; without what does not see the maps as ``shape``."""
        if shape not in self._sums:
            self._sums[shape] = np.zeros([n + 1 for n in shape], np.int64)
            self._sums[shape][1:, 1:, 1:] = self.discrete.reshape(shape).cumsum(0).cumsum(1).cumsum(2)
        slots = self._sums[shape]
        for axis, ends in enumerate((c, y, x)):
            slots = slots.take(ends[1], axis) - slots.take(ends[0], axis)
        for demand in self.shared:
            if demand.shape == shape:
                slots = slots + demand.of_blocks(c, y, x)
        return slots

    def __add__(self, other: Demand) -> Demand:
        return Demand(self.discrete + other.discrete, self.shared + other.shared)

    def per_core(self, labels: Ints, cores: int) -> Ints:
        """Slots on each core of neurons with these labels, (cores,)."""
        slots = np.bincount(labels, weights=self.discrete, minlength=cores).astype(np.int64)
        for demand in self.shared:
            slots += demand.per_core(labels, cores)
        return slots


def _chunks(number: int, each: int) -> list[slice]:
    """Slices of so many things of ``each`` numbers, of some millions of numbers at most."""
    step = max(1, 2**22 // max(1, each))
    return [slice(low, low + step) for low in range(0, number, step)]


def fan_out(net: ChipNetwork, held: Sequence[Held | None], target: Target) -> dict[str, Demand]:
    """What the projections cost their source populations; only populations with any, see ``out_axon_slots``."""
    slot = 1 if target.axon.discrete_slots is None else target.axon.discrete_slots.value
    discrete: dict[str, list[Reach]] = defaultdict(list)
    demands: dict[str, Demand] = {}
    for p, found in zip(net.projections, held, strict=True):
        if found is None or (name := net.sender_of(p.source)) not in net.populations:
            continue
        if found.discrete is not None:
            discrete[p.source].append(found.discrete)
        if found.stored.shared.any():
            _add(demands, name, Demand(np.zeros(net.size_of(name), np.int64), [_shared(p, found, target)]))
    for source, together in discrete.items():
        _add(demands, net.sender_of(source), Demand(slot * union(together).cores_per_source()))
    return demands


def _add(demands: dict[str, Demand], name: str, more: Demand) -> None:
    demands[name] = demands[name] + more if name in demands else more


def _shared(projection: ChipProjection, found: Held, target: Target) -> SharedDemand:
    conv = found.reach.conv
    assert conv is not None  # only convolutions are held in shared rows
    _, height, width = shape = conv.connection.source_shape
    blocks = [block for at, block in found.reach.blocks.items() if block is not None and found.stored.shared[at]]
    rows, columns = np.zeros((len(blocks), height + 1), np.int64), np.zeros((len(blocks), width + 1), np.int64)
    channels = np.zeros((2, len(blocks)), np.int64)
    for k, block in enumerate(blocks):
        channels[:, k] = conv.source_channels(block)
        rows[k, conv.axis(0, *block[2:4]).positions + 1] = 1
        columns[k, conv.axis(1, *block[4:]).positions + 1] = 1
    slots = next((s.value for s in (target.axon.pop32_slots, target.axon.discrete_slots) if s is not None), 1)
    return SharedDemand(shape, channels, rows.cumsum(axis=1), columns.cumsum(axis=1), slots)
