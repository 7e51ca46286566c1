"""What the fast engine infers from weights: that it holds, and where it is the most that can be said."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from outcomes import assert_same

from neurodeploy import ChipNetwork
from neurodeploy.simulate.engine import run_fast
from neurodeploy.simulate.plan import Plan
from neurodeploy.simulate.prepared import prepare
from neurodeploy.simulate.reference import run_reference

EDGE = 2**23
NEVER = 131_072


def adding_up_to(total: int) -> NDArray[np.int64]:
    """Weights of 8 bits, all of one sign."""
    whole, rest = divmod(abs(total), 127)
    return np.sign(total) * np.array([127] * whole + [rest])


def driven(most: int, least: int, exponent: int, steps: int, **fields: Any) -> Plan:
    """Equal neurons whose sums reach ``most`` and ``least``; samples of the positive weights, negative ones, some."""
    weights = np.concatenate([adding_up_to(most), adding_up_to(least)])
    net = ChipNetwork()
    net.add_input("in", shape=len(weights))
    net.add_population("a", shape=64, **fields)
    net.connect("in", "a", np.tile(weights, (64, 1)), weight_exp=exponent, num_weight_bits=9)
    spikes = np.random.default_rng(0).random((3, steps, len(weights))) < 0.5
    spikes[0], spikes[1] = weights > 0, weights < 0
    return Plan(net, {"in": spikes.astype(np.uint8)}, steps + 2, steps + 2, {"a": ("u", "v")}, False)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("largest", "exponent", "is_narrow"),
    [(32767, 0, True), (32768, 0, False), (65534, 0, False), (255, 16, True), (256, 16, False), (1025, 16, False)],
)
def test_sums_at_the_edge_of_16_bits(sign: int, largest: int, exponent: int, is_narrow: bool) -> None:
    """And inputs at the edge of 24 bits, beyond which their shift by six leaves 32."""
    most, least = (largest, -9) if sign > 0 else (9, -largest)
    for du in (4095, [4095] * 63 + [900]):
        plan = driven(most, least, exponent, 4, du=du, dv=700, vth=3000)
        assert bool(prepare(plan.net).populations[0].is_narrow) is is_narrow
        assert_same(run_fast(plan), run_reference(plan))


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("largest", "bias", "u_is_bound", "v_is_bound"),
    [(16383, 0, True, True), (16384, 0, False, False), (16383, 511, True, True), (16383, 512, True, False)],
)
def test_reach_of_registers_that_keep_nothing(
    sign: int, largest: int, bias: int, u_is_bound: bool, v_is_bound: bool
) -> None:
    """Then u is the input, and v the sum of u and bias, to the last bit of 24."""
    most, least = (largest, -9) if sign > 0 else (9, -largest)
    plan = driven(most, least, 3, 3, du=4095, dv=4096, vth=NEVER, bias_mant=sign * bias)
    population = prepare(plan.net).populations[0]
    assert (bool(population.is_plain), bool(population.v_is_bound)) == (u_is_bound, v_is_bound)
    assert_same(run_fast(plan), run_reference(plan))


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    "fields",
    [
        {"u0": EDGE - 1, "du": 0, "dv": 4096, "bias_mant": 8192},
        {"v0": EDGE - 1, "vth": 10, "bias_mant": 8000},
        {"v0": 8_384_000, "vth": 131_000, "bias_mant": 8000},
        {"du": -1, "dv": 4096},
    ],
)
def test_reach_from_where_registers_start(sign: int, fields: dict[str, int]) -> None:
    """What is there at first is soon beyond the limits of what adds up from 0, or from the threshold."""
    given = {name: value if name in ("du", "dv", "vth") else sign * value for name, value in fields.items()}
    plan = driven(max(sign, 0), min(sign, 0), 0, 4, **({"du": 4095, "vth": NEVER} | given))
    population = prepare(plan.net).populations[0]
    assert (bool(population.is_narrow), bool(population.v_is_bound)) == (True, False)
    assert_same(run_fast(plan), run_reference(plan))


def near_the_limits(rng: np.random.Generator) -> Plan:
    """Registers that are sure to stay within 24 bits, or just not."""
    lost_u, lost_v = (int(rng.choice([least, 1, 41, 300, 2000, 4096])) for least in (0, 0))
    bias_exp = int(rng.integers(0, 17))
    bias = int(rng.integers(-127, 128)) * int(rng.random() < 0.6)
    reach = EDGE * rng.uniform(0.4, 1.3)
    if rng.random() < 0.7:  # of v, else of u
        reach = max(0, reach * lost_v / 4096 - abs(bias) * 2.0**bias_exp * rng.integers(0, 2))
    each = max(1, int(reach * lost_u / 4096 / 64))
    exponent = max(0, each.bit_length() - 9)
    most, least = each >> exponent, -(each >> exponent)
    if rng.random() < 0.5:
        most, least = (1, least) if rng.random() < 0.5 else (most, -1)
    u0, v0 = (int(rng.choice([0, 5, -5, EDGE - 1, 1 - EDGE, rng.integers(1 - EDGE, EDGE)])) for _ in range(2))
    vth = int(rng.choice([NEVER, NEVER, 131_071, rng.integers(0, 131_072), 0, -7]))
    reset = str(rng.choice(["zero"] * 5 + ["subtract", "none"]))
    fields = {"du": lost_u - 1, "dv": lost_v, "u0": u0, "v0": v0, "vth": vth, "reset": reset}
    return driven(most, least, exponent, 24, bias_mant=bias, bias_exp=bias_exp, **fields)


def test_reach_holds() -> None:
    rng, kinds = np.random.default_rng(0), []
    for _ in range(700):
        plan = near_the_limits(rng)
        assert_same(run_fast(plan), run_reference(plan))
        population = prepare(plan.net).populations[0]
        kinds.append((bool(population.is_plain), bool(population.v_is_bound)))
    assert set(kinds) == {(plain, bound) for plain in (False, True) for bound in (False, True)}
    assert min(kinds.count(kind) for kind in set(kinds) - {(False, True)}) > 40
    assert kinds.count((False, True)) > 10


@pytest.mark.parametrize(("sources", "is_narrow"), [(511, True), (512, False)])
def test_sums_of_projections_of_different_units(sources: int, is_narrow: bool) -> None:
    """Each counts in the smaller unit: 512 weights of 64, beside one of 1, leave 16 bits."""
    net = ChipNetwork()
    net.add_input("in", shape=sources)
    net.add_population("a", shape=64, du=900, dv=700, vth=30_000)
    net.connect("in", "a", np.ones((64, sources), np.int64), weight_exp=6, num_weight_bits=9)
    net.connect("in", "a", np.eye(64, sources, dtype=np.int64), num_weight_bits=9)
    plan = Plan(net, {"in": np.ones((1, 4, sources), np.uint8)}, 6, 6, {"a": ("u", "v")}, False)
    assert bool(prepare(net).populations[0].is_narrow) is is_narrow
    assert_same(run_fast(plan), run_reference(plan))


@pytest.mark.parametrize("sources", [66_000, 67_000])
def test_sums_at_the_edge_of_32_bits(sources: int) -> None:
    """254 * 2^7 from each of 66,052 sources is the most that 32 bits hold; what is more wraps, and is counted."""
    net = ChipNetwork()
    net.add_input("in", shape=sources)
    net.add_population("a", shape=2, du=900, dv=700, vth=30_000)
    net.connect("in", "a", np.array([[254], [-254]]) * np.ones(sources, np.int64), weight_exp=7, num_weight_bits=9)
    plan = Plan(net, {"in": np.ones((1, 2, sources), np.uint8)}, 4, 4, {"a": ("u",)}, False)
    fits = sources == 66_000
    assert bool(prepare(net).populations[0].fits32) is fits
    expected = run_reference(plan)
    assert_same(run_fast(plan), expected)
