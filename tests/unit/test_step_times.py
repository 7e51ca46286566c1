"""Counts and times of every core, link and step equal a loop over samples, steps, spikes and synapses."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest
from programs import program_of, rich_network

import neurodeploy as nd
from neurodeploy.chipmap import Mapping
from neurodeploy.mapping.encodings import Encoding
from neurodeploy.mapping.held import memory
from neurodeploy.mapping.reach import reach
from neurodeploy.mapping.route import HOST, path
from neurodeploy.mapping.rows import payload_bits, row_words
from neurodeploy.simulate import traffic
from neurodeploy.simulate.counters import BOUNDS, Traffic
from neurodeploy.simulate.plan import Plan
from neurodeploy.simulate.run import Run
from neurodeploy.target_schema import FloatQuantity, Latency, Timing

NS = {  # value, low, high
    "synop_s": (3, 1, 7),
    "synop_dense_s": (5, 2, 11),
    "synop_conv_s": (1, 1, 2),
    "neuron_active_s": (45, 15, 60),
    "neuron_inactive_s": (6, 4, 8),
    "spike_out_s": (30, 25, 31),
    "packet_out_s": (9, 8, 12),
    "packet_in_s": (16, 10, 20),
    "synapse_word_s": (25, 20, 80),
    "barrier_s": (397, 353, 503),
    "io_step_s": (1200, 1000, 1500),
}
KIND_NS = {"dense": "synop_dense_s", "conv2d": "synop_conv_s", "sparse": "synop_s"}
LINK_NS = (41, 31, 127)


def latency(timing: Timing) -> Latency:
    """Constants that make all four bounds matter."""
    fact = nd.load_target("loihi1").latency.barrier_s
    facts = {
        k: msgspec.structs.replace(fact, value=v * 1e-9, low=lo * 1e-9, high=hi * 1e-9) for k, (v, lo, hi) in NS.items()
    }
    value, low, high = LINK_NS
    rate = FloatQuantity(1e9 / value, "example", "made up", low=1e9 / high, high=1e9 / low)
    base = nd.load_target("loihi1").latency
    return msgspec.structs.replace(base, **facts, link_spikes_per_s=rate, barrier_multichip_s=None, timing=timing)


def scattered(net: nd.ChipNetwork, timing: Timing) -> nd.Program:
    """Neurons anywhere on five cores of two chips."""
    rng = np.random.default_rng(5)
    labels = {n: rng.integers(0, 5, p.size).astype(np.int32) for n, p in net.populations.items()}
    mapping = Mapping(labels, np.array([0, 0, 0, 1, 1], np.int32), np.array([0, 9, 33, 2, 70], np.int32))
    program = program_of(net, "loihi1", mapping)
    return replace(program, target=msgspec.structs.replace(program.target, latency=latency(timing)))


def work_by_loop(program: nd.Program, run: Run, spikes: np.ndarray) -> dict[str, Any]:
    """(samples, steps, cores) of every counter, and (samples, steps) of the busiest link."""
    net, mapping, target = program.net, program.mapping, program.target
    plan = Plan(net, {}, run.steps, run.counters.live_steps, {}, False)
    shape = (len(spikes), run.steps, mapping.cores)
    found: dict[str, Any] = {n: np.zeros(shape) for n in ("spikes_in", "axon_out", "spikes_out", "words", "neurons")}
    found["syn_ops"] = {kind: np.zeros(shape) for kind in sorted({p.connection.kind for p in plan.projections})}
    found["links"] = np.zeros(shape[:2])
    padded = np.zeros((len(spikes), run.steps, net.inputs["image"].size), np.uint8)
    padded[:, : spikes.shape[1]] = spikes.reshape(*spikes.shape[:2], -1)
    sent = {"image": padded} | {n: (s != 0).reshape(*shape[:2], -1) for n, s in run.spikes.items()}
    for name, population in net.populations.items():
        for t in range(run.steps):
            if population.start < t + 1 <= population.start + run.counters.live_steps:
                found["neurons"][:, t] += np.bincount(mapping.core_of[name], minlength=mapping.cores)
    synapses = [p.connection.pattern().toarray() for p in plan.projections]
    for b in range(shape[0]):
        for t in range(run.steps):
            load: Counter[Any] = Counter()
            for name, values in sent.items():
                for neuron in np.flatnonzero(values[b, t]):
                    own = int(mapping.core_of[name][neuron]) if name in net.populations else HOST
                    reached = set()
                    for p, matrix in zip(plan.projections, synapses, strict=True):
                        first, last = plan.window(p.target)
                        if p.source != name or not first <= t + 1 + p.latency <= last:
                            continue
                        here = np.bincount(mapping.core_of[p.target][matrix[:, neuron] > 0], minlength=mapping.cores)
                        found["syn_ops"][p.connection.kind][b, t] += here
                        reached |= set(np.flatnonzero(here).tolist())
                        for core in np.flatnonzero(here):
                            on_core = int((mapping.core_of[p.target] == core).sum())
                            kept = memory(p, reach(p, mapping.core_of[p.target], mapping.cores, target), target)
                            bits = payload_bits(p, target) + int(kept.index_bits[core])
                            held = on_core if kept.encoding[core] == Encoding.DENSE else here[core]
                            found["words"][b, t, core] += row_words(np.array(held), bits, target.core)
                    for core in reached:
                        found["spikes_in"][b, t, core] += 1
                        load.update(path(mapping, target, own, core))
                        if own != HOST:
                            found["axon_out"][b, t, own] += 1
                    if own != HOST:
                        found["spikes_out"][b, t, own] += 1
            found["links"][b, t] = max(load.values(), default=0)
    return found


def times_by_loop(work: dict[str, Any], timing: Timing, k: int) -> tuple[np.ndarray, list[list[str]]]:
    """ns of every sample and step, and what bounds it."""
    ns = {name: values[k] for name, values in NS.items()}
    neuron = ns["neuron_active_s"] if k != 1 else min(NS["neuron_active_s"][1], NS["neuron_inactive_s"][1])
    samples, steps, cores = work["spikes_in"].shape
    total, bounds = np.zeros((samples, steps)), []
    for b in range(samples):
        bounds.append([])
        for t in range(steps):
            at = [(b, t, c) for c in range(cores)]
            compute = [
                work["neurons"][i] * neuron
                + work["spikes_out"][i] * ns["spike_out_s"]
                + work["axon_out"][i] * ns["packet_out_s"]
                for i in at
            ]
            synapses = [
                work["spikes_in"][i] * ns["packet_in_s"]
                + sum(n[i] * ns[KIND_NS[kind]] for kind, n in work["syn_ops"].items())
                for i in at
            ]
            words = [work["words"][i] * ns["synapse_word_s"] for i in at]
            link = work["links"][b, t] * LINK_NS[k]
            if timing == "serial":
                core = max(range(cores), key=lambda c: compute[c] + synapses[c] + words[c])
                parts = {"memory": synapses[core] + words[core], "compute": compute[core], "traffic": 0}
                if link > sum(parts.values()):
                    parts = {"memory": 0, "compute": 0, "traffic": link}
            else:
                joined = [max(s, w) if timing == "max_affine" else s + w for s, w in zip(synapses, words, strict=True)]
                terms = {"memory": max(joined), "compute": max(compute), "traffic": link}
                largest = max(terms, key=lambda name: (terms[name], name == "compute"))
                parts = {name: value if name == largest else 0 for name, value in terms.items()}
            parts["barrier"] = ns["barrier_s"]
            total[b, t] = sum(parts.values())
            bounds[b].append(max(BOUNDS, key=lambda name: parts[name]))
    return total, bounds


@pytest.fixture(scope="module")
def case() -> tuple[nd.ChipNetwork, np.ndarray]:
    rng = np.random.default_rng(1)
    return rich_network(rng), (rng.random((3, 7, 2, 7, 6)) < 0.5).astype(np.uint8)


@pytest.mark.parametrize("timing", ["serial", "overlap", "max_affine"])
@pytest.mark.parametrize("chunk", [64, 2**25])
def test_every_core_and_step_equals_a_loop(
    case: tuple[nd.ChipNetwork, np.ndarray], timing: Timing, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traffic, "CHUNK_BYTES", chunk)
    net, spikes = case
    program = scattered(net, timing)
    run = nd.simulate(program, spikes)
    counted = run.counters.traffic
    assert isinstance(counted, Traffic) and run.counters.spikes > 100
    work = work_by_loop(program, run, spikes)
    for name in ("spikes_in", "axon_out", "spikes_out"):
        np.testing.assert_array_equal(getattr(counted.cores, name), work[name].sum(axis=0), err_msg=name)
    np.testing.assert_array_equal(counted.cores.dendrite_updates, work["neurons"].sum(axis=0))
    assert counted.cores.syn_ops_of.keys() == work["syn_ops"].keys()
    for kind, number in work["syn_ops"].items():
        np.testing.assert_array_equal(counted.cores.syn_ops_of[kind], number.sum(axis=0), err_msg=kind)
    for k in range(3):
        total, bounds = times_by_loop(work, timing, k)
        np.testing.assert_array_equal(counted.times.mesh_fs[:, k], np.rint(total.sum(axis=0) * 1e6))
        hosted = np.maximum(total, NS["io_step_s"][k])
        np.testing.assert_array_equal(counted.times.hosted_fs[:, k], np.rint(hosted.sum(axis=0) * 1e6))
        if k == 0:
            for column, bound in enumerate(BOUNDS):
                expected = [sum(sample[t] == bound for sample in bounds) for t in range(run.steps)]
                np.testing.assert_array_equal(counted.times.bounds[:, column], expected, err_msg=bound)
            np.testing.assert_array_equal(counted.times.io_bound, (total < NS["io_step_s"][0]).sum(axis=0))


def test_the_constants_make_every_bound_matter(case: tuple[nd.ChipNetwork, np.ndarray]) -> None:
    """Or the loop above would not be asked about some."""
    net, spikes = case
    seen = np.zeros(len(BOUNDS))
    for timing in ("serial", "overlap", "max_affine"):
        counted = nd.simulate(scattered(net, timing), spikes).counters.traffic
        assert counted is not None
        seen += counted.times.bounds.sum(axis=0)
    assert (seen > 0).all(), dict(zip(BOUNDS, seen, strict=True))


def test_long_runs_are_binned_and_lose_nothing(
    case: tuple[nd.ChipNetwork, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    net, spikes = case
    program = scattered(net, "serial")
    whole = nd.simulate(program, spikes).counters.traffic
    monkeypatch.setattr(traffic, "MOST_BINS", 20)
    run = nd.simulate(program, spikes)
    binned = run.counters.traffic
    assert whole is not None and binned is not None
    per_bin = binned.cores.steps_per_bin
    assert per_bin == -(-run.steps * 5 // 20) and run.steps % per_bin
    edges = np.arange(0, run.steps, per_bin)
    for name in ("spikes_in", "axon_out", "spikes_out", "dendrite_updates", "syn_ops", "max_syn_ops", "max_spikes_in"):
        expected = np.add.reduceat(getattr(whole.cores, name), edges, axis=0)
        np.testing.assert_array_equal(getattr(binned.cores, name), expected, err_msg=name)
    for name, value in vars(whole.times).items():
        np.testing.assert_array_equal(getattr(binned.times, name), np.add.reduceat(value, edges, axis=0), err_msg=name)
    costs = nd.estimate(run, program)
    np.testing.assert_array_equal(costs.per_step.first_step, edges + 1)
    assert costs.per_step.steps.sum() == run.steps
    assert costs.latency.value == pytest.approx(costs.per_step.time_s.sum(), rel=1e-12)
