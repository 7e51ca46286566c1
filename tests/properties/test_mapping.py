"""Mappings of random networks: legal by the independent checker, deterministic, and their traffic counted right."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lava_case import Case
from strategies import cases

from neurodeploy.chipmap import Mapping
from neurodeploy.chipnet import ChipNetwork
from neurodeploy.errors import DoesNotFit, NoRoute
from neurodeploy.mapping import check_mapping, map_network, remedies, utilisation
from neurodeploy.mapping.check import recount
from neurodeploy.mapping.check_reached import reached_cores
from neurodeploy.mapping.place import permute
from neurodeploy.mapping.route import HOST, hops, link_loads, path, tiles
from neurodeploy.simulate import traffic
from neurodeploy.simulate.plan import Plan
from neurodeploy.simulate.reference import run_reference
from neurodeploy.target import list_targets, load_target
from neurodeploy.target_schema import Quantity, Target

TINY = load_target("tiny")
LOADED = {name: load_target(name) for name in list_targets()}


def edited(target: Target, table: str, **values: Any) -> Target:
    """The target with other numbers in one table; None removes a limit."""
    old = getattr(target, table)
    facts = {
        name: value if value is None or name == "accounting" else Quantity(value, "example", "test")
        for name, value in values.items()
    }
    return msgspec.structs.replace(target, **{table: msgspec.structs.replace(old, **facts)})


@st.composite
def targets(draw: st.DrawFn) -> Target:
    """Small chips of both accountings, some of them too small."""
    target = edited(
        TINY,
        "core",
        neurons=draw(st.sampled_from([1, 3, 8, 32])),
        in_axons=draw(st.sampled_from([15, 40, 120])),
        out_axon_slots=draw(st.sampled_from([None, 12, 60, 300])),
        synapse_words=draw(st.sampled_from([40, 120, 600])),
        synapse_chunk=draw(st.sampled_from([0, 3, 64])),
        synapse_index_bits=draw(st.sampled_from([0, 5])),
        sparse_index_bits=draw(st.sampled_from([None, 0, 5])),
        delay_slots=draw(st.sampled_from([None, 8, 60])),
        conv_index_bits=draw(st.sampled_from([0, 6])),
        conv_row_extra_words=draw(st.sampled_from([0, 1])),
        legal_index_bits=draw(st.sampled_from([None, (2, 4, 6)])),
        compartment_profiles=draw(st.sampled_from([None, 2, 20])),
        vth_profiles=draw(st.sampled_from([None, 2, 20])),
        synapse_formats=draw(st.sampled_from([None, 2, 8])),
    )
    if draw(st.booleans()):
        target = edited(
            target,
            "core",
            accounting="pool",
            neuron_groups=3,
            pool_words=draw(st.sampled_from([100, 700])),
            neuron_words=1,
            axon_map_words=50,
            axon_map_neuron_words=1,
            axon_mem_words=60,
            conv_axon_in_words=draw(st.sampled_from([None, 2])),
            conv_axon_mem_words=25,
        )
    target = edited(target, "compartment", delay_default_max=draw(st.sampled_from([None, 0, 2])))
    target = edited(target, "axon", row_base_max=draw(st.sampled_from([None, 0, 2, 15])), pop32_slots=2)
    order = draw(st.sampled_from(["row_major", "column_major"]))
    return edited(target, "mesh", chips=draw(st.sampled_from([2, 200])), tiles_x=2, tiles_y=3, tile_order=order)


@settings(max_examples=80, deadline=None)
@given(cases(), targets(), st.sampled_from([None, 1, 4]))
def test_every_mapping_is_legal_and_counted_alike(case: Case, target: Target, most: int | None) -> None:
    net = case.plan.net
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(remedies, "load_target", LOADED.__getitem__)  # parsing them again and again takes seconds
            mapping = map_network(net, target, max_neurons_per_core=most)
    except DoesNotFit as error:
        assert error.violations
        for violation in error.violations:
            assert violation.needed > violation.available and violation.remedy
        return
    check_mapping(net, mapping, target)
    counted = recount(net, mapping, target, reached_cores(net, mapping))
    cores = utilisation(net, mapping, target).cores
    for core in cores:
        assert core.needed == {name: counted[name][core.core] for name in core.needed}
        assert core.share <= 1 and max(core.populations.values()) <= (most or 10**9)
    again = map_network(net, target, max_neurons_per_core=most)
    assert np.array_equal(again.chip_of, mapping.chip_of)
    assert np.array_equal(again.core_on_chip, mapping.core_on_chip)
    for name in net.populations:
        assert np.array_equal(again.core_of[name], mapping.core_of[name])
    check_mapping(net, permute(mapping, target, np.random.default_rng(0)), target)


@settings(max_examples=40, deadline=None)
@given(cases(), targets(), st.integers(0, 2**32 - 1))
def test_any_assignment_is_counted_as_the_checker_counts_it(case: Case, target: Target, seed: int) -> None:
    """Neither the passes' own splits nor legality: scattered neurons, shared cores, blocks that are none."""
    net = case.plan.net
    mapping = _scattered(net, np.random.default_rng(seed), 4)
    counted = recount(net, mapping, target, reached_cores(net, mapping))
    for core in utilisation(net, mapping, target).cores:
        assert core.needed == {name: counted[name][core.core] for name in core.needed}


@settings(max_examples=40, deadline=None)
@given(cases(), targets(), st.integers(0, 2**32 - 1), st.sampled_from([64, 2**25]))
def test_traffic_equals_a_triple_loop(case: Case, target: Target, seed: int, chunk: int) -> None:
    plan = case.plan
    rng = np.random.default_rng(seed)
    mapping = permute(_scattered(plan.net, rng, 5), target, rng)
    messages = plan.padded_inputs() | dict(run_reference(plan).spikes)
    sent = {name: (values != 0).astype(np.uint8) for name, values in messages.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(traffic, "CHUNK_BYTES", chunk)
        found = traffic.measure(plan, sent, mapping, target)
    expected = _brute_force(plan, sent, mapping, target)
    assert {name: vars(source) for name, source in found.sources.items()} == expected.pop("sources")
    assert found.cores.steps_per_bin == 1
    for name, value in expected.items():
        np.testing.assert_array_equal(getattr(found.cores, name), value, err_msg=name)


def _scattered(net: ChipNetwork, rng: np.random.Generator, cores: int) -> Mapping:
    labels = {n: rng.integers(0, cores, p.size).astype(np.int32) for n, p in net.populations.items()}
    used = np.unique(np.concatenate(list(labels.values())))
    at = np.arange(len(used), dtype=np.int32)
    return Mapping({n: np.searchsorted(used, x).astype(np.int32) for n, x in labels.items()}, at // 7, at % 7)


def _brute_force(plan: Plan, sent: dict[str, Any], mapping: Mapping, target: Target) -> dict[str, Any]:
    net, cores = plan.net, mapping.cores
    per_tile, columns, rows = (getattr(target.mesh, k).value for k in ("cores_per_tile", "tiles_x", "tiles_y"))

    def tile(core: int) -> tuple[int, int]:
        number = int(mapping.core_on_chip[core]) // per_tile
        if target.mesh.tile_order.value == "column_major":
            return number // rows, number % rows
        return number % columns, number // columns

    synapses = []
    for p in plan.projections:
        matrix = p.connection.pattern().toarray()
        synapses.append([[np.bincount(mapping.core_of[p.target], column, cores)] for column in matrix.T])
    syn_ops = np.zeros((plan.batch, plan.steps, cores), np.int64)
    packets = np.zeros_like(syn_ops)
    sources = {name: dict.fromkeys(("packets", "hops_x", "hops_y", "inter_chip"), 0) for name in sent}
    axon_out = np.zeros((plan.steps, cores), np.int64)
    spikes_out = np.zeros_like(axon_out)
    for name, spikes in sent.items():
        sender = net.sender_of(name)
        for b, t, neuron in zip(*np.nonzero(spikes), strict=True):
            if sender in net.populations:
                spikes_out[t, mapping.core_of[sender][neuron]] += 1
            receivers = np.zeros(cores, bool)
            for p, table in zip(plan.projections, synapses, strict=True):
                first, last = plan.window(p.target)
                if p.source == name and first <= t + 1 + p.latency <= last:
                    syn_ops[b, t] += table[neuron][0].astype(np.int64)
                    receivers |= table[neuron][0] > 0
            for core in np.flatnonzero(receivers):
                packets[b, t, core] += 1
                sources[name]["packets"] += 1
                here = (int(mapping.chip_of[core]), *tile(core))
                own = int(mapping.core_of[sender][neuron]) if sender in net.populations else None
                axon_out[t, own if own is not None else 0] += own is not None
                start = (0, 0, 0) if own is None else (int(mapping.chip_of[own]), *tile(own))
                legs = [(start, here)] if start[0] == here[0] else [(start, (0, 0, 0)), ((0, 0, 0), here)]
                sources[name]["inter_chip"] += start[0] != here[0]
                sources[name]["hops_x"] += sum(abs(a[1] - b[1]) for a, b in legs)
                sources[name]["hops_y"] += sum(abs(a[2] - b[2]) for a, b in legs)
    updates = np.zeros((plan.steps, cores), np.int64)
    for name, labels in mapping.core_of.items():
        first, last = plan.window(name)
        for t in range(first - 1, last):
            updates[t] += np.bincount(labels, minlength=cores) * plan.batch
    return {
        "sources": sources,
        "axon_out": axon_out,
        "spikes_out": spikes_out,
        "syn_ops": syn_ops.sum(axis=0),
        "spikes_in": packets.sum(axis=0),
        "dendrite_updates": updates,
        "max_syn_ops": syn_ops.max(axis=2).sum(axis=0),
        "max_spikes_in": packets.max(axis=2).sum(axis=0),
    }


@settings(max_examples=40, deadline=None)
@given(targets(), st.integers(0, 2**32 - 1))
def test_routes_are_walks_of_the_length_that_hops_says(target: Target, seed: int) -> None:
    at = np.arange(14, dtype=np.int32)
    mapping = permute(Mapping({"p": at}, at // 7, at % 7), target, np.random.default_rng(seed))
    total = 0.0
    for source in (HOST, 0, 5):
        for destination in (0, 3, 13):
            route = path(mapping, target, source, destination)
            way = hops(mapping, target, np.array([source]), np.array([destination]))
            start, end = tiles(mapping, target, [source, destination])
            assert all(a[1] == b[0] for a, b in pairwise(route))
            assert not route or (route[0][0], route[-1][1]) == (start, end)
            assert route or start == end
            on_chip = [(a, b) for a, b in route if a[0] == b[0]]
            assert all(abs(a[1] - b[1]) + abs(a[2] - b[2]) == 1 for a, b in on_chip)
            assert sum(a[1] != b[1] for a, b in on_chip) == way.x[0]
            assert sum(a[2] != b[2] for a, b in on_chip) == way.y[0]
            assert len(route) - len(on_chip) == way.inter_chip[0]
            # x first: once a leg moves along y it stays on its column
            assert all(
                b[1][1] == a[1][1]
                for a, b in pairwise(on_chip)
                if a[0][2] != a[1][2] and b[0] == a[1] != (b[0][0], 0, 0)
            )
            total += 2.5 * len(route)
    loads = link_loads(mapping, target, {(s, d): 2.5 for s in (HOST, 0, 5) for d in (0, 3, 13)})
    assert sum(loads.values()) == pytest.approx(total)


def test_a_site_outside_the_chip_has_no_route() -> None:
    zero = np.zeros(1, np.int32)
    with pytest.raises(NoRoute, match="chip 0.*7 cores") as error:
        hops(Mapping({"p": zero}, zero, zero + 7), TINY, zero, zero)
    assert "place every core" in error.value.remedy
