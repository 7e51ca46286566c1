"""The quantised network in plain integers: what the chip has to equal. Knows neither neurons nor time.

``qcfs(z, theta, L) = clip((z + theta / 2) // theta, 0, L)``, floor division; a layer is
``n = qcfs(W n' + b, theta, L)`` and the read-out ``W n + b``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.connections import Connection, Conv2d, Sparse
from neurodeploy.connections.base import Shape
from neurodeploy.convert.qcfs.layers import INPUT, OUTPUT

Ints = NDArray[np.int64]
VALUES_AT_ONCE = 2**24


@dataclass(frozen=True, eq=False)
class IntegerBranch:
    """Whole weights from one source: ``in`` or a layer."""

    source: str
    connection: Connection


@dataclass(frozen=True, eq=False)
class IntegerLayer:
    """One layer in integers.

    Attributes:
        name, shape: As in the float model.
        branches: At least one.
        bias: (size,).
        theta: Even, >= 2; 0 of the read-out.
        levels: L; 0 of the read-out.
        scale: Integer units per real one.
        most_weight: Largest magnitude that was aimed at.
    """

    name: str
    shape: Shape
    branches: tuple[IntegerBranch, ...]
    bias: Ints
    theta: int
    levels: int
    scale: float
    most_weight: int

    @property
    def size(self) -> int:
        """Number of neurons."""
        return len(self.bias)


@dataclass(frozen=True, eq=False)
class IntegerNet:
    """Layers in order; the last is the read-out.

    Attributes:
        input_shape: Without batch.
        input_levels: T0, most spikes of an input.
    """

    input_shape: Shape
    input_levels: int
    layers: tuple[IntegerLayer, ...]

    @property
    def hidden(self) -> tuple[IntegerLayer, ...]:
        """All but the read-out."""
        return self.layers[:-1]

    def levels_of(self, source: str) -> int:
        """Most spikes of a neuron of the input or a layer."""
        if source == INPUT:
            return self.input_levels
        return next(layer.levels for layer in self.layers if layer.name == source)

    def counts(self, given: NDArray[Any]) -> dict[str, Ints]:
        """Counts of every hidden layer, and under ``out`` the logits, (B, size) each; from counts (B, *input_shape)."""
        known = {INPUT: np.asarray(given, dtype=np.int64).reshape(len(given), -1)}
        for layer in self.layers:
            z = sum((mapped(b.connection, known[b.source]) for b in layer.branches), layer.bias[None, :])
            known[layer.name] = qcfs(z, layer.theta, layer.levels) if layer.levels else z
        del known[INPUT]
        return known

    def logits(self, given: NDArray[Any]) -> Ints:
        """(B, size) of the read-out."""
        return self.counts(given)[OUTPUT]


def qcfs(z: Ints, theta: int, levels: int) -> Ints:
    """Counts 0 .. levels."""
    return np.clip((z + theta // 2) // theta, 0, levels)


def mapped(connection: Connection, counts: Ints) -> Ints:
    """``W n`` of counts (B, n_source), in integers; written out here so that it owes nothing to the simulator."""
    c = connection
    if isinstance(c, Conv2d):
        return _convolved(c, counts)
    if isinstance(c, Sparse):
        return np.concatenate([_row_sums(c.by_target(), part) for part in _parts(counts, c.weights.size)])
    return counts @ c.weights.astype(np.int64).T


def _convolved(c: Conv2d, counts: Ints) -> Ints:
    kernel, (py, px), (sy, sx), (dy, dx) = c.weights.astype(np.int64), c.padding, c.stride, c.dilation
    maps = np.pad(counts.reshape(-1, *c.source_shape), ((0, 0), (0, 0), (py, py), (px, px)))
    made = np.zeros((len(counts), *c.target_shape), np.int64)
    rows, columns = c.target_shape[1:]
    outs, ins = kernel.shape[0] // c.groups, kernel.shape[1]
    for y, x in np.ndindex(*kernel.shape[2:]):
        seen = maps[:, :, y * dy : y * dy + (rows - 1) * sy + 1 : sy, x * dx : x * dx + (columns - 1) * sx + 1 : sx]
        for g in range(c.groups):
            some = kernel[g * outs : (g + 1) * outs, :, y, x]
            made[:, g * outs : (g + 1) * outs] += np.einsum("oc,bchw->bohw", some, seen[:, g * ins : (g + 1) * ins])
    return made.reshape(len(counts), -1)


def _row_sums(c: Sparse, counts: Ints) -> Ints:
    products = counts[:, c.indices] * c.weights.astype(np.int64)
    total = np.concatenate([np.zeros((len(counts), 1), np.int64), np.cumsum(products, axis=1)], axis=1)
    sums: Ints = total[:, c.indptr[1:]] - total[:, c.indptr[:-1]]
    return sums


def _parts(counts: Ints, width: int) -> Iterator[Ints]:
    rows = max(1, VALUES_AT_ONCE // max(1, width))
    return (counts[at : at + rows] for at in range(0, max(1, len(counts)), rows))
