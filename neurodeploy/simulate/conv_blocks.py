"""The tables by which kernels/conv2d.c adds the taps of a source to a map with borders, channels last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.connections import Conv2d

Ints = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Blocks:
    """Attributes as in ``nd_projection``; ``base``, ``tap`` by source and ``at`` by target pixel, channels first."""

    taps: NDArray[Any]
    base: Ints
    tap: Ints
    vector_at: Ints
    at: Ints
    map_size: int


@dataclass(frozen=True, eq=False)
class _Axis:
    """One axis: a source at cell q and phase r adds tap ``taps[r][d]`` (-1: none) to output ``q + first + d``."""

    taps: NDArray[np.int64]
    first: int
    cells: NDArray[np.int64]
    phases: NDArray[np.int64]
    outputs: int

    @property
    def border(self) -> int:
        """Positions of the map before output 0."""
        return -self.first

    @property
    def length(self) -> int:
        """Positions of the map."""
        return max(int(self.cells.max()) + int(self.taps.shape[1]), self.outputs + self.border)


def _axis(size: int, kernel: int, outputs: int, stride: int, padding: int, dilation: int) -> _Axis:
    """From output * stride = source + padding - tap * dilation."""
    reached = np.arange(size) + padding
    distance = np.arange(stride)[:, None] - np.arange(kernel) * dilation
    phase, tap = np.nonzero(distance % stride == 0)
    steps = distance[phase, tap] // stride
    taps = np.full((stride, 1 - int(steps.min())), -1)
    taps[phase, steps - steps.min()] = tap
    first = int(steps.min())
    return _Axis(taps, first, reached // stride, reached % stride, outputs)


def blocks(c: Conv2d, weights: NDArray[Any], vector: int) -> Blocks:
    """Tables for weights of the convolution's shape, whose dtype sums have, in vectors of so many of them."""
    c_out, in_group, kh, kw = weights.shape
    y, x = (
        _axis(c.source_shape[1 + a], (kh, kw)[a], c.target_shape[1 + a], c.stride[a], c.padding[a], c.dilation[a])
        for a in (0, 1)
    )
    out_group, c_in = c_out // c.groups, c.source_shape[0]
    # (channel, phase y, phase x, row y, row x, output channel of its group), 0 where no tap meets
    padded = np.zeros((c_out, in_group, kh + 1, kw + 1), weights.dtype)
    padded[:, :, :kh, :kw] = weights
    met = padded[:, :, y.taps[:, None, :, None], x.taps[None, :, None, :]]
    by_channel = met.reshape(c.groups, out_group, in_group, *met.shape[2:]).transpose(0, 2, 3, 4, 5, 6, 1)
    across = y.taps.shape[1], x.taps.shape[1]
    row_y, row_x = np.arange(across[0]) * x.length * c_out, np.arange(across[1]) * c_out
    if c.groups == 1:  # all outputs of a row lie side by side
        flat = by_channel.reshape(c_in * y.taps.shape[0] * x.taps.shape[0], across[0], -1)
        row_at = row_y
    else:
        flat = by_channel.reshape(c_in * y.taps.shape[0] * x.taps.shape[0], across[0] * across[1], -1)
        row_at = (row_y[:, None] + row_x).ravel()
    per_row = -(-flat.shape[2] // vector)
    wide = np.zeros((*flat.shape[:2], per_row * vector), weights.dtype)
    wide[:, :, : flat.shape[2]] = flat
    vector_at = (row_at[:, None] + np.arange(per_row) * vector).ravel()
    distinct, number = np.unique(wide.reshape(len(wide), -1), axis=0, return_inverse=True)
    number = number.reshape(c_in, y.taps.shape[0], x.taps.shape[0])
    channel = np.arange(c_in)[:, None, None]
    tap = number[channel, y.phases[:, None], x.phases] * distinct.shape[1]
    group = channel // in_group * out_group
    base = (y.cells[:, None] * x.length + x.cells) * c_out + group
    out_y, out_x = np.arange(c.target_shape[1]) + y.border, np.arange(c.target_shape[2]) + x.border
    at = (out_y[:, None] * x.length + out_x) * c_out
    return Blocks(
        distinct,
        base.astype(np.int32).ravel(),
        np.broadcast_to(tap, base.shape).astype(np.int32).ravel(),
        vector_at.astype(np.int32),
        at.astype(np.int32).ravel(),
        y.length * x.length * c_out + (per_row + 4) * vector,
    )
