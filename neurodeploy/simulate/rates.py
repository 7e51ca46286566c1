"""How often each neuron sends, measured on input."""

from __future__ import annotations

import collections.abc
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.chipnet import ChipNetwork
from neurodeploy.simulate.inputs import Spikes, checked_inputs
from neurodeploy.simulate.run import simulate

RASTER_BYTES = 2**28
"""Memory for the messages of the samples that run together."""


def mean_rates(
    net: ChipNetwork, spikes: Spikes | collections.abc.Mapping[str, Spikes], *, steps: int | None = None
) -> dict[str, NDArray[np.float64]]:
    """Mean messages per neuron and step, float64 (size,), of every input, population and further output.

    Args:
        net: The network.
        spikes: As of :func:`neurodeploy.simulate.simulate`; arrays.
        steps: Chip steps per sample, as of :func:`neurodeploy.simulate.simulate`.

    Raises:
        SimulationError: The input does not fit the network.
    """
    inputs, _ = checked_inputs(net, spikes)
    sent: dict[str, Any] = {name: np.zeros(net.size_of(name), np.int64) for name in net.inputs}
    first = next(iter(inputs.values()))
    samples, length = first.shape[:2]
    total = 0
    at_once = max(1, RASTER_BYTES // max(1, length * net.neurons))
    for begin in range(0, samples, at_once):
        part = {
            name: np.asarray(values[begin : begin + at_once]).reshape(-1, length, *net.inputs[name].shape)
            for name, values in inputs.items()
        }
        run = simulate(net, part, steps=steps)
        total += run.steps * len(next(iter(part.values())))
        for name, values in part.items():
            sent[name] += np.count_nonzero(values, axis=(0, 1)).ravel()
        for name, values in run.spikes.items():
            sent[name] = sent.get(name, 0) + np.count_nonzero(values, axis=(0, 1)).ravel()
    return {name: count / total for name, count in sent.items()}
