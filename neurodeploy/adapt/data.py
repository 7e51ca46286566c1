"""A stream of samples, in parts that fit in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from numpy.typing import NDArray

from neurodeploy.chipnet import ChipNetwork
from neurodeploy.errors import SimulationError
from neurodeploy.simulate.events import Events
from neurodeploy.simulate.inputs import Spikes, checked_inputs

SAMPLES_AT_ONCE = 64


def parts(net: ChipNetwork, spikes: Spikes) -> Iterator[NDArray[Any]]:
    """Samples (n, T, *shape), checked, in order.

    Raises:
        SimulationError: No samples, several inputs, or messages that the input does not take.
    """
    if len(net.inputs) != 1:
        raise SimulationError(
            f"the network has {len(net.inputs)} inputs, a stream feeds one", where="stream", remedy="use one input"
        )
    if not len(spikes):
        raise SimulationError("there are no samples", where="stream", remedy="give at least one")
    for start in range(0, len(spikes), SAMPLES_AT_ONCE):
        part = spikes[start : start + SAMPLES_AT_ONCE]
        values = part.array() if isinstance(part, Events) else part
        _, batched = checked_inputs(net, values)
        if not batched:
            raise SimulationError("one sample", where="stream", remedy="give samples (N, T, *shape)")
        yield values
