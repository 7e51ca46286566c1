"""From real weights to the integers of the golden model: exact but for the rounding of weights and biases."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from neurodeploy.convert.qcfs.golden import IntegerBranch, IntegerLayer, IntegerNet
from neurodeploy.convert.qcfs.layers import Layer, QcfsModel, checked
from neurodeploy.errors import QuantizeError, did_you_mean
from neurodeploy.quantize import Bits
from neurodeploy.quantize.bits import BITS_DEFAULT, OTHERS

BITS_MOST = 9
BITS_LEAST = 2


def quantised(model: QcfsModel, bits: Bits = BITS_DEFAULT, theta_most: int = 65534) -> IntegerNet:
    """The integer network of a model.

    Weights ``W s`` act on counts, s being the real value of an incoming spike. A scale q that makes the largest one
    ``2^(bits - 1) - 1`` is moved until ``theta = step q`` is even, and down again if that made a weight too large.

    Args:
        model: The float network.
        bits: Of the weights, 2..9; or by layer, as of ``compile``.
        theta_most: Largest threshold that the chip holds.

    Raises:
        ModelError: The model is none, or a lambda is not above 0.
        QuantizeError: A threshold below 2, which is no count's; or no such layer or width.
    """
    checked(model)
    known = [layer.name for layer in model.layers]
    given = {OTHERS: bits} if isinstance(bits, int) else bits
    widths = dict.fromkeys(known, given.get(OTHERS, BITS_DEFAULT)) | {n: b for n, b in given.items() if n != OTHERS}
    for name in widths.keys() - set(known):
        raise QuantizeError(f"no layer '{name}'", where="bits", remedy=did_you_mean(name, known))
    for name, width in widths.items():
        if not BITS_LEAST <= width <= BITS_MOST:
            raise QuantizeError(
                f"{width} bits for layer '{name}'", where="bits", remedy=f"give {BITS_LEAST}..{BITS_MOST}"
            )
    layers = tuple(_layer(layer, model, 2 ** (widths[layer.name] - 1) - 1, theta_most) for layer in model.layers)
    return IntegerNet(model.input_shape, model.coding.levels, layers)


def _layer(layer: Layer, model: QcfsModel, most: int, theta_most: int) -> IntegerLayer:
    on_counts = [b.connection.weights.astype(np.float64) * model.step_of(b.source) for b in layer.branches]
    largest = max((float(np.abs(w).max(initial=0)) for w in on_counts), default=0.0)
    theta, scale = 0, most / largest if largest else 1.0
    if layer.levels:
        theta = _even(layer.step * (most / largest) if largest else theta_most, theta_most)
        while theta >= 2 and _largest(on_counts, theta / layer.step) > most:
            theta -= 2
        if theta < 2:
            raise QuantizeError(
                f"its threshold would be {layer.step * most / largest:.3g} of the weights' units, and has to be 2",
                where=f"layer '{layer.name}'",
                remedy="give it more bits, fewer levels, or a larger lambda: its weights are large against its step",
            )
        scale = theta / layer.step
    branches = tuple(
        IntegerBranch(b.source, b.connection.with_weights(_rounded(w * scale)))
        for b, w in zip(layer.branches, on_counts, strict=True)
    )
    return IntegerLayer(
        layer.name, layer.shape, branches, _rounded(layer.bias * scale), theta, layer.levels, scale, most
    )


def _even(value: float, most: int) -> int:
    """The nearest even number, at most ``most``."""
    return int(min(2 * math.floor(value / 2 + 0.5), most - most % 2))


def _largest(weights: list[NDArray[np.float64]], scale: float) -> int:
    return max(int(np.abs(_rounded(w * scale)).max(initial=0)) for w in weights)


def _rounded(values: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.floor(values + 0.5).astype(np.int64)
