"""Spiking policies in closed loop: observation, spikes, network, spike counts, action.

For every decision the observation is sent as a rate code of ``steps`` chip steps into a network that starts afresh.
Decisions are therefore independent, and those of many episodes are one batch, with the bits that one chip would give
each of them; :func:`session_counts` takes them one after the other instead, as a chip in a loop does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic

import numpy as np
from numpy.typing import NDArray

from neurodeploy import encode
from neurodeploy.chipnet import ChipNetwork
from neurodeploy.network import Network
from neurodeploy.program import Program
from neurodeploy.simulate import Session, simulate
from neurodeploy.simulate.float_reference import simulate_float
from neurodeploy.worlds.readout import Readout
from neurodeploy.worlds.world import Floats, S, World

Counts = Mapping[str, NDArray[np.int64]]
Counter = Callable[[NDArray[np.uint8]], Counts]
"""From spikes (E, T, inputs) to the spikes (E, neurons) of each population while it is live."""


def chip_counts(network: ChipNetwork | Program, *, engine: str = "fast") -> Counter:
    """Counts on the chip's integers, a batch at a time; see :func:`neurodeploy.simulate.simulate`."""
    net = network if isinstance(network, ChipNetwork) else network.net

    def count(spikes: NDArray[np.uint8]) -> Counts:
        steps = spikes.shape[1]
        run = simulate(net, spikes, engine=engine, threads=1)
        return {name: _live(run.spikes[name], p.start, steps) for name, p in net.populations.items()}

    return count


def session_counts(session: Session, net: ChipNetwork) -> Counter:
    """The same counts from a session, one decision after the other; what is written to its registers acts at once.

    Args:
        session: Of ``net``; restarted for each decision.
        net: Its network.
    """

    def count(spikes: NDArray[np.uint8]) -> Counts:
        steps, late = spikes.shape[1], net.latency_steps
        rows: dict[str, list[NDArray[np.int64]]] = {name: [] for name in net.populations}
        for sample in spikes:
            session.restart()
            run = session.run(np.concatenate([sample, np.zeros((late, *sample.shape[1:]), sample.dtype)]))
            for name, population in net.populations.items():
                rows[name].append(_live(run.spikes[name][None], population.start, steps)[0])
        return {name: np.stack(counted) for name, counted in rows.items()}

    return count


def float_counts(network: Network) -> Counter:
    """Counts of the float network before quantisation."""
    (port,) = network.inputs

    def count(spikes: NDArray[np.uint8]) -> Counts:
        run = simulate_float(network, {port: spikes})
        return {name: sent.sum(axis=1, dtype=np.int64) for name, sent in run.spikes.items()}

    return count


@dataclass(frozen=True, eq=False)
class SpikingPolicy(Generic[S]):
    """A network that acts in a world; call it with a state.

    Attributes:
        world: Whose observations it is shown.
        count: Runs the network, see :func:`chip_counts`, :func:`session_counts` and :func:`float_counts`.
        output: The population that is read out.
        readout: How.
        steps: Chip steps of the rate code.
    """

    world: World[S]
    count: Counter
    output: str
    readout: Readout
    steps: int

    def decide(self, observations: Floats) -> tuple[Floats, Counts]:
        """Actions (E, n) for observations (E, inputs) in 0..1, and the spikes of each population."""
        counts = self.count(encode.rate(observations, self.steps))
        return self.readout.actions(counts[self.output], self.steps), counts

    def __call__(self, state: S) -> Floats:
        """Actions (E, n)."""
        return self.decide(self.world.observe(state))[0]


class Tallied(Generic[S]):
    """A policy, and how often each of its neurons fired in each episode.

    Args:
        policy: Which.
        episodes: How many are run, numbered from 0.
    """

    def __init__(self, policy: SpikingPolicy[S], episodes: int) -> None:
        self._policy = policy
        self._decisions = np.zeros(episodes, np.int64)
        self._sums: NDArray[np.int64] | None = None

    def __call__(self, state: S) -> Floats:
        """Actions (E, n)."""
        actions, counts = self._policy.decide(self._policy.world.observe(state))
        every = np.concatenate(list(counts.values()), axis=1)
        if self._sums is None:
            self._sums = np.zeros((len(self._decisions), every.shape[1]), np.int64)
        self._sums[state.episode] += every
        self._decisions[state.episode] += 1
        return actions

    @property
    def rates(self) -> Floats:
        """(episodes, neurons) spikes per chip step, of all populations in the network's order; 0 where none was run."""
        if self._sums is None:
            return np.zeros((len(self._decisions), 0))
        rates: Floats = self._sums / (np.maximum(self._decisions, 1)[:, None] * self._policy.steps)
        return rates


def _live(spikes: NDArray[np.uint8], start: int, steps: int) -> NDArray[np.int64]:
    counted: NDArray[np.int64] = spikes[:, start : start + steps].sum(axis=1, dtype=np.int64)
    return counted
