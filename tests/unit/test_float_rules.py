"""Every reset and spike condition of the float reference against the frameworks' equations, one neuron at a time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from floats import chain_of, linear, network, neurons
from hypothesis import given, settings
from hypothesis import strategies as st

from neurodeploy.simulate.float_reference import FloatRun, simulate_float

STEPS = 20
Oracle = Callable[[np.ndarray, float, float, float], tuple[list[float], list[float]]]
"""Drive of each step, beta, threshold, start -> spikes and stored membranes; written from the frameworks' equations."""


def subtract_late(drive, beta, theta, v):  # type: ignore[no-untyped-def]
    """snnTorch Leaky, 'subtract', reset_delay=True: U' = beta U + x - r theta, S = H(U' - theta)."""
    spikes, stored = [], []
    for x in drive:
        r = 1.0 if v > theta else 0.0
        v = beta * v + x - r * theta
        spikes.append(1.0 if v > theta else 0.0)
        stored.append(v)
    return spikes, stored


def subtract_gated(drive, beta, theta, v):  # type: ignore[no-untyped-def]
    """snnTorch Leaky, 'subtract', reset_delay=False, read as S = H(V - (1 + r) theta), U' = V - S theta."""
    spikes, stored = [], []
    for x in drive:
        r = 1.0 if v > theta else 0.0
        whole = beta * v + x
        s = 1.0 if whole - r * theta > theta else 0.0
        v = whole - s * theta
        spikes.append(s)
        stored.append(v)
    return spikes, stored


def subtract_gated_as_computed(drive, beta, theta, v):  # type: ignore[no-untyped-def]
    """The same in the order of snnTorch's operations, which rounds differently."""
    spikes, stored = [], []
    for x in drive:
        r = type(x)(v > theta)
        v = beta * v + x - r * theta
        s = type(x)(v > theta)
        v = v - (s - r) * theta
        spikes.append(s)
        stored.append(v)
    return spikes, stored


def zero_late(drive, beta, theta, v):  # type: ignore[no-untyped-def]
    """snnTorch RLeaky, 'zero', reset_delay=True: the step after a spike makes 0, input and all."""
    spikes, stored = [], []
    for x in drive:
        v = 0.0 if v > theta else beta * v + x
        spikes.append(1.0 if v > theta else 0.0)
        stored.append(v)
    return spikes, stored


def value(drive, beta, theta, v):  # type: ignore[no-untyped-def]
    spikes, stored = [], []
    for x in drive:
        v = beta * v + x
        fired = v > theta
        v = -0.25 if fired else v
        spikes.append(float(fired))
        stored.append(v)
    return spikes, stored


def value_at_equality(drive, beta, theta, v):  # type: ignore[no-untyped-def]
    """SpikingJelly."""
    spikes, stored = [], []
    for x in drive:
        v = beta * v + x
        fired = v >= theta
        v = -0.25 if fired else v
        spikes.append(float(fired))
        stored.append(v)
    return spikes, stored


def subtract(drive, beta, theta, v):  # type: ignore[no-untyped-def]
    """Norse's soft reset."""
    spikes, stored = [], []
    for x in drive:
        v = beta * v + x
        z = float(v > theta)
        v = v - z * theta
        spikes.append(z)
        stored.append(v)
    return spikes, stored


def nothing(drive, beta, theta, v):  # type: ignore[no-untyped-def]
    spikes, stored = [], []
    for x in drive:
        v = beta * v + x
        spikes.append(float(v > theta))
        stored.append(v)
    return spikes, stored


def many_bounded(drive, beta, theta, v):  # type: ignore[no-untyped-def]
    """Sinabs MultiSpike, MembraneSubtract, min_v_mem = -1."""
    spikes, stored = [], []
    for x in drive:
        v = beta * v + x
        z = float(int(v / theta)) if v > 0 else 0.0
        v = max(v - z * theta, -1.0)
        spikes.append(z)
        stored.append(v)
    return spikes, stored


def at_most_three(drive, beta, theta, v):  # type: ignore[no-untyped-def]
    """Sinabs MaxSpike(3)."""
    spikes, stored = [], []
    for x in drive:
        v = beta * v + x
        z = min(float(int(v / theta)) if v > 0 else 0.0, 3.0)
        v = v - z * theta
        spikes.append(z)
        stored.append(v)
    return spikes, stored


RULES: dict[str, tuple[Oracle, dict[str, object]]] = {
    "subtract_late": (subtract_late, {"reset": "subtract_late"}),
    "subtract_gated": (subtract_gated, {"reset": "subtract_gated"}),
    "zero_late": (zero_late, {"reset": "zero_late"}),
    "value": (value, {"reset": "value"}),
    "value, ge": (value_at_equality, {"reset": "value", "spike": "ge"}),
    "subtract": (subtract, {"reset": "subtract"}),
    "none": (nothing, {"reset": "none"}),
    "multi": (many_bounded, {"reset": "subtract", "spike": "multi_trunc", "v_min": -1.0}),
    "three": (at_most_three, {"reset": "subtract", "spike": "multi_trunc", "max_spikes": 3}),
}


def run_one(
    weights: np.ndarray, beta: float, theta: float, start: float, rules: dict[str, object], **options: object
) -> FloatRun:
    """One neuron whose drive at step t is the t-th weight: input t fires at t alone."""
    own = dict(rules)
    node = neurons("n", 1, own, b=beta, theta=theta, v0=start, v_reset=-0.25)
    net = network(chain_of(linear("w", weights[None]), node, shape=(len(weights),)))
    one_hot = np.eye(len(weights), dtype=np.uint8)[None]
    return simulate_float(net, {"in": one_hot}, membranes=("n",), **options)  # type: ignore[arg-type]


dyadic = st.integers(-48, 64).map(lambda n: n / 16)


@pytest.mark.parametrize("name", RULES)
@settings(max_examples=60, deadline=None)
@given(
    drive=st.lists(dyadic, min_size=STEPS, max_size=STEPS),
    beta=st.sampled_from([0.0, 0.5, 0.75, 1.0]),
    theta=st.sampled_from([0.5, 1.0, 1.25]),
    start=st.sampled_from([0.0, -0.5, 1.5]),
)
def test_spikes_and_membranes_are_the_equations(
    name: str, drive: list[float], beta: float, theta: float, start: float
) -> None:
    """Dyadic numbers, so that equality with the threshold happens and both sides are exact."""
    oracle, rules = RULES[name]
    run = run_one(np.array(drive), beta, theta, start, rules)
    spikes, stored = oracle(np.array(drive), beta, theta, start)
    np.testing.assert_array_equal(run.spikes["n"][0, :, 0], spikes)
    np.testing.assert_array_equal(run.membranes["n"][0, :, 0], stored)


@pytest.mark.parametrize("name", RULES)
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_single_precision_is_that_of_the_frameworks(name: str, seed: int) -> None:
    """With float32 scalars the oracles round as the frameworks do."""
    rng = np.random.default_rng(seed)
    drive = rng.normal(0.3, 0.8, STEPS).astype(np.float32)
    beta, theta = np.float32(rng.uniform(0.2, 1.0)), np.float32(rng.uniform(0.5, 1.5))
    oracle, rules = RULES[name]
    oracle = subtract_gated_as_computed if oracle is subtract_gated else oracle
    run = run_one(drive, float(beta), float(theta), 0.0, rules, dtype=np.float32)
    spikes, stored = oracle(drive, beta, theta, np.float32(0))
    assert run.membranes["n"].dtype == np.float32
    np.testing.assert_array_equal(run.membranes["n"][0, :, 0], np.array(stored, np.float32))
    np.testing.assert_array_equal(run.spikes["n"][0, :, 0], spikes)


def test_rules_differ() -> None:
    """The cases above would prove little if one rule could pass for another."""
    rng = np.random.default_rng(0)
    drive = rng.integers(-16, 40, STEPS) / 16
    found = {name: tuple(oracle(drive, 0.75, 1.0, 0.0)[0]) for name, (oracle, _) in RULES.items()}
    assert len(set(found.values())) == len(RULES)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), rule=st.sampled_from(sorted(RULES)))
def test_a_run_forced_to_its_own_spikes_is_itself(seed: int, rule: str) -> None:
    rng = np.random.default_rng(seed)
    first = neurons("a", 6, RULES[rule][1], b=0.75, v0=rng.integers(-8, 8, 6) / 16)
    second = neurons("b", 5, RULES[rule][1], b=0.5)
    layers = (linear("w", rng.normal(size=(6, 4))), first, linear("w2", rng.normal(size=(5, 6))), second)
    net = network(chain_of(*layers, shape=(4,)))
    x = (rng.random((3, 20, 4)) < 0.5).astype(np.uint8)
    free = simulate_float(net, {"in": x}, potentials=("a", "b"))
    forced = simulate_float(net, {"in": x}, potentials=("a", "b"), forced=free.spikes)
    for name in ("a", "b"):
        np.testing.assert_array_equal(free.potentials[name], forced.potentials[name])
        np.testing.assert_array_equal(free.spikes[name], forced.spikes[name])


@pytest.mark.parametrize(("reset", "after"), [("subtract_late", [0.5, 1.0]), ("zero_late", [0.0, 0.5])])
def test_a_forced_spike_is_what_a_late_reset_sees(reset: str, after: list[float]) -> None:
    """A tie: the membrane is at the threshold, and the one that is followed says that it fired."""
    net = network(chain_of(linear("w", [[0.5]]), neurons("n", 1, {"reset": reset}), shape=(1,)))
    forced = {"n": np.array([[[0], [1], [0], [0]]])}
    run = simulate_float(net, {"in": np.ones((1, 4, 1), np.uint8)}, potentials=("n",), forced=forced)
    np.testing.assert_array_equal(run.potentials["n"].ravel(), [0.5, 1.0, *after])


def test_forced_spikes_are_what_later_layers_and_the_reset_see() -> None:
    net = network(chain_of(linear("w", [[0.5]]), neurons("a", 1), linear("v", [[2.0]]), neurons("b", 1), shape=(1,)))
    x = np.ones((1, 4, 1), np.uint8)
    imposed = {"a": np.array([[[0], [1], [0], [0]]]), "b": np.zeros((1, 4, 1), int)}
    run = simulate_float(net, {"in": x}, potentials=("a", "b"), forced=imposed)
    np.testing.assert_array_equal(run.potentials["a"].ravel(), [0.5, 1.0, 0.5, 1.0])  # reset after step 1
    np.testing.assert_array_equal(run.potentials["b"].ravel(), [0.0, 2.0, 2.0, 2.0])  # one spike, never reset
    np.testing.assert_array_equal(run.spikes["b"].ravel(), [0, 1, 1, 1])
