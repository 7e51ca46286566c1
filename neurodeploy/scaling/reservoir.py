"""Networks of the study in float: a hidden layer of LIF neurons, and a ridge read-out of their spike traces."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Spikes = NDArray[np.uint8]

BETA = math.exp(-1 / 10)
"""Factor of the membrane per step."""
THRESHOLD = 1.0
"""A neuron fires where its membrane reaches it, and starts again from 0."""
TRACE_DECAY = 0.9
SAMPLED = 3
"""Times at which a read-out sees the traces, evenly spread, the last step among them."""
CHUNK = 256
"""Samples that are run at a time."""


@dataclass(frozen=True, eq=False)
class Hidden:
    """A hidden layer.

    Attributes:
        w_in: (S, N).
        w_rec: (N, N), from row to column, or None for a layer without recurrence.
    """

    w_in: Floats
    w_rec: Floats | None = None

    @property
    def neurons(self) -> int:
        """N."""
        return int(self.w_in.shape[1])


def draw_reservoir(neurons: int, channels: int, seed: Sequence[int]) -> Hidden:
    """Random weights: half of those in, N(0, (1.2 / sqrt(max(S / 2, 1)))^2); 30 % back, N(0, (0.4 / sqrt(0.3 N))^2)."""
    rng = np.random.default_rng(seed)
    w_in = rng.normal(0, 1.2 / math.sqrt(max(channels / 2, 1)), (channels, neurons))
    w_in *= rng.random(w_in.shape) < 0.5
    w_rec = rng.normal(0, 0.4 / math.sqrt(0.3 * neurons), (neurons, neurons))
    w_rec *= rng.random(w_rec.shape) < 0.3
    return Hidden(w_in, w_rec)


def run_hidden(hidden: Hidden, spikes: Spikes) -> Spikes:
    """Spikes (B, T, N) of the layer for inputs (B, T, S).

    ``v = e^(-1/10) v + x W_in + s[t-1] W_rec``; fires at ``v >= 1``, then ``v = 0``.
    """
    sent = np.zeros((*spikes.shape[:2], hidden.neurons), np.uint8)
    for first in range(0, len(spikes), CHUNK):
        part = slice(first, first + CHUNK)
        driven = spikes[part].astype(np.float64) @ hidden.w_in
        v = np.zeros((len(driven), hidden.neurons))
        before = np.zeros_like(v)
        for t in range(spikes.shape[1]):
            v *= BETA
            v += driven[:, t]
            if hidden.w_rec is not None:
                v += before @ hidden.w_rec
            fired = v >= THRESHOLD
            v[fired] = 0
            sent[part, t] = fired
            before = fired.astype(np.float64)
    return sent


def features(sent: Spikes) -> Floats:
    """Traces ``r = 0.9 r + s`` at three times and a constant, (B, 3 N + 1), of spikes (B, T, N)."""
    steps = sent.shape[1]
    times = {(k + 1) * steps // SAMPLED - 1 for k in range(SAMPLED)}
    trace = np.zeros((len(sent), sent.shape[2]))
    seen = []
    for t in range(steps):
        trace = TRACE_DECAY * trace + sent[:, t]
        if t in times:
            seen.append(trace)
    return np.concatenate([*seen, np.ones((len(sent), 1))], axis=1)


def ridge(seen: Floats, labels: NDArray[np.int64], categories: int, penalty: float = 1.0) -> Floats:
    """Weights (features, K) that fit one-hot targets with squared errors and ``penalty`` times squared weights."""
    targets = np.eye(categories)[labels]
    square = seen.T @ seen
    square[np.diag_indices_from(square)] += penalty
    return np.asarray(np.linalg.solve(square, seen.T @ targets), dtype=np.float64)


def ridge_accuracy(sent: Spikes, labels: NDArray[np.int64], is_test: NDArray[np.bool_], categories: int) -> float:
    """Share of the test samples that a read-out fitted on the others names rightly."""
    seen = features(sent)
    weights = ridge(seen[~is_test], labels[~is_test], categories)
    return float(np.mean((seen[is_test] @ weights).argmax(axis=1) == labels[is_test]))
