"""Mapping never changes a spike: every core, given the spikes its axons bring, computes its slice of the network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from graphs import conv_net, write
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from percore import core_network
from strategies import chip_networks

from neurodeploy import ChipNetwork, Options, Program, load_target, simulate
from neurodeploy import compile as compile_model
from neurodeploy.chipmap import Mapping
from neurodeploy.mapping import check_mapping, map_network
from neurodeploy.mapping.place import permute


def scattered(net: ChipNetwork, cores: int, rng: np.random.Generator) -> Mapping:
    """Every neuron on a random core: the least orderly split there is."""
    core_of = {n: rng.integers(0, cores, p.size).astype(np.int32) for n, p in net.populations.items()}
    return Mapping(core_of, np.zeros(cores, np.int32), np.arange(cores, dtype=np.int32))


@settings(max_examples=40, deadline=None)
@given(chip_networks(), st.integers(1, 5), st.integers(0, 99))
def test_any_split_computes_the_same_spikes(case: tuple[ChipNetwork, NDArray[np.uint8]], cores: int, seed: int) -> None:
    net, spikes = case
    whole = simulate(net, spikes, record=dict.fromkeys(net.populations, ("u", "v")))
    sent = {f">{n}": s.reshape(len(spikes), whole.steps, -1) for n, s in whole.spikes.items()}
    padding = ((0, 0), (0, whole.steps - spikes.shape[1]), (0, 0))
    sent[">in"] = np.pad(spikes.reshape(*spikes.shape[:2], -1), padding)
    mapping = scattered(net, cores, np.random.default_rng(seed))
    seen = {n: np.zeros(p.size, bool) for n, p in net.populations.items()}
    for core in range(cores):
        local, held = core_network(net, mapping, core)
        if not held:
            continue
        live = whole.steps - net.latency_steps
        ports = {port: sent[port] for port in local.inputs}
        part = simulate(local, ports, steps=live + local.latency_steps, record=dict.fromkeys(held, ("u", "v")))
        for name, neurons in held.items():
            window = slice(net.populations[name].start, net.populations[name].start + live)
            full = whole.spikes[name].reshape(len(spikes), whole.steps, -1)
            np.testing.assert_array_equal(part.spikes[name][:, window], full[:, window, neurons])
            for register in ("u", "v"):
                state = whole.states[name][register].reshape(len(spikes), whole.steps, -1)
                np.testing.assert_array_equal(part.states[name][register][:, window], state[:, window, neurons])
            seen[name][neurons] = True
    assert all(s.all() for s in seen.values())


def test_placement_and_split_of_a_program_change_no_spike(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    model = write(conv_net(rng), tmp_path)
    spikes = (rng.random((6, 15, 1, 8, 8)) < 0.3).astype(np.uint8)
    target = load_target("loihi1")
    base = compile_model(model, target)
    programs: list[Program] = [base]
    for limit in (64, 17, 5):
        programs.append(compile_model(model, target, Options(max_neurons_per_core=limit)))
    for seed in range(3):
        placed = permute(programs[2].mapping, target, np.random.default_rng(seed))
        check_mapping(base.net, placed, target)
        programs.append(replace(programs[2], mapping=placed))
    runs = [simulate(p, spikes) for p in programs]
    assert [p.mapping.cores for p in programs[:4]] == sorted({p.mapping.cores for p in programs[:4]})
    for run in runs[1:]:
        for name in run.spikes:
            np.testing.assert_array_equal(run.spikes[name], runs[0].spikes[name])
        assert run.counters.populations == runs[0].counters.populations
    for run in runs:
        assert run.counters.traffic is not None
        assert run.counters.traffic.syn_ops_per_core.sum() == run.counters.syn_ops
        assert run.counters.traffic.updates_per_core.sum() == run.counters.neuron_updates
    hops = {r.counters.traffic.total.hops_x + r.counters.traffic.total.hops_y for r in runs if r.counters.traffic}
    assert len(hops) > 3  # the placements did differ


def test_same_network_same_mapping() -> None:
    rng = np.random.default_rng(0)
    net = ChipNetwork()
    net.add_input("in", shape=50)
    net.add_population("a", shape=3000)
    net.connect("in", "a", rng.integers(-100, 100, (3000, 50)) * 2)
    one, two = (map_network(net, load_target("loihi1")) for _ in range(2))
    np.testing.assert_array_equal(one.core_of["a"], two.core_of["a"])
    np.testing.assert_array_equal(one.core_on_chip, two.core_on_chip)
