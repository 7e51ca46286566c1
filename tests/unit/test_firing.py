"""Firing windows, neurons that fire once, the length of a sample, and registers written while it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace
from numpy.typing import NDArray

from neurodeploy import ChipNetwork, Session, load_target, simulate
from neurodeploy.errors import InvalidNetwork, ShapeMismatch, SimulationError, UnsupportedFeature
from neurodeploy.export.lava.limits import population_fault
from neurodeploy.mapping import map_network
from neurodeploy.neurons.cuba import FOREVER
from neurodeploy.program import Program
from neurodeploy.quantize.features import missing_features
from neurodeploy.storage import load, save

Spikes = NDArray[np.uint8]
NEURONS = 70
"""More than one word of spikes, and not a whole number of them."""


def layer(**options: Any) -> ChipNetwork:
    """A leak-free layer behind a dense one, so that the kernels' fast arithmetic runs."""
    rng = np.random.default_rng(3)
    net = ChipNetwork()
    net.add_input("in", shape=(20,))
    net.add_population("out", shape=(NEURONS,), du=4095, dv=0, vth=150, **options)
    net.connect("in", "out", 2 * rng.integers(-20, 30, (NEURONS, 20)))
    return net


def input_of(steps: int, samples: int = 3) -> Spikes:
    return (np.random.default_rng(5).random((samples, steps, 20)) < 0.3).astype(np.uint8)


def recursion(net: ChipNetwork, spikes: Spikes, vth: Any, fires: Any) -> tuple[Any, Any]:
    """The layer of one sample by hand: ``vth`` and ``fires`` of each step."""
    weights = net.projections[0].connection.weights.astype(np.int64)
    v, once = np.zeros(NEURONS, np.int64), np.zeros(NEURONS, bool)
    arriving = np.vstack([np.zeros((1, 20), np.int64), spikes[:-1]])
    sent, states = [], []
    for t in range(len(spikes)):
        updated = v + 64 * (weights @ arriving[t])
        v = np.where(once, v, updated)
        fired = ~once & (v > 64 * vth[t]) & fires[t]
        p = net.populations["out"]
        v = np.where(fired, 0 if p.reset == "zero" else v - 64 * vth[t], v)
        if p.full("refractory")[0] == FOREVER:
            once |= fired
        sent.append(fired)
        states.append(v)
    return np.array(sent, np.uint8), np.array(states)


@pytest.mark.parametrize("engine", ["fast", "reference"])
@pytest.mark.parametrize("reset", ["zero", "subtract"])
@pytest.mark.parametrize(("window", "once"), [((4, 9), False), ((0, 1), False), ((7, 500), True), (None, True)])
def test_by_hand(engine: str, reset: str, window: tuple[int, int] | None, once: bool) -> None:
    net, spikes = layer(reset=reset, window=window, fire_once=once), input_of(30)
    run = simulate(net, spikes, record={"out": ("v",)}, engine=engine)
    first, stop = window or (0, 30)
    fires = [first <= t < stop for t in range(30)]
    for k, sample in enumerate(spikes):
        sent, v = recursion(net, sample, [150] * 30, fires)
        np.testing.assert_array_equal(run.spikes["out"][k], sent)
        np.testing.assert_array_equal(run.states["out"]["v"][k], v)
    assert run.spikes["out"].any() or stop == 1
    assert not once or run.spikes["out"].sum(axis=1).max() == 1
    assert not run.spikes["out"][:, [not f for f in fires]].any()


def test_what_no_reset_clears_saturates() -> None:
    """Without a window the reset would keep v so small that the kernels need not look."""
    net = ChipNetwork()
    net.add_input("in", shape=(20,))
    net.add_population("out", shape=(NEURONS,), du=4095, dv=0, vth=150, window=(400, 401))
    net.connect("in", "out", np.full((NEURONS, 20), 120))
    spikes = np.ones((120, 20), np.uint8)
    fast, slow = (simulate(net, spikes, record={"out": ("v",)}, engine=engine) for engine in ("fast", "reference"))
    np.testing.assert_array_equal(fast.states["out"]["v"], slow.states["out"]["v"])
    assert fast.counters.populations["out"] == slow.counters.populations["out"]
    assert fast.states["out"]["v"].max() == 2**23 - 1 and fast.counters.populations["out"].saturations


def test_a_session_counts_the_window_from_the_start_of_its_sample() -> None:
    net, spikes = layer(window=(4, 9)), input_of(30, 1)[0]
    expected = simulate(net, spikes, engine="reference").spikes["out"]
    session = Session(net)
    for _ in range(2):
        found = np.stack([session.step(now)["out"] for now in spikes])
        np.testing.assert_array_equal(found, expected)
        session.restart()


def test_length_of_a_sample() -> None:
    net = layer()
    net.sample_steps = 40
    spikes = input_of(30)
    run = simulate(net, spikes)
    assert run.steps == 40
    padded = np.pad(spikes, ((0, 0), (0, 10), (0, 0)))
    np.testing.assert_array_equal(run.spikes["out"], simulate(layer(), padded).spikes["out"])
    with pytest.raises(SimulationError, match="30 steps of input; a sample of this network has 20"):
        net.sample_steps = 20
        simulate(net, spikes)


def test_a_program_keeps_them(tmp_path: Path) -> None:
    net, chip = layer(window=(4, 9), fire_once=True), load_target("loihi2")
    net.sample_steps = 40
    program = Program(net, map_network(net, chip), chip, {"out": "out"}, "count", {}, {}, {})
    save(program, tmp_path / "p.ndp")
    again = load(tmp_path / "p.ndp").net
    assert (again.sample_steps, again.populations["out"].window) == (40, (4, 9))
    spikes = input_of(30)
    np.testing.assert_array_equal(simulate(again, spikes).spikes["out"], simulate(net, spikes).spikes["out"])


def test_who_has_them() -> None:
    net = layer(window=(4, 9), fire_once=True)
    assert missing_features(net, load_target("loihi2")) == []
    lacking = [what for _, what, _ in missing_features(net, load_target("loihi1"))]
    assert lacking == ["a firing window", "neurons that fire once"]
    assert population_fault(layer(window=(4, 9)).populations["out"]) == ("a firing window", "run it on the fast engine")


@pytest.mark.parametrize("window", [(3, 3), (5, 2), (-1, 4), (1,), 3, (0, 2**31), (0.0, 4)])
def test_windows_that_are_none(window: Any) -> None:
    with pytest.raises(InvalidNetwork, match="window"):
        layer(window=window)


def test_only_of_cuba() -> None:
    net = ChipNetwork()
    with pytest.raises(InvalidNetwork, match="no firing window"):
        net.add_population("a", shape=2, model="sigma_delta", window=(0, 3))


def test_thresholds_and_biases_written_between_steps() -> None:
    net, spikes = layer(reset="subtract"), input_of(30, 1)[0]
    later = 100 + np.arange(NEURONS) * 3
    session = Session(net, record={"out": ("v",)})
    runs = [session.run(spikes[:10])]
    session.write("out", vth=later)
    runs.append(session.run(spikes[10:20]))
    session.write("out", vth=90)
    runs.append(session.run(spikes[20:]))
    vth = [np.full(NEURONS, 150)] * 10 + [later] * 10 + [np.full(NEURONS, 90)] * 10
    sent, v = recursion(net, spikes, vth, [True] * 30)
    np.testing.assert_array_equal(np.concatenate([run.spikes["out"] for run in runs]), sent)
    np.testing.assert_array_equal(np.concatenate([run.states["out"]["v"] for run in runs]), v)


@pytest.mark.parametrize("values", [{"bias_mant": 70, "bias_exp": 6}, {"vth": 2000}, {"vth": 1, "bias_mant": -9}])
def test_writes_stay_over_a_restart_and_leave_other_sessions_alone(values: dict[str, Any]) -> None:
    net, spikes = layer(), input_of(30, 1)[0]
    before = simulate(net, spikes).spikes["out"]
    session, other = Session(net), Session(net)
    session.step(spikes[0])
    session.write("out", **values)
    session.restart()
    expected = simulate(net.with_fields("out", **values), spikes, engine="reference")
    run = session.run(spikes)
    np.testing.assert_array_equal(run.spikes["out"], expected.spikes["out"])
    assert run.counters.populations["out"] == expected.counters.populations["out"]
    assert not np.array_equal(run.spikes["out"], before)
    np.testing.assert_array_equal(other.run(spikes).spikes["out"], before)
    np.testing.assert_array_equal(simulate(net, spikes).spikes["out"], before)


def test_weights_written_between_samples() -> None:
    net, spikes = layer(), input_of(30, 1)[0]
    weights = np.random.default_rng(8).integers(-200, 200, (NEURONS, 20))
    session = Session(net)
    session.run(spikes)
    with pytest.raises(SimulationError, match="after step 30"):
        session.write_weights("in", "out", weights)
    session.restart()
    session.write_weights("in", "out", weights)
    changed = net.with_weights("in", "out", weights)
    np.testing.assert_array_equal(changed.projections[0].connection.weights, weights & ~1)
    np.testing.assert_array_equal(session.run(spikes).spikes["out"], simulate(changed, spikes).spikes["out"])
    with pytest.raises(ShapeMismatch):
        net.with_weights("in", "out", weights[1:])
    with pytest.raises(InvalidNetwork, match="0 such projections"):
        net.with_weights("out", "out", weights)


def test_writes_that_are_refused() -> None:
    session = Session(layer())
    with pytest.raises(InvalidNetwork, match="'du'"):
        session.write("out", du=3)
    with pytest.raises(InvalidNetwork, match="not an integer in"):
        session.write("out", vth=2**20)
    with pytest.raises(InvalidNetwork, match="is not a population"):
        session.write("uot", vth=2)


def test_a_target_that_cannot_write() -> None:
    net, able = layer(), load_target("loihi1")
    never = replace(able.compartment.vth_write, value=False)
    fields = replace(able.compartment, vth_write=never, bias_write=never, weight_write=never)
    for chip in (able, replace(able, compartment=fields)):
        session = Session(Program(net, map_network(net, chip), chip, {"out": "out"}, "count", {}, {}, {}))
        for write in (
            lambda s=session: s.write("out", vth=3),
            lambda s=session: s.write("out", bias_mant=3),
            lambda s=session: s.write_weights("in", "out", np.zeros((NEURONS, 20), int)),
        ):
            if chip is able:
                write()
            else:
                with pytest.raises(UnsupportedFeature, match="cannot write this while it runs"):
                    write()
