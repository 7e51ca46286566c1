"""One adapted layer: what the host keeps of it between two inferences, and what it writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from neurodeploy.adapt.registers import GainRegisters, adaptable
from neurodeploy.adapt.rules import FINE_BITS, GAIN_ONE, floor_of, next_gain, relative_change
from neurodeploy.adapt.settings import Adaptation
from neurodeploy.adapt.traces import RATE_BITS, Dice, Ints, Traces, follow, spread
from neurodeploy.adapt.weights import Plastic
from neurodeploy.chipnet import ChipNetwork
from neurodeploy.simulate.counters import HostWork
from neurodeploy.target import Target

TRACE, MOMENT, MEAN = 3, 4, 3
"""Operations of the host per neuron for each trace: difference, shift, sum; the second one squares first."""
SPREAD = {"layer": 3, "time": 7, "one": 0}
CHANGE = {"homeo_gain": 6, "bcm_gain": 10, "bcm_add": 8}
GAIN = 4
REGISTERS = 7
SYNAPSE = 6
"""And for k, the rule's change, the gain, two registers, and each synapse of ``bcm_add``."""


@dataclass
class Layer:
    """State of one population, and the registers it makes.

    Attributes:
        name: The population.
        steps: Of an inference.
        nominal: Rates to hold, Q8 per inference, none below the least.
        gains: Where gains write; None for ``bcm_add``.
        synapses: What ``bcm_add`` changes.
        start: Traces at the start; ``sources``: those of what the synapses hear.
    """

    name: str
    steps: int
    nominal: Ints
    gains: GainRegisters | None
    synapses: tuple[Plastic, ...]
    start: Traces
    sources: Mapping[str, Ints]

    def __post_init__(self) -> None:
        self.reset()

    @classmethod
    def of(
        cls,
        net: ChipNetwork,
        name: str,
        rules: Adaptation,
        rates: Mapping[str, Ints],
        steps: int,
        target: Target | None,
    ) -> Layer:
        """Of a population; SimulationError where the rule cannot adapt it."""
        adaptable(net.populations[name])
        synapses = Plastic.into(net, name, rules, target) if rules.rule == "bcm_add" else ()
        gains = None if synapses else GainRegisters.of(net.populations[name], target)
        sources = {p.projection.source: rates[p.projection.source] for p in synapses}
        return cls(name, steps, floor_of(rates[name], steps), gains, synapses, Traces.nominal(rates[name]), sources)

    @classmethod
    def side_by_side(cls, layers: Sequence[Layer]) -> Layer:
        """The same layer of several networks as one, all arrays with a first axis (networks,)."""
        first = layers[0]
        gains = [layer.gains for layer in layers if layer.gains is not None]
        return cls(
            first.name,
            first.steps,
            np.stack([layer.nominal for layer in layers]),
            GainRegisters(*(np.stack([getattr(g, f.name) for g in gains]) for f in fields(GainRegisters)))
            if gains
            else None,
            tuple(Plastic.side_by_side(each) for each in zip(*(layer.synapses for layer in layers), strict=True)),
            Traces(*(np.stack([getattr(layer.start, f.name) for layer in layers]) for f in fields(Traces))),
            {name: np.stack([layer.sources[name] for layer in layers]) for name in first.sources},
        )

    def reset(self) -> None:
        """As trained: nominal traces, gains of one, compiled weights."""
        self.traces = self.start
        self.before = dict(self.sources)
        self.gain = np.full(self.start.rate.shape, GAIN_ONE << FINE_BITS)
        self.weights = [p.trained for p in self.synapses]
        self.registers = {} if self.gains is None else self.gains.at(self.gain >> FINE_BITS)

    def after(self, counts: Mapping[str, Ints], rules: Adaptation, dice: Dice) -> HostWork:
        """Take in the spike counts of one more inference; what that cost."""
        self.traces = self.traces.after(counts[self.name], rules, dice)
        k = spread(self.traces, rules)
        n = self.traces.rate.size
        moments = rules.rule != "homeo_gain" or rules.cv == "time"
        operations = n * (
            TRACE + MOMENT * moments + MEAN * (rules.cv == "time") + SPREAD[rules.cv] + CHANGE[rules.rule]
        )
        if self.gains is None:
            reads, writes, more = self._change_weights(counts, rules, k, dice)
            return HostWork(n + reads, writes, operations + more)
        change = relative_change(rules, self.traces, self.nominal, k)
        self.gain = next_gain(self.gain, change, self.gains.low, self.gains.high)
        old, self.registers = self.registers, self.gains.at(self.gain >> FINE_BITS)
        writes = sum(int(np.count_nonzero(old[r] != values)) for r, values in self.registers.items())
        return HostWork(n, writes, operations + n * (GAIN + REGISTERS))

    def _change_weights(
        self, counts: Mapping[str, Ints], rules: Adaptation, k: Ints, dice: Dice
    ) -> tuple[int, int, int]:
        """Reads, writes and operations that the synapses took."""
        reads = writes = operations = 0
        for source, trace in self.before.items():
            self.before[source] = follow(trace, counts[source] << RATE_BITS, rules.trace_shift, rules, dice)
            reads += trace.size
            operations += TRACE * trace.size
        for i, plastic in enumerate(self.synapses):
            old, before = self.weights[i], self.before[plastic.projection.source]
            self.weights[i] = plastic.after(old, rules, self.traces, before, self.nominal, k, self.steps, dice)
            writes += int(np.count_nonzero(old != self.weights[i]))
            operations += SYNAPSE * old.size
        return reads, writes, operations

    @property
    def at_limit(self) -> NDArray[np.float64]:
        """Share of the gains, or of all weights those that have moved and stand at a limit; 0-d, or (networks,)."""
        if self.gains is not None:
            g = self.gain >> FINE_BITS
            stands = ((g <= self.gains.low) | (g >= self.gains.high)) & self.gains.adapts
            return np.asarray(stands.sum(axis=-1) / self.gains.adapts.sum(axis=-1))
        stopped, number = np.zeros(self.start.rate.shape[:-1]), 0
        for p, weights in zip(self.synapses, self.weights, strict=True):
            stands = (weights != p.trained) & ((weights == p.low) | (weights == p.high))
            stopped = stopped + stands.sum(axis=(-2, -1))
            number += p.trained.shape[-2] * p.trained.shape[-1]
        return stopped / number
