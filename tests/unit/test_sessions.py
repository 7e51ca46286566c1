"""Sessions and streams: any division of an input gives the bits of one run on the reference engine."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from networks import random_case
from numpy.typing import NDArray

from neurodeploy import ChipNetwork, Events, Session, simulate, stream
from neurodeploy.errors import SimulationError
from neurodeploy.simulate.plan import Plan
from neurodeploy.simulate.reference import run_reference


def shaped(plan: Plan, start: int, stop: int) -> dict[str, NDArray[Any]]:
    """Inputs of some steps of the only sample, (T, *shape)."""
    padded = plan.padded_inputs()
    return {n: padded[n][0, start:stop].reshape(-1, *plan.net.inputs[n].shape) for n in plan.net.inputs}


def lone(seed: int) -> Plan:
    """The first sample of a random network that is live to the end; another one where a convolution then overflows."""
    plan = random_case(seed, lava=False).plan
    inputs = {name: values[:1] for name, values in plan.inputs.items()}
    whole = Plan(plan.net, inputs, plan.steps, plan.steps, plan.registers, False)
    try:
        run_reference(whole)
    except SimulationError:
        return lone(seed + 1000)
    return whole


@pytest.mark.parametrize("seed", range(16))
def test_any_division_into_calls(seed: int) -> None:
    plan = lone(seed)
    expected = run_reference(plan)
    rng = np.random.default_rng(seed)
    session = Session(plan.net, record=plan.registers)
    for _ in range(2):  # the second time after a restart
        edges = [0, *sorted(rng.integers(1, plan.steps, 3).tolist()), plan.steps]
        edges = sorted(set(edges))
        runs = [session.run(shaped(plan, a, b)) for a, b in zip(edges[:-1], edges[1:], strict=True)]
        for name, messages in expected.spikes.items():
            found = np.concatenate([run.spikes[name].reshape(len(run.spikes[name]), -1) for run in runs])
            np.testing.assert_array_equal(found, messages[0], err_msg=name)
        for name, registers in expected.states.items():
            for register, values in registers.items():
                found = np.concatenate([run.states[name][register].reshape(run.steps, -1) for run in runs])
                np.testing.assert_array_equal(found, values[0], err_msg=f"{name}.{register}")
        for name in plan.net.populations:
            counted = [run.counters.populations[name] for run in runs]
            assert sum(c.syn_ops for c in counted) == expected.syn_ops[name]
            assert sum(c.active_updates for c in counted) == expected.active_updates[name]
            assert sum(c.wraps for c in counted) == expected.wraps[name]
            assert sum(c.saturations for c in counted) == expected.saturations[name]
        assert session.steps == plan.steps
        session.restart()
        assert session.steps == 0


@pytest.mark.parametrize("seed", range(5))
def test_step_by_step(seed: int) -> None:
    plan = lone(100 + seed)
    expected = run_reference(plan)
    session = Session(plan.net)
    for t in range(plan.steps):
        sent = session.step({name: values[0] for name, values in shaped(plan, t, t + 1).items()})
        assert sent.keys() == expected.spikes.keys()
        for name, messages in expected.spikes.items():
            np.testing.assert_array_equal(sent[name].ravel(), messages[0, t], err_msg=f"{name}, step {t}")


def test_more_steps_than_are_run_at_a_time() -> None:
    """Delays reach back over the seams of runs and sessions of thousands of steps."""
    rng = np.random.default_rng(5)
    net = ChipNetwork()
    net.add_input("in", shape=8)
    net.add_population("a", shape=20, du=700, dv=100, vth=40)
    net.add_population("b", shape=20, du=700, dv=100, vth=40)
    net.connect("in", "a", rng.integers(-20, 40, (20, 8)) * 2, delays=rng.integers(0, 9, (20, 8)))
    net.connect("a", "b", rng.integers(-20, 40, (20, 20)) * 2, delays=61)
    net.connect("b", "a", rng.integers(-20, 20, (20, 20)) * 2, delays=3)
    net.connect("in", "b", rng.integers(-20, 40, (20, 8)) * 2)
    spikes = (rng.random((1400, 8)) < 0.1).astype(np.uint8)
    slow = simulate(net, spikes, engine="reference", record={"b": ("u", "v")})
    whole = simulate(net, spikes, record={"b": ("u", "v")})
    session = Session(net, record={"b": ("u", "v")}, keep=("b",))
    going_on = [session.run(spikes[:1100]), session.run(spikes[1100:])]
    assert slow.spikes["b"].any()
    np.testing.assert_array_equal(whole.spikes["a"], slow.spikes["a"])
    np.testing.assert_array_equal(whole.states["b"]["v"], slow.states["b"]["v"])
    assert whole.counters.populations == slow.counters.populations
    assert [*going_on[0].spikes] == ["b"]
    np.testing.assert_array_equal(np.concatenate([run.spikes["b"] for run in going_on]), slow.spikes["b"])
    np.testing.assert_array_equal(np.concatenate([run.states["b"]["u"] for run in going_on]), slow.states["b"]["u"])
    assert sum(run.counters.syn_ops for run in going_on) == slow.counters.syn_ops


def small() -> tuple[ChipNetwork, NDArray[np.uint8]]:
    rng = np.random.default_rng(1)
    net = ChipNetwork()
    net.add_input("in", shape=(2, 5))
    net.add_population("out", shape=7, du=1000, dv=100, vth=90)
    net.connect("in", "out", rng.integers(-30, 60, (7, 10)) * 2)
    return net, (rng.random((11, 9, 2, 5)) < 0.2).astype(np.uint8)


@pytest.mark.parametrize("engine", ["fast", "reference"])
def test_events_stand_for_arrays(engine: str) -> None:
    net, spikes = small()
    rows = np.argwhere(spikes.reshape(11, 9, 10))
    shuffled = np.random.default_rng(2).permutation(np.concatenate([rows, rows[:9]]))
    events = Events.from_rows(shuffled, steps=9, shape=(2, 5), samples=11)
    np.testing.assert_array_equal(events.flags().reshape(spikes.shape), spikes)
    for options in ({}, {"steps": 5}, {"steps": 14}):
        of_arrays, of_events = (simulate(net, given, engine=engine, **options) for given in (spikes, events))
        np.testing.assert_array_equal(of_events.spikes["out"], of_arrays.spikes["out"])
        assert of_events.counters.populations == of_arrays.counters.populations
    part = simulate(net, events[3:6], engine=engine)
    np.testing.assert_array_equal(part.spikes["out"], simulate(net, spikes[3:6]).spikes["out"])


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        ([[0, 0, 10]], "address 10, of 0..9"),
        ([[0, 9, 0]], "t 9, of 0..8"),
        ([[2, 0, 0]], "sample 2, of 0..1"),
        ([[0, -1, 0]], "t -1, of 0..8"),
        ([[0.5, 0, 0]], "float64"),
        ([0, 1, 2], r"shape \(3,\)"),
    ],
)
def test_wrong_events(rows: Any, what: str) -> None:
    with pytest.raises(SimulationError, match=what) as caught:
        Events.from_rows(rows, steps=9, shape=10, samples=2)
    assert caught.value.remedy


def test_a_stream_is_the_runs_of_its_samples() -> None:
    net, spikes = small()
    whole = simulate(net, spikes)
    taken = []

    def samples() -> Any:
        for sample in spikes:
            taken.append(1)
            yield sample

    runs = stream(net, samples(), batch=4)
    first = next(runs)
    assert len(taken) == 4  # no more is read than is run
    found = [first, *runs]
    assert [run.counters.samples for run in found] == [4, 4, 3]
    np.testing.assert_array_equal(np.concatenate([run.spikes["out"] for run in found]), whole.spikes["out"])
    one_by_one = [Events.from_rows(np.argwhere(s.reshape(9, 10)), steps=9, shape=(2, 5)) for s in spikes]
    found = list(stream(net, one_by_one, batch=8, keep=()))
    assert sum(run.counters.syn_ops for run in found) == whole.counters.syn_ops
    assert all(len(run.spikes) == 0 for run in found)
    mixed = list(stream(net, [{"in": spikes[0]}, {"in": spikes[1, :4]}, {"in": spikes[2, :4]}]))
    assert [run.spikes["out"].shape for run in mixed] == [(1, 9, 7), (2, 4, 7)]


def test_a_streams_error_names_the_samples() -> None:
    net, spikes = small()
    with pytest.raises(SimulationError, match="samples 2..2 of the stream"):
        list(stream(net, [*spikes[:2], spikes[0] * 3], batch=1))
    with pytest.raises(SimulationError, match="a batch of 0"):
        next(stream(net, spikes, batch=0))


def test_only_what_is_kept() -> None:
    net, spikes = small()
    for engine in ("fast", "reference"):
        run = simulate(net, spikes, keep=(), engine=engine)
        assert dict(run.spikes) == {}
        assert run.counters.populations == simulate(net, spikes).counters.populations
    with pytest.raises(SimulationError, match="no output 'uot' to keep"):
        simulate(net, spikes, keep=("uot",))


def test_wrong_calls_of_a_session() -> None:
    net, spikes = small()
    session = Session(net)
    for call, what in (
        (lambda: session.step(spikes[0]), "shape"),
        (lambda: session.run(spikes[:2]), "2 samples"),
        (lambda: session.step(spikes[0, 0] * 2), "spikes hold 2"),
        (lambda: Session(net, keep=("a",)), "no output 'a'"),
        (lambda: Session(net, record={"out": ("w",)}), "no register 'w'"),
        (lambda: Session(ChipNetwork()), "no input"),
    ):
        with pytest.raises(SimulationError, match=what) as caught:
            call()
        assert caught.value.remedy
    assert session.steps == 0
