"""When a neuron reaches its threshold, exactly: from event to event the potential is a line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from neurodeploy.convert.ttfs.relu_net import Array

if TYPE_CHECKING:
    from scipy.sparse import csr_array

AT_ONCE = 2**21
"""Arrivals that are sorted at a time."""


class Taps(NamedTuple):
    """The synapses of each neuron, as many for all: (neurons, most synapses); spare ones have weight 0.

    Attributes:
        source: Column of each; a spare one repeats the neuron's first.
        weight: Of each.
    """

    source: Array
    weight: Array


def taps(weights: csr_array) -> Taps:
    """Of a matrix (neurons, sources) without empty rows."""
    counts = np.diff(weights.indptr)
    place = np.arange(counts.max())
    inside = place < counts[:, None]
    at = weights.indptr[:-1, None] + np.where(inside, place, 0)
    return Taps(weights.indices[at], np.where(inside, weights.data[at], 0))


def peaks(synapses: Taps, spikes: Array) -> Array:
    """Largest potential of each neuron at an arrival, over all samples, if it did not fire: (neurons,).

    Args:
        synapses: Of the neurons.
        spikes: When each source spikes, (B, sources); synapses without delay.
    """
    most = np.zeros(len(synapses.weight))
    for part in _parts(synapses, len(spikes)):
        _, _, potential = _sorted(synapses.weight, spikes[part][:, synapses.source])
        most = np.maximum(most, potential.max(axis=(0, 2)))
    return most


def crossings(synapses: Taps, spikes: Array, delays: Array, theta: Array) -> tuple[Array, Array]:
    """Time at which each neuron first reaches its threshold, and of the last arrival that it ever gets, (B, neurons).

    With the arrivals in order, ``W_k`` the sum of the first k weights and ``P_k`` the potential at arrival k, the first
    ``k`` whose line reaches theta before the next arrival gives ``t = a_k + (theta - P_k) / W_k``.

    Args:
        synapses: Of the neurons.
        spikes: When each source spikes, (B, sources); infinity where it does not.
        delays: Of each source's synapses, (sources,).
        theta: Thresholds > 0, (neurons,).
    """
    times, last = [], []
    for part in _parts(synapses, len(spikes)):
        arrivals = (spikes[part] + delays)[:, synapses.source]
        last.append(np.where(synapses.weight != 0, arrivals, -np.inf).max(axis=2))
        finite = np.isfinite(arrivals)
        at, slope, potential = _sorted(np.where(finite, synapses.weight, 0), np.where(finite, arrivals, 0))
        reached = np.concatenate([potential[..., 1:] >= theta[:, None], slope[..., -1:] > 0], axis=2)
        first = reached.argmax(axis=2)[..., None]
        a, w, p = (np.take_along_axis(values, first, 2)[..., 0] for values in (at, slope, potential))
        never = ~reached.any(axis=2)
        times.append(np.where(never, np.inf, a + np.maximum(0, theta - p) / np.where(never, 1, w)))
    return np.concatenate(times), np.concatenate(last)


def last_arrivals(synapses: Taps, spikes: Array) -> Array:
    """The latest spike among each neuron's sources, (B, neurons)."""
    found = [spikes[part][:, synapses.source].max(axis=2) for part in _parts(synapses, len(spikes))]
    return np.concatenate(found)


def _sorted(weights: Array, arrivals: Array) -> tuple[Array, Array, Array]:
    """Arrivals in order, and the slope behind and the potential at each, (B, neurons, synapses)."""
    order = arrivals.argsort(axis=2, kind="stable")
    at = np.take_along_axis(arrivals, order, 2).astype(np.float64)
    slope = np.take_along_axis(np.broadcast_to(weights, arrivals.shape), order, 2).cumsum(axis=2, dtype=np.float64)
    potential = np.zeros_like(at)
    np.cumsum(slope[..., :-1] * np.diff(at, axis=2), axis=2, out=potential[..., 1:])
    return at, slope, potential


def _parts(synapses: Taps, samples: int) -> Iterator[slice]:
    step = max(1, AT_ONCE // synapses.weight.size)
    return (slice(start, start + step) for start in range(0, samples, step))
