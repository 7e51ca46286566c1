"""Networks of memoryless threshold gates, before they are any chip's neurons.

A gate fires in a tick iff the weights that arrive in it add up to its threshold or more, and forgets them. A spike of
tick t on a tap with delay D arrives at t + 1 + D. Thresholds are at least 1, so silence gives silence. A counter is the
one gate that remembers: it adds up what arrives until it fires, and then begins from 0.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Tap:
    """One synapse of a gate.

    Attributes:
        source: Number of a gate, or ``-1 - k`` for input k.
        delay: Ticks more than the one of every synapse, >= 0.
        weight: A whole number but 0.
    """

    source: int
    delay: int
    weight: int


@dataclass(frozen=True)
class Gate:
    """A neuron.

    Attributes:
        taps: What it hears.
        threshold: At least 1.
        depth: Ticks by which it lags the input: its output at t + depth belongs to tick t.
        counts: Whether it keeps what arrived until it fires.
    """

    taps: tuple[Tap, ...]
    threshold: int
    depth: int
    counts: bool = False


@dataclass(frozen=True)
class Signal:
    """What a gate or an input says.

    Attributes:
        source: As of a :class:`Tap`.
        depth: Ticks by which it lags the input.
        inverted: Whether it stands for its opposite, which no gate can send without a clock.
        age: So many ticks ago.
    """

    source: int
    depth: int
    inverted: bool = False
    age: int = 0

    def __invert__(self) -> Signal:
        return replace(self, inverted=not self.inverted)

    def ago(self, ticks: int) -> Signal:
        """The same, so many ticks earlier."""
        return replace(self, age=self.age + ticks)


@dataclass
class Netlist:
    """Gates in the order in which they are added; equal ones are one.

    Attributes:
        inputs: Number of inputs.
        gates: So far.
    """

    inputs: int
    gates: list[Gate] = field(default_factory=list)
    _known: dict[tuple[frozenset[Tap], int, bool], int] = field(default_factory=dict)

    def input(self, k: int) -> Signal:
        """The signal of an input."""
        return Signal(-1 - k, 0)

    def gate(self, terms: list[tuple[Signal, int, int]], threshold: int, *, counts: bool = False) -> Signal:
        """A gate on (signal, age in ticks, weight), delays balanced: all terms speak of the same tick.

        Terms of one signal and age are added up. Inverted signals are not gates' business.
        """
        depth = max(signal.depth for signal, _, _ in terms)
        added: dict[tuple[int, int], int] = {}
        for signal, age, weight in terms:
            assert not signal.inverted
            at = signal.source, depth - signal.depth + signal.age + age
            added[at] = added.get(at, 0) + weight
        taps = tuple(Tap(source, delay, weight) for (source, delay), weight in added.items() if weight)
        key = frozenset(taps), threshold, counts
        if key not in self._known:
            self._known[key] = len(self.gates)
            self.gates.append(Gate(taps, threshold, depth + 1, counts))
        return Signal(self._known[key], depth + 1)

    def any_of(self, signals: list[Signal]) -> Signal:
        """One spike or more; a single signal needs no gate."""
        return signals[0] if len(signals) == 1 else self.gate([(s, 0, 1) for s in signals], 1)

    def reached_from(self, output: Signal) -> Netlist:
        """Without gates that the output does not depend on; their numbers stay in order, and it is the last."""
        needed, waiting = set(), [output.source]
        while waiting:
            number = waiting.pop()
            if number >= 0 and number not in needed:
                needed.add(number)
                waiting += [tap.source for tap in self.gates[number].taps]
        new = {old: k for k, old in enumerate(sorted(needed))}
        kept = Netlist(self.inputs)
        for old in sorted(needed):
            gate = self.gates[old]
            taps = tuple(Tap(new.get(t.source, t.source), t.delay, t.weight) for t in gate.taps)
            kept.gates.append(Gate(taps, gate.threshold, gate.depth, gate.counts))
        return kept
