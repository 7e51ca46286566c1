"""Stateless layers as linear maps, and chains of them as one map; weight sharing is kept where the geometry allows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from neurodeploy.connections import Connection, Conv2d, Dense, Sparse
from neurodeploy.connections.base import Array, Shape
from neurodeploy.errors import ShapeMismatch, UnsupportedNode
from neurodeploy.graph import Node
from neurodeploy.neurons import TRAINED
from neurodeploy.windows import convolution, pooling

STATELESS = ("Linear", "Affine", "Scale", "Conv1d", "Conv2d", "SumPool2d", "AvgPool2d", "Flatten")
"""NIR types between neurons."""
UNDEPLOYED: Mapping[str, tuple[str, str]] = {
    "Delay": ("a delay in seconds between layers", "train without it, or move it into the input data"),
    "Threshold": ("a threshold without a membrane", "use a LIF node with tau = r = dt, which forgets within a step"),
    "I": ("an integrator that sends its value", "use an IF node, or a LI node with a long tau as read-out"),
}
"""NIR types that keep their input's shape and that we do not deploy: what they are, and what to use instead."""


def check_deployable(node: Node, where: str) -> None:
    """Refuse a node of a type that NIR has and we do not deploy; UnsupportedNode."""
    if node.type in UNDEPLOYED:
        what, remedy = UNDEPLOYED[node.type]
        raise UnsupportedNode(
            f"NIR node type {node.type} is not supported: {what}",
            where=where,
            remedy=f"{remedy}; supported: {', '.join((*STATELESS, *(t for m in TRAINED for t in m.nir_types)))}",
        )


def layer(node: Node, source_shape: Shape, where: str) -> Connection | None:
    """The linear part of a stateless node; None for Flatten, which changes no order in memory.

    Raises:
        ShapeMismatch: The node does not fit ``source_shape``.
        UnsupportedNode: A type or parameter that we do not deploy.
    """
    check_deployable(node, where)
    if node.type == "Flatten":
        return None
    if node.type == "Scale":
        return _scale(node, source_shape)
    if node.type in ("Linear", "Affine"):
        return _dense(node, source_shape, where)
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


def output_shape(node: Node, source_shape: Shape, connection: Connection | None) -> Shape:
    """Shape behind a stateless node; ``connection`` is what :func:`layer` made of it."""
    if connection is not None:
        channels, *_, last = *connection.target_shape, *connection.target_shape[-1:]
        return (channels, last) if node.type == "Conv1d" else connection.target_shape
    start, end = flattened_axes(node, len(source_shape))
    return (*source_shape[:start], math.prod(source_shape[start : end + 1]), *source_shape[end + 1 :])


def flattened_axes(node: Node, rank: int) -> tuple[int, int]:
    """First and last axis of the input that a Flatten node joins, counted from 0 and without batch.

    Raises:
        ShapeMismatch: The input has no such axes.
    """
    start, end = (int(node.params[k]) for k in ("start_dim", "end_dim"))
    first, last = (n + rank if n < 0 else n for n in (start, end))
    if not 0 <= first <= last < rank:
        raise ShapeMismatch(
            f"start_dim = {start} and end_dim = {end} of an input with {rank} axes",
            where=f"node '{node.name}'",
            remedy="count the axes from 0, without batch and time",
        )
    return first, last


def bias_of(node: Node, shape: Shape, where: str) -> Array | float:
    """The node's bias, broadcast to its output shape; 0 where it has none."""
    if node.params.get("bias") is None:
        return 0.0
    bias = np.asarray(node.params["bias"], dtype=np.float64)
    if bias.size not in (1, shape[0]) or bias.size != max(bias.shape, default=1):
        raise ShapeMismatch(
            f"bias has shape {bias.shape}, not ({shape[0]},)", where=where, remedy="export one bias per output channel"
        )
    return np.broadcast_to(bias.reshape(-1, *(1,) * (len(shape) - 1)), shape)


def _dense(node: Node, source_shape: Shape, where: str) -> Dense:
    weight = np.asarray(node.params["weight"])
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


def _scale(node: Node, shape: Shape) -> Sparse:
    from scipy.sparse import diags_array

    scale = np.asarray(node.params["scale"], dtype=np.float64)
    factors = np.broadcast_to(scale if scale.size > 1 else scale.reshape(()), shape)
    return Sparse.from_matrix(diags_array(factors.ravel()), shape, shape)


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
