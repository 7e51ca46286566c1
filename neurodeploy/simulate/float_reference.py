"""The float network in numpy, float64, without the chip's layer latency: what the model computes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.network import Network
from neurodeploy.neurons import trained_model


@dataclass(frozen=True, eq=False)
class FloatRun:
    """Result of a float simulation.

    Attributes:
        spikes: uint8 (B, T, size) per population.
        membranes: Membrane after each step, as the chip's v, float64 (B, T, size), of the populations asked for.
    """

    spikes: Mapping[str, NDArray[np.uint8]]
    membranes: Mapping[str, NDArray[np.float64]]


def simulate_float(
    network: Network, inputs: Mapping[str, NDArray[Any]], *, membranes: tuple[str, ...] = ()
) -> FloatRun:
    """Run a batch: ``inputs`` (B, T, *shape) or (B, T, size) of 0/1 by input name."""
    flat = {n: np.asarray(v).reshape(*np.shape(v)[:2], -1) for n, v in inputs.items()}
    batch, steps = next(iter(flat.values())).shape[:2]
    reset = network.semantics.reset
    spikes = {n: np.zeros((batch, steps, p.size), np.uint8) for n, p in network.populations.items()}
    kept = {n: np.zeros((batch, steps, network.populations[n].size)) for n in membranes}
    sent: dict[str, NDArray[Any]] = {**flat, **spikes}
    double = [(p, p.connection.with_weights(p.connection.weights.astype(np.float64))) for p in network.projections]
    current = {n: np.zeros((batch, p.size)) for n, p in network.populations.items()}
    v = {n: np.tile(p.dynamics.v0, (batch, 1)) for n, p in network.populations.items()}
    for t in range(steps):
        for name, population in network.populations.items():
            x = np.tile(population.bias, (batch, 1))
            for p, connection in double:
                if p.target == name and t >= p.delay_steps:
                    x += connection.propagate(sent[p.source][:, t - p.delay_steps])
            current[name], v[name], spikes[name][:, t] = trained_model(population.model).float_step(
                current[name], v[name], x, population.dynamics, reset
            )
            if name in kept:
                kept[name][:, t] = v[name]
    return FloatRun(spikes, kept)
