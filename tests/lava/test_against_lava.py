"""Our engines against Lava 0.10.0 itself: u, v and spikes of every population, neuron and step."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from neurodeploy.arithmetic import wrap_int24, wrap_int32
from neurodeploy.chipnet import ChipNetwork, ChipProjection
from neurodeploy.neurons import model_named
from neurodeploy.neurons.model import IntegerState
from neurodeploy.simulate.engine import run_fast
from neurodeploy.simulate.plan import Outcome, Plan
from neurodeploy.simulate.reference import run_reference

Ints = NDArray[np.int64]
Cases = dict[str, Any]
LIMIT = 2**23


def first_divergence(case: Any, found: Outcome) -> str | None:
    """Where the outcome first leaves Lava's, in words; None if nowhere."""
    places = []
    lava = case.answer()
    for name in case.plan.net.populations:
        pairs = {"s": (lava.spikes[name], found.spikes[name])}
        pairs |= {r: (lava.states[name][r], found.states[name][r]) for r in ("u", "v")}
        for register, (theirs, ours) in pairs.items():
            assert theirs.shape == ours.shape
            for sample, step, neuron in np.argwhere(theirs != ours)[:1]:
                values = f"Lava {theirs[sample, step, neuron]}, here {ours[sample, step, neuron]}"
                where = f"population '{name}', register {register}, sample {sample}, neuron {neuron}: {values}"
                places.append((step + 1, f"{case.label}: step {step + 1}, {where}"))
    return min(places)[1] if places else None


@pytest.mark.slow
@pytest.mark.parametrize("engine", [run_reference, run_fast])
def test_engine_equals_lava(cases: Cases, engine: Callable[[Plan], Outcome]) -> None:
    wrong = [text for case in cases.values() if (text := first_divergence(case, engine(case.plan)))]
    assert not wrong, f"{len(wrong)} of {len(cases)} networks differ:\n" + "\n".join(wrong)


@pytest.mark.slow
def test_vectors_of_the_specification(cases: Cases, vectors: Mapping[str, Any]) -> None:
    for label, (_, expected) in vectors.items():
        outcome = cases[label].answer()
        found = {"s": outcome.spikes["out"], **outcome.states["out"]}
        for register, values in expected.items():
            np.testing.assert_array_equal(found[register][0].T, values, err_msg=f"{label}, {register}")


@pytest.mark.slow
def test_the_networks_reach_every_corner(cases: Cases) -> None:
    plans = [case.plan for case in cases.values()]
    projections = [p for plan in plans for p in plan.net.projections]
    assert {(p.connection.kind, p.delay > 0) for p in projections} == {
        *((kind, late) for kind in ("dense", "sparse") for late in (False, True)),
        ("conv2d", False),
    }
    assert any(p.source == p.target for p in projections) and any(len(plan.net.inputs) > 1 for plan in plans)
    assert any(len(list(plan.net.incoming(n))) > 2 for plan in plans for n in plan.net.populations)
    outcomes = [run_reference(plan) for plan in plans]
    for overflows in ("wraps", "saturations"):
        assert sum(sum(getattr(o, overflows).values()) for o in outcomes) > 1000
    values = sum(3 * s.size for o in outcomes for s in o.spikes.values())
    spikes = sum(int(s.sum()) for o in outcomes for s in o.spikes.values())
    assert values > 100_000 and 0.02 < 3 * spikes / values < 0.5
    print(f"{len(plans)} networks, {values} values, {spikes} spikes")


def to_zero(x: Ints, bits: int) -> Ints:
    return np.sign(x) * (np.abs(x) >> bits)


def one_correction(u: Ints) -> Ints:
    return np.where(u > LIMIT, u - 2**24, np.where(u <= -LIMIT, u + 2**24, u))


def lif_step(
    decay: Callable[[Ints, int], Ints] = to_zero,
    du_offset: int = 1,
    dv_offset: int = 0,
    u_overflow: Callable[[Ints], Ints] = one_correction,
    v_overflow: Callable[[Ints], Ints] = lambda v: np.clip(v, -LIMIT + 1, LIMIT - 1),
    old_current: bool = False,
    fires: Callable[[Ints, Ints], Any] = operator.gt,
    reset: Callable[[Ints, Ints], Ints] = lambda v, threshold: np.zeros_like(v),
) -> Any:
    """The step of section 2.1 once more, each rule exchangeable; the defaults are the right ones."""

    def step(self: Any, state: IntegerState, a: Ints, f: Mapping[str, Ints], _: str) -> tuple[IntegerState, Any]:
        u = u_overflow(wrap_int32(decay(state.u * (4096 - f["du"] - du_offset), 12) + wrap_int32(a << 6)))
        current = state.u if old_current else u
        v = v_overflow(wrap_int32(decay(state.v * (4096 - f["dv"] - dv_offset), 12) + current + self.constant_input(f)))
        threshold = f["vth"] << 6
        fired = fires(v, threshold)
        return IntegerState(u, np.where(fired, reset(v, threshold), v)), fired.astype(np.uint8)

    return step


STEPS = {
    "decay by floor": lif_step(decay=operator.rshift),
    "decay rounded": lif_step(decay=lambda x, bits: np.rint(x / 2**bits).astype(np.int64)),
    "du without its 1": lif_step(du_offset=0),
    "dv with a 1": lif_step(dv_offset=1),
    "u saturates": lif_step(u_overflow=lambda u: np.clip(u, -LIMIT, LIMIT)),
    "u as two's complement": lif_step(u_overflow=wrap_int24),
    "v from the old u": lif_step(old_current=True),
    "v wraps": lif_step(v_overflow=wrap_int24),
    "v clipped to -2^23": lif_step(v_overflow=lambda v: np.clip(v, -LIMIT, LIMIT - 1)),
    "spike on >=": lif_step(fires=operator.ge),
    "reset by subtraction": lif_step(reset=operator.sub),
}


def divergences(cases: Cases, plan_of: Callable[[Any], Plan], most: int | None = None) -> list[str]:
    """Divergences of the reference engine as it now is; stops after ``most``."""
    found: list[str] = []
    for case in cases.values():
        found += filter(None, [first_divergence(case, run_reference(plan_of(case)))])
        if most and len(found) >= most:
            break
    return found


@pytest.mark.slow
def test_the_exchangeable_step_is_right(cases: Cases, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(model_named("cuba")), "integer_step", lif_step())
    assert divergences(cases, lambda case: case.plan) == []


@pytest.mark.slow
@pytest.mark.parametrize("mutation", STEPS)
def test_a_wrong_step_is_caught(cases: Cases, monkeypatch: pytest.MonkeyPatch, mutation: str) -> None:
    monkeypatch.setattr(type(model_named("cuba")), "integer_step", STEPS[mutation])
    assert divergences(cases, lambda case: case.plan, most=1)


@pytest.mark.slow
def test_a_shift_toward_zero_is_caught(cases: Cases, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(run_reference.__globals__, "shift", lambda x, e: x << e if e >= 0 else to_zero(x, -e))
    assert divergences(cases, lambda case: case.plan, most=1)


def changed(change: Callable[[ChipProjection, ChipProjection], ChipProjection]) -> Callable[[Any], Plan]:
    """Rewrites each projection, given also as the user gave it."""

    def plan_of(case: Any) -> Plan:
        net = case.plan.net
        pairs = zip(net.projections, case.unprepared.net.projections, strict=True)
        return replace(case.plan, net=ChipNetwork(net.inputs, net.populations, [change(*pair) for pair in pairs]))

    return plan_of


def toward_zero(_: ChipProjection, given: ChipProjection) -> ChipProjection:
    if given.connection.kind == "conv2d":
        return given
    bits = (9 if given.sign_mode == "mixed" else 8) - given.num_weight_bits
    weights = to_zero(given.connection.weights, bits) << bits
    return replace(given, connection=given.connection.with_weights(weights.astype(np.int32)))


PROJECTIONS = {
    "one step late": lambda prepared, given: replace(prepared, delay=prepared.delay + 1),
    "weights not cleared": lambda prepared, given: given,
    "weights cleared toward zero": toward_zero,
}


@pytest.mark.slow
@pytest.mark.parametrize("mutation", PROJECTIONS)
def test_a_wrong_synapse_is_caught(cases: Cases, mutation: str) -> None:
    assert divergences(cases, changed(PROJECTIONS[mutation]), most=1)
