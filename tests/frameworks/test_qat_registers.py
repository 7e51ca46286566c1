"""The integer neuron and synapses in torch against their definition in numpy, where registers wrap and clip, too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import neurodeploy as nd
from neurodeploy.neurons import model_named

torch = pytest.importorskip("torch", reason="needs torch: python3 tools/test.py installs it")

from neurodeploy.train.qat import network, registers, synapses  # noqa: E402

SURROGATE = registers.Surrogate(torch.sigmoid)
BATCH, NEURONS, STEPS = 4, 60, 40


def random_net(rng: np.random.Generator, reset: str, **fields: Any) -> Any:
    """One population of neurons that differ in everything."""

    def drawn(low: int, high: int) -> Any:
        return rng.integers(low, high + 1, NEURONS)

    net = nd.ChipNetwork()
    chosen = {
        "du": np.where(rng.random(NEURONS) < 0.2, -1, drawn(0, 4095)),
        "dv": np.where(rng.random(NEURONS) < 0.2, 4096, drawn(0, 4095)),
        "vth": drawn(0, 131071) // rng.integers(1, 3000, NEURONS),
        "bias_mant": drawn(-4096, 4095),
        "bias_exp": drawn(0, 7),
        "u0": drawn(-(2**23) + 1, 2**23),
        "v0": drawn(-(2**23) + 1, 2**23 - 1),
    }
    net.add_population("p", shape=(NEURONS,), reset=reset, **(chosen | fields))
    return net.populations["p"]


def drives(rng: np.random.Generator) -> Any:
    """Inputs from nothing to the ends of 32 bits, (STEPS, BATCH, NEURONS)."""
    size = 2.0 ** rng.integers(0, 32, (STEPS, BATCH, NEURONS))
    drive = np.trunc((rng.random(size.shape) * 2 - 1) * size)
    drive.flat[:7] = (131072, -131072, 16777214, 33554428, -33554428, 2**31 - 1, -(2**31))
    return drive.astype(np.int64)


@pytest.mark.parametrize("refractory", [0, 1, 3])
@pytest.mark.parametrize("reset", ["zero", "subtract", "none"])
def test_neurons_are_lavas(reset: str, refractory: int) -> None:
    rng = np.random.default_rng(7)
    p = random_net(rng, reset, refractory=np.where(np.arange(NEURONS) % 3, refractory, 0))
    model = model_named("cuba")
    before = {n: np.broadcast_to(v, (BATCH, NEURONS)) for n, v in model.initial(p.fields).items()}
    c = registers.compartments(p, {}, SURROGATE)
    state = registers.start(c, BATCH)
    wraps = saturations = fired = 0
    for a in drives(rng):
        step = model.integer_step(before, {"a": a}, p.fields, reset)
        before = step.state
        registers.step(c, state, torch.from_numpy(a).double())
        np.testing.assert_array_equal(state.u.numpy(), before["u"])
        np.testing.assert_array_equal(state.v.numpy(), before["v"])
        np.testing.assert_array_equal(state.spikes[-1].numpy(), step.messages[0])
        wraps, saturations = wraps + step.wraps, saturations + step.saturations
        fired += int(step.messages[0].sum())
    assert wraps > 100 and saturations > 100 and fired > 100


def test_neurons_near_the_limits_of_u() -> None:
    """A sum of exactly -2^23 becomes +2^23, which stays; beside it nothing changes."""
    limit = 2**17
    a = np.array([limit - 1, limit, limit + 1, 1 - limit, -limit, -limit - 1])
    net = nd.ChipNetwork()
    net.add_population("p", shape=a.shape, du=4095, dv=4095, vth=131071)
    p = net.populations["p"]
    c = registers.compartments(p, {}, SURROGATE)
    for value, n in [*((one, [k]) for k, one in enumerate(a)), (a, list(range(len(a))))]:  # alone, and beside others
        state = registers.start(c, 1)
        drive = np.zeros((1, len(a)))
        drive[0, n] = value
        registers.step(c, state, torch.from_numpy(drive))
        expected = model_named("cuba").integer_step(
            {"u": np.zeros((1, len(a)), int), "v": np.zeros((1, len(a)), int), "frozen": np.zeros((1, len(a)), int)},
            {"a": drive.astype(int)},
            p.fields,
            "zero",
        )
        np.testing.assert_array_equal(state.u.numpy(), expected.state["u"])
        np.testing.assert_array_equal(state.v.numpy(), expected.state["v"])


def run_both(net: Any, x: Any) -> Any:
    """The torch network and the reference engine must agree in every spike and v; returns the engine's run."""
    run = nd.simulate(net, x, record={n: ("v",) for n in net.populations}, engine="reference")
    populations = {n: registers.compartments(p, {}, SURROGATE) for n, p in net.populations.items()}
    wires = [synapses.synapses(p, None, np.ones(p.connection.n_target)) for p in net.projections]
    (name,) = net.inputs
    x_first = torch.from_numpy(x.reshape(*x.shape[:2], -1)).transpose(0, 1).float()
    ours = network.run(net, populations, wires, {name: x_first})
    for n, p in net.populations.items():
        live = slice(p.start, p.start + x.shape[1])
        flat = (*x.shape[:2], -1)
        sent, v = run.spikes[n][:, live].reshape(flat), run.states[n]["v"][:, live].reshape(flat)
        np.testing.assert_array_equal(ours.spikes[n].transpose(0, 1).numpy(), sent)
        np.testing.assert_array_equal(ours.membranes[n].transpose(0, 1).numpy(), v)
    return run


def overflows(run: Any) -> int:
    """How often a register wrapped or clipped."""
    return sum(layer.wraps + layer.saturations for layer in run.counters.populations.values())


def inputs(shape: tuple[int, ...], density: float = 0.5) -> Any:
    return (np.random.default_rng(2).random((3, 20, *shape)) < density).astype(np.uint8)


@pytest.mark.parametrize("exponent", [-6, -3, 0, 4, 12])
def test_networks_with_delays_and_feedback(exponent: int) -> None:
    rng = np.random.default_rng(exponent + 10)

    def weights(n: int, m: int) -> Any:
        return 2 * rng.integers(-127, 128, (n, m))

    net = nd.ChipNetwork()
    net.add_input("in", shape=(12,))
    vth = max(1, 2 ** (exponent + 8))
    more = {"du": 2000, "dv": 500, "vth": min(vth, 131071)}
    net.add_population("a", shape=(9,), start=1, bias_mant=rng.integers(-300, 300, 9), **more)
    net.add_population("b", shape=(8,), start=2, reset="subtract", refractory=1, **more)
    net.add_population("c", shape=(7,), start=3, reset="none", **more)
    net.connect("in", "a", weights(9, 12), weight_exp=exponent)
    net.connect("a", "a", weights(9, 9), weight_exp=exponent, kind="sparse")
    net.connect("a", "a", np.diag(weights(9, 1)[:, 0]), weight_exp=exponent, kind="sparse", delays=2)
    net.connect("a", "b", weights(8, 9), weight_exp=exponent)
    net.connect("b", "a", weights(9, 8), weight_exp=exponent, delays=1)
    net.connect("b", "c", weights(7, 8), weight_exp=exponent)
    net.connect("in", "c", weights(7, 12), weight_exp=exponent, delays=5)
    net.connect("in", "c", weights(7, 12), weight_exp=exponent, delays=30)
    run = run_both(net, inputs((12,)))
    assert all(0 < run.spikes[n].mean() < 1 for n in net.populations)
    assert (exponent >= 4) == (overflows(run) > 0)


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("stride", [(1, 1), (2, 1)])
def test_convolutions(stride: tuple[int, int], groups: int) -> None:
    rng = np.random.default_rng(5)
    net = nd.ChipNetwork()
    net.add_input("in", shape=(4, 7, 9))
    geometry = {"kind": "conv2d", "stride": stride, "padding": (1, 0), "dilation": (1, 2), "groups": groups}
    height, width = (7 + 2 - 3) // stride[0] + 1, (9 - 4 - 1) // stride[1] + 1
    net.add_population("a", shape=(6, height, width), start=1, du=4095, dv=900, vth=900)
    net.connect("in", "a", 2 * rng.integers(-127, 128, (6, 4 // groups, 3, 3)), **geometry)
    run = run_both(net, inputs((4, 7, 9)))
    assert 0.01 < run.spikes["a"].mean() < 0.9


@pytest.mark.parametrize("kind", ["conv2d", "dense"])
def test_sums_beyond_a_register(kind: str) -> None:
    """A convolution's sum wraps at 24 bits, a matrix's at 32; more senders than float32 can add exactly."""
    n = 2**18 + 600
    net = nd.ChipNetwork()
    net.add_input("in", shape=(n, 1, 1))
    shape = (2, 1, 1) if kind == "conv2d" else (2,)
    net.add_population("a", shape=shape, start=1, du=4095, dv=4095, vth=131000)
    weights = np.stack([np.full(n, 254), np.full(n, -256)])
    weights[:, ::2] -= 2 * np.array([[1], [-1]])
    weights[:, 0] = (250, -252)  # sums that are no multiples of 4
    assert set(weights.sum(1) % 4) == {2} and np.abs(weights.sum(1)).min() > 2**25
    exponent = 0 if kind == "conv2d" else 9
    net.connect("in", "a", weights.reshape(2, n, 1, 1) if kind == "conv2d" else weights, kind=kind, weight_exp=exponent)
    x = np.ones((1, 2, n, 1, 1), np.uint8)
    x[0, 1, ::3] = 0
    assert overflows(run_both(net, x)) > 0
