"""Mapping never changes a spike: every core, given the spikes its axons bring, computes its slice of the network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from graphs import conv_net, write
from hypothesis import given, settings
from hypothesis import strategies as st
from lava_case import Case
from percore import core_network
from strategies import cases

from neurodeploy import ChipNetwork, Options, Program, load_target, simulate
from neurodeploy import compile as compile_model
from neurodeploy.chipmap import Mapping
from neurodeploy.mapping import check_mapping, map_network
from neurodeploy.mapping.check_routing import check_routing
from neurodeploy.mapping.flows import flows
from neurodeploy.mapping.metrics import placement_metrics
from neurodeploy.mapping.place import permute
from neurodeploy.mapping.routing import routing
from neurodeploy.simulate.engine import run_fast
from neurodeploy.simulate.plan import Plan


def scattered(net: ChipNetwork, cores: int, rng: np.random.Generator) -> Mapping:
    """Every neuron on a random core: the least orderly split there is."""
    core_of = {n: rng.integers(0, cores, p.size).astype(np.int32) for n, p in net.populations.items()}
    return Mapping(core_of, np.zeros(cores, np.int32), np.arange(cores, dtype=np.int32))


@settings(max_examples=60, deadline=None)
@given(cases(wide_kernels=False), st.integers(1, 5), st.integers(0, 99))
def test_any_split_computes_the_same_spikes(case: Case, cores: int, seed: int) -> None:
    plan, net = case.plan, case.plan.net
    whole = run_fast(plan)
    sent = plan.padded_inputs() | dict(whole.spikes)
    mapping = scattered(net, cores, np.random.default_rng(seed))
    seen = {n: np.zeros(p.size, bool) for n, p in net.populations.items()}
    for core in range(cores):
        local, held, feeds = core_network(net, mapping, core)
        if not feeds:  # nothing there, or nothing that anyone talks to
            for name, neurons in held.items():
                seen[name][neurons] = True
            continue
        inputs = {port: sent[source][:, :, neurons] for port, (source, neurons) in feeds.items()}
        registers = {name: plan.registers[name] for name in held}
        part = run_fast(Plan(local, inputs, plan.steps, plan.live_steps, registers, False))
        for name, neurons in held.items():
            for output in plan.outputs[name]:
                np.testing.assert_array_equal(part.spikes[output], whole.spikes[output][:, :, neurons])
            for register, values in part.states[name].items():
                np.testing.assert_array_equal(values, whole.states[name][register][:, :, neurons])
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


BOARD = """name = "board"
title = "Loihi 1 chips of four cores"
status = "example"
description = "made up"
chip = "loihi1"
[mesh]
chips = { value = 64, status = "example", source = "made up" }
cores_per_tile = { value = 1, status = "example", source = "made up" }
cores_per_chip = { value = 4, status = "example", source = "made up" }
[system]
chips_x = { value = 8, status = "example", source = "made up" }
chips_y = { value = 8, status = "example", source = "made up" }
"""


def test_a_program_on_many_chips_of_a_grid_sends_the_same_spikes_over_proven_routes(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    model = write(conv_net(rng), tmp_path)
    (tmp_path / "board.toml").write_text(BOARD)
    target = load_target(tmp_path / "board.toml")
    spikes = (rng.random((4, 12, 1, 8, 8)) < 0.3).astype(np.uint8)
    base, program = (compile_model(model, chip, Options(max_neurons_per_core=17)) for chip in ("loihi1", target))
    assert program.mapping.chips == -(-program.mapping.cores // 4) > 4
    check_routing(program.net, program.mapping, target, routing(program.net, program.mapping, target))
    one, other = simulate(base, spikes), simulate(program, spikes)
    for name in one.spikes:
        np.testing.assert_array_equal(one.spikes[name], other.spikes[name])
    sent = {next(iter(program.net.inputs)): spikes, **other.spikes}
    rates = {name: np.count_nonzero(s, axis=(0, 1)).ravel().astype(float) for name, s in sent.items()}
    found = flows(program.net, program.mapping.core_of, program.mapping.cores, target, rates)
    metrics = placement_metrics(found, program.mapping, target)
    assert other.counters.traffic is not None
    total = other.counters.traffic.total
    # the run does not count what comes after the last live step of its receiver
    counted = (total.inter_chip, total.packets, total.hops_x + total.hops_y)
    every = (metrics.inter_chip_packets, metrics.packets, metrics.spike_hops)
    assert all(0 < 0.97 * m <= n <= m for n, m in zip(counted, every, strict=True))
    assert metrics.inter_chip_crossings > metrics.inter_chip_packets
