"""Second moments of what spikes leave in a membrane: which errors of weights matter, and which cancel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurodeploy.calibration.gauge import Reference
from neurodeploy.connections import Conv2d
from neurodeploy.network import Population, Projection
from neurodeploy.quantize.compensated import Moments
from neurodeploy.quantize.synapses import summed_weights

MOST_ROWS = 200_000
"""Sums that are looked at; of more, some are drawn."""
LARGEST = 4096
"""Weights of one sum; above, moments would take longer than they are worth."""


def moments(
    truth: Reference, population: Population, incoming: list[Projection], rng: np.random.Generator
) -> dict[str, Moments]:
    """Of every projection into a population that can be rounded as a whole, on the reference's spikes.

    Spikes are filtered by the population's decays of current and membrane (the median where neurons differ); what a
    reset takes away is left out.
    """
    d = population.dynamics
    a, b = float(np.median(d.a)), float(np.median(d.b))
    found: dict[str, Moments] = {}
    for p in incoming:
        summed = summed_weights(p.connection)
        if p.is_reset or summed is None or summed > LARGEST or p.source in found:
            continue
        spikes = truth.spikes.get(p.source)
        fed = truth.data.spikes if spikes is None else spikes
        traces = _traces(fed.reshape(*fed.shape[:2], -1), a, b)
        rows = traces.reshape(-1, traces.shape[-1])
        if isinstance(p.connection, Conv2d):
            places = p.connection.n_target // len(p.connection.weights)
            few = rng.permutation(len(rows))[: max(1, MOST_ROWS // places)]
            windows = p.connection.patches(rows[np.sort(few)])
            rows = windows.reshape(-1, summed)
        elif len(rows) > MOST_ROWS:
            rows = rows[np.sort(rng.permutation(len(rows))[:MOST_ROWS])]
        found[p.source] = Moments.of(np.asarray(rows.T @ rows / len(rows), np.float64))
    return found


def _traces(spikes: NDArray[np.uint8], a: float, b: float) -> NDArray[np.float32]:
    """Membranes (B, T, n) of neurons that sum one source's spikes each, and never fire."""
    current = np.zeros((len(spikes), spikes.shape[2]), np.float32)
    v = np.zeros_like(current)
    made = np.empty(spikes.shape, np.float32)
    for t in range(spikes.shape[1]):
        current = np.float32(a) * current + spikes[:, t]
        v = np.float32(b) * v + current
        made[:, t] = v
    return made
