"""What a layer's registers can hold at worst, whatever the input."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurodeploy.convert.qcfs.golden import IntegerLayer, IntegerNet, Ints
from neurodeploy.errors import FieldOverflow

MEMBRANE_MOST = 2**17 - 1
"""In units of weight: v and u saturate or wrap at 2^23, and a weight of 1 is 2^6 of them."""


@dataclass(frozen=True, eq=False)
class Bounds:
    """Of a layer, in units of weight, (size,) each.

    Attributes:
        low, high: Of the membrane, all spikes of all sources included and none sent.
        current: Largest sum of one step, of either sign.
    """

    low: Ints
    high: Ints
    current: Ints

    @property
    def most(self) -> int:
        """Largest magnitude of all."""
        return int(max(self.high.max(), -self.low.min(), self.current.max()))


def bounds_of(layer: IntegerLayer, net: IntegerNet, unit: int) -> Bounds:
    """Of a layer whose weights, bias and threshold are ``unit`` times the golden model's."""
    start = layer.theta // 2 + layer.bias
    low, high = start.copy(), start.copy()
    down, up = np.zeros_like(start), np.zeros_like(start)
    for branch in layer.branches:
        negative, positive = branch.connection.sum_bounds()
        levels = net.levels_of(branch.source)
        low, high = low + levels * negative, high + levels * positive
        down, up = down + negative, up + positive
    return Bounds(unit * low, unit * high, unit * np.maximum(-down, up))


def check_bounds(layer: IntegerLayer, found: Bounds, gate: int = 0) -> None:
    """Refuse a layer whose membrane or current could leave its register.

    Args:
        layer: For the message.
        found: Its bounds.
        gate: What keeps it below its threshold, subtracted from its membrane, in units of weight.

    Raises:
        FieldOverflow: Names the layer, the value and the limit.
    """
    worst = max(found.most, gate - int(found.low.min()))
    if worst > MEMBRANE_MOST:
        fewer = int(np.ceil(np.log2(worst / MEMBRANE_MOST)))
        width = layer.most_weight.bit_length() + 1
        raise FieldOverflow(
            f"its membrane can reach {worst:,} units of weight, and holds {MEMBRANE_MOST:,}",
            where=f"layer '{layer.name}'",
            remedy=f"give it {width - fewer} bits" if width - fewer >= 2 else "split the layer, or lower its levels",
        )
