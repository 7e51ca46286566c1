"""Running data sets in parts, and reading out classes in float units."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import graphs
import nir
import numpy as np
import pytest
from programs import assert_same_counters, program_of, rich_network

import neurodeploy as nd
from neurodeploy import evaluate
from neurodeploy.errors import ModelError, SimulationError
from neurodeploy.evaluate import accuracy, chip_scores, float_scores, output_of, run_program
from neurodeploy.pipeline import finish, run_passes
from neurodeploy.simulate.float_reference import simulate_float

# running in parts


@pytest.mark.parametrize("room", [1, 3800, 9000, 2**20])
def test_parts_equal_one_run(room: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    program = program_of(rich_network(rng))
    spikes = (rng.random((7, 12, 2, 7, 6)) < 0.4).astype(np.uint8)
    whole = nd.simulate(program, spikes)
    monkeypatch.setattr(evaluate, "RASTER_BYTES", room)
    done: list[int] = []
    run, values = run_program(program, spikes, keep=tuple(program.net.populations), progress=done.append)
    assert sum(done) == 7 and len(done) == {1: 7, 3800: 4, 9000: 2, 2**20: 1}[room]
    assert run.spikes.keys() == whole.spikes.keys() and run.spikes["conv"].any()
    for name, expected in whole.spikes.items():
        np.testing.assert_array_equal(run.spikes[name], expected)
    assert_same_counters(run.counters, whole.counters)
    assert (run.steps, run.engine, run.latency_steps) == (whole.steps, whole.engine, whole.latency_steps)
    np.testing.assert_array_equal(values, chip_scores(program, whole))


@pytest.mark.parametrize("readout", ["v_last", "v_sum"])
def test_parts_equal_one_run_for_membranes(readout: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    program = program_of(rich_network(rng), readout=readout)
    spikes = (rng.random((5, 12, 2, 7, 6)) < 0.4).astype(np.uint8)
    whole = nd.simulate(program, spikes, record={"out": ("v",)})
    v = whole.states["out"]["v"].reshape(5, 15, 4)[:, 3:] / 12.5 - 0.25  # scale, offset and start of the output
    expected = v[:, -1] if readout == "v_last" else v.sum(axis=1)
    monkeypatch.setattr(evaluate, "RASTER_BYTES", 2000)
    run, values = run_program(program, spikes)
    np.testing.assert_allclose(values, expected, rtol=1e-12)
    assert np.ptp(expected) > 0 and run.spikes.keys() == {"out"}


def test_events_run_as_arrays_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without ever being made one where no mapping asks for it; in parts, too."""
    program = program_of(rich_network(np.random.default_rng(3)))
    (name,) = program.net.inputs
    spikes = (np.random.default_rng(2).random((5, 9, *program.net.shape_of(name))) < 0.2).astype(np.uint8)
    rows = np.argwhere(spikes.reshape(*spikes.shape[:2], -1))
    events = nd.Events.from_rows(rows, steps=9, shape=program.net.shape_of(name), samples=5)
    monkeypatch.setattr(evaluate, "_chunk", lambda *_: 2)
    expected, scores = run_program(program, spikes)
    run, found = run_program(program, events)
    np.testing.assert_array_equal(found, scores)
    for output in expected.spikes:
        np.testing.assert_array_equal(run.spikes[output], expected.spikes[output])
    assert_same_counters(run.counters, expected.counters)
    with pytest.raises(SimulationError, match="events of shape"):
        run_program(program, nd.Events.from_rows(rows[:0], steps=9, shape=3, samples=5))


def test_count_is_spikes_of_the_live_window() -> None:
    program = program_of(rich_network(np.random.default_rng(3)))
    spikes = (np.random.default_rng(4).random((5, 12, 2, 7, 6)) < 0.4).astype(np.uint8)
    for steps in (None, 6, 15, 40):
        run, values = run_program(program, spikes, steps=steps)
        total = 15 if steps is None else steps
        assert run.spikes["out"].shape == (5, total, 2, 2)
        np.testing.assert_array_equal(values, run.spikes["out"][:, 3:].sum(axis=1).reshape(5, 4))


def test_longer_runs_are_split_into_smaller_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    program = program_of(rich_network(np.random.default_rng(3)))
    monkeypatch.setattr(evaluate, "RASTER_BYTES", 15 * 125 * 4)
    parts: list[int] = []
    run_program(program, np.ones((4, 12, 2, 7, 6)), progress=parts.append)
    run_program(program, np.ones((4, 12, 2, 7, 6)), steps=30, progress=parts.append)
    assert parts == [4, 2, 2]


def test_more_steps_than_memory_are_refused() -> None:
    program = program_of(rich_network(np.random.default_rng(3)))
    with pytest.raises(SimulationError, match="GiB") as caught:
        run_program(program, np.ones((1, 2, 2, 7, 6)), steps=3 * 10**9)
    assert "fewer steps" in caught.value.remedy


def test_no_samples() -> None:
    with pytest.raises(SimulationError, match="no samples") as caught:
        run_program(program_of(rich_network(np.random.default_rng(3))), np.ones((0, 2, 2, 7, 6)))
    assert "at least one" in caught.value.remedy


# reading out


@pytest.mark.parametrize("leak", [True, False])
@pytest.mark.parametrize("readout", ["v_last", "v_sum"])
def test_membranes_in_float_units_equal_the_float_network(tmp_path: Path, readout: str, leak: bool) -> None:
    """Input -> weights -> LI. Against the float network the chip's v differs by

    * half a step of the weights for each spike that arrives,
    * one register step each for the rounding of the decay and of the bias, every step,

    and both fade with the membrane: at most ``1 / (1 - beta)`` times the largest error of one step.
    """
    rng, beta, steps = np.random.default_rng(7), 0.875, 30
    tau = np.full(6, graphs.DT_S / (1 - beta))
    li = nir.LI(tau=tau, r=tau / graphs.DT_S, v_leak=np.full(6, 0.5 if leak else 0.0))
    nodes = {"fc": nir.Affine(weight=rng.normal(0, 1, (6, 12)), bias=rng.normal(0, 0.3, 6)), "out": li}
    semantics = {"reset": None, "readout": readout, "v_init": "zero"}
    path = graphs.write(graphs.chain(nodes, source=(12,), sink=(6,), **semantics), tmp_path)
    state = run_passes(path, "loihi2")
    program, spikes = finish(state), (rng.random((8, steps, 12)) < 0.4).astype(np.uint8)
    assert state.network is not None and state.quantization is not None
    floats = float_scores(state.network, spikes, "out", chunk=3)
    run, chip = run_program(program, spikes)
    assert chip is not None and not run.spikes["out"].any()
    (weights,), (fields,) = state.quantization.projections, state.quantization.populations
    one_step = spikes.sum(axis=2).max() * weights.lsb * weights.error_max_lsb + 2 / fields.scale
    bound = one_step / (1 - beta) * (steps if readout == "v_sum" else 1)
    assert bound < 0.15 * np.ptp(floats)  # or it would prove nothing
    assert np.abs(chip - floats).max() <= bound
    assert not np.array_equal(chip, floats)


def two_outputs(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    nodes = {
        "fc": nir.Linear(weight=rng.normal(0.3, 0.5, (8, 6))),
        "hidden": graphs.lif((8,), 0.875),
        "fc2": nir.Linear(weight=rng.normal(0.3, 0.5, (3, 8))),
        "last": graphs.lif((3,), 0.5),
        "side": nir.Output({"output": np.array([8])}),
    }
    edges = [("input", "fc"), ("fc", "hidden"), ("hidden", "fc2"), ("fc2", "last"), ("last", "output")]
    return graphs.write(graphs.graph(nodes, [*edges, ("hidden", "side")], source=(6,), sink=(3,)), folder)


def test_several_outputs_have_no_scores_until_one_is_chosen(tmp_path: Path) -> None:
    path = two_outputs(tmp_path)
    spikes = (np.random.default_rng(1).random((4, 9, 6)) < 0.5).astype(np.uint8)
    program = nd.compile(path)
    run, values = run_program(program, spikes)
    assert values is None and run.spikes.keys() == {"hidden", "last"}
    with pytest.raises(ModelError) as caught:
        output_of(program)
    assert "2 outputs" in caught.value.what and "--output" in caught.value.remedy
    assert "output" in caught.value.remedy and "side" in caught.value.remedy
    for output, population in (("output", "last"), ("side", "hidden")):
        chosen = nd.compile(path, options=nd.Options(output=output))
        one, scores = run_program(chosen, spikes)
        assert output_of(chosen) == population and one.spikes.keys() == {population}
        start = chosen.net.populations[population].start
        np.testing.assert_array_equal(one.spikes[population], run.spikes[population])
        np.testing.assert_array_equal(scores, one.spikes[population][:, start : start + 9].sum(axis=1))


def test_several_inputs_are_refused() -> None:
    net = nd.ChipNetwork()
    for name in ("left", "right"):
        net.add_input(name, shape=2)
    net.add_population("out", shape=1)
    net.connect("left", "out", [[20, 20]])
    net.connect("right", "out", [[20, 20]])
    with pytest.raises(SimulationError, match="2 inputs") as caught:
        run_program(program_of(net), np.ones((1, 3, 2)))
    assert "dict of spikes" in caught.value.remedy


def test_accuracy_counts_ties_to_the_lowest_class() -> None:
    values = np.array([[1, 3, 3], [2, 2, 2], [0, 1, 5], [4, 1, 0]])
    assert accuracy(values, np.array([1, 0, 2, 1])) == 0.75
    assert accuracy(values, np.array([2, 2, 1, 1])) == 0.0


def test_a_label_beyond_the_outputs_is_an_error() -> None:
    with pytest.raises(SimulationError, match="label 3, but the output has 3 neurons") as caught:
        accuracy(np.zeros((2, 3)), np.array([1, 3]))
    assert "0..2" in caught.value.remedy


@pytest.mark.parametrize("readout", ["count", "v_last", "v_sum"])
def test_float_scores_do_not_depend_on_the_chunk(tmp_path: Path, readout: str) -> None:
    state = run_passes(graphs.write(graphs.conv_net(np.random.default_rng(2)), tmp_path), "loihi2", stop_after="lower")
    assert state.network is not None
    network = replace(state.network, semantics=replace(state.network.semantics, readout=readout))
    spikes = (np.random.default_rng(3).random((5, 20, 1, 8, 8)) < 0.6).astype(np.uint8)
    found = float_scores(network, spikes, "out", chunk=2)
    run = simulate_float(network, {"input": spikes}, membranes=("out",))
    membranes = run.membranes["out"]
    expected = {"count": run.spikes["out"].sum(axis=1), "v_last": membranes[:, -1], "v_sum": membranes.sum(axis=1)}
    np.testing.assert_allclose(found, expected[readout], rtol=1e-12)
    assert np.ptp(found) > 0


@pytest.mark.parametrize("readout", ["v_last", "v_sum"])
def test_membranes_of_a_spiking_output_are_read_after_its_reset(tmp_path: Path, readout: str) -> None:
    nodes = {"w": nir.Linear(weight=np.array([[2.0], [0.5]])), "a": graphs.lif((2,), 0.5)}
    model = graphs.write(graphs.chain(nodes, source=(1,), sink=(2,), readout=readout), tmp_path)
    state = run_passes(model, "loihi2")
    assert state.network is not None
    spikes = np.ones((1, 4, 1), np.uint8)
    run, integers = run_program(finish(state), spikes)
    floats = float_scores(state.network, spikes, "a")
    assert run.spikes["a"][..., 0].sum() == 4 and floats[0, 0] == 0
    np.testing.assert_allclose(integers, floats, atol=0.03)
