"""What travels: plain values only, and nothing of them is lost."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from programs import assert_same_array, assert_same_counters, assert_same_program, program_of, rich_network

import neurodeploy as nd
from neurodeploy import errors
from neurodeploy.cluster import ClusterError, wire
from neurodeploy.errors import DoesNotFit, NeurodeployError, SimulationError, Violation
from neurodeploy.evaluate import run_program

PLAIN = (str, int, float, bytes, type(None))


def assert_plain(value: Any) -> None:
    """Built-in types and arrays of numbers, all the way down."""
    if type(value) is dict:
        assert all(type(key) is str for key in value)
        value = list(value.values())
    if type(value) in (list, tuple):
        for item in value:
            assert_plain(item)
    elif type(value) is np.ndarray:
        assert value.dtype.kind in "biuf"
    else:
        assert type(value) in PLAIN, type(value)


MESSAGES = st.sampled_from([np.uint8, bool, np.int32, np.int64, np.float64]).flatmap(
    lambda dtype: arrays.arrays(
        dtype,
        arrays.array_shapes(min_dims=3, max_dims=5, max_side=5),
        elements={"min_value": 0, "max_value": 1} if dtype is np.uint8 else None,
    )
)


@given(MESSAGES)
def test_messages_come_back(messages: np.ndarray) -> None:
    packed = wire.pack(messages)
    assert_plain(packed)
    np.testing.assert_array_equal(wire.unpack(packed), messages)


@pytest.mark.parametrize("dtype", [np.uint8, bool, np.int32, np.float64])
def test_a_spike_takes_one_bit(dtype: type) -> None:
    spikes = np.random.default_rng(0).random((3, 7, 5)) < 0.5
    packed = wire.pack(spikes.astype(dtype))
    assert packed["bits"].nbytes == 14  # of 105
    assert_same_array(wire.unpack(packed), spikes.astype(np.uint8))


@pytest.mark.parametrize("value", [-1, 2, 2**31 - 1, -(2**31)])
def test_graded_messages_stay_as_they_are(value: int) -> None:
    messages = np.zeros((2, 3, 4), np.int32)
    messages[1, 2, 3] = value
    assert_same_array(wire.unpack(wire.pack(messages[:, ::-1])), np.ascontiguousarray(messages[:, ::-1]))


def test_program_and_run_come_back() -> None:
    rng = np.random.default_rng(0)
    program = program_of(rich_network(rng))
    contents = wire.program_bytes(program)
    assert type(contents) is bytes
    assert_same_program(program, wire.program_from(contents))
    run, _ = run_program(program, (rng.random((3, 9, 2, 7, 6)) < 0.4).astype(np.uint8))
    plain = wire.run_to_plain(run)
    assert_plain(plain)
    again = wire.run_from_plain(pickle.loads(pickle.dumps(plain)))
    assert run.counters.syn_ops > 0
    assert_same_counters(run.counters, again.counters)
    assert again.spikes.keys() == run.spikes.keys() and again.states == {}
    for name, spikes in run.spikes.items():
        assert_same_array(again.spikes[name], spikes)
    for name in ("steps", "engine", "latency_steps"):
        assert getattr(run, name) == getattr(again, name)


def test_a_run_without_a_mapping_has_no_traffic() -> None:
    net = nd.ChipNetwork()
    net.add_input("in", shape=2)
    net.add_population("out", shape=2)
    net.connect("in", "out", np.eye(2, dtype=int) * 2)
    run = nd.simulate(net, np.ones((1, 3, 2), np.uint8))
    assert wire.run_from_plain(wire.run_to_plain(run)).counters.traffic is None


def test_one_part_on_another_engine_shows() -> None:
    net = nd.ChipNetwork()
    net.add_input("in", shape=2)
    net.add_population("out", shape=2)
    net.connect("in", "out", np.eye(2, dtype=int) * 2)
    fast, slow = (nd.simulate(net, np.ones((1, 3, 2), np.uint8), engine=e) for e in ("fast", "reference"))
    engines = {"fast": [fast, fast], "reference": [fast, slow, fast]}
    for engine, parts in engines.items():
        assert wire.join_runs(parts).engine == engine


SIMPLE = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, NeurodeployError) and kind is not DoesNotFit
]


@pytest.mark.parametrize("kind", SIMPLE, ids=lambda kind: kind.__name__)
def test_errors_come_back(kind: type[NeurodeployError]) -> None:
    error = kind("what", where="where", remedy="remedy")
    plain = wire.error_to_plain(error)
    assert_plain(plain)
    again = wire.error_from_plain(plain)
    assert type(again) is kind and again.to_dict() == error.to_dict() and str(again) == str(error)


def test_all_violations_come_back() -> None:
    error = DoesNotFit([Violation("bias", 1, 0, "b", "train"), Violation("words", 9, 4, "a", "prune")], where="chip")
    plain = wire.error_to_plain(error)
    assert_plain(plain)
    again = wire.error_from_plain(plain)
    assert isinstance(again, DoesNotFit)
    assert again.violations == error.violations and again.to_dict() == error.to_dict() and str(again) == str(error)


def test_an_error_of_another_module_is_one_of_a_run() -> None:
    again = wire.error_from_plain(wire.error_to_plain(ClusterError("what", where="where", remedy="remedy")))
    assert type(again) is SimulationError and again.remedy == "remedy"
