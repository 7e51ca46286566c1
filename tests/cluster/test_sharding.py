"""However a data set is cut and shared out, the result is that of one local run."""

from __future__ import annotations

import warnings
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from programs import assert_same_array, assert_same_counters, program_of, rich_network

import neurodeploy as nd
from neurodeploy import evaluate
from neurodeploy.cluster import dataset, tasks, wire
from neurodeploy.errors import SimulationError
from neurodeploy.evaluate import run_program
from neurodeploy.simulate import Run
from neurodeploy.version import installed_version

N = 9
Result = tuple[Run, Any]


@lru_cache
def made(name: str) -> tuple[nd.Program, np.ndarray]:
    """A program and its data set."""
    rng = np.random.default_rng(7)
    spikes = (rng.random((N, 11, 2, 7, 6)) < 0.4).astype(np.uint8)
    if name == "graded":
        net = nd.ChipNetwork()
        net.add_input("in", shape=(6,), message_bits=9)
        net.add_population("code", shape=5, model="sigma_delta", vth=64, state_exp=6)
        net.connect("in", "code", rng.integers(-60, 60, (5, 6)) * 2)
        net.add_population("out", shape=3, model="sigma_delta", vth=64, state_exp=6)
        net.connect("code", "out", rng.integers(-60, 60, (3, 5)) * 2)
        messages = rng.integers(-256, 256, (N, 11, 6)).astype(np.int32)
        messages[2:4] &= 1  # some shards look like spikes
        return program_of(net), messages
    changes: dict[str, Any] = {
        "counts": {},
        "membranes": {"readout": "v_last"},
        "many outputs": {"outputs": {"a": "dense", "b": "out"}},
    }[name]
    return program_of(rich_network(rng), **changes), spikes


CASES = ("counts", "membranes", "many outputs", "graded")
KEPT = (None, (), "all")


def kept(program: nd.Program, which: Any) -> Any:
    return tuple(program.net.populations) if which == "all" else which


def assert_same(found: Result, expected: Result) -> None:
    """Every number, array and dtype of two results."""
    (run, scores), (other, others) = found, expected
    assert run.spikes.keys() == other.spikes.keys()
    for name, spikes in other.spikes.items():
        assert_same_array(run.spikes[name], spikes)
    assert_same_counters(run.counters, other.counters)
    for name in ("states", "steps", "engine", "latency_steps"):
        assert getattr(run, name) == getattr(other, name)
    assert (scores is None) == (others is None)
    if others is not None:
        assert_same_array(scores, others)
        assert np.any(scores != scores[0])


@given(
    case=st.sampled_from(CASES),
    shard=st.integers(1, N + 1),
    steps=st.sampled_from([None, 6, 14]),
    which=st.sampled_from(KEPT),
    engine=st.sampled_from(["fast", "reference"]),
    order=st.randoms(use_true_random=False),
)
@settings(max_examples=40, deadline=None)
def test_any_cut_and_any_order_of_answers(
    case: str, shard: int, steps: int | None, which: Any, engine: str, order: Any
) -> None:
    program, spikes = made(case)
    options: dict[str, Any] = {"engine": engine, "steps": steps, "keep": kept(program, which)}
    compiled = {"program": wire.program_bytes(program)}
    parts = list(dataset.shards(spikes, shard))
    order.shuffle(parts)
    found = {start: tasks.run_task(installed_version(), compiled, part, options) for start, part in parts}
    assert_same(dataset.joined(found, engine), run_program(program, spikes, **options))


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("shard", [None, 1, 4, N])
def test_worker_processes(local: nd.cluster.Cluster, case: str, shard: int | None) -> None:
    program, spikes = made(case)
    keep, done = kept(program, "all"), list[int]()
    found = nd.cluster.run_program(program, spikes, cluster=local, keep=keep, shard=shard, progress=done.append)
    assert_same(found, run_program(program, spikes, keep=keep))
    assert sum(done) == N and (shard is None or sorted(done, reverse=True)[0] == shard)


def test_outputs_steps_and_engine_are_handed_on(local: nd.cluster.Cluster) -> None:
    program, spikes = made("counts")
    options: dict[str, Any] = {"steps": 6, "engine": "reference"}
    found = nd.cluster.run_program(program, spikes, cluster=local, shard=2, **options)
    assert_same(found, run_program(program, spikes, **options))
    assert found[0].engine == "reference" and found[0].steps == 6 and list(found[0].spikes) == ["out"]


MISTAKES: dict[str, tuple[Any, dict[str, Any]]] = {
    "shape": (np.ones((3, 4, 2, 7, 5), np.uint8), {}),
    "value": (np.full((3, 4, 2, 7, 6), 2), {}),
    "engine": (np.ones((3, 4, 2, 7, 6), np.uint8), {"engine": "fats"}),
    "steps": (np.ones((3, 4, 2, 7, 6), np.uint8), {"steps": 1}),
    "none": (np.ones((0, 4, 2, 7, 6), np.uint8), {}),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_those_of_a_local_run(local: nd.cluster.Cluster, mistake: str) -> None:
    spikes, options = MISTAKES[mistake]
    program, _ = made("counts")
    with pytest.raises(SimulationError) as here:
        run_program(program, spikes, **options)
    with pytest.raises(SimulationError) as there:
        nd.cluster.run_program(program, spikes, cluster=local, shard=3, **options)
    assert type(there.value) is type(here.value) and there.value.to_dict() == here.value.to_dict()


def test_a_shard_has_samples(local: nd.cluster.Cluster) -> None:
    program, spikes = made("counts")
    with pytest.raises(nd.cluster.ClusterError, match="0 samples per shard") as caught:
        nd.cluster.run_program(program, spikes, cluster=local, shard=0)
    assert "at least 1" in caught.value.remedy


@pytest.mark.parametrize(
    ("samples", "threads", "keep", "expected"),
    [
        (9, 2, (), 2),
        (9, 1, (), 3),
        (9, 100, (), 1),
        (8000, 2, (), 1000),
        (10**6, 2, (), 18157),
        (10**6, 2, None, 17331),
    ],
)
def test_size_of_a_shard(samples: int, threads: int, keep: Any, expected: int) -> None:
    program, spikes = made("counts")
    many = np.broadcast_to(spikes[:1], (samples, *spikes.shape[1:]))  # 924 bytes each, and 44 of the output
    assert dataset.shard_size(program, many, threads, keep) == expected


def test_a_program_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    program, spikes = made("counts")
    read, real = list[int](), tasks.program_from
    monkeypatch.setattr(tasks, "program_from", lambda contents: (read.append(1), real(contents))[1])
    tasks._read.cache_clear()
    compiled = {"program": wire.program_bytes(program)}
    options = {"engine": "fast", "steps": None, "keep": ()}
    for _, part in dataset.shards(spikes, 2):
        assert "run" in tasks.run_task(installed_version(), compiled, part, options)
    assert len(read) == 1


def test_missing_kernels_are_told() -> None:
    program, spikes = made("counts")
    compiled = {"program": wire.program_bytes(program)}
    engines = ("fast", "reference", "fast")
    found = {
        start: tasks.run_task(installed_version(), compiled, part, {"engine": engine, "steps": None, "keep": None})
        for (start, part), engine in zip(dataset.shards(spikes, 3), engines, strict=True)
    }
    with pytest.warns(RuntimeWarning, match="1 of 3 shards ran on the slow reference engine"):
        run, scores = dataset.joined(found, "fast")
    with warnings.catch_warnings():
        assert_same((run, scores), run_program(program, spikes, engine="reference"))


def test_a_data_set_is_checked_before_anything_starts() -> None:
    program, spikes = made("counts")
    with pytest.raises(SimulationError, match="not 0 or 1"):
        nd.cluster.run_program(program, spikes * 2, cluster="no address")
    two = nd.ChipNetwork()
    for name in "ab":
        two.add_input(name, shape=2)
    two.add_population("out", shape=2)
    with pytest.raises(SimulationError, match="2 inputs") as caught:
        evaluate.check_data(program_of(two), spikes)
    assert "dict of spikes" in caught.value.remedy
