"""Memory of what a run kept is used again by the next run, once nobody can look at it any more."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from neurodeploy import ChipNetwork, Run, Session, simulate
from neurodeploy.simulate import rooms

SIZE, STEPS = 100, 12
MODELS = ["cuba", "sigma_delta"]  # whose spikes are bits, to be unpacked, and messages, seen as they are


def network(model: str = "cuba") -> ChipNetwork:
    net = ChipNetwork()
    net.add_input("in", shape=SIZE)
    net.add_population("out", shape=SIZE, model=model, vth=20)
    net.connect("in", "out", 2 * np.random.default_rng(1).integers(-40, 60, (SIZE, SIZE)))
    return net


def spikes(seed: int) -> NDArray[np.uint8]:
    return (np.random.default_rng(seed).random((STEPS, SIZE)) < 0.2).astype(np.uint8)


def expected(net: ChipNetwork, seed: int) -> NDArray[Any]:
    sent = simulate(net, spikes(seed), engine="reference").spikes["out"]
    assert sent.any() and not sent.all()
    return sent


def room_at() -> int:
    return int(rooms._last.ctypes.data)


@pytest.mark.parametrize(
    "model", ["cuba", "sigma_delta"]
)  # bits, which are unpacked; messages, which are seen as they are
def test_a_run_that_is_held_keeps_its_spikes(model: str) -> None:
    net = network(model)
    first = simulate(net, spikes(1))
    where = room_at()
    second = simulate(net, spikes(2))
    assert room_at() != where
    np.testing.assert_array_equal(first.spikes["out"], expected(net, 1))
    np.testing.assert_array_equal(second.spikes["out"], expected(net, 2))


@pytest.mark.parametrize("model", MODELS)
def test_an_array_outlives_its_run(model: str) -> None:
    net = network(model)
    sent = simulate(net, spikes(1)).spikes["out"]
    simulate(net, spikes(2))
    np.testing.assert_array_equal(sent, expected(net, 1))


def test_the_room_of_a_run_that_is_gone_is_used_again() -> None:
    net = network()
    simulate(net, spikes(1))
    where = room_at()
    np.testing.assert_array_equal(simulate(net, spikes(2)).spikes["out"], expected(net, 2))
    assert room_at() == where
    short = simulate(net, spikes(3)[:5]).spikes["out"]
    np.testing.assert_array_equal(short, simulate(net, spikes(3)[:5], engine="reference").spikes["out"])


def test_much_memory_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    net = network()
    where = room_at()
    monkeypatch.setattr(rooms, "MOST_WORDS", 10)
    np.testing.assert_array_equal(simulate(net, spikes(1)).spikes["out"], expected(net, 1))
    assert room_at() == where


def test_threads_of_the_user_have_rooms_of_their_own() -> None:
    net = network()
    wanted = [expected(net, seed) for seed in range(4)]

    def run(number: int) -> Run:
        return simulate(net, spikes(number % 4))

    with ThreadPoolExecutor(4) as pool:
        for number, found in enumerate(pool.map(run, range(200))):
            np.testing.assert_array_equal(found.spikes["out"], wanted[number % 4])


def test_a_session_beside_runs() -> None:
    net = network()
    session, wanted = Session(net), expected(net, 1)
    for t, step in enumerate([*spikes(1), np.zeros(SIZE, np.uint8)][: len(wanted)]):
        simulate(net, step[None])
        np.testing.assert_array_equal(session.step(step)["out"], wanted[t])
