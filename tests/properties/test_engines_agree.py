"""The fast engine equals the reference bit for bit."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from numpy.typing import NDArray
from strategies import chip_networks

from neurodeploy import ChipNetwork, simulate


@settings(max_examples=150, deadline=None)
@given(chip_networks())
def test_fast_equals_reference(case: tuple[ChipNetwork, NDArray[np.uint8]]) -> None:
    net, spikes = case
    record = dict.fromkeys(net.populations, ("u", "v"))
    steps = spikes.shape[1] + net.latency_steps + 2
    slow = simulate(net, spikes, steps=steps, record=record, engine="reference")
    fast = simulate(net, spikes, steps=steps, record=record, engine="fast")
    assert fast.engine == "fast"
    for name in net.populations:
        np.testing.assert_array_equal(fast.spikes[name], slow.spikes[name])
        for register in ("u", "v"):
            np.testing.assert_array_equal(fast.states[name][register], slow.states[name][register])
    assert fast.counters.populations == slow.counters.populations
