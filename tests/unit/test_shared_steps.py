"""Threads that share single steps of a single sample: cycles, and sparse layers."""

from __future__ import annotations

import numpy as np
import pytest
from networks import random_case
from outcomes import assert_same
from scipy.sparse import coo_array, csr_array

from neurodeploy import ChipNetwork
from neurodeploy.simulate import sharing
from neurodeploy.simulate.engine import run_fast
from neurodeploy.simulate.plan import Plan
from neurodeploy.simulate.prepared import prepare
from neurodeploy.simulate.reference import run_reference

THREADS = (2, 2, 3, 5)


def synapses(rng: np.random.Generator, n_target: int, n_source: int, count: int) -> csr_array:
    """Random synapses of even weights, few of which meet."""
    weights, at = rng.integers(-20, 30, count) * 2, (rng.integers(0, n_target, count), rng.integers(0, n_source, count))
    return coo_array((weights, at), shape=(n_target, n_source)).tocsr()


@pytest.mark.parametrize("size", [4096, 5000, 70_000])
def test_a_large_population_in_a_cycle(size: int) -> None:
    """Sparse and dense synapses, scheduled resets, a late start; indices of 16 and of 24 bits."""
    rng = np.random.default_rng(size)
    net = ChipNetwork()
    net.add_input("in", shape=40)
    net.add_population("a", shape=size, du=1000, dv=200, vth=300, bias_mant=rng.integers(0, 200, size), bias_exp=3)
    net.add_population(
        "b", shape=size, du=900, dv=200, vth=30, start=2, reset_interval=7, reset_offset=3, window=(3, 9)
    )
    net.add_population("few", shape=50, du=900, dv=200, vth=30)
    net.connect("in", "a", rng.integers(-30, 40, (size, 40)) * 2)
    net.connect("a", "a", synapses(rng, size, size, 8 * size), kind="sparse")
    net.connect("a", "b", synapses(rng, size, size, 8 * size), kind="sparse", delays=2)
    net.connect("b", "few", synapses(rng, 50, size, 9000), kind="sparse")
    net.connect("few", "a", synapses(rng, size, 50, 9000), kind="sparse")
    spikes = (rng.random((1, 25, 40)) < 0.2).astype(np.uint8)
    plan = Plan(net, {"in": spikes}, 30, 27, {"a": ("u", "v"), "b": ("v",)}, False)
    expected = run_reference(plan)
    assert all(expected.sent[name] for name in net.populations)
    assert_same(run_fast(plan, threads=1), expected)
    for threads in THREADS:
        assert_same(run_fast(plan, threads=threads), expected)
    assert {key[1] for key in prepare(net).cuts} == {min(t, size // sharing.NEURONS_PER_PART) for t in THREADS}


def test_synapses_that_do_not_ascend_are_not_shared() -> None:
    """Where a convolution pools a population, its neurons are kept in another order."""
    rng = np.random.default_rng(1)
    net = ChipNetwork()
    net.add_input("in", shape=50)
    net.add_population("a", shape=(8, 32, 32), du=900, dv=40, vth=60)
    net.add_population("b", shape=(8, 16, 16), du=900, dv=40, vth=60)
    net.connect("in", "a", synapses(rng, 8192, 50, 20_000), kind="sparse")
    net.connect("a", "b", rng.integers(-20, 30, (8, 8, 2, 2)) * 2, kind="conv2d", stride=(2, 2))
    plan = Plan(net, {"in": (rng.random((1, 12, 50)) < 0.2).astype(np.uint8)}, 14, 14, {"a": ("v",)}, False)
    expected = run_reference(plan)
    assert expected.sent["a"] and expected.sent["b"] and "a" in prepare(net).orders
    for threads in THREADS:
        assert_same(run_fast(plan, threads=threads), expected)
    assert set(prepare(net).cuts.values()) == {None}


def test_every_kind_of_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever can be shared is, however small."""
    monkeypatch.setattr(sharing, "NEURONS_PER_PART", 1)
    for seed in range(60):
        plan = random_case(700 + seed, lava=False).plan
        plan = Plan(
            plan.net, {n: v[:1] for n, v in plan.inputs.items()}, plan.steps, plan.live_steps, plan.registers, False
        )
        expected = run_reference(plan)
        for threads in (2, 4):
            assert_same(run_fast(plan, threads=threads), expected)
