"""Sums of linear maps, put together while a module is read: what lies between two activations is one of them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array, eye_array

from neurodeploy.connections import Connection, Conv2d, Dense, Sparse
from neurodeploy.connections.base import Shape

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Affine:
    """``sum of maps of sources + bias``.

    Attributes:
        terms: Source and map, None for the source as it is.
        bias: (size,).
        shape: Without batch.
    """

    terms: tuple[tuple[str, Connection | None], ...]
    bias: Floats
    shape: Shape

    @classmethod
    def of(cls, source: str, shape: Shape) -> Affine:
        """A source as it is."""
        return cls(((source, None),), np.zeros(math.prod(shape)), shape)

    @property
    def only_source(self) -> str | None:
        """The source that it is, where it is one as it is."""
        (source, how), *more = self.terms
        return source if how is None and not more and not self.bias.any() else None

    def through(self, connection: Connection, bias: Floats | None = None) -> Affine:
        """Mapped by a further connection, whose bias is one for each leading axis of the result, or for each neuron."""
        terms = tuple((source, composed(connection, inner)) for source, inner in self.terms)
        moved = connection.propagate(self.bias[None])[0]
        made = Affine(terms, np.asarray(moved, np.float64), connection.target_shape)
        return made if bias is None else replace(made, bias=made.bias + _by_neuron(bias, made.shape))

    def scaled(self, factor: Floats, shift: Floats) -> Affine:
        """Times a factor, plus a shift, one for each leading axis."""
        rows = _by_neuron(factor, self.shape)
        terms = tuple((source, _scaled(c, factor, rows, self.shape)) for source, c in self.terms)
        return Affine(terms, self.bias * rows + _by_neuron(shift, self.shape), self.shape)

    def plus(self, other: Affine) -> Affine:
        """The sum of two of the same shape."""
        return Affine((*self.terms, *other.terms), self.bias + other.bias, self.shape)

    def reshaped(self, shape: Shape) -> Affine:
        """The same neurons in another shape."""
        return replace(self, shape=shape)

    def connections(self) -> tuple[tuple[str, Connection], ...]:
        """Terms with a map each; a source as it is has a diagonal one."""
        return tuple((source, _identity(self.shape) if c is None else c) for source, c in self.terms)


def pooling(shape: Shape, size: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int]) -> Conv2d:
    """Average pooling, zeros at the border counted, as a convolution of each channel."""
    kernel = np.full((shape[0], 1, *size), 1 / math.prod(size))
    return Conv2d.build(kernel, shape, stride=stride, padding=padding, groups=shape[0], where="average pooling")


def composed(outer: Connection, inner: Connection | None) -> Connection:
    """``outer inner``; a convolution behind a pooling of tiles stays a convolution."""
    if inner is None:
        return outer
    if isinstance(outer, Conv2d) and isinstance(inner, Conv2d) and (wide := _behind_tiles(outer, inner)) is not None:
        return wide
    product = csr_array(outer.to_csr() @ inner.to_csr())
    if isinstance(outer, Dense) or isinstance(inner, Dense):
        return Dense(product.toarray(), inner.source_shape, outer.target_shape)
    return Sparse.from_matrix(product, inner.source_shape, outer.target_shape)


def _behind_tiles(outer: Conv2d, pool: Conv2d) -> Conv2d | None:
    """A convolution of what one kernel, the same for all channels, makes of tiles that do not overlap."""
    (ky, kx), (_, height, width) = pool.weights.shape[2:], pool.source_shape
    tiles = (
        pool.weights.shape[1] == 1
        and pool.groups == len(pool.weights) == pool.source_shape[0]
        and pool.stride == (ky, kx)
        and pool.padding == (0, 0)
        and pool.dilation == outer.dilation == (1, 1)
        and bool(np.all(pool.weights == pool.weights[:1]))
        and (outer.padding == (0, 0) or (height % ky == 0 and width % kx == 0))
    )
    if not tiles:
        return None
    kernel = np.kron(outer.weights, pool.weights[:1])
    return Conv2d.build(
        kernel,
        pool.source_shape,
        stride=(outer.stride[0] * ky, outer.stride[1] * kx),
        padding=(outer.padding[0] * ky, outer.padding[1] * kx),
        groups=outer.groups,
        where="average pooling",
    )


def _by_neuron(values: Floats, shape: Shape) -> Floats:
    size = math.prod(shape)
    return np.asarray(values if len(values) == size else np.repeat(values, size // shape[0]), np.float64)


def _scaled(c: Connection | None, factor: Floats, rows: Floats, shape: Shape) -> Connection:
    if c is None:
        return Sparse.from_matrix(csr_array(diags_array(rows)), shape, shape)
    if isinstance(c, Conv2d) and len(factor) == len(c.weights):
        return c.with_weights(c.weights * factor[:, None, None, None])
    if isinstance(c, Dense):
        return c.with_weights(c.weights * rows[:, None])
    return Sparse.from_matrix(csr_array(diags_array(rows) @ c.to_csr()), c.source_shape, c.target_shape)


def _identity(shape: Shape) -> Connection:
    return Sparse.from_matrix(csr_array(eye_array(math.prod(shape))), shape, shape)
