"""Deployed cells: the chip's integers against the golden recursion and the float network."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import neurodeploy as nd
from neurodeploy.evaluate import run_program
from neurodeploy.scaling import Protocol, ScalingError
from neurodeploy.scaling.cell import run_cell
from neurodeploy.scaling.golden import layer_synchronous
from neurodeploy.scaling.network import HIDDEN, READOUT, deploy, to_nir
from neurodeploy.scaling.reservoir import Hidden, draw_reservoir, run_hidden


def drawn(samples: int = 6, channels: int = 5, rate: float = 0.3, steps: int = 25) -> np.ndarray:
    return (np.random.default_rng(7).random((samples, steps, channels)) < rate).astype(np.uint8)


@pytest.mark.parametrize("target", ["loihi1", "loihi2"])
@pytest.mark.parametrize("recurrent", [True, False])
def test_every_spike_of_both_engines_equals_the_golden_model(target: str, recurrent: bool) -> None:
    hidden = draw_reservoir(17, 5, (3,))
    w_out = None
    if not recurrent:
        hidden, w_out = Hidden(hidden.w_in), np.random.default_rng(1).normal(0, 1, (17, 4))
    program, spikes = deploy(hidden, w_out, target), drawn()
    wanted = layer_synchronous(program.net, spikes)
    assert 0.02 < wanted[HIDDEN].mean() < 0.8
    for engine in ("fast", "reference"):
        run = nd.simulate(program, spikes, engine=engine)
        start = program.net.populations[HIDDEN].start
        np.testing.assert_array_equal(run.spikes[HIDDEN][:, start : start + 25], wanted[HIDDEN])
    if w_out is not None:
        assert not wanted[READOUT].any()


def test_the_golden_model_is_neither_blind_to_weights_nor_to_recurrence() -> None:
    hidden, spikes = draw_reservoir(17, 5, (3,)), drawn()
    assert hidden.w_rec is not None
    of = [
        layer_synchronous(deploy(h, None, "loihi2").net, spikes)[HIDDEN]
        for h in (hidden, Hidden(hidden.w_in), Hidden(hidden.w_in, hidden.w_rec.T))
    ]
    assert (of[0] != of[1]).any() and (of[0] != of[2]).any()


def test_the_golden_model_rounds_as_the_chip_does() -> None:
    """Small registers, where one unit decides: membranes below 0 that leak toward it, biases, exponents, recurrence."""
    rng = np.random.default_rng(0)
    net = nd.ChipNetwork()
    net.add_input("in", shape=8)
    net.add_population("a", shape=30, du=1500, dv=300, vth=1, bias_mant=rng.integers(-20, 20, 30), start=1)
    net.connect("in", "a", rng.integers(-4, 5, (30, 8)) * 2, weight_exp=-2)
    net.connect("a", "a", rng.integers(-3, 3, (30, 30)) * 2, weight_exp=-1)
    spikes = (rng.random((8, 200, 8)) < 0.3).astype(np.uint8)
    sent = nd.simulate(net, spikes).spikes["a"][:, 1:]
    np.testing.assert_array_equal(sent, layer_synchronous(net, spikes)["a"])
    assert 0.02 < sent.mean() < 0.8


def test_a_cell_whose_spikes_differ_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    protocol = Protocol(neurons=(6,), channels=(4,), categories=(3,), seeds=1, n_per_class=6, target="loihi2")
    assert run_cell(protocol, (6, 4, 3, 0))["compared"] == 6 * 30 * 6

    def wrong(net, spikes):
        sent = layer_synchronous(net, spikes)
        sent[HIDDEN][2, 7, 3] ^= 1
        return sent

    monkeypatch.setattr("neurodeploy.scaling.cell.layer_synchronous", wrong)
    with pytest.raises(ScalingError, match="1 of 1080 spikes differ"):
        run_cell(protocol, (6, 4, 3, 0))


def test_the_golden_model_refuses_what_it_does_not_compute() -> None:
    net = nd.ChipNetwork()
    net.add_input("in", shape=2)
    net.add_population("a", shape=2, vth=3, reset="subtract", start=1)
    net.connect("in", "a", [[2, 0], [0, 2]])
    with pytest.raises(ScalingError, match="population 'a'"):
        layer_synchronous(net, np.ones((1, 3, 2), np.uint8))
    net = nd.ChipNetwork()
    net.add_input("in", shape=2)
    net.add_population("a", shape=2, vth=3, start=1)
    net.add_population("b", shape=2, vth=3, start=2)
    net.connect("in", "a", [[2, 0], [0, 2]])
    net.connect("a", "b", [[2, 0], [0, 2]], weight_exp=16)
    with pytest.raises(ScalingError, match="24 bits"):
        layer_synchronous(net, np.ones((1, 9, 2), np.uint8))


def test_the_graph_means_what_the_float_layer_computes() -> None:
    """The float reference of the compiler, on the graph as read from its file, fires as our own recursion does."""
    hidden, spikes = draw_reservoir(17, 5, (3,)), drawn(20)
    network = compiled_network(to_nir(hidden))
    from neurodeploy.simulate.float_reference import simulate_float

    run = simulate_float(network, {"input": spikes})
    np.testing.assert_array_equal(run.spikes[HIDDEN], run_hidden(hidden, spikes))


def compiled_network(graph):
    import tempfile
    from pathlib import Path

    import nir

    from neurodeploy.pipeline import run_passes

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.nir"
        nir.write(path, graph)
        state = run_passes(path, "loihi2", stop_after="lower")
    assert state.network is not None
    return state.network


def test_a_read_out_on_the_chip_scores_as_the_float_one_does() -> None:
    """Sums of membranes in float units, up to what eight bits of the weights leave, on the chip's own hidden spikes."""
    hidden, w_out = Hidden(draw_reservoir(17, 5, (3,)).w_in), np.random.default_rng(1).normal(0, 1, (17, 4))
    spikes = drawn(30)
    program = deploy(hidden, w_out, "loihi2")
    run, scores = run_program(program, spikes, keep=(HIDDEN,))
    assert scores is not None
    start = program.net.populations[HIDDEN].start
    sent = run.spikes[HIDDEN][:, start : start + 25]
    membrane, wanted = np.zeros((30, 4)), np.zeros((30, 4))
    for t in range(25):
        membrane = 0.9 * membrane + sent[:, t] @ w_out
        wanted += membrane
    assert np.abs(scores - wanted).max() < 0.03 * np.abs(wanted).max()


def test_trained_networks_learn_and_keep_it_on_the_chip() -> None:
    pytest.importorskip("torch", reason="torch is not installed: pip install -e .[snntorch]")
    trained = Protocol(network="trained", epochs=25, target="loihi2", n_per_class=12)
    rows = [run_cell(trained, (20, 8, 4, seed)) for seed in range(2)]
    assert np.mean([row["acc"] for row in rows]) > 0.7
    assert np.mean([row["acc_int"] for row in rows]) > 0.6
    shuffled = replace(trained, shuffled=True, target=None)
    assert np.mean([run_cell(shuffled, (20, 8, 4, seed))["acc"] for seed in range(2)]) < 0.6
