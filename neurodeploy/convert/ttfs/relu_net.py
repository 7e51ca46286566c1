"""ReLU networks as chains of sparse affine maps, in float and, floored, in whole ticks; nothing here knows a spike."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import ModelError, ShapeMismatch, SimulationError

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Array = NDArray[Any]
Bounds = tuple[Array, Array]
"""Smallest and largest value of each neuron, (n,)."""


@dataclass(frozen=True, eq=False)
class Affine:
    """``y = C x + b``.

    Attributes:
        matrix: C (n_out, n_in), float64 or int64.
        bias: b (n_out,).
    """

    matrix: csr_array
    bias: Array

    @classmethod
    def of(cls, matrix: Any, bias: Any = 0.0) -> Affine:
        """From any dense or scipy sparse matrix; one bias may stand for all."""
        from scipy.sparse import csr_array

        rows = csr_array(matrix)
        rows.sum_duplicates()
        rows.eliminate_zeros()
        return cls(rows, np.broadcast_to(np.asarray(bias, rows.dtype), (rows.shape[0],)))

    def __call__(self, x: Array) -> Array:
        """(B, n_in) to (B, n_out)."""
        y: Array = (self.matrix @ x.T).T + self.bias
        return y

    def after(self, first: Affine) -> Affine:
        """Both maps in one: ``self(first(x))``."""
        return Affine.of(self.matrix @ first.matrix, self.matrix @ first.bias + self.bias)

    @property
    def negated(self) -> Affine:
        """``-y``."""
        return Affine(-self.matrix, -self.bias)

    def bounds(self, low: Array, high: Array) -> Bounds:
        """Of y, where ``low <= x <= high``: C+ low + C- high + b, and C+ high + C- low + b."""
        positive, negative = self.matrix.maximum(0), self.matrix.minimum(0)
        return positive @ low + negative @ high + self.bias, positive @ high + negative @ low + self.bias


@dataclass(frozen=True, eq=False)
class ReluNet:
    """Affine maps with ``max(0, .)`` between them, on a box.

    Attributes:
        layers: Maps; the last one has no ReLU.
        low, high: Of each input, (n_in,).
    """

    layers: tuple[Affine, ...]
    low: Array
    high: Array

    @classmethod
    def of(cls, layers: Any, low: Any = -1.0, high: Any = 1.0) -> ReluNet:
        """From ``(matrix, bias)`` pairs or :class:`Affine` maps.

        Raises:
            ModelError: No layer, or a number that is not finite, or an empty box.
            ShapeMismatch: Two layers that do not fit.
        """
        maps = tuple(layer if isinstance(layer, Affine) else Affine.of(*layer) for layer in layers)
        if not maps:
            raise ModelError("no affine map", where="ReLU network", remedy="give at least one")
        for number, (a, b) in enumerate(zip(maps, maps[1:], strict=False), start=1):
            if a.matrix.shape[0] != b.matrix.shape[1]:
                raise ShapeMismatch(
                    f"{a.matrix.shape[0]} values for a map of {b.matrix.shape[1]}",
                    where=f"layer {number}",
                    remedy="rows are outputs: transpose the matrix if it is the other way round",
                )
        for number, layer in enumerate(maps):
            if not (np.isfinite(layer.matrix.data).all() and np.isfinite(layer.bias).all()):
                raise ModelError("weights that are not finite", where=f"layer {number}", remedy="train it again")
        n = maps[0].matrix.shape[1]
        box = [np.broadcast_to(np.asarray(side, np.float64), (n,)) for side in (low, high)]
        if not (np.isfinite(box).all() and np.all(box[0] <= box[1])):
            raise ModelError("low and high of the inputs are no box", where="ReLU network", remedy="give low <= high")
        return cls(maps, *box)

    @property
    def widths(self) -> tuple[int, ...]:
        """n_0, n_1, ..., n_L."""
        return (self.layers[0].matrix.shape[1], *(layer.matrix.shape[0] for layer in self.layers))

    @property
    def neurons(self) -> int:
        """Inputs counted."""
        return sum(self.widths)

    def activations(self, x: Array) -> list[Array]:
        """What each layer is given, and what the last one gives: L + 1 arrays (B, n)."""
        values = [x]
        for layer in self.layers[:-1]:
            values.append(np.maximum(0, layer(values[-1])))
        return [*values, self.layers[-1](values[-1])]

    def __call__(self, x: Array) -> Array:
        """(B, n_0) to (B, n_L)."""
        return self.activations(self.checked(x))[-1]

    def bounds(self) -> Iterator[Bounds]:
        """By interval arithmetic: of the inputs, and of each layer's values before its ReLU."""
        low, high = self.low, self.high
        yield low, high
        for layer in self.layers:
            low, high = layer.bounds(low, high)
            yield low, high
            low, high = np.maximum(0, low), np.maximum(0, high)

    def checked(self, x: Any) -> Array:
        """(B, n_0) within the box.

        Raises:
            ShapeMismatch: Another shape, or no sample.
            SimulationError: A value outside; names the first.
        """
        return checked_rows(x, self.low, self.high)


def checked_rows(x: Any, low: Array, high: Array, per_unit: float | None = None) -> Array:
    """Samples (B, *shape) as rows (B, n), within ``low..high``; in whole ticks where ``per_unit`` is given.

    Raises:
        ShapeMismatch: Not samples of n numbers, or none.
        SimulationError: A value outside; names the first.
    """
    values = np.asarray(x)
    if values.ndim < 2 or not len(values) or math.prod(values.shape[1:]) != len(low) or values.dtype.kind not in "buif":
        raise ShapeMismatch(
            f"inputs have shape {values.shape} and hold {values.dtype}",
            where="input",
            remedy=f"give numbers (B, {len(low)}), a row a sample, at least one",
        )
    flat = values.reshape(len(values), -1)
    scaled = flat if per_unit is None else np.rint(flat * per_unit)
    outside = ~((scaled >= low) & (scaled <= high))  # NaN is outside, too
    if outside.any():
        sample, place = np.argwhere(outside)[0].tolist()
        bounds = [side[place] / (per_unit or 1) for side in (low, high)]
        raise SimulationError(
            f"input {place} of sample {sample} is {flat[sample, place]}, outside {bounds[0]}..{bounds[1]}",
            where="input",
            remedy="clip or scale the data, or convert again with a wider low and high",
        )
    return scaled if per_unit is None else scaled.astype(np.int64)


@dataclass(frozen=True, eq=False)
class Golden(ReluNet):
    """The integer network that a chip equals: ``k = max(0, (M k + B) >> q)`` in each hidden layer.

    Attributes:
        q: Fraction bits of the weights.
    """

    q: int

    def activations(self, x: Array) -> list[Array]:
        """Ticks: what each layer is given, and the last layer's ``M k + B``, which nothing has shifted yet."""
        values = [np.asarray(x, np.int64)]
        for layer in self.layers[:-1]:
            values.append(np.maximum(0, layer(values[-1]) >> self.q))
        return [*values, self.layers[-1](values[-1])]

    def floor(self, x: Array) -> Array:
        """Outputs of a class read-out, (B, n_L) ticks."""
        y: Array = self(x) >> self.q
        return y

    def ceil(self, x: Array) -> Array:
        """Outputs of a value read-out, (B, n_L) ticks."""
        y: Array = -(-self(x) >> self.q)
        return y

    def classes(self, x: Array) -> NDArray[np.int64]:
        """The largest floor of each sample, ties to the lowest index."""
        return np.asarray(np.argmax(self.floor(x), axis=1), np.int64)

    def bounds(self) -> Iterator[Bounds]:
        """As of the float network, floored; the last layer's largest values ceiled."""
        low, high = self.low, self.high
        yield low, high
        for layer in self.layers:
            low, above = layer.bounds(low, high)
            low, high = low >> self.q, above >> self.q
            yield low, -(-above >> self.q) if layer is self.layers[-1] else high
            low, high = np.maximum(0, low), np.maximum(0, high)


def golden_net(net: ReluNet, *, input_ticks: float, ticks: float, fraction_bits: int, nearest: bool) -> Golden:
    """Round a float network to whole ticks.

    Args:
        net: The float network.
        input_ticks: Per unit of the input, whose ticks are ``k = input_ticks * x``.
        ticks: Per unit of every activation and output.
        fraction_bits: q: the weights are ``M = round(C 2^q)``, that of the first layer in units of
            ``ticks / input_ticks``, and ``B = round(b ticks 2^q)``.
        nearest: Add ``2^(q - 1)`` to B, so that values are rounded where they else are floored.

    Raises:
        ModelError: Scales that are not positive, or bits outside 0..16.
    """
    if not (input_ticks > 0 and ticks > 0 and np.isfinite([input_ticks, ticks]).all() and 0 <= fraction_bits <= 16):
        raise ModelError(
            f"{input_ticks} ticks per input unit, {ticks} per unit, {fraction_bits} fraction bits",
            where="ticks",
            remedy="give positive numbers of ticks, and 0..16 fraction bits",
        )
    layers = []
    for number, layer in enumerate(net.layers):
        gain = (1.0 if number else ticks / input_ticks) * 2**fraction_bits
        weights = np.rint(layer.matrix * gain).astype(np.int64)
        bias = np.rint(layer.bias * ticks * 2**fraction_bits).astype(np.int64)
        layers.append(Affine.of(weights, bias + (2**fraction_bits // 2 if nearest else 0)))
    low, high = (np.rint(side * input_ticks).astype(np.int64) for side in (net.low, net.high))
    return Golden(tuple(layers), low, high, fraction_bits)
