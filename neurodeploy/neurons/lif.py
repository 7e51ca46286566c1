"""What Lava's LIF models share: the decay of u and v, the input, the bias. All of it bit for bit."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from neurodeploy.arithmetic import STATE_LIMIT, round_to_zero_shift, wrap_int32
from neurodeploy.neurons.model import Field, Ints

DECAY_ONE = 4096
INPUT_SHIFT = 6

LIF_FIELDS = (
    Field("du", 4095, -1, 4095, "computes with the value as it is, or dies on a float"),
    Field("dv", 0, 0, 4096, "computes with the value as it is, or dies on a float"),
    Field("bias_mant", 0, -32768, 32767, "wraps to int16: 40000 becomes -25536"),
    Field("bias_exp", 0, -31, 31, "shifts every bit out of the word"),
    Field("u0", 0, -(2**23 - 1), 2**23, "keeps values outside 24 bits"),
    Field("v0", 0, -(2**23 - 1), 2**23 - 1, "keeps values outside 24 bits until the first step"),
)


def bias_of(fields: Mapping[str, Ints]) -> Ints:
    """Mantissa times two to the exponent, floored, wrapped to int32."""
    mantissa, exponent = fields["bias_mant"], fields["bias_exp"]
    up, down = np.maximum(exponent, 0), np.maximum(-exponent, 0)
    return wrap_int32(np.where(exponent >= 0, mantissa << up, mantissa >> down))


def current_step(u: Ints, a: Ints, du: Ints) -> tuple[Ints, int]:
    """New u, corrected once by 2^24 where it leaves 24 bits, and how many values wrapped."""
    exact = round_to_zero_shift(u * (DECAY_ONE - 1 - du), 12) + wrap_int32(a << INPUT_SHIFT)
    wrapped = wrap_int32(exact)
    after = np.where(
        wrapped > STATE_LIMIT, wrapped - 2**24, np.where(wrapped <= -STATE_LIMIT, wrapped + 2**24, wrapped)
    )
    overflow = (after != exact) | (a << INPUT_SHIFT != wrap_int32(a << INPUT_SHIFT))
    return after, int(np.count_nonzero(overflow))


def membrane_step(v: Ints, u: Ints, fields: Mapping[str, Ints]) -> tuple[Ints, NDArray[np.bool_]]:
    """New v before the threshold, clipped to 24 bits, and which values were clipped."""
    exact = round_to_zero_shift(v * (DECAY_ONE - fields["dv"]), 12) + u + bias_of(fields)
    after = np.clip(wrap_int32(exact), -(STATE_LIMIT - 1), STATE_LIMIT - 1)
    return after, after != exact
