"""Cuts of irregular populations: within all limits, proven by the checker, for every objective and any rates."""

from __future__ import annotations

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from neurodeploy.chipnet import ChipNetwork
from neurodeploy.errors import DoesNotFit
from neurodeploy.mapping import check_mapping, map_network
from neurodeploy.mapping.capacity import core_loads
from neurodeploy.mapping.constraints import violated
from neurodeploy.target import load_target
from neurodeploy.target_schema import Quantity, Target


def narrow(target: Target, rng: np.random.Generator) -> Target:
    """So few of everything on a core that several limits bind."""
    core = target.core
    some = {"neurons": (3, 20), "in_axons": (15, 60), "out_axon_slots": (20, 80), "synapse_words": (30, 300)}
    some |= {"pool_words": (60, 300)}
    facts = {
        name: Quantity(int(rng.integers(*bounds)), "example", "test")
        for name, bounds in some.items()
        if getattr(core, name) is not None
    }
    return msgspec.structs.replace(target, core=msgspec.structs.replace(core, **facts))


def irregular(rng: np.random.Generator) -> ChipNetwork:
    """Two populations with loops, several projections of a source, dense ones among them, and delays."""
    net = ChipNetwork()
    net.add_input("in", shape=int(rng.integers(1, 12)))
    for name in ("a", "b"):
        net.add_population(name, shape=int(rng.integers(5, 40)), vth=20)

    def connect(source: str, target: str, **settings: int) -> None:
        shape = net.populations[target].size, net.size_of(source)
        weights = (rng.random(shape) < rng.choice([0.05, 0.2])) * rng.choice([2, 40], shape)
        net.connect(source, target, csr_array(weights), kind="sparse", **settings)

    connect("in", "a")
    connect("a", "a")
    if rng.random() < 0.5:
        connect("a", "a", delays=int(rng.integers(1, 5)))
    connect("a", "b", num_weight_bits=4)
    if rng.random() < 0.5:
        net.connect("in", "b", rng.integers(0, 50, (net.populations["b"].size, net.size_of("in"))) * 2)
    connect("b", "a")
    return net


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**32 - 1), st.sampled_from(["loihi1", "loihi2"]), st.sampled_from(["cores", "traffic", "latency"])
)
def test_no_limit_is_broken(seed: int, name: str, objective: str) -> None:
    rng = np.random.default_rng(seed)
    net, target = irregular(rng), narrow(load_target(name), rng)
    rates = {n: rng.random(net.size_of(n)) for n in ("in", "a", "b")} if rng.random() < 0.5 else None
    try:
        mapping = map_network(net, target, objective=objective, rates=rates, seed=seed)
    except DoesNotFit:
        return
    check_mapping(net, mapping, target)
    labels = {n: at.astype(np.int64) for n, at in mapping.core_of.items()}
    assert not violated(core_loads(net, labels, mapping.cores, target), target)
    again = map_network(net, target, objective=objective, rates=rates, seed=seed)
    for n, at in mapping.core_of.items():
        np.testing.assert_array_equal(at, again.core_of[n])
