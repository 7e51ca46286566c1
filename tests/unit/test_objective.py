"""Objectives and rates of a mapping: what they change, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from graphs import conv_net, write
from scipy.sparse import csr_array

import neurodeploy as nd
from neurodeploy.chipnet import ChipNetwork
from neurodeploy.errors import InvalidNetwork
from neurodeploy.mapping import check_mapping, map_network
from neurodeploy.simulate.rates import mean_rates
from neurodeploy.target import load_target

LOIHI1 = load_target("loihi1")


def pairs_of_sources() -> ChipNetwork:
    """A ring of eight neurons in which each two neighbours share an input, of 0..3 and of 4..7 by turns."""
    net = ChipNetwork()
    net.add_input("in", shape=8)
    net.add_population("a", shape=8, vth=20)
    weights = np.zeros((8, 8), int)
    for i, pair in enumerate([(0, 4), (1, 5), (2, 6), (3, 7), (0, 1), (2, 3), (5, 6), (7, 4)]):
        weights[pair, i] = 2
    net.connect("in", "a", csr_array(weights), kind="sparse")
    return net


def split_sources(net: ChipNetwork, labels: np.ndarray) -> list[int]:
    pattern = net.projections[0].connection.pattern().toarray()
    return [j for j in range(8) if len(set(labels[np.flatnonzero(pattern[:, j])])) > 1]


@pytest.mark.parametrize("loud", [range(4), range(4, 8)])
def test_cuts_go_where_little_is_sent(loud: range) -> None:
    net = pairs_of_sources()
    rates = {"in": np.where(np.isin(np.arange(8), list(loud)), 0.9, 0.01)}
    mapping = map_network(net, LOIHI1, max_neurons_per_core=5, rates=rates)
    assert mapping.cores == 2
    assert len(split_sources(net, mapping.core_of["a"])) == 2
    assert not set(split_sources(net, mapping.core_of["a"])) & set(loud)


def test_latency_spreads_the_work_over_the_chip() -> None:
    net = ChipNetwork()
    net.add_input("in", shape=30)
    net.add_population("light", shape=20)
    net.add_population("heavy", shape=200)
    net.connect("in", "light", np.full((20, 30), 2))
    weights = (np.random.default_rng(0).random((200, 30)) < 0.5) * 2
    net.connect("in", "heavy", csr_array(weights), kind="sparse")
    few, many = map_network(net, LOIHI1), map_network(net, LOIHI1, objective="latency")
    check_mapping(net, many, LOIHI1)
    assert few.cores == 1 and 100 < many.cores <= 128
    work = {name: many.core_of[name] for name in ("light", "heavy")}
    synapses = np.bincount(work["heavy"], weights=weights.sum(axis=1) / 2, minlength=128)
    synapses += np.bincount(work["light"], minlength=128) * 30
    neurons = sum(np.bincount(at, minlength=128) for at in work.values())
    step = LOIHI1.latency.synop_s.value * synapses + LOIHI1.latency.neuron_active_s.value * neurons
    assert step.max() < 2.5 * step.mean()


@pytest.mark.parametrize("objective", ["cores", "traffic", "latency"])
def test_the_same_seed_gives_the_same_mapping(objective: str) -> None:
    rng = np.random.default_rng(5)
    net = ChipNetwork()
    net.add_input("in", shape=40)
    net.add_population("a", shape=310)
    net.connect("in", "a", csr_array((rng.random((310, 40)) < 0.1) * 2), kind="sparse")
    net.connect("a", "a", csr_array((rng.random((310, 310)) < 0.03) * 2), kind="sparse")
    rates = {"in": rng.random(40), "a": rng.random(310)}
    found = [
        map_network(net, LOIHI1, max_neurons_per_core=60, objective=objective, rates=rates, seed=seed)
        for seed in (3, 3, 4)
    ]
    for mapping in found:
        check_mapping(net, mapping, LOIHI1)
        assert np.bincount(mapping.core_of["a"]).max() <= 60
    np.testing.assert_array_equal(found[0].core_of["a"], found[1].core_of["a"])
    np.testing.assert_array_equal(found[0].core_on_chip, found[1].core_on_chip)
    assert np.any(found[0].core_of["a"] != found[2].core_of["a"])


def test_measured_rates_are_counts_over_steps() -> None:
    net = ChipNetwork()
    net.add_input("in", shape=(2, 3))
    net.add_population("a", shape=4, vth=1, du=4095, dv=4095)
    net.connect("in", "a", np.full((4, 6), 100))
    spikes = (np.random.default_rng(0).random((5, 7, 2, 3)) < 0.3).astype(np.uint8)
    run, rates = nd.simulate(net, spikes), mean_rates(net, spikes)
    np.testing.assert_array_equal(rates["in"], spikes.sum(axis=(0, 1)).ravel() / (5 * run.steps))
    np.testing.assert_array_equal(rates["a"], run.spikes["a"].sum(axis=(0, 1)) / (5 * run.steps))
    assert rates["a"].max() > 0


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"objective": "speed"}, "no objective 'speed'"),
        ({"rates": {"a": np.ones(8)}}, "no rates of 'in'"),
        ({"rates": {"in": np.ones(7)}}, "rates of 'in': 7 values"),
        ({"rates": {"in": np.full(8, -1.0)}}, "rates of 'in': 8 values"),
        ({"rates": {"in": np.full(8, np.nan)}}, "rates of 'in': 8 values"),
    ],
)
def test_wrong_objectives_and_rates_are_refused(given: dict[str, object], what: str) -> None:
    with pytest.raises(InvalidNetwork, match=what) as error:
        map_network(pairs_of_sources(), LOIHI1, **given)
    assert error.value.remedy


def test_a_compilation_says_what_its_mapping_was_made_for(tmp_path: Path) -> None:
    conv_model = write(conv_net(np.random.default_rng(0)), tmp_path)
    options = nd.Options({"readout": "count"}, objective="traffic", seed=7, max_neurons_per_core=9)
    assumed = nd.compile(conv_model, "loihi1", options)
    shape = next(iter(assumed.net.inputs.values())).shape
    sent = (np.random.default_rng(0).random((3, 10, *shape)) < 0.2).astype(np.uint8)
    measured = nd.compile(conv_model, "loihi1", options, traffic=sent)
    for program, traffic in ((assumed, "assumed: one message per neuron and step"), (measured, "measured")):
        found = {name: program.provenance[name] for name in ("objective", "seed", "traffic")}
        assert found == {"objective": "traffic", "seed": 7, "traffic": traffic}


@pytest.mark.parametrize("objective", ["cores", "traffic", "latency"])
def test_a_sparse_projection_without_synapses_is_mapped(objective: str) -> None:
    net = ChipNetwork()
    net.add_input("in", shape=3)
    net.add_population("a", shape=2000)
    net.connect("in", "a", csr_array(np.zeros((2000, 3), int)), kind="sparse")
    mapping = map_network(net, LOIHI1, objective=objective)
    check_mapping(net, mapping, LOIHI1)
    assert mapping.cores == (128 if objective == "latency" else 2)
