"""A ReLU network as layers of neurons that spike once: weights, delays, thresholds.

The construction is our own, in the spirit of "Expressivity of Spiking Neural Networks" (Singh, Fono, Kutyniok, arXiv
2308.08218): a neuron adds ``w max(0, t - arrival)`` of its inputs and spikes at its threshold. A value x is a spike x
after that of the layer's reference neuron, which every layer passes on.

Block A, ``y = C v + b``: weights C, and what is missing to a sum of S = 1 from the reference; threshold ``off + b``.
Before the last arrival the potential stays below, so that the spike comes at ``off + y`` exactly. Block R,
``max(0, -z)``: weight -1 of the input, which arrives tau late, +2 of the reference, threshold 2 tau: the spike comes at
``tau + max(0, -z)`` for every z.
``compact`` is A(-C, -b), R for each hidden layer; ``paper`` is A(C, b), A(-I, 0), R; the last layer is one A in both.

In whole ticks S = 2^q, and A fires at ``off + ceil((M k + B) / S)``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from neurodeploy.convert.ttfs.events import peaks, taps
from neurodeploy.convert.ttfs.relu_net import Affine, Array, Bounds, ReluNet
from neurodeploy.errors import ModelError, did_you_mean

if TYPE_CHECKING:
    from scipy.sparse import csr_array

MODES = ("compact", "paper")
SAFETY = 1.25
"""By how much a calibrated window exceeds what the calibration data needed."""


@dataclass(frozen=True, eq=False)
class Stage:
    """A layer of neurons, the relay of the reference last (the last layer has none).

    Attributes:
        kind: ``affine`` or ``relu``.
        weights: (neurons, sources + 1); the last column is the reference's.
        delay: Of all synapses but those of the reference.
        theta: Thresholds, (neurons,).
        after: From the spike of the layer's reference to that of the next one, or where it would be.
        low, high: Values that it sends, by interval arithmetic or as seen in calibration, (n,).
        dip: Deepest potential below zero that the window allows for, of any neuron.
        worst_dip: That for any input of the box.
    """

    kind: str
    weights: csr_array
    delay: int
    theta: Array
    after: float
    low: Array
    high: Array
    dip: float
    worst_dip: float

    @property
    def neurons(self) -> int:
        """Relay included."""
        return len(self.theta)


def stages_of(net: ReluNet, unit: int, mode: str, seen: Array | None, negated: bool) -> tuple[Stage, ...]:
    """Lower a network.

    Args:
        net: In float with ``unit`` 1, or a :class:`Golden` one with 2^q.
        unit: S, what the weights of a neuron of block A sum to.
        mode: ``compact``, or ``paper``, which is for float networks.
        seen: Inputs (B, n_0) on which windows and values are calibrated; None: the worst case by interval arithmetic.
        negated: Compile the last layer negated, so that its largest value spikes first.

    Raises:
        ModelError: No such mode.
    """
    if mode not in MODES:
        raise ModelError(f"no mode '{mode}'", where="ttfs", remedy=did_you_mean(mode, MODES))
    given = None if seen is None else net.activations(seen)
    found = _Bounds(list(net.bounds()), given, unit)
    made: list[Stage] = []
    for number, layer in enumerate(net.layers):
        last = number == len(net.layers) - 1
        values = found.values(number)
        sent = None if given is None else given[number]
        flip = negated if last else mode == "compact"
        into, worst = found.given(number), found.worst(number)
        turned = (layer.negated, _flipped(values)) if flip else (layer, values)
        made.append(_affine(*turned, into, worst, unit, sent, not last))
        if not last:
            if mode == "paper":
                middle = None if sent is None else layer(sent)
                turn = Affine.of(-_identity(len(layer.bias)))
                made.append(_affine(turn, _flipped(values), values, values, unit, middle, True))
            made.append(_relu(found.given(number + 1), found.worst(number + 1)))
    return tuple(made)


class _Bounds:
    """Values of each layer: what interval arithmetic allows, or what was seen, with some room."""

    def __init__(self, worst: Sequence[Bounds], seen: Sequence[Array] | None, unit: int) -> None:
        self._worst, self._seen, self._unit = worst, seen, unit

    def values(self, number: int) -> Bounds:
        """What layer ``number`` computes, before its ReLU."""
        low, high = self._worst[number + 1]
        if self._seen is None or number + 2 < len(self._seen):  # hidden values before their ReLU are not kept
            return low, high
        last = self._seen[number + 1]
        if self._unit > 1:
            last = np.stack([last // self._unit, -(-last // self._unit)]).reshape(-1, last.shape[1])
        return _clipped(_wider(last), (low, high))

    def given(self, number: int) -> Bounds:
        """What layer ``number`` is given, after the ReLU."""
        worst = self.worst(number)
        return worst if number == 0 or self._seen is None else _clipped(_wider(self._seen[number]), worst)

    def worst(self, number: int) -> Bounds:
        """The same for any input of the box."""
        low, high = self._worst[number]
        return (low, high) if number == 0 else (np.maximum(0, low), np.maximum(0, high))


def _wider(values: Array) -> Bounds:
    low, high = values.min(axis=0), values.max(axis=0)
    room = (SAFETY - 1) * np.maximum(abs(low), abs(high))
    if values.dtype.kind == "i":
        room = np.ceil(room).astype(np.int64) + 1
    return low - room, high + room


def _clipped(bounds: Bounds, by: Bounds) -> Bounds:
    return np.maximum(bounds[0], by[0]), np.minimum(bounds[1], by[1])


def _flipped(bounds: Bounds) -> Bounds:
    return -bounds[1], -bounds[0]


def _identity(n: int) -> csr_array:
    from scipy.sparse import eye_array

    return eye_array(n, format="csr")


def _affine(
    layer: Affine, values: Bounds, given: Bounds, worst: Bounds, unit: int, seen: Array | None, relay: bool
) -> Stage:
    """Block A with the smallest offset that the window asks for."""
    from scipy.sparse import csr_array, hstack, vstack

    whole = layer.matrix.dtype.kind == "i"
    reference = unit - layer.matrix.sum(axis=1)
    weights = hstack([layer.matrix, csr_array(reference[:, None])], format="csr")
    falling = -weights.minimum(0).sum(axis=1)
    worst_dip = float(_span(worst) * falling.max())
    if seen is None:
        need, dip = _span(given) * weights.maximum(0).sum(axis=1), worst_dip
    else:
        need, dip = SAFETY * _peaks(weights, seen), min(worst_dip, SAFETY * float(_peaks(-weights, seen).max()))
    room = float((need - layer.bias).max()) / unit
    off = max(0, math.ceil(room)) + (1 if seen is None else 2) if whole else max(0.0, room) + 1.0
    theta = unit * off + layer.bias
    if relay:
        one = csr_array(([1], ([0], [weights.shape[1] - 1])), shape=(1, weights.shape[1]), dtype=weights.dtype)
        weights, theta = vstack([weights, one], format="csr"), np.append(theta, off)
    return Stage("affine", weights, 0, theta, off, *values, dip, worst_dip)


def _span(given: Bounds) -> float:
    """Of the arrivals, that of the reference at 0 among them."""
    return float(max(given[1].max(), 0) - min(given[0].min(), 0))


def _peaks(weights: csr_array, seen: Array) -> Array:
    """Largest potential of each neuron up to its last arrival, over all samples, (n,)."""
    arrivals = np.column_stack([seen, np.zeros(len(seen), seen.dtype)])
    return peaks(taps(weights), arrivals)


def _relu(values: Bounds, worst: Bounds) -> Stage:
    """Block R with tau = 1, relay included."""
    from scipy.sparse import csr_array, hstack, vstack

    n = len(values[0])
    to_each = hstack([-_identity(n), csr_array(np.full((n, 1), 2.0))], format="csr")
    relay = csr_array(([2.0], ([0], [n])), shape=(1, n + 1))
    weights = vstack([to_each, relay], format="csr")
    return Stage("relu", weights, 1, np.full(n + 1, 2), 1, *values, float(values[1].max()), float(worst[1].max()))
