"""What the float network's currents and membranes reach on data."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurodeploy.calibration.data import CalibrationData
from neurodeploy.calibration.gauge import parts
from neurodeploy.network import Network
from neurodeploy.neurons.cuba import reset_membrane
from neurodeploy.neurons.model import Floats
from neurodeploy.simulate.float_reference import simulate_float

PERCENTILE = 99.99
"""Of v, which saturates; u wraps, so that its largest value counts."""


def largest_registers(network: Network, data: CalibrationData) -> dict[str, float]:
    """By population, the larger of |u| and of the percentile of |v| before its reset, in units of weight.

    Args:
        network: In the chip's terms, see :func:`neurodeploy.quantize.expressible.expressible`.
        data: Spikes of its input.
    """
    (source,) = network.inputs
    names = tuple(network.populations)
    found = dict.fromkeys(names, 0.0)
    for part in parts(network, data):
        run = simulate_float(network, {source: data.spikes[part]}, potentials=names)
        sent = {source: data.spikes[part].reshape(*data.spikes[part].shape[:2], -1), **run.spikes}
        for name, population in network.populations.items():
            d = population.dynamics
            v = np.abs(run.potentials[name] - reset_membrane(d, population.rules)) / np.abs(d.k * d.w)
            found[name] = max(found[name], float(np.percentile(v, PERCENTILE)), _current(network, name, sent))
    return found


def _current(network: Network, name: str, sent: dict[str, NDArray[np.uint8]]) -> float:
    """Largest |u|, which sums the weights and decays."""
    d = network.populations[name].dynamics
    batch, steps = next(iter(sent.values())).shape[:2]
    u: Floats = np.zeros((batch, len(d.a)))
    largest = 0.0
    for t in range(steps):
        u *= d.a
        for p in network.incoming(name):
            if t >= p.delay_steps:
                u += p.connection.propagate(sent[p.source][:, t - p.delay_steps])
        largest = max(largest, float(np.abs(u).max()))
    return largest
