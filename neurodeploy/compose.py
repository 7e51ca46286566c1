"""Stateless layers as linear maps, and chains of them as one map; weight sharing is kept where the geometry allows."""

from __future__ import annotations

import math
from collections.abc import Sequence

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
        weight = np.asarray(params["weight"])
        if weight.ndim != 2:
            raise UnsupportedNode(
                f"weight has {weight.ndim} dimensions", where=where, remedy="export one (out, in) matrix per layer"
            )
        if source_shape != (weight.shape[1],):
            raise ShapeMismatch(
                f"the layer takes ({weight.shape[1]},) and is given {source_shape}",
                where=where,
                remedy="insert a Flatten, or correct the layer's size",
            )
        return Dense(weight, source_shape, (weight.shape[0],))
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


def output_shape(node: Node, source_shape: Shape, connection: Connection | None) -> Shape:
    """Shape behind a stateless node."""
    if connection is not None:
        return connection.target_shape
    start, end = (int(node.params[k]) for k in ("start_dim", "end_dim"))
    rank = len(source_shape)
    start, end = start % rank, end % rank
    return (*source_shape[:start], math.prod(source_shape[start : end + 1]), *source_shape[end + 1 :])


def bias_of(node: Node, shape: Shape, where: str) -> Array | float:
    """The node's bias, broadcast to its output shape; 0 where it has none."""
    if node.params.get("bias") is None:
        return 0.0
    bias = np.asarray(node.params["bias"], dtype=np.float64)
    if bias.shape != (shape[0],):
        raise ShapeMismatch(
            f"bias has shape {bias.shape}, not ({shape[0]},)", where=where, remedy="export one bias per output channel"
        )
    return np.broadcast_to(bias.reshape(-1, *(1,) * (len(shape) - 1)), shape)


def compose(chain: Sequence[Connection]) -> Connection:
    """One map equal to applying ``chain`` in order; a single map keeps the file's precision, products are float64."""
    result = chain[0]
    for following in chain[1:]:
        result = _after(_double(result), _double(following))
    return result


def _double(connection: Connection) -> Connection:
    return connection.with_weights(connection.weights.astype(np.float64))


def _after(first: Connection, second: Connection) -> Connection:
    if isinstance(first, Conv2d) and isinstance(second, Conv2d) and _is_tiling_pool(first, second):
        return _pool_then_conv(first, second)
    if isinstance(second, Dense):
        weights = second.weights @ first.to_csr()
        return Dense(np.asarray(weights), first.source_shape, second.target_shape)
    product = second.to_csr() @ first.to_csr()
    if isinstance(first, Dense):
        return Dense(product.toarray(), first.source_shape, second.target_shape)
    return Sparse.from_matrix(product, first.source_shape, second.target_shape)


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
    value: Array | int | str, kernel: Sequence[int], stride: tuple[int, int], dilation: tuple[int, int], where: str
) -> tuple[int, int]:
    if not isinstance(value, str):
        return _pair(value)
    if value == "valid":
        return (0, 0)
    totals = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
    if value != "same" or stride != (1, 1) or any(t % 2 for t in totals):
        raise UnsupportedNode(
            f"padding {value!r} with kernel {tuple(kernel)} and stride {stride}",
            where=where,
            remedy="give the padding as numbers, equal on both sides",
        )
    return (totals[0] // 2, totals[1] // 2)
