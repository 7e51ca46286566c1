"""Traces of activity on integers: what the chip's counters and the host keep of past inferences."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurodeploy.adapt.settings import Adaptation

Ints = NDArray[np.int64]
RATE_BITS = 8
"""Counts per inference are kept in Q8."""
ONE_BITS = 16
ONE = 1 << ONE_BITS
"""1 in Q16, the format of k, eta and relative errors."""


class Dice:
    """Raw bits of a Philox counter, the same on every machine and in every numpy."""

    def __init__(self, seed: int) -> None:
        self._bits = np.random.Philox(key=seed)

    def draw(self, shape: tuple[int, ...], bits: int) -> Ints:
        """Integers in 0..2^bits - 1, bits <= 62."""
        raw = self._bits.random_raw(math.prod(shape)).reshape(shape)
        return (raw >> np.uint64(64 - bits)).astype(np.int64) if bits else np.zeros(shape, np.int64)


@dataclass(frozen=True, eq=False)
class Traces:
    """What is kept of a layer, int64 (n,), or (networks, n) of several.

    Attributes:
        rate: Trace of the spike count per inference, Q8.
        moment: Trace of its square, Q16.
        mean: Trace of ``rate``, Q8; with ``moment`` it has the spread over time.
    """

    rate: Ints
    moment: Ints
    mean: Ints

    @classmethod
    def nominal(cls, rate: Ints) -> Traces:
        """As if the layer had always had its nominal rates."""
        return cls(rate, rate * rate, rate)

    def after(self, counts: Ints, rules: Adaptation, dice: Dice) -> Traces:
        """After one more inference with spike counts (n,)."""
        rate = follow(self.rate, counts << RATE_BITS, rules.trace_shift, rules, dice)
        moment = follow(self.moment, rate * rate, rules.moment_shift, rules, dice)
        mean = follow(self.mean, rate, rules.moment_shift, rules, dice) if rules.cv == "time" else self.mean
        return Traces(rate, moment, mean)


def follow(trace: Ints, value: Ints, shift: int, rules: Adaptation, dice: Dice) -> Ints:
    """``trace + ((value - trace) >> shift)``: the floor, or with stochastic rounding as often up as is right."""
    missing = value - trace
    if rules.rounding == "stochastic" and shift:
        missing = missing + dice.draw(missing.shape, shift)
    return trace + (missing >> shift)


def spread(traces: Traces, rules: Adaptation) -> Ints:
    """k = min(zeta sigma / mu, 1) in Q16: one number for a layer, (1,); with ``cv="time"`` one for each neuron, (n,).

    Over a layer sigma / mu = sqrt(n sum(c^2) - sum(c)^2) / sum(c), whose root is that of a whole number, rounded down.
    """
    zeta, c = round(rules.zeta * 256), traces.rate
    if rules.cv == "one":
        return np.full((*c.shape[:-1], 1), ONE)
    if rules.cv == "layer":
        sums = zip(c.sum(axis=-1).ravel().tolist(), (c * c).sum(axis=-1).ravel().tolist(), strict=True)
        k = [_of_layer(zeta, c.shape[-1], total, squares) for total, squares in sums]
        return np.array(k, np.int64).reshape(*c.shape[:-1], 1)
    variance = np.maximum(0, traces.moment - traces.mean * traces.mean)
    root_of_each = np.sqrt(variance.astype(np.float64)).astype(np.int64)  # exact: variances stay far below 2^52
    ratio: Ints = (zeta * root_of_each << ONE_BITS - 8) // np.maximum(traces.mean, 1)
    return np.minimum(ratio, ONE)


def _of_layer(zeta: int, n: int, total: int, squares: int) -> int:
    """k of n counts with this sum and this sum of squares; zeta in Q8."""
    root = math.isqrt(n * squares - total * total)
    return min(ONE, (zeta * root << ONE_BITS - 8) // total) if total else 0
