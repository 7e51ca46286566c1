"""What lava-dl's netx and the synapses behind it make of a weight matrix.

netx scales a matrix up by ``2^k`` so that it fills 8 bits, and has the synapse shift the sum back; the synapse then
chooses its sign mode by itself. That is exact but for (all measured)

* matrices without a positive weight whose most negative one is -2^j: scaled to -256, held as -255;
* matrices without a positive weight, with a zero, an odd weight and one below -128: netx counts 9 bits, as for mixed
  signs, but the synapse clears bits as for one sign, which leaves zeros;
* matrices without a negative weight and with one above 255, or all below -256: the scale is below 1, and NumPy's shift
  by a negative number of bits leaves zeros;
* mixed matrices beyond -256..254, which are clipped.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurodeploy.weights import LIMITS, prepare

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Scaled:
    """Integer weights for a synapse: it computes ``sum(weights) * 2^weight_exp``."""

    weights: Ints
    weight_exp: int
    num_weight_bits: int

    @property
    def sign_mode(self) -> str:
        """What the synapse takes, looking at the weights."""
        return sign_mode(self.weights)

    @property
    def held(self) -> Ints:
        """The weights as the synapse holds them; zeros where it is told to clear all bits, or less than none."""
        if not 1 <= self.num_weight_bits <= (9 if self.sign_mode == "mixed" else 8):
            return np.zeros_like(self.weights)
        return prepare(self.weights, self.sign_mode, self.num_weight_bits).astype(np.int64)

    def holds(self, weights: Ints) -> bool:
        """Whether it computes ``sum(weights)``."""
        e = self.weight_exp
        return bool(np.array_equal(self.held << max(e, 0), weights << max(-e, 0)))

    def part(self, columns: slice) -> Scaled:
        """Some columns, which are a synapse of their own."""
        return Scaled(self.weights[:, columns], self.weight_exp, self.num_weight_bits)


def sign_mode(weights: Ints) -> str:
    """As Lava's synapses choose it."""
    return "excitatory" if weights.min() >= 0 else "inhibitory" if weights.max() <= 0 else "mixed"


def netx_scale(weights: Ints) -> Scaled | None:
    """What netx makes of a matrix, by its rules; None where it cannot load it (all zero).

    Args:
        weights: (n_out, n_in); with the recurrent ones beside them, (n_out, n_in + n_out), where there are any.
    """
    if not weights.any():
        return None
    low, high = int(weights.min()), int(weights.max())
    if (high > 254 and low < 0) or (low < -256 and high > 0):
        weights = np.clip(weights, -256, 254)
        low, high = int(weights.min()), int(weights.max())
    mixed = high >= 0 > low
    if high < 0:
        scale = -256 / low
    elif low >= 0:
        scale = 255 / high
    else:
        scale = min(127 / high if high else math.inf, -128 / low)
    k = math.floor(math.log2(scale)) + mixed
    bits = 8 - k - (_common_power(weights) - mixed)
    shifted = weights << k if k >= 0 else np.zeros_like(weights)
    return Scaled(shifted, -k, bits)


def exact_scale(weights: Ints) -> Scaled | None:
    """The largest scale at which a synapse holds the weights as they are; None where there is none."""
    mode = sign_mode(weights)
    low, high = LIMITS[mode]
    for k in range(8, -9, -1):
        scaled = weights << k if k >= 0 else weights >> -k
        if low <= scaled.min() and scaled.max() <= high:
            bits = (9 if mode == "mixed" else 8) - min(_common_power(scaled), 7)
            found = Scaled(scaled, -k, bits)
            return found if found.holds(weights) else None
    return None


def _common_power(weights: Ints) -> int:
    """The n <= 8 of the largest power of two that divides all."""
    return next(n for n in range(8, -1, -1) if not np.any(weights & ((1 << n) - 1)))
