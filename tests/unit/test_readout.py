"""Read-outs against loops in exact arithmetic, and through a program on both engines, from a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import graphs
import nir
import numpy as np
import pytest
from programs import program_of

import neurodeploy as nd
from neurodeploy.errors import AmbiguousSemantics, SimulationError
from neurodeploy.evaluate import chip_scores, float_scores, run_program
from neurodeploy.pipeline import finish, run_passes
from neurodeploy.semantics import CHOICES, SPIKE_READOUTS
from neurodeploy.simulate.float_reference import simulate_float
from neurodeploy.simulate.readout import classify, scores


def activity(shape: tuple[int, int, int] = (4, 9, 5)) -> tuple[np.ndarray, np.ndarray]:
    """Spikes, of which some neurons have none, and membranes whose sum depends on the order."""
    rng = np.random.default_rng(0)
    spikes = (rng.random(shape) < 0.25).astype(np.uint8)
    spikes[:2, :, 0] = 0
    return spikes, rng.normal(0, 1, shape) * 10.0 ** rng.integers(-8, 9, shape)


def by_hand(kind: str, spikes: list[Any], v: list[Any]) -> float:
    """One neuron."""
    steps = len(spikes)
    fired = [t for t in range(steps) if spikes[t]]
    total = 0.0
    for value in v:
        total += value
    return {
        "count": float(sum(spikes)),
        "first_spike": float(steps - fired[0]) if fired else 0.0,
        "s_last": float(spikes[-1]),
        "v_last": v[-1],
        "v_sum": total,
        "v_max": max(v),
    }[kind]


@pytest.mark.parametrize("shape", [(4, 9, 5), (1, 1, 1), (3, 300, 1), (2, 1, 6)])
@pytest.mark.parametrize("kind", CHOICES["readout"])
def test_scores_by_hand(kind: str, shape: tuple[int, int, int]) -> None:
    spikes, v = activity(shape)
    expected = [
        [by_hand(kind, spikes[b, :, n].tolist(), v[b, :, n].tolist()) for n in range(shape[2])] for b in range(shape[0])
    ]
    for s in (spikes, spikes.astype(bool), spikes.astype(np.float32), spikes.astype(np.int32)):
        found = scores(kind, s, v)
        assert found.dtype == np.float64
        np.testing.assert_array_equal(found, expected)


def test_ties_and_silence_go_to_the_lowest_class() -> None:
    first = np.zeros((4, 5, 3), np.uint8)
    first[0, 2, 1] = first[0, 2, 2] = 1  # tie of two
    first[1, 4, 2] = 1  # the last step beats silence
    first[2, 1, 2] = first[2, 0, 0] = first[2, 1, 0] = 1
    found = scores("first_spike", first, None)
    assert found.tolist() == [[0, 3, 3], [0, 0, 1], [5, 0, 4], [0, 0, 0]]
    assert classify(found).tolist() == [1, 2, 0, 0]


def test_first_graded_message() -> None:
    messages = np.array([[[0, -3], [7, 0]]], np.int32)
    assert scores("first_spike", messages, None).tolist() == [[1, 2]]
    assert scores("count", messages, None).tolist() == [[7, -3]]


@pytest.mark.parametrize(
    ("kind", "spikes", "membranes", "named"),
    [
        ("v_max", np.ones((1, 2, 3)), None, "record"),
        ("count", None, np.ones((1, 2, 3)), "spikes"),
        ("counts", np.ones((1, 2, 3)), None, "count"),
        ("v_last", None, np.full((1, 2, 3), np.nan), "NaN"),
        ("first_spike", np.full((1, 2, 3), np.nan), None, "NaN"),
        ("count", np.ones((1, 2)), None, r"shape \(1, 2\)"),
        ("s_last", np.ones((1, 0, 2)), None, "at least one step"),
    ],
)
def test_what_cannot_be_read_is_refused(kind: str, spikes: Any, membranes: Any, named: str) -> None:
    with pytest.raises(SimulationError, match=named):
        scores(kind, spikes, membranes)


@pytest.fixture(params=CHOICES["readout"])
def kind(request: pytest.FixtureRequest) -> Iterator[str]:
    return request.param


def late_network() -> nd.ChipNetwork:
    """Neurons that fire at various times or never, read out one step late."""
    rng, net = np.random.default_rng(3), nd.ChipNetwork()
    net.add_input("in", shape=6)
    net.add_population("hidden", shape=8, du=2000, dv=100, vth=60)
    net.connect("in", "hidden", rng.integers(-40, 90, (8, 6)))
    net.add_population("out", shape=(2, 2), start=1, du=4095, dv=60, vth=250, scale=12.5, offset=-0.25)
    net.connect("hidden", "out", rng.integers(-60, 90, (4, 8)))
    return net


def test_a_program_keeps_its_readout_and_both_engines_give_its_scores(kind: str, tmp_path: Path) -> None:
    nd.save(program_of(late_network(), readout=kind), tmp_path / "p.ndp")
    loaded = nd.load(tmp_path / "p.ndp")
    assert loaded.readout == kind
    spikes = (np.random.default_rng(4).random((5, 12, 6)) < 0.2).astype(np.uint8)
    run = nd.simulate(loaded, spikes, record={"out": ("v",)}, engine="reference")
    window = slice(1, 13)
    sent = run.spikes["out"].reshape(5, 13, 4)[:, window]
    v = run.states["out"]["v"].reshape(5, 13, 4)[:, window] / 12.5 - 0.25
    assert 0 < sent.any(axis=1).sum() < 20
    expected = [[by_hand(kind, sent[b, :, n].tolist(), v[b, :, n].tolist()) for n in range(4)] for b in range(5)]
    assert np.ptp(expected) > 0
    for engine in ("fast", "reference"):
        found, values = run_program(loaded, spikes, engine=engine)
        assert found.engine == engine
        np.testing.assert_array_equal(values, expected)
    np.testing.assert_array_equal(chip_scores(loaded, run), expected)


def test_the_float_network_is_read_alike(kind: str, tmp_path: Path) -> None:
    nodes = {"w": nir.Linear(weight=np.array([[1.0, 0.5], [0.25, 0.5], [0.0, 0.75]])), "a": graphs.lif((3,), 0.5)}
    model = graphs.write(graphs.chain(nodes, source=(2,), sink=(3,), readout=kind), tmp_path)
    state = run_passes(model, "loihi2")
    assert state.network is not None and finish(state).readout == kind
    spikes = (np.random.default_rng(0).random((6, 8, 2)) < 0.7).astype(np.uint8)
    run = simulate_float(state.network, {"input": spikes}, membranes=("a",))
    sent, v = run.spikes["a"], run.membranes["a"]
    expected = [[by_hand(kind, sent[b, :, n].tolist(), v[b, :, n].tolist()) for n in range(3)] for b in range(6)]
    assert np.ptp(expected) > 0
    np.testing.assert_array_equal(float_scores(state.network, spikes, "a", chunk=4), expected)


@pytest.mark.parametrize("kind", [None, *SPIKE_READOUTS])
def test_spikes_of_an_output_that_never_fires_are_not_counted(kind: str | None, tmp_path: Path) -> None:
    leaky = nir.LI(tau=np.full(3, 4e-3), r=np.ones(3), v_leak=np.zeros(3))
    for nodes in ({"w": nir.Linear(weight=np.eye(3)), "out": leaky}, {"w": nir.Linear(weight=np.eye(3))}):
        model = graphs.write(graphs.chain(nodes, source=(3,), sink=(3,), readout=kind), tmp_path)
        with pytest.raises(AmbiguousSemantics, match="never fires") as caught:
            nd.compile(model)
        assert "--readout v_last" in caught.value.remedy and str(model) in caught.value.where
    model = graphs.write(graphs.chain(nodes, source=(3,), sink=(3,), readout="v_max"), tmp_path)
    assert nd.compile(model).readout == "v_max"
