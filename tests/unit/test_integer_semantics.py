"""Vectors measured on Lava 0.10.0 ``fixed_pt``, through both engines."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from neurodeploy import ChipNetwork, simulate
from neurodeploy.errors import InvalidNetwork, RegisterOverflow, ShapeMismatch
from neurodeploy.simulate import Run
from neurodeploy.weights import prepare

pytestmark = pytest.mark.parametrize("engine", ["reference", "fast"])


def spikes_at(times: list[int], steps: int, size: int = 1) -> np.ndarray:
    raster = np.zeros((steps, size), np.uint8)
    raster[np.array(times, dtype=int) - 1] = 1
    return raster


def one_layer(weights: Any, times: list[int], steps: int, engine: str, *, weight_exp: int = 0, **fields: Any) -> Run:
    net = ChipNetwork()
    matrix = np.asarray(weights)
    net.add_input("in", shape=matrix.shape[1])
    net.add_population("out", shape=matrix.shape[0], **fields)
    net.connect("in", "out", matrix, weight_exp=weight_exp)
    spikes = spikes_at(times, steps, matrix.shape[1])
    return simulate(net, spikes, record={"out": ("u", "v")}, engine=engine)


def test_lif_trace(engine: str) -> None:
    run = one_layer([[41], [-41]], [1, 2, 5], 12, engine, du=1000, dv=500, vth=100, bias_mant=3, bias_exp=2)
    u_plus = [0, 2560, 4494, 3395, 2565, 4498, 3398, 2567, 1939, 1465, 1106, 835]
    v_plus = [12, 2582, 0, 3407, 5568, 0, 3410, 5572, 0, 1477, 2414, 2966]
    u_minus = [0, -2688, -4719, -3565, -2693, -4722, -3568, -2696, -2037, -1539, -1162, -878]
    v_minus = [12, -2666, -7047, -9739, -11231, -14570, -16347, -17035, -16980, -16434, -15577, -14541]
    np.testing.assert_array_equal(run.states["out"]["u"], np.transpose([u_plus, u_minus]))
    np.testing.assert_array_equal(run.states["out"]["v"], np.transpose([v_plus, v_minus]))
    np.testing.assert_array_equal(run.spikes["out"][:, 0], [0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 0])
    assert not run.spikes["out"][:, 1].any()


@pytest.mark.parametrize(
    ("weight", "exponent", "u", "fires", "wraps"),
    [
        (64, 11, 8388608, 1, 0),  # a = 131072
        (-64, 11, 8388608, 1, 1),  # u is never -2^23: a strong negative input makes the neuron fire
        (254, 15, 532676608 - 2**24, 1, 1),  # one correction only: u stays outside 24 bits
        (-256, 16, -1073741824 + 2**24, 0, 1),
    ],
)
def test_wrap_of_u(engine: str, weight: int, exponent: int, u: int, fires: int, wraps: int) -> None:
    run = one_layer([[weight]], [1], 2, engine, weight_exp=exponent, du=4095, dv=4095, vth=131071)
    assert run.states["out"]["u"][:, 0].tolist() == [0, u]
    assert run.spikes["out"][:, 0].tolist() == [0, fires]
    assert run.counters.populations["out"].wraps == wraps


def test_saturation_is_symmetric_and_counted(engine: str) -> None:
    run = one_layer([[-256]], [1, 2, 3], 5, engine, weight_exp=8, du=4095, dv=0, vth=10)
    assert run.states["out"]["v"][:, 0].tolist() == [0, -4194304, -8388607, -8388607, -8388607]
    assert run.counters.populations["out"].saturations == 2


def test_strict_raises_with_place_and_remedy(engine: str) -> None:
    net = ChipNetwork()
    net.add_input("in", shape=1)
    net.add_population("out", shape=1, dv=0)
    net.connect("in", "out", [[-256]], weight_exp=8)
    with pytest.raises(RegisterOverflow, match=r"(?s)1 saturations.*'out', step 3.*lower the scale"):
        simulate(net, np.ones((5, 1), np.uint8), strict=True, engine=engine)


def test_no_current_decay(engine: str) -> None:
    run = one_layer([[2]], [], 5, engine, du=-1, u0=1000, vth=131072)
    assert run.states["out"]["u"][:, 0].tolist() == [1000] * 5


@pytest.mark.parametrize(("bias", "spike", "v"), [(639, 0, 639), (640, 0, 640), (641, 1, 0)])
def test_threshold_is_strict(engine: str, bias: int, spike: int, v: int) -> None:
    run = one_layer([[2]], [], 1, engine, vth=10, bias_mant=bias)
    assert run.spikes["out"].tolist() == [[spike]]
    assert run.states["out"]["v"].tolist() == [[v]]


@pytest.mark.parametrize(("weight", "output"), [(6, 1), (-6, -2)])
def test_negative_exponent_floors_the_sum(engine: str, weight: int, output: int) -> None:
    run = one_layer([[weight]], [1], 2, engine, weight_exp=-2, vth=131072)
    assert run.states["out"]["u"][1, 0] == output * 64


@pytest.mark.parametrize(("delay", "at"), [(0, [2, 7]), (1, [3, 8]), (3, [5, 10])])
def test_delays(engine: str, delay: int, at: list[int]) -> None:
    net = ChipNetwork()
    net.add_input("in", shape=1)
    net.add_population("out", shape=1, vth=131072)
    net.connect("in", "out", [[6]], delays=delay)
    run = simulate(net, spikes_at([1, 6], 12), record={"out": ("u",)}, engine=engine)
    assert (np.flatnonzero(run.states["out"]["u"][:, 0]) + 1).tolist() == at


def test_conv_is_a_correlation_in_torch_order(engine: str) -> None:
    net = ChipNetwork()
    net.add_input("in", shape=(1, 1, 3))
    net.add_population("out", shape=(1, 1, 2), vth=131072)
    net.connect("in", "out", np.array([[[[10, 2]]]]), kind="conv2d")
    spikes = np.zeros((2, 1, 1, 3), np.uint8)
    spikes[0, 0, 0, 0] = spikes[1, 0, 0, 1] = 1
    run = simulate(net, spikes, steps=3, record={"out": ("u",)}, engine=engine)
    np.testing.assert_array_equal(run.states["out"]["u"][1:, 0, 0] // 64, [[10, 0], [2, 10]])


@pytest.mark.parametrize(
    ("mode", "given", "held"),
    [
        ("mixed", [3, -5, 5, -256, 255], [2, -6, 4, -256, 254]),
        ("excitatory", [3, 5, 255], [3, 5, 255]),
        ("inhibitory", [-255, -3, 0], [-255, -3, 0]),
    ],
)
def test_weight_preparation(engine: str, mode: str, given: list[int], held: list[int]) -> None:
    assert prepare(np.array(given), mode, 8).tolist() == held
    net = ChipNetwork()
    net.add_input("in", shape=len(given))
    net.add_population("out", shape=1)
    net.connect("in", "out", [given], sign_mode=mode)
    assert net.projections[0].connection.weights.tolist() == [held]
    altered = sum(a != b for a, b in zip(given, held, strict=True))
    assert net.projections[0].altered_weights == altered
    if altered:
        with pytest.raises(InvalidNetwork, match="synapse format altered"):
            simulate(net, np.ones((1, len(given)), np.uint8), strict=True, engine=engine)


@pytest.mark.parametrize(("bits", "held"), [(8, [6, -8, 100]), (7, [4, -8, 100]), (4, [0, -32, 96]), (1, [0, -256, 0])])
def test_fewer_weight_bits_floor(engine: str, bits: int, held: list[int]) -> None:
    assert prepare(np.array([7, -7, 101]), "mixed", bits).tolist() == held


def test_batch_equals_separate_runs(engine: str) -> None:
    rng = np.random.default_rng(0)
    net = ChipNetwork()
    net.add_input("in", shape=8)
    net.add_population("a", shape=10, du=900, dv=300, vth=60, v0=-500)
    net.connect("in", "a", rng.integers(-200, 200, (10, 8)))
    net.connect("a", "a", rng.integers(-200, 200, (10, 10)), delays=2)
    spikes = (rng.random((5, 30, 8)) < 0.4).astype(np.uint8)
    together = simulate(net, spikes, record={"a": ("u", "v")}, engine=engine)
    for k in range(5):
        alone = simulate(net, spikes[k], record={"a": ("u", "v")}, engine=engine)
        np.testing.assert_array_equal(together.spikes["a"][k], alone.spikes["a"])
        np.testing.assert_array_equal(together.states["a"]["v"][k], alone.states["a"]["v"])


def test_start_keeps_a_layer_idle(engine: str) -> None:
    net = ChipNetwork()
    net.add_input("in", shape=1)
    net.add_population("out", shape=1, vth=10, bias_mant=100, v0=7, start=3)
    run = simulate(net, np.zeros((4, 1), np.uint8), record={"out": ("v",)}, engine=engine)
    assert run.steps == 7
    assert run.states["out"]["v"][:, 0].tolist() == [7, 7, 7, 107, 207, 307, 407]
    assert run.counters.populations["out"].neuron_updates == 4


def test_every_kind_of_wrap_is_computed_and_counted(engine: str) -> None:
    """Sums of a convolution wrap at 24 bits; outputs, their sum and its shift by 6 at 32 bits, each counted."""
    net = ChipNetwork()
    net.add_input("in", shape=(1, 1, 300))
    net.add_population("conv", shape=(1, 1, 300), vth=131072)
    net.add_population("output", shape=1, vth=131072)
    net.add_population("sum", shape=1, vth=131072)
    net.add_population("input", shape=1, vth=131072)
    net.connect("in", "conv", np.array([[[[2**23]]]]), kind="conv2d")
    many, few = np.full((1, 300), 255), np.where(np.arange(300) < 120, 255, 0)[None]
    net.connect("in", "output", many, weight_exp=16, sign_mode="excitatory")
    net.connect("in", "sum", few, weight_exp=16, sign_mode="excitatory")
    net.connect("in", "sum", few, weight_exp=16, sign_mode="excitatory")
    whole = np.zeros((1, 300), int)
    whole[0, :5] = 255, 255, 255, 255, 4
    net.connect("in", "input", whole, weight_exp=16, sign_mode="excitatory")  # 2^26, times 64 leaves nothing
    record = dict.fromkeys(net.populations, ("u",))
    run = simulate(net, spikes_at([1], 2, 300).reshape(2, 1, 1, 300), record=record, engine=engine)

    def wrap(x: int, bits: int) -> int:
        return (x + 2 ** (bits - 1)) % 2**bits - 2 ** (bits - 1)

    def current(a: int) -> int:
        u = wrap(wrap(a, 32) * 64, 32)
        return u - 2**24 if u > 2**23 else u + 2**24 if u <= -(2**23) else u

    expected = {
        "conv": current(wrap(2**23, 24)),
        "output": current(wrap(300 * 255 * 2**16, 32)),
        "sum": current(wrap(2 * 120 * 255 * 2**16, 32)),
        "input": 0,
    }
    assert {n: int(run.states[n]["u"][1].flat[0]) for n in expected} == expected
    wraps = {n: c.wraps for n, c in run.counters.populations.items() if n != "in"}
    assert wraps == {"conv": 600, "output": 2, "sum": 2, "input": 1}


def test_reset_schedule(engine: str) -> None:
    net = ChipNetwork()
    net.add_input("in", shape=1)
    net.add_population("out", shape=1, bias_mant=5, vth=131072, reset_interval=4, reset_offset=2)
    run = simulate(net, np.zeros((10, 1), np.uint8), record={"out": ("v",)}, engine=engine)
    assert run.states["out"]["v"][:, 0].tolist() == [5, 5, 10, 15, 20, 5, 10, 15, 20, 5]


def test_refractory_period_freezes_v(engine: str) -> None:
    """Timing measured on Lava's float LIFRefractory: an input that needs 2 steps to fire, R = 1: every 3 steps."""
    net = ChipNetwork()
    net.add_input("in", shape=1)
    net.add_population("out", shape=1, bias_mant=40, vth=1, refractory=1)
    net.add_population("long", shape=2, bias_mant=40, vth=1, refractory=[0, 3])
    run = simulate(net, np.zeros((12, 1), np.uint8), record=dict.fromkeys(net.populations, ("v",)), engine=engine)
    assert run.spikes["out"][:, 0].tolist() == [0, 1, 0] * 4
    assert run.states["out"]["v"][:, 0].tolist() == [40, 0, 0] * 4
    assert run.spikes["long"].T.tolist() == [[0, 1] * 6, [0, 1, 0, 0, 0] * 2 + [0, 1]]


def test_current_goes_on_while_v_is_frozen(engine: str) -> None:
    run = one_layer([[20]], [1, 2], 6, engine, du=2047, dv=0, vth=10, refractory=2)
    assert run.states["out"]["u"][:, 0].tolist() == [0, 1280, 1920, 960, 480, 240]
    assert run.states["out"]["v"][:, 0].tolist() == [0, 0, 0, 0, 480, 0]
    assert run.spikes["out"][:, 0].tolist() == [0, 1, 0, 0, 0, 1]


@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_the_floor_is_taken_for_each_delay(engine: str, kind: str) -> None:
    """Measured on Lava: 6 >> 2 twice through two delays is 1 + 1, (6 + 6) >> 2 through one delay is 3."""
    for delays, times, expected in (([[0, 1]], [2, 1], 2), (1, [1, 1], 3)):
        net = ChipNetwork()
        net.add_input("in", shape=2)
        net.add_population("out", shape=1, vth=131072)
        net.connect("in", "out", np.array([[6, 6]]), kind=kind, weight_exp=-2, delays=np.array(delays))
        spikes = np.zeros((5, 2), np.uint8)
        spikes[times[0] - 1, 0] = spikes[times[1] - 1, 1] = 1
        run = simulate(net, spikes, record={"out": ("u",)}, engine=engine)
        assert (run.states["out"]["u"][:, 0] // 64).tolist() == [0, 0, expected, 0, 0]
        assert run.counters.syn_ops == 2


def test_a_delay_per_synapse(engine: str) -> None:
    rng = np.random.default_rng(0)
    weights, delays = rng.integers(-100, 100, (6, 9)), rng.integers(0, 5, (6, 9))
    net = ChipNetwork()
    net.add_input("in", shape=9)
    net.add_population("out", shape=6, vth=131072)
    net.connect("in", "out", weights, num_weight_bits=9, delays=delays)
    spikes = (rng.random((20, 9)) < 0.4).astype(np.uint8)
    run = simulate(net, spikes, steps=26, record={"out": ("u",)}, engine=engine)
    expected = np.zeros((26, 6), int)
    for t, i, j in np.ndindex(20, 6, 9):
        if spikes[t, j] and t + 1 + delays[i, j] < 26:
            expected[t + 1 + delays[i, j], i] += weights[i, j]
    np.testing.assert_array_equal(run.states["out"]["u"] // 64, expected)


def test_impossible_delays_are_refused(engine: str) -> None:
    net = ChipNetwork()
    net.add_input("in", shape=(1, 2, 2))
    net.add_population("out", shape=(1, 2, 2))
    kernel = np.full((1, 1, 1, 1), 2)
    with pytest.raises(InvalidNetwork, match=r"(?s)delay = 63 .*dies above 63.*0\.\.62"):
        net.connect("in", "out", np.zeros((4, 4), int), delays=np.full((4, 4), 63) - np.eye(4, dtype=int))
    with pytest.raises(ShapeMismatch, match="delays have shape"):
        net.connect("in", "out", np.zeros((4, 4), int), delays=np.zeros((2, 2), int))
    with pytest.raises(InvalidNetwork, match="delay per synapse"):
        net.connect("in", "out", kernel, kind="conv2d", delays=np.zeros((4, 4), int))
    with pytest.raises(InvalidNetwork, match="delay holds float64"):
        net.connect("in", "out", np.zeros((4, 4), int), delays=np.eye(4))
    assert engine and not net.projections
