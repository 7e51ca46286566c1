"""Builds a ReLU network operation by operation: affine maps in a row become one, and a maximum becomes two maps.

``max(a, b) = a + max(0, b - a)``, where a passes the ReLU as ``max(0, a) - max(0, -a)``, or as it is where it cannot be
negative.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from neurodeploy.convert.ttfs.relu_net import Affine, Array, ReluNet

Terms = list[tuple[int, int, float]]
"""(row, column, weight)."""


class Chain:
    """A network under way.

    Args:
        low, high: Of the inputs, (n_0,).
    """

    def __init__(self, low: Array, high: Array) -> None:
        self._box = self._last = (low, high)
        self._layers: list[Affine] = []
        self._pending = _identity(len(low))

    @property
    def size(self) -> int:
        """Values there are now."""
        return len(self._pending.bias)

    def affine(self, matrix: Any, bias: Any = 0.0) -> None:
        """``C x + b``."""
        self._pending = Affine.of(matrix, bias).after(self._pending)

    def relu(self) -> None:
        """``max(0, x)``; nothing where no value can be negative."""
        low, high = self._pending.bounds(*self._last)
        if np.any(low < 0):
            self._layers.append(self._pending)
            self._last = np.maximum(0, low), np.maximum(0, high)
            self._pending = _identity(len(low))

    def maximum(self, windows: Sequence[Sequence[int]]) -> None:
        """The largest value of each window of places, none empty; a further layer per halving."""
        while max(map(len, windows)) > 1:
            windows = self._halved(windows)
        picked = [(row, place, 1.0) for row, (place,) in enumerate(windows)]
        self.affine(_matrix(picked, (len(windows), self.size)))

    def _halved(self, windows: Sequence[Sequence[int]]) -> list[list[int]]:
        """One round of maxima of pairs; where the windows' values are then."""
        low, _ = self._pending.bounds(*self._last)
        split: Terms = []  # before the ReLU, of the values
        joined: Terms = []  # behind it, of its outputs
        carried: dict[int, list[tuple[int, float]]] = {}
        units = 0

        def unit(terms: Sequence[tuple[int, float]]) -> int:
            nonlocal units
            split.extend((units, place, weight) for place, weight in terms)
            units += 1
            return units - 1

        def carry(place: int) -> list[tuple[int, float]]:
            if place not in carried:
                signs = (1.0,) if low[place] >= 0 else (1.0, -1.0)
                carried[place] = [(unit([(place, sign)]), sign) for sign in signs]
            return carried[place]

        after: list[list[int]] = []
        rows = 0
        for window in windows:
            places = []
            for k in range(0, len(window), 2):
                parts = carry(window[k])
                if k + 1 < len(window):
                    parts = [*parts, (unit([(window[k + 1], 1.0), (window[k], -1.0)]), 1.0)]
                joined.extend((rows, number, sign) for number, sign in parts)
                places.append(rows)
                rows += 1
            after.append(places)
        self.affine(_matrix(split, (units, self.size)))
        low, high = self._pending.bounds(*self._last)
        self._layers.append(self._pending)
        self._last = np.maximum(0, low), np.maximum(0, high)
        self._pending = Affine.of(_matrix(joined, (rows, units)))
        return after

    def net(self) -> ReluNet:
        """What has been built."""
        return ReluNet.of([*self._layers, self._pending], *self._box)


def _identity(n: int) -> Affine:
    from scipy.sparse import eye_array

    return Affine.of(eye_array(n, format="csr"))


def _matrix(terms: Terms, shape: tuple[int, int]) -> Any:
    from scipy.sparse import coo_array

    rows, columns, weights = zip(*terms, strict=True)
    return coo_array((np.array(weights), (rows, columns)), shape=shape).tocsr()
