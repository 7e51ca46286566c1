"""Two-dimensional convolution with shared weights; pooling is a convolution too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from neurodeploy.connections.base import Array, Connection, Shape
from neurodeploy.errors import ShapeMismatch

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Pair = tuple[int, int]


def conv_output_size(size: int, kernel: int, stride: int, padding: int, dilation: int) -> int:
    """Output length of one axis, as PyTorch computes it."""
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


@dataclass(frozen=True, eq=False)
class Conv2d(Connection):
    """Cross-correlation in PyTorch order: shapes (C, H, W), ``weights`` (C_out, C_in / groups, KH, KW).

    Pairs are (H, W).
    """

    kind: ClassVar[str] = "conv2d"
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1

    @classmethod
    def build(
        cls,
        weights: Array,
        source_shape: Shape,
        *,
        stride: Pair = (1, 1),
        padding: Pair = (0, 0),
        dilation: Pair = (1, 1),
        groups: int = 1,
        where: str,
    ) -> Conv2d:
        """Check the geometry and infer the target shape.

        Raises:
            ShapeMismatch: The kernel does not fit the source shape; names ``where``.
        """
        if weights.ndim != 4 or len(source_shape) != 3:
            raise ShapeMismatch(
                f"a 2-D convolution needs a source (C, H, W) and a kernel (C_out, C_in/groups, KH, KW), "
                f"found source {source_shape} and kernel {weights.shape}",
                where=where,
                remedy="reshape the source population or the kernel",
            )
        c_out, c_in_group, kh, kw = weights.shape
        c_in, height, width = source_shape
        if min(*stride, *dilation, groups) < 1 or min(padding) < 0:
            raise ShapeMismatch(
                f"stride {stride}, dilation {dilation}, groups {groups} must be > 0, padding {padding} >= 0",
                where=where,
                remedy="correct the geometry",
            )
        if c_in != c_in_group * groups or c_out % groups:
            raise ShapeMismatch(
                f"the kernel {weights.shape} with groups={groups} needs {c_in_group * groups} input channels "
                f"and output channels divisible by {groups}; the source has {c_in} channels",
                where=where,
                remedy="check the order of the kernel's axes, and groups",
            )
        h_out = conv_output_size(height, kh, stride[0], padding[0], dilation[0])
        w_out = conv_output_size(width, kw, stride[1], padding[1], dilation[1])
        if h_out < 1 or w_out < 1:
            raise ShapeMismatch(
                f"a {kh}x{kw} kernel with padding {padding} and dilation {dilation} leaves nothing of a "
                f"{height}x{width} map",
                where=where,
                remedy="use a smaller kernel or more padding",
            )
        return cls(weights, source_shape, (c_out, h_out, w_out), stride, padding, dilation, groups)

    def _columns(self, spikes: Array) -> Array:
        """Windows of the padded input, (B, C_in, H_out, W_out, KH, KW)."""
        (kh, kw), (py, px), (dy, dx) = self.weights.shape[2:], self.padding, self.dilation
        maps = spikes.reshape(-1, *self.source_shape)
        padded = np.pad(maps, ((0, 0), (0, 0), (py, py), (px, px)))
        extent = (dy * (kh - 1) + 1, dx * (kw - 1) + 1)
        windows = np.lib.stride_tricks.sliding_window_view(padded, extent, axis=(2, 3))
        columns: Array = windows[:, :, :: self.stride[0], :: self.stride[1], ::dy, ::dx]
        return columns

    def patches(self, maps: Array) -> Array:
        """What the kernels of a convolution in one group see of maps (B, n_source): (B, places, C_in * KH * KW)."""
        columns = self._columns(maps)
        return columns.transpose(0, 2, 3, 1, 4, 5).reshape(len(columns), -1, self.weights[0].size)

    def propagate(self, spikes: Array) -> Array:
        columns = self._columns(spikes)
        batch, _, h_out, w_out = columns.shape[:4]
        out_group, in_group = self.weights.shape[0] // self.groups, self.weights.shape[1]
        maps = []
        for g in range(self.groups):
            part = columns[:, g * in_group : (g + 1) * in_group].transpose(0, 2, 3, 1, 4, 5)
            kernel = self.weights[g * out_group : (g + 1) * out_group].reshape(out_group, -1)
            rows = self._matmul(part.reshape(batch * h_out * w_out, -1), kernel.T)
            maps.append(rows.reshape(batch, h_out, w_out, out_group).transpose(0, 3, 1, 2))
        return np.concatenate(maps, axis=1).reshape(batch, -1)

    def taps(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Every synapse as (target, source, flat index into ``weights``)."""
        c_out, in_group, kh, kw = self.weights.shape
        _, height, width = self.source_shape
        _, h_out, w_out = self.target_shape
        o, c, ky, kx, oy, ox = np.meshgrid(
            *(np.arange(n) for n in (c_out, in_group, kh, kw, h_out, w_out)), indexing="ij", sparse=True
        )
        iy = oy * self.stride[0] - self.padding[0] + ky * self.dilation[0]
        ix = ox * self.stride[1] - self.padding[1] + kx * self.dilation[1]
        channel = o // (c_out // self.groups) * in_group + c
        inside = (iy >= 0) & (iy < height) & (ix >= 0) & (ix < width)
        target = (o * h_out + oy) * w_out + ox
        source = (channel * height + iy) * width + ix
        weight = ((o * in_group + c) * kh + ky) * kw + kx
        shape = np.broadcast_shapes(target.shape, source.shape)
        mask = np.broadcast_to(inside, shape)
        return (
            np.broadcast_to(target, shape)[mask],
            np.broadcast_to(source, shape)[mask],
            np.broadcast_to(weight, shape)[mask],
        )

    def to_csr(self) -> csr_array:
        from scipy.sparse import coo_array

        target, source, weight = self.taps()
        values = self.weights.ravel()[weight]
        rows = coo_array((values, (target, source)), shape=(self.n_target, self.n_source)).tocsr()
        rows.eliminate_zeros()
        return rows

    def pattern(self) -> csr_array:
        return self.with_weights(np.ones(self.weights.shape, dtype=np.int64)).to_csr()

    def fan_out(self) -> NDArray[np.int64]:
        (kh, kw), (_, height, width) = self.weights.shape[2:], self.source_shape
        rows = self._axis_reach(0, height, kh, self.target_shape[1])
        cols = self._axis_reach(1, width, kw, self.target_shape[2])
        per_channel = np.outer(rows, cols).ravel() * (self.weights.shape[0] // self.groups)
        return np.tile(per_channel, self.source_shape[0]).astype(np.int64)

    def _axis_reach(self, axis: int, size: int, kernel: int, outputs: int) -> NDArray[np.int64]:
        """Per source position of one axis, how many (tap, output) pairs it meets."""
        reach = np.zeros(size, dtype=np.int64)
        starts = np.arange(outputs) * self.stride[axis] - self.padding[axis]
        for tap in range(kernel):
            at = starts + tap * self.dilation[axis]
            np.add.at(reach, at[(at >= 0) & (at < size)], 1)
        return reach

    def with_weights(self, weights: Array) -> Conv2d:
        return replace(self, weights=weights)

    def sum_bounds(self) -> tuple[Array, Array]:
        per_channel = self.weights.reshape(self.weights.shape[0], -1)
        repeat = self.target_shape[1] * self.target_shape[2]
        low, high = np.minimum(per_channel, 0).sum(axis=1), np.maximum(per_channel, 0).sum(axis=1)
        return np.repeat(low, repeat), np.repeat(high, repeat)

    def geometry(self) -> Mapping[str, tuple[int, ...]]:
        return {
            "stride": self.stride,
            "padding": self.padding,
            "dilation": self.dilation,
            "groups": (self.groups,),
        }
