"""A million neurons are mapped by whole arrays: nothing in Python happens once per neuron."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

import numpy as np
import pytest
from mapping_networks import Layer, mobilenet, network

from neurodeploy.chipnet import ChipNetwork
from neurodeploy.mapping import check_mapping, map_network
from neurodeploy.mapping.capacity import core_loads
from neurodeploy.mapping.constraints import uses
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


def test_mobilenet_fits_thirteen_chips_and_fills_them() -> None:
    """NxTF (Rueckauer et al. 2021) prints 16 chips of Loihi 1 and 80 % for such a network."""
    net, target = network((3, 128, 128), mobilenet()), load_target("loihi1")
    assert sum(p.connection.weights.size for p in net.projections) == 4_225_472
    found = partition(net, target)
    assert not found.impossible and found.cores <= 13 * target.mesh.cores_per_chip.value
    table = uses(core_loads(net, found.core_of, found.cores, target), target)
    binding = np.max([needed / limit for needed, limit in table.values()], axis=0)
    assert binding.max() <= 1
    assert binding.sum() / (13 * target.mesh.cores_per_chip.value) > 0.97


def test_a_small_mobilenet_is_proven_to_fit() -> None:
    net, target = network((3, 32, 32), mobilenet(10, 32)), load_target("loihi1")
    mapping = map_network(net, target)
    assert mapping.cores < 200
    check_mapping(net, mapping, target)
