"""What the fast engine does besides computing: the order of populations, threads, structures kept between runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from networks import random_case
from numpy.typing import NDArray
from outcomes import assert_same
from scipy.sparse import coo_array

from neurodeploy import ChipNetwork, kernels, simulate
from neurodeploy.connections import Conv2d, Dense, Sparse
from neurodeploy.simulate.components import Component, components
from neurodeploy.simulate.engine import run_fast
from neurodeploy.simulate.plan import Plan
from neurodeploy.simulate.prepared import prepare
from neurodeploy.simulate.reference import run_reference
from neurodeploy.simulate.sums import weight_bounds

EDGE = 2**23


def wired(pairs: str, names: str = "abcde") -> ChipNetwork:
    net = ChipNetwork()
    net.add_input("in", shape=1)
    for name in names:
        net.add_population(name, shape=1)
    for pair in pairs.split():
        net.connect({"i": "in"}.get(pair[0], pair[0]), pair[1], [[2]])
    return net


def test_components_follow_what_they_hear() -> None:
    found = components(wired("ie ed dc cd db ba ca bb"))
    alone = [Component(("e",), False), Component(("c", "d"), True), Component(("b",), True), Component(("a",), False)]
    assert found == alone
    assert components(wired("ia", "ab")) == [Component(("a",), False), Component(("b",), False)]


def test_components_of_every_network_are_in_order() -> None:
    for seed in range(60):
        net = random_case(seed, lava=False).plan.net
        place = {name: k for k, c in enumerate(components(net)) for name in c.populations}
        assert place.keys() == net.populations.keys()
        for p in net.projections:
            if (sender := net.sender_of(p.source)) in place:
                assert place[sender] <= place[p.target]


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_results_do_not_depend_on_threads(threads: int) -> None:
    for seed in range(12):
        plan = random_case(300 + seed, lava=False).plan
        inputs = {name: np.concatenate([values] * 4 + [0 * values]) for name, values in plan.inputs.items()}
        plan = Plan(plan.net, inputs, plan.steps, plan.live_steps, plan.registers, False)
        assert_same(run_fast(plan, threads=threads), run_reference(plan))


def test_a_network_is_packed_once_and_again_when_it_changes() -> None:
    net = wired("ia ab", "ab")
    spikes = np.ones((4, 1), np.uint8)
    simulate(net, spikes)
    first = prepare(net)
    simulate(net, spikes)
    assert prepare(net) is first
    net.connect("in", "b", [[254]], weight_exp=3)
    run = simulate(net, spikes, record={"b": ("u",)})
    assert prepare(net) is not first
    assert run.states["b"]["u"].max() >= 254 * 8 * 64


@pytest.mark.parametrize("size", [1, 7, 15, 16, 17, 31, 33, 64, 65, 127, 129, 255, 257, 600])
@pytest.mark.parametrize("odd", [False, True])
def test_tiles_of_every_width(size: int, odd: bool) -> None:
    """Every width of the last tile; with odd weights beyond 8 bits there are none; sums beyond 16 bits are spilt."""
    rng = np.random.default_rng(size)
    net = ChipNetwork()
    net.add_input("in", shape=700)
    net.add_population("a", shape=size, du=1000, dv=rng.integers(0, 300, size), vth=rng.integers(1, 2000, size))
    weights = rng.integers(-128, 128, (size, 700)) * 2 + odd
    weights[0] = 254 + odd  # 700 rows of 127 leave 16 bits
    net.connect("in", "a", np.minimum(weights, 255), num_weight_bits=9, weight_exp=-3)
    net.connect("in", "a", weights[:, ::-1] // 4 * 2, delays=2)
    spikes = (rng.random((3, 9, 700)) < np.array([0.05, 0.5, 1.0])[:, None, None]).astype(np.uint8)
    plan = Plan(net, {"in": spikes}, 12, 12, {"a": ("u", "v")}, False)
    assert bool(prepare(net).populations[0].is_tiled) is not odd
    assert_same(run_fast(plan), run_reference(plan))


@pytest.mark.parametrize("edge", [2**19, 2**22, EDGE - 1, EDGE, EDGE + 1])
def test_states_at_the_edges_of_the_lanes(edge: int) -> None:
    """u, v and inputs at the limits where a vector of neurons gives way to one neuron after the other."""
    ends = np.clip(np.array([edge, -edge, edge - 1, 1 - edge, 0, 3] * 6), 1 - EDGE, EDGE - 1)
    for du, dv, exp in ((-1, 0, 0), (0, 1, 10), (4095, 4096, 16), (700, 90, 12)):
        net = ChipNetwork()
        net.add_input("in", shape=2)
        fields = {"du": du, "dv": dv, "vth": [131071, 131072] * 18, "bias_mant": np.arange(36) - 18, "bias_exp": 16}
        net.add_population("a", shape=36, u0=ends, v0=ends[::-1], **fields)
        net.connect("in", "a", np.tile([[254, -256]], (36, 1)), weight_exp=exp)
        spikes = np.array([[[1, 0], [1, 1], [0, 1], [0, 1], [1, 0], [1, 0], [0, 0]]], np.uint8)
        plan = Plan(net, {"in": spikes}, 10, 10, {"a": ("u", "v")}, False)
        found = run_fast(plan)
        assert_same(found, run_reference(plan))
        assert found.active_updates["a"] > 0


@pytest.mark.parametrize("du", [-1, [-1] * 31 + [0]])
def test_u_at_the_ends_of_24_bits(du: int | list[int]) -> None:
    """+2^23 stays and -2^23 does not, in vectors that hold nothing else and whose v, too, would stay in range."""
    for sign in (1, -1):
        net = ChipNetwork()
        net.add_input("in", shape=1)
        net.add_population("a", shape=32, du=du, dv=4096, vth=5, u0=sign * (EDGE - 64), bias_mant=100)
        net.connect("in", "a", np.full((32, 1), sign), num_weight_bits=9)
        plan = Plan(net, {"in": np.ones((1, 3, 1), np.uint8)}, 3, 3, {"a": ("u", "v")}, False)
        expected = run_reference(plan)
        assert EDGE in expected.states["a"]["u"]
        assert_same(run_fast(plan), expected)


@pytest.mark.parametrize(("size", "step", "packing"), [(90, 2, "small"), (66_000, 4, "packed"), (66_000, 1, "weights")])
def test_packings_of_sparse_weights(size: int, step: int, packing: str) -> None:
    """Even weights fit 8 bits; indices fit 16, or 24 beside the weight; what fits neither stays wide."""
    rng = np.random.default_rng(size + step)
    net = ChipNetwork()
    net.add_input("in", shape=40)
    net.add_population("a", shape=size, du=1000, dv=100, vth=300)
    rows, columns = rng.integers(0, size, 3000), rng.integers(0, 40, 3000)
    weights = rng.integers(-255 // step, 255 // step, 3000) * step
    for exponent in (-2, 0, 3):
        matrix = coo_array((np.where(weights, weights, step), (rows, columns)), shape=(size, 40)).tocsr()
        matrix.data = np.clip(matrix.data, -256, 254)
        net.connect("in", "a", matrix, kind="sparse", weight_exp=exponent, num_weight_bits=9)
    spikes = (rng.random((2, 6, 40)) < 0.4).astype(np.uint8)
    plan = Plan(net, {"in": spikes}, 8, 8, {"a": ("u", "v")}, False)
    slots = prepare(net).projections
    assert all(
        bool(getattr(slot, name)) is (name == packing) for slot in slots for name in ("small", "packed", "weights")
    )
    assert_same(run_fast(plan), run_reference(plan))


def spread(rng: np.random.Generator, shape: tuple[int, ...], step: int = 2) -> NDArray[np.int64]:
    return rng.integers(-128 // step, 128 // step, shape) * step


GEOMETRIES: dict[str, dict[str, Any]] = {
    "plain": {},
    "padding": {"padding": (2, 1)},
    "stride": {"stride": (2, 2)},
    "uneven stride": {"stride": (2, 3), "padding": (1, 2)},
    "dilation": {"dilation": (2, 1), "padding": (2, 2)},
    "dilation and stride": {"dilation": (2, 3), "stride": (3, 2), "padding": (1, 3)},
    "groups": {"groups": 4},
    "groups and stride": {"groups": 2, "stride": (2, 1), "padding": (1, 1)},
}


@pytest.mark.parametrize("channels", [16, 8, 12])
@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
@pytest.mark.parametrize("scale", [1, 32, 4096])
def test_maps(geometry: str, channels: int, scale: int) -> None:
    """Sums of 16 bits read from the map, gathered from it, and of 32 bits; v leaves 24 bits in single neurons."""
    rng = np.random.default_rng(len(geometry) + channels)
    options = GEOMETRIES[geometry]
    net = ChipNetwork()
    net.add_input("in", shape=(4, 8, 9))
    first = Conv2d.build(
        spread(rng, (channels, 4 // options.get("groups", 1), 3, 3)) * scale, (4, 8, 9), where="", **options
    )
    size = first.n_target
    dv = 9 if channels == 16 else rng.integers(0, 40, size)
    net.add_population("a", shape=first.target_shape, du=900, dv=dv, vth=min(150 * scale, 131_071))
    net.attach("in", "a", first)
    second = Conv2d.build(spread(rng, (6, channels, 2, 2)), first.target_shape, stride=(2, 2), where="")
    net.add_population("b", shape=second.target_shape, du=900, dv=40, vth=100)
    net.attach("a", "b", second)
    net.attach("a", "b", Dense(spread(rng, (second.n_target, size)), first.target_shape, second.target_shape))
    net.add_population("c", shape=5, vth=20)
    net.attach("b", "c", Dense(spread(rng, (5, second.n_target)), second.target_shape, (5,)))
    net.attach("c", "b", Dense(spread(rng, (second.n_target, 5)), (5,), second.target_shape))
    spikes = (rng.random((3, 10, 4 * 8 * 9)) < np.array([0.05, 0.4, 1])[:, None, None]).astype(np.uint8)
    plan = Plan(net, {"in": spikes}, 12, 12, {"a": ("u", "v"), "b": ("v",)}, False)
    found = run_fast(plan)
    assert_same(found, run_reference(plan))
    assert all(found.sent[name] for name in "abc")


@pytest.mark.parametrize(("sources", "size"), [(3, 70), (101, 300), (260, 9)])
@pytest.mark.parametrize("steps", [1, 6, 19])
def test_dense_at_high_activity(sources: int, size: int, steps: int) -> None:
    """Samples of few and of many spikes, several projections and delays, idle steps and scheduled resets."""
    rng = np.random.default_rng(sources + steps)
    net = ChipNetwork()
    net.add_input("in", shape=sources)
    net.add_population("a", shape=size, du=1000, dv=100, vth=400, bias_mant=3, reset_interval=5, reset_offset=2)
    net.add_population("b", shape=size, du=1000, dv=100, vth=40, start=1)
    weights = rng.integers(-40, 41, (size, sources)) * 2
    weights[0], weights[1] = 100, -100
    net.connect("in", "a", weights[:, ::-1], delays=7)
    net.connect("in", "a", weights, num_weight_bits=9)
    net.connect("a", "b", rng.integers(-40, 61, (size, size)) * 2)
    density = np.array([0.02, 1.0, 0.6, 0.3, 0.9])[:, None, None]
    spikes = (rng.random((5, steps, sources)) < density).astype(np.uint8)
    assert bool(prepare(net).projections[0].dots) is (kernels.load().nd_dots_from_percent() <= 100)
    plan = Plan(net, {"in": spikes}, steps + 3, steps + 2, {"a": ("u", "v")}, False)
    expected = run_reference(plan)
    for threads in (1, 3):
        assert_same(run_fast(plan, threads=threads), expected)


@pytest.mark.parametrize("delay", [0, 4])
def test_dots_of_idle_steps_and_behind_the_end(delay: int) -> None:
    """What arrives before a population is live, or after the last step, is lost: several tiles and samples."""
    rng = np.random.default_rng(delay)
    net = ChipNetwork()
    net.add_input("in", shape=150)
    net.add_population("a", shape=1100, du=1000, dv=100, vth=400, start=5)
    net.connect("in", "a", rng.integers(-30, 41, (1100, 150)) * 2, delays=delay)
    spikes = (rng.random((3, 15, 150)) < 0.9).astype(np.uint8)
    plan = Plan(net, {"in": spikes}, 15, 9, {"a": ("u", "v")}, False)
    assert_same(run_fast(plan), run_reference(plan))


def test_packed_synapses_in_16_bits() -> None:
    """More targets than 16 bits can name, and weights of both signs."""
    rng = np.random.default_rng(9)
    net = ChipNetwork()
    net.add_input("in", shape=30)
    net.add_population("a", shape=66_000, du=1000, dv=100, vth=300)
    rows, columns = rng.permutation(66_000)[:3000], rng.integers(0, 30, 3000)
    matrix = coo_array((rng.integers(-50, 60, 3000) * 2, (rows, columns)), shape=(66_000, 30)).tocsr()
    net.connect("in", "a", matrix, kind="sparse")
    plan = Plan(net, {"in": (rng.random((1, 5, 30)) < 0.4).astype(np.uint8)}, 6, 6, {"a": ("u", "v")}, False)
    assert prepare(net).populations[0].is_narrow and prepare(net).projections[0].packed
    assert_same(run_fast(plan), run_reference(plan))


@pytest.mark.parametrize("kind", ["dense", "sparse"])
@pytest.mark.parametrize("is_narrow", [True, False])
@pytest.mark.parametrize("longest", [1, 7, 8, 62])
def test_a_delay_for_each_synapse(kind: str, is_narrow: bool, longest: int) -> None:
    """In a ring where sums fit 16 bits, else split by delay; late starts, early ends, idle steps, a cycle, a map."""
    rng = np.random.default_rng(longest)
    net = ChipNetwork()
    net.add_input("in", shape=(3, 8, 8))
    net.add_population("map", shape=(4, 4, 4), du=900, dv=40, vth=100)
    net.connect("in", "map", spread(rng, (4, 3, 2, 2)), kind="conv2d", stride=(2, 2))
    net.add_population("a", shape=150, du=900, dv=40, vth=200, start=5)
    for source, target in (("map", "a"), ("a", "a"), ("a", "map")):
        shape = net.size_of(target), net.size_of(source)
        weights = rng.integers(-20, 30, shape) * 2 if is_narrow else rng.integers(-200, 256, shape)
        weights *= rng.random(shape) < 0.7
        delays = rng.integers(0, longest + 1, shape)
        delays[0, 0] = longest
        if kind == "sparse":
            weights = coo_array(weights).tocsr()
        net.connect(source, target, weights, kind=kind, delays=delays, num_weight_bits=9)
    spikes = (rng.random((3, 30, 192)) < np.array([0.05, 0.3, 0.9])[:, None, None]).astype(np.uint8)
    plan = Plan(net, {"in": spikes}, 40, 28, {"a": ("u", "v")}, False)
    assert any(slot.delays for slot in prepare(net).projections) is is_narrow
    found = run_fast(plan)
    assert_same(found, run_reference(plan))
    assert found.sent["a"] and found.sent["map"]


def test_several_samples_at_a_time() -> None:
    """A thread takes some where a layer's weights are many; then all kinds of layers run them one after the other."""
    rng = np.random.default_rng(8)
    net = ChipNetwork()
    net.add_input("in", shape=(3, 16, 16))
    net.add_population("map", shape=(8, 8, 8), du=900, dv=40, vth=90, v0=5)
    net.add_population("big", shape=600, du=900, dv=40, vth=700, u0=rng.integers(-90, 90, 600))
    net.add_population("loop", shape=70, du=900, dv=40, vth=200)
    net.add_population("sigma", shape=70, model="sigma")
    net.connect("in", "map", spread(rng, (8, 3, 2, 2)), kind="conv2d", stride=(2, 2))
    net.connect("map", "big", rng.integers(-20, 30, (600, 512)) * 2)
    net.connect("big", "loop", rng.integers(-20, 30, (70, 600)) * 2)
    delays = rng.integers(0, 9, (70, 70))
    net.connect("loop", "loop", rng.integers(-9, 9, (70, 70)) * 2, delays=delays)
    net.connect("loop", "sigma", rng.integers(-9, 9, (70, 70)) * 2)
    spikes = (rng.random((13, 8, 768)) < 0.1).astype(np.uint8)
    plan = Plan(net, {"in": spikes}, 12, 12, {"loop": ("v",), "sigma": ("sigma",)}, False)
    expected = run_reference(plan)
    assert all(expected.sent[name] for name in net.populations)
    for threads in (1, 2):
        assert_same(run_fast(plan, threads=threads), expected)


def test_threads_share_the_tiles_of_a_single_sample() -> None:
    """Layers of more work than a thread is worth, event by event and by dot products, wide ones and narrow ones."""
    rng = np.random.default_rng(3)
    net = ChipNetwork()
    net.add_input("in", shape=500)
    net.add_population("few", shape=1200, du=900, dv=40, vth=900, reset_interval=50)
    net.add_population("many", shape=1100, du=900, dv=300, vth=5)
    net.add_population("wide", shape=900, du=900, dv=40, vth=100_000)
    net.connect("in", "few", rng.integers(-30, 40, (1200, 500)) * 2)
    net.connect("few", "many", rng.integers(-10, 30, (1100, 1200)) * 2, delays=3)
    net.connect("many", "wide", rng.integers(-10, 120, (900, 1100)) * 2)
    spikes = (rng.random((1, 150, 500)) < 0.15).astype(np.uint8)
    plan = Plan(net, {"in": spikes}, 150, 150, {"few": ("v",)}, False)
    expected = run_reference(plan)
    assert [bool(q.is_narrow) for q in prepare(net).populations] == [True, True, False]
    assert expected.sent["many"] > 0.3 * 150 * 1100
    for threads in (1, 2, 2, 5):
        assert_same(run_fast(plan, threads=threads), expected)


def test_bounds_of_synapses_by_source() -> None:
    rng = np.random.default_rng(4)
    matrix = coo_array((rng.integers(-256, 256, 4000), (rng.integers(0, 90, 4000), rng.integers(0, 70, 4000)))).tocsc()
    matrix.data = np.clip(matrix.data, -256, 255).astype(np.int32)
    by_source = Sparse.from_matrix(matrix, (70,), (90,))
    assert by_source.by_source
    for ours, theirs in zip(weight_bounds(by_source), by_source.by_target().sum_bounds(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_several_projections_into_one_map() -> None:
    """Blocks of more vectors than are in registers at a time; two convolutions and sparse synapses meet in 16 bits."""
    rng = np.random.default_rng(6)
    net = ChipNetwork()
    net.add_input("in", shape=(2, 5, 6))
    net.add_population("a", shape=(64, 3, 4), du=900, dv=40, vth=60)
    for _ in range(2):
        net.connect("in", "a", spread(rng, (64, 2, 3, 3)), kind="conv2d")
    matrix = coo_array((spread(rng, (2000,)), (rng.integers(0, 768, 2000), rng.integers(0, 60, 2000))), shape=(768, 60))
    matrix = matrix.tocsr()
    matrix.data = np.clip(matrix.data, -128, 126)
    net.connect("in", "a", matrix, kind="sparse")
    net.add_population("b", shape=(64, 3, 4), du=900, dv=40, vth=60)
    for _ in range(2):
        net.connect("in", "b", spread(rng, (64, 2, 3, 3)), kind="conv2d")
    spikes = (rng.random((2, 12, 60)) < 0.3).astype(np.uint8)
    plan = Plan(net, {"in": spikes}, 13, 13, {"a": ("u", "v"), "b": ("u",)}, False)
    assert all(q.is_narrow for q in prepare(net).populations)
    found = run_fast(plan)
    assert_same(found, run_reference(plan))
    assert found.sent["a"] and found.sent["b"]
