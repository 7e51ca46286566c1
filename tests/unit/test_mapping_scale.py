"""A million neurons are mapped by whole arrays: nothing in Python happens once per neuron."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

import numpy as np
import pytest
from mapping_networks import Layer, network

from neurodeploy.chipnet import ChipNetwork
from neurodeploy.mapping.partition import partition
from neurodeploy.target import load_target

NEURONS = 2**20


def maps() -> ChipNetwork:
    return network((3, 512, 512), (Layer(4, 3, padding=(1, 1)), Layer(4, 3, padding=(1, 1), groups=4)))


def ring() -> ChipNetwork:
    """Two synapses a neuron, to its neighbours."""
    from scipy.sparse import csr_array

    at = np.arange(NEURONS)
    sources = np.sort(np.stack([(at + 1) % NEURONS, (at - 1) % NEURONS], axis=1), axis=1)
    net = ChipNetwork()
    net.add_population("p", shape=NEURONS)
    matrix = csr_array((np.full(2 * NEURONS, 2, np.int8), sources.ravel(), 2 * np.arange(NEURONS + 1)), (NEURONS,) * 2)
    net.connect("p", "p", matrix, kind="sparse")
    return net


@pytest.mark.parametrize(("make", "cores"), [(maps, 2048), (ring, 1024)])
def test_calls_do_not_grow_with_the_neurons(make: Any, cores: int) -> None:
    net, target = make(), load_target("loihi1")
    calls = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        found = partition(net, target)
    finally:
        sys.setprofile(None)
    assert not found.impossible and found.cores == cores
    assert calls < 1000 * found.cores  # 1,024 neurons a core
