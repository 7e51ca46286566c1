"""Stateless layers as linear maps, and chains of them as one map; weight sharing is kept where the geometry allows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from neurodeploy.connections import Connection, Conv2d, Dense, Sparse
from neurodeploy.connections.base import Array, Shape
from neurodeploy.errors import ShapeMismatch, UnsupportedNode
from neurodeploy.graph import Node


def layer(node: Node, source_shape: Shape, where: str) -> Connection | None:
    """The linear part of a stateless node; None for Flatten, which changes no order in memory.

    Raises:
        ShapeMismatch: The node does not fit ``source_shape``.
        UnsupportedNode: A parameter that we do not deploy.
    """
    params = node.params
    if node.type == "Flatten":
        return None
    if node.type in ("Linear", "Affine"):
        return _matrix(np.asarray(params["weight"]), source_shape, where)
    if node.type == "Scale":
        return _scale(np.asarray(params["scale"]), source_shape, where)
    if node.type == "Conv1d":
        return _conv1d(params, source_shape, where)
    if node.type not in ("Conv2d", "SumPool2d", "AvgPool2d"):
        raise UnsupportedNode(
            f"NIR node type {node.type} is not supported", where=where, remedy="replace it, or report this file"
        )
    if len(source_shape) != 3:
        raise ShapeMismatch(
            f"the layer takes (C, H, W) and is given {source_shape}", where=where, remedy="correct the input shape"
        )
    if node.type == "Conv2d":
        kernel = np.asarray(params["weight"])
        stride, dilation = _pair(params["stride"]), _pair(params["dilation"])
        padding = _padding(params["padding"], kernel.shape[2:], stride, dilation, where)
        groups = int(params["groups"])
        return Conv2d.build(
            kernel, source_shape, stride=stride, padding=padding, dilation=dilation, groups=groups, where=where
        )
    size, stride, padding = (_pair(params[k]) for k in ("kernel_size", "stride", "padding"))
    channels = source_shape[0]
    tap = 1.0 if node.type == "SumPool2d" else 1.0 / math.prod(size)
    kernel = np.full((channels, 1, *size), tap)
    return Conv2d.build(kernel, source_shape, stride=stride, padding=padding, groups=channels, where=where)


def _matrix(weight: Array, source_shape: Shape, where: str) -> Connection:
    """(..., out, in): the same or another matrix for every leading index, as NIR defines it."""
    if weight.ndim < 2:
        raise UnsupportedNode(
            f"weight has {weight.ndim} dimensions", where=where, remedy="export one (out, in) matrix per layer"
        )
    *leading, rows, columns = weight.shape
    if source_shape != (*leading, columns):
        raise ShapeMismatch(
            f"the layer takes {(*leading, columns)} and is given {source_shape}",
            where=where,
            remedy="insert a Flatten, or correct the layer's size",
        )
    if not leading:
        return Dense(weight, source_shape, (rows,))
    from scipy.sparse import block_diag

    blocks = block_diag(list(weight.reshape(-1, rows, columns)))
    return Sparse.from_matrix(blocks, source_shape, (*leading, rows))


def _scale(scale: Array, source_shape: Shape, where: str) -> Connection:
    """Gains one by one; on maps with one gain per channel as a convolution, which merges with its neighbours."""
    if scale.size != 1 and scale.shape != source_shape:
        raise ShapeMismatch(
            f"scale has shape {scale.shape} and is given {source_shape}",
            where=where,
            remedy="give one factor, or one per element",
        )
    full = np.broadcast_to(scale if scale.size > 1 else scale.reshape(()), source_shape)
    if len(source_shape) == 3 and np.all(full == full[:, :1, :1]):
        return Conv2d(full[:, :1, :1, None].copy(), source_shape, source_shape, groups=source_shape[0])
    from scipy.sparse import diags_array

    return Sparse.from_matrix(diags_array(full.ravel().astype(np.float64)), source_shape, source_shape)


def _conv1d(params: Mapping[str, Any], source_shape: Shape, where: str) -> Connection:
    """A convolution of maps of height 1."""
    if len(source_shape) != 2:
        raise ShapeMismatch(
            f"the layer takes (C, L) and is given {source_shape}", where=where, remedy="correct the input shape"
        )
    kernel = np.asarray(params["weight"])
    stride, dilation = (1, _pair(params["stride"])[0]), (1, _pair(params["dilation"])[0])
    padding = params["padding"]
    if isinstance(padding, str):
        padding = _padding(padding, kernel.shape[2:], stride[1:], dilation[1:], where)
    return Conv2d.build(
        kernel[:, :, None] if kernel.ndim == 3 else kernel,
        (source_shape[0], 1, source_shape[1]),
        stride=stride,
        padding=(0, _pair(padding)[0]),
        dilation=dilation,
        groups=int(params["groups"]),
        where=where,
    )


def output_shape(node: Node, source_shape: Shape, connection: Connection | None) -> Shape:
    """Shape behind a stateless node."""
    if connection is not None:
        shape = connection.target_shape
        return (shape[0], shape[2]) if node.type == "Conv1d" else shape
    start, end = (int(node.params[k]) for k in ("start_dim", "end_dim"))
    rank = len(source_shape)
    start, end = start % rank, end % rank
    return (*source_shape[:start], math.prod(source_shape[start : end + 1]), *source_shape[end + 1 :])


def bias_of(node: Node, shape: Shape, where: str) -> Array | float:
    """The node's bias, broadcast to its output shape; 0 where it has none."""
    if node.params.get("bias") is None:
        return 0.0
    bias = np.asarray(node.params["bias"], dtype=np.float64)
    if bias.shape == shape:
        return bias
    if bias.shape != (shape[0],):
        raise ShapeMismatch(
            f"bias has shape {bias.shape}, not ({shape[0]},)", where=where, remedy="export one bias per output channel"
        )
    return np.broadcast_to(bias.reshape(-1, *(1,) * (len(shape) - 1)), shape)


def compose(chain: Sequence[Connection]) -> Connection:
    """One map equal to applying ``chain`` in order; a single map keeps the file's precision, products are float64."""
    result = chain[0]
    for following in chain[1:]:
        result = _after(double(result), double(following))
    return result


def double(connection: Connection) -> Connection:
    """The same map in float64."""
    return connection.with_weights(connection.weights.astype(np.float64))


def _after(first: Connection, second: Connection) -> Connection:
    if isinstance(first, Conv2d) and isinstance(second, Conv2d):
        if _is_tiling_pool(first, second):
            return _pool_then_conv(first, second)
        if _is_gain(second):
            return first.with_weights(first.weights * second.weights)
        if _is_gain(first):
            gains = first.weights.reshape(second.groups, -1).repeat(second.weights.shape[0] // second.groups, axis=0)
            return second.with_weights(second.weights * gains[:, :, None, None])
    if isinstance(second, Dense):
        weights = second.weights @ first.to_csr()
        return Dense(np.asarray(weights), first.source_shape, second.target_shape)
    product = second.to_csr() @ first.to_csr()
    if isinstance(first, Dense):
        return Dense(product.toarray(), first.source_shape, second.target_shape)
    return Sparse.from_matrix(product, first.source_shape, second.target_shape)


def _is_gain(conv: Conv2d) -> bool:
    """A factor per channel."""
    return (
        conv.groups == conv.weights.shape[0] == conv.source_shape[0]
        and conv.source_shape == conv.target_shape
        and (conv.weights.shape[1:] == (1, 1, 1) and conv.stride == (1, 1) and conv.padding == (0, 0))
    )


def _is_tiling_pool(pool: Conv2d, conv: Conv2d) -> bool:
    """A depthwise, uniform window whose tiles cover the map exactly, before an undilated convolution."""
    size = pool.weights.shape[2:]
    return (
        pool.groups == pool.weights.shape[0] == pool.source_shape[0]
        and bool(np.all(pool.weights == pool.weights.flat[0]))
        and pool.stride == size
        and pool.padding == (0, 0)
        and pool.dilation == conv.dilation == (1, 1)
        and all(n % k == 0 for n, k in zip(pool.source_shape[1:], size, strict=True))
    )


def _pool_then_conv(pool: Conv2d, conv: Conv2d) -> Conv2d:
    """Every tap of the kernel becomes a window of equal taps: same map, one shared kernel, no neuron for the pool."""
    ph, pw = pool.weights.shape[2:]
    kernel = np.repeat(np.repeat(conv.weights, ph, axis=2), pw, axis=3) * pool.weights.flat[0]
    return Conv2d(
        kernel,
        pool.source_shape,
        conv.target_shape,
        (conv.stride[0] * ph, conv.stride[1] * pw),
        (conv.padding[0] * ph, conv.padding[1] * pw),
        (1, 1),
        conv.groups,
    )


def _pair(value: Array | int) -> tuple[int, int]:
    numbers = np.ravel(value)
    return (int(numbers[0]), int(numbers[-1]))


def _padding(
    value: Array | int | str, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int], where: str
) -> tuple[int, int]:
    if not isinstance(value, str):
        return _pair(value)
    if value == "valid":
        return (0, 0)
    totals = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
    if value != "same" or any(s != 1 for s in stride) or any(t % 2 for t in totals):
        raise UnsupportedNode(
            f"padding {value!r} with kernel {tuple(kernel)} and stride {tuple(stride)}",
            where=where,
            remedy="give the padding as numbers, equal on both sides",
        )
    return (totals[0] // 2, totals[-1] // 2)
