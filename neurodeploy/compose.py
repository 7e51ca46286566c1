"""Stateless layers as linear maps, and chains of them as one map; weight sharing is kept where the geometry allows."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from neurodeploy.connections import Connection, Conv2d, Dense, Sparse
from neurodeploy.connections.base import Array, Shape
from neurodeploy.errors import ShapeMismatch, UnsupportedNode
from neurodeploy.graph import Node
from neurodeploy.windows import convolution, pooling

ELEMENTWISE = ("Scale", "Delay")
"""Stateless nodes that keep their input's shape, and have parameters of that shape."""


def layer(node: Node, source_shape: Shape, where: str) -> Connection | None:
    """The linear part of a stateless node; None for Flatten, which changes no order in memory, and for Delay.

    Raises:
        ShapeMismatch: The node does not fit ``source_shape``.
        UnsupportedNode: A type or parameter that we do not deploy.
    """
    if node.type in ("Flatten", "Delay"):
        return None
    if node.type == "Scale":
        return _scale(node, source_shape)
    if node.type in ("Linear", "Affine"):
        return _matrix(np.asarray(node.params["weight"]), source_shape, where)
    axes = 1 if node.type == "Conv1d" else 2
    if len(source_shape) != 1 + axes:
        takes = "(C, L)" if axes == 1 else "(C, H, W)"
        raise ShapeMismatch(
            f"the layer takes {takes} and is given {source_shape}", where=where, remedy="correct the input shape"
        )
    if node.type in ("SumPool2d", "AvgPool2d"):
        return pooling(node, source_shape, where)
    if node.type not in ("Conv1d", "Conv2d"):
        raise UnsupportedNode(f"NIR node type {node.type} is not supported", where=where, remedy="replace it")
    return convolution(node, source_shape, where)


def output_shape(node: Node, source_shape: Shape, connection: Connection | None, where: str) -> Shape:
    """Shape behind a stateless node; ``connection`` is what :func:`layer` made of it.

    Raises:
        ShapeMismatch: A Flatten node names axes that its input lacks.
    """
    if connection is not None:
        shape = connection.target_shape
        return (shape[0], shape[2]) if node.type == "Conv1d" else shape
    if node.type == "Delay":
        return source_shape
    start, end = _flattened(node, len(source_shape), where)
    return (*source_shape[:start], math.prod(source_shape[start : end + 1]), *source_shape[end + 1 :])


def _flattened(node: Node, rank: int, where: str) -> tuple[int, int]:
    """First and last axis of the input that a Flatten node joins, counted from 0 and without batch."""
    start, end = (int(node.params[k]) for k in ("start_dim", "end_dim"))
    first, last = (n + rank if n < 0 else n for n in (start, end))
    if not 0 <= first <= last < rank:
        raise ShapeMismatch(
            f"start_dim = {start} and end_dim = {end} of an input with {rank} axes",
            where=where,
            remedy="count the axes from 0, without batch and time",
        )
    return first, last


def bias_of(node: Node, shape: Shape, where: str) -> Array | float:
    """The node's bias, broadcast to its output shape; 0 where it has none."""
    if node.params.get("bias") is None:
        return 0.0
    bias = np.asarray(node.params["bias"], dtype=np.float64)
    if bias.shape == shape:
        return bias
    if bias.size not in (1, shape[0]) or bias.size != max(bias.shape, default=1):
        raise ShapeMismatch(
            f"bias has shape {bias.shape}, not ({shape[0]},)", where=where, remedy="export one bias per output channel"
        )
    return np.broadcast_to(bias.reshape(-1, *(1,) * (len(shape) - 1)), shape)


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


def _scale(node: Node, shape: Shape) -> Connection:
    """Factors one by one; on maps with one factor per channel as a convolution, which merges with its neighbours."""
    from scipy.sparse import diags_array

    scale = np.asarray(node.params["scale"], dtype=np.float64)
    factors = np.broadcast_to(scale if scale.size > 1 else scale.reshape(()), shape)
    if len(shape) == 3 and np.all(factors == factors[:, :1, :1]):
        return Conv2d(factors[:, :1, :1, None].copy(), shape, shape, groups=shape[0])
    return Sparse.from_matrix(diags_array(factors.ravel()), shape, shape)


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
    one_each = conv.groups == conv.source_shape[0] and conv.weights.shape[1:] == (1, 1, 1)
    return one_each and conv.source_shape == conv.target_shape and conv.stride == (1, 1) and conv.padding == (0, 0)


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
