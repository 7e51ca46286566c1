"""What the inputs of a population can add up to, from its weights alone: which arithmetic is sure to be exact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurodeploy import kernels
from neurodeploy.chipnet import ChipPopulation, ChipProjection
from neurodeploy.connections import Connection, Conv2d, Dense, Sparse
from neurodeploy.simulate.signatures import declare

INT8, INT16 = 2**7 - 1, 2**15 - 1
INPUT_LIMIT = 2**24
"""Of kernels/cuba.c."""
U_LIMIT = 2**23 - 1
DECAY_ONE = 4096
INPUT_SHIFT = 6
MOST_SHIFT = 15
PACKED_TARGETS = 2**24
"""What an index of 24 bits beside a weight can name."""


Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Incoming:
    """A projection of one delay with what its target's arithmetic depends on.

    Attributes:
        projection: The projection.
        is_graded: Whether values of messages count.
        low: Sums of the negative weights of each target, int64 (n_target,).
        high: Sums of the positive ones.
        shift: The largest power of two, up to 2^15, that divides all weights.
    """

    projection: ChipProjection
    is_graded: bool
    low: NDArray[np.int64]
    high: NDArray[np.int64]
    shift: int

    @classmethod
    def of(cls, projection: ChipProjection, *, is_graded: bool) -> Incoming:
        """Measure the weights."""
        low, high = (np.asarray(bound, dtype=np.int64) for bound in weight_bounds(projection.connection))
        return cls(projection, is_graded, low, high, common_shift(projection.connection.weights))

    @property
    def largest(self) -> int:
        """Largest magnitude of a sum of weights."""
        return max(int(-self.low.min(initial=0)), int(self.high.max(initial=0)))

    @property
    def exponent(self) -> int:
        """All outputs are multiples of 2^exponent, if it is not negative."""
        return self.shift + self.projection.weight_exp

    def fits_bytes(self, exponent: int) -> bool:
        """Whether all weights fit 8 bits in units of 2^exponent of the output."""
        weights, factor = self.projection.connection.weights, self.exponent - exponent
        low, high = (int(w) >> self.shift << factor for w in (weights.min(initial=0), weights.max(initial=0)))
        return low >= -INT8 - 1 and high <= INT8


def weight_bounds(connection: Connection) -> tuple[Ints, Ints]:
    """``connection.sum_bounds()``; of synapses that are stored by source, in C."""
    if not (isinstance(connection, Sparse) and connection.by_source and connection.weights.dtype == np.int32):
        return connection.sum_bounds()
    weights, targets = np.ascontiguousarray(connection.weights), np.ascontiguousarray(connection.indices, np.int32)
    bounds = np.zeros((connection.n_target, 2), np.int64)
    declare(kernels.load()).nd_sum_bounds(weights.ctypes.data, targets.ctypes.data, weights.size, bounds.ctypes.data)
    return bounds[:, 0], bounds[:, 1]


def common_shift(weights: NDArray[np.integer]) -> int:
    """The largest power of two, up to 2^15, that divides all weights."""
    joined = int(np.bitwise_or.reduce(weights, axis=None)) if weights.size else 0
    return min(MOST_SHIFT, (joined & -joined).bit_length() - 1) if joined else 0


def fits32(incoming: Sequence[Incoming]) -> bool:
    """Whether no sum of outputs into a population can leave 32 bits, nor a convolution 24."""
    total = 0
    for i in incoming:
        kind = i.projection.connection.kind
        if i.is_graded or (kind == "conv2d" and i.largest >= 2**23):
            return False
        total += i.largest << max(0, i.projection.weight_exp)
    return total < 2**31


def narrow_exponent(incoming: Sequence[Incoming]) -> int | None:
    """The unit 2^exponent in which all inputs of a population are sure to be sums of 16 bits, or None."""
    if not incoming or not fits32(incoming):
        return None
    exponent = min(i.exponent for i in incoming)
    if exponent < 0 or any(i.exponent - exponent > MOST_SHIFT for i in incoming):
        return None
    for i in incoming:
        c = i.projection.connection
        if isinstance(c, Sparse) and c.n_target > PACKED_TARGETS:
            return None
        if not isinstance(c, Conv2d) and not (isinstance(c, (Dense, Sparse)) and i.fits_bytes(exponent)):
            return None
    low, high = sum_bounds(incoming, exponent)
    largest = max(-int(low.min(initial=0)), int(high.max(initial=0)))
    return exponent if largest <= INT16 and largest << exponent < INPUT_LIMIT else None


def sum_bounds(incoming: Sequence[Incoming], exponent: int) -> tuple[Ints, Ints]:
    """Smallest and largest input of each target (n_target,), in units of 2^exponent."""
    bounds = []
    for sums in ([i.low for i in incoming], [i.high for i in incoming]):
        parts = [(s >> i.shift) << (i.exponent - exponent) for s, i in zip(sums, incoming, strict=True)]
        bounds.append(np.asarray(np.sum(parts, axis=0), dtype=np.int64))
    return bounds[0], bounds[1]


@dataclass(frozen=True)
class Reach:
    """What is sure of a cuba population's registers.

    Attributes:
        u_is_bound: u stays within 24 bits.
        v_is_bound: So does v, before its reset too.
    """

    u_is_bound: bool
    v_is_bound: bool

    @classmethod
    def of(cls, population: ChipPopulation, bias: Ints, incoming: Sequence[Incoming], exponent: int) -> Reach:
        """From |x| <= |x0| + input / (1 - kept share), a geometric series; a reset to 0 keeps v below its threshold.

        With a firing window the reset does not always happen.
        """
        low, high = (bound << (exponent + INPUT_SHIFT) for bound in sum_bounds(incoming, exponent))
        lost_u, lost_v = population.full("du") + 1, population.full("dv")
        u0, v0 = np.abs(population.full("u0")), np.abs(population.full("v0"))
        least_u, most_u = -(u0 + _series(-low, lost_u)), u0 + _series(high, lost_u)
        least_v = v0 + _series(np.maximum(0, -(least_u + bias)), lost_v)
        most_v = v0 + _series(np.maximum(0, most_u + bias), lost_v)
        if population.reset == "zero" and population.window is None:
            after_reset = np.maximum(np.maximum(v0, population.full("vth") << INPUT_SHIFT), 0)
            most_v = np.minimum(most_v, after_reset + most_u + np.maximum(0, bias))
        u_is_bound = bool(np.all(-least_u <= U_LIMIT) and np.all(most_u <= U_LIMIT))
        return cls(u_is_bound, u_is_bound and bool(np.all(least_v <= U_LIMIT) and np.all(most_v <= U_LIMIT)))


def _series(each: Ints, lost: Ints) -> Ints:
    """An upper bound of what adds up where `lost` / 4096 of it is lost in every step; huge where nothing is."""
    endless = np.where(each > 0, np.int64(2) ** 40, 0)
    return np.where(lost > 0, -(-each * DECAY_ONE // np.maximum(lost, 1)), endless)
