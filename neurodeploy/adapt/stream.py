"""What a stream of inferences was: counts, scores, and what adapting took."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.adapt.nominal import Nominal
from neurodeploy.adapt.traces import RATE_BITS
from neurodeploy.chipnet import ChipNetwork
from neurodeploy.errors import SimulationError
from neurodeploy.evaluate import accuracy
from neurodeploy.program import Program
from neurodeploy.semantics import SPIKE_READOUTS
from neurodeploy.simulate.counters import Counters, HostWork, add_counters
from neurodeploy.simulate.counting import count
from neurodeploy.simulate.plan import Plan, WholeOutcome
from neurodeploy.simulate.readout import scores
from neurodeploy.simulate.run import Run

RUNAWAY = 0.1
"""A layer of which more than this share of gains or moved weights stands at a limit is reported."""


@dataclass(frozen=True, eq=False)
class Stream:
    """Result of a stream; every array's first axis is the sample.

    Attributes:
        counts: Spikes per inference of every population that sends some, int32 (N, n).
        scores: Of the classes, (N, classes); None where there is no single output.
        writes: Registers, or weights, written after each sample, (N,).
        at_limit: By adapted layer, the share of gains or moved weights that stood at a limit in the end.
        counters: As of a run of all samples, with the host's work; None where they were not asked for.
        steps: Steps of an inference.
        nominal: Rates that were to be held; None with the rule off and none given.
    """

    counts: Mapping[str, NDArray[np.int32]]
    scores: NDArray[np.float64] | None
    writes: NDArray[np.int64]
    at_limit: Mapping[str, float]
    counters: Counters | None
    steps: int
    nominal: Nominal | None

    @property
    def runaway(self) -> tuple[str, ...]:
        """Layers that only their limits hold."""
        return tuple(name for name, share in self.at_limit.items() if share > RUNAWAY)

    def accuracy(self, labels: NDArray[np.int64], chosen: slice = slice(None)) -> float:
        """Share of the chosen samples that are classified right; after the burn-in: ``slice(len // 2, None)``.

        Raises:
            SimulationError: Several outputs, or labels that are none of their neurons.
        """
        if self.scores is None:
            raise SimulationError("there is no single output", where="stream", remedy="compile with --output NAME")
        return accuracy(self.scores[chosen], labels[chosen])

    def rate_error(self, name: str, chosen: slice = slice(None)) -> float:
        """Mean over a layer's neurons of \\|rate - nominal rate\\|, spikes per step, rates over the chosen samples."""
        if self.nominal is None:
            raise SimulationError("there are no nominal rates", where="stream", remedy="give nominal=...")
        mean = self.counts[name][chosen].mean(axis=0)
        return float(np.abs(mean - self.nominal.rates[name] / (1 << RATE_BITS)).mean()) / self.steps


class Tally:
    """Gathers a part of a stream.

    Args:
        net: What runs.
        program: The same with its mapping, for packets and times; None for a network by hand.
        samples: (n, T, *shape).
        live_steps: Of every population.
        counted: Whether counters are wanted.
    """

    def __init__(
        self, net: ChipNetwork, program: Program | None, samples: NDArray[Any], live_steps: int, *, counted: bool
    ) -> None:
        self._net, self._program, self._live, self._counted = net, program, live_steps, counted
        self._steps, self._samples = live_steps + net.latency_steps, samples
        self._names = [source for name in net.populations for source in net.outputs_of(name)]
        self._sent: dict[str, NDArray[Any]] = {
            name: np.zeros(
                (len(samples), self._steps, net.size_of(name)), np.int32 if net.message_bits_of(name) else np.uint8
            )
            for name in self._names
        }
        self._v: list[NDArray[Any]] = []
        self._sums: dict[str, dict[str, int]] = {
            key: dict.fromkeys(net.populations, 0) for key in ("active", "wraps", "saturations", "syn_ops")
        }

    def add(self, i: int, run: Run) -> None:
        """Sample number i of the part."""
        for name in self._names:
            self._sent[name][i] = run.spikes[name].reshape(self._steps, -1)
        for states in run.states.values():
            self._v.append(states["v"].reshape(self._steps, -1))
        if self._counted:
            for name in self._net.populations:
                c = run.counters.populations[name]
                for key, value in zip(self._sums, (c.active_updates, c.wraps, c.saturations, c.syn_ops), strict=True):
                    self._sums[key][name] += value

    def counts(self, i: int) -> dict[str, NDArray[np.int64]]:
        """Spikes of every sender of spikes in sample i, (n,)."""
        port = next(iter(self._net.inputs))
        found = {
            name: sent[i].sum(axis=0, dtype=np.int64)
            for name, sent in self._sent.items()
            if not self._net.message_bits_of(name)
        }
        if not self._net.message_bits_of(port):
            found[port] = (self._samples[i] != 0).reshape(len(self._samples[i]), -1).sum(axis=0, dtype=np.int64)
        return found

    def scores(self, output: str, kind: str) -> NDArray[np.float64]:
        """Scores of an output, (n, classes)."""
        population = self._net.populations[output]
        window = slice(population.start, population.start + self._live)
        if kind in SPIKE_READOUTS:
            return scores(kind, self._sent[output][:, window], None)
        scale = np.ones(()) if population.scale is None else population.scale
        return scores(kind, None, np.stack(self._v)[:, window] / scale + population.offset)

    def counters(self, host: HostWork | None) -> Counters:
        """As of a run of these samples."""
        (port,) = self._net.inputs
        messages = self._samples.reshape(*self._samples.shape[:2], -1)
        plan = Plan(self._net, {port: messages}, self._steps, self._live, {}, False)
        sent = {name: int(np.count_nonzero(values)) for name, values in {**self._sent, port: messages}.items()}
        s = self._sums
        outcome = WholeOutcome(self._sent, {}, s["active"], s["wraps"], s["saturations"], s["syn_ops"], sent)
        placed = None if self._program is None else (self._program.mapping, self._program.target)
        return replace(count(plan, outcome, placed), host=host)


def joined(parts: list[Counters]) -> Counters | None:
    """Counters of all parts."""
    return reduce(add_counters, parts) if parts else None
