"""NIR's convolutions and poolings as two-dimensional convolutions with numbers for paddings."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from neurodeploy.connections import Conv2d
from neurodeploy.connections.base import Array, Shape
from neurodeploy.errors import ShapeMismatch, UnsupportedNode
from neurodeploy.graph import Node

Pair = tuple[int, int]


def convolution(node: Node, source_shape: Shape, where: str) -> Conv2d:
    """A ``Conv2d`` node on (C, H, W), or a ``Conv1d`` node on (C, L), which becomes (C, 1, L).

    ``'same'`` pads by ``d (k - 1)`` in all, the odd one behind, as PyTorch does; since ours pad equally on both
    sides, the kernel then gets a leading zero.

    Raises:
        ShapeMismatch: The kernel does not fit.
        UnsupportedNode: ``'same'`` with a stride.
    """
    params, axes = node.params, 1 if node.type == "Conv1d" else 2
    kernel = np.asarray(params["weight"])
    if kernel.ndim != 2 + axes:
        raise ShapeMismatch(
            f"the kernel has shape {kernel.shape}",
            where=where,
            remedy=f"a {node.type} kernel is (C_out, C_in / groups, {'K' if axes == 1 else 'KH, KW'})",
        )
    stride, dilation = (_pair(params[k], axes, 1) for k in ("stride", "dilation"))
    if axes == 1:
        kernel, source_shape = kernel[:, :, None], (source_shape[0], 1, source_shape[1])
    given = params["padding"]
    if not isinstance(given, str):
        padding = _pair(given, axes, 0)
    elif given == "valid":
        padding = (0, 0)
    elif given != "same" or stride != (1, 1):
        raise UnsupportedNode(f"padding '{given}' with stride {stride}", where=where, remedy="give numbers")
    else:
        for axis in (0, 1):
            kernel, dilation = _evenly_padded(kernel, dilation, axis)
        padding = (dilation[0] * (kernel.shape[2] - 1) // 2, dilation[1] * (kernel.shape[3] - 1) // 2)
    groups = int(params["groups"])
    return Conv2d.build(
        kernel, source_shape, stride=stride, padding=padding, dilation=dilation, groups=groups, where=where
    )


def pooling(node: Node, source_shape: Shape, where: str) -> Conv2d:
    """A ``SumPool2d`` or ``AvgPool2d`` node on (C, H, W) as a depthwise kernel; averages count the padding.

    Raises:
        ShapeMismatch: The window does not fit, or is padded by more than its half, which PyTorch refuses.
    """
    size, stride, padding = (_pair(node.params[k], 2, 0) for k in ("kernel_size", "stride", "padding"))
    spans = [n + 2 * p for n, p in zip(source_shape[1:], padding, strict=True)]
    if min(size) < 1 or any(2 * p > k for p, k in zip(padding, size, strict=True)):
        raise ShapeMismatch(
            f"a window of {size} with padding {padding}",
            where=where,
            remedy="use a window of at least 1, padded by at most its half",
        )
    if any(k > n for k, n in zip(size, spans, strict=True)):
        raise ShapeMismatch(
            f"a window of {size} does not fit into {tuple(spans)}", where=where, remedy="use a smaller window"
        )
    channels = source_shape[0]
    tap = 1.0 if node.type == "SumPool2d" else 1.0 / math.prod(size)
    kernel = np.full((channels, 1, *size), tap)
    return Conv2d.build(kernel, source_shape, stride=stride, padding=padding, groups=channels, where=where)


def _pair(value: Any, axes: int, other: int) -> Pair:
    """(H, W); ``other`` stands for the axis that one dimension lacks."""
    numbers = np.ravel(value)
    return (int(numbers[0]), int(numbers[-1])) if axes == 2 else (other, int(numbers[0]))


def _evenly_padded(kernel: Array, dilation: Pair, axis: int) -> tuple[Array, Pair]:
    """The same map with an even ``d (k - 1)`` along an axis: undilated, with one more tap of zeros in front."""
    step, taps = dilation[axis], kernel.shape[2 + axis]
    if step * (taps - 1) % 2 == 0:
        return kernel, dilation
    shape = list(kernel.shape)
    shape[2 + axis] = step * (taps - 1) + 2
    wide = np.zeros(shape, kernel.dtype)
    at = [slice(None)] * 4
    at[2 + axis] = slice(1, None, step)
    wide[tuple(at)] = kernel
    return wide, (1, dilation[1]) if axis == 0 else (dilation[0], 1)
