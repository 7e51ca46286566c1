"""Bytes of spikes are 0 or 1: the kernels notice others while they read them, and the error says where the first is."""

from __future__ import annotations

import warnings
from copy import copy

import numpy as np
import pytest
from numpy.typing import NDArray

from neurodeploy import ChipNetwork, Session, kernels, simulate
from neurodeploy.errors import SimulationError
from neurodeploy.kernels import KernelsUnavailable
from neurodeploy.simulate import run as runs


def network(size: int) -> ChipNetwork:
    net = ChipNetwork()
    net.add_input("in", shape=size)
    net.add_population("out", shape=3, vth=20)
    net.connect("in", "out", np.full((3, size), 2))
    return net


def spikes(*shape: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 2, shape).astype(np.uint8)


@pytest.mark.parametrize("level", kernels.usable())
@pytest.mark.parametrize("size", [1, 15, 16, 63, 64, 65, 1024, 1100])
def test_every_byte_is_looked_at(level: str, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(kernels.ISA_VARIABLE, level)
    net = network(size)
    for place in {0, size // 2, max(0, size - 2), size - 1}:
        for wrong in (2, 3, 128, 255):
            given = spikes(2, 4, size)
            simulate(net, given)
            given[1, 2, place] = wrong
            with pytest.raises(SimulationError, match=rf"hold {wrong} at \(1, 2, {place}\), not 0 or 1"):
                simulate(net, given)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("steps", [None, 1500])
def test_whichever_thread_or_part_of_the_run_reads_it(threads: int, steps: int | None) -> None:
    given = spikes(8, 1400, 5)
    given[7, 1300, 3] = 7
    with pytest.raises(SimulationError, match=r"hold 7 at \(7, 1300, 3\)"):
        simulate(network(5), given, steps=steps, threads=threads)


def test_steps_that_are_not_run() -> None:
    given = spikes(10, 5)
    given[9, 4] = 2
    with pytest.raises(SimulationError, match=r"hold 2 at \(9, 4\)"):
        simulate(network(5), given, steps=4)


def test_without_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    given = spikes(4, 5)
    given[1, 1] = 9

    def missing(*_: object, **__: object) -> object:
        raise KernelsUnavailable("none")

    monkeypatch.setattr(runs, "run_fast", missing)
    with warnings.catch_warnings(), pytest.raises(SimulationError, match=r"hold 9 at \(1, 1\)"):
        warnings.simplefilter("ignore")
        simulate(network(5), given)
    with pytest.raises(SimulationError, match=r"hold 9 at \(1, 1\)"):
        simulate(network(5), given, engine="reference")


def test_a_session_stays_as_it_was() -> None:
    net = network(5)
    session, given = Session(net), spikes(6, 5)
    expected = simulate(copy(net), given, steps=6).spikes["out"]
    for t in range(6):
        with pytest.raises(SimulationError, match="hold 2"):
            session.step(np.array([0, 0, 2, 0, 0], np.uint8))
        np.testing.assert_array_equal(session.step(given[t])["out"], expected[t])
