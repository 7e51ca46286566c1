"""Functions of spike trains as expressions: what each says of trains, and the gates that say the same.

``on`` is the golden model, which knows nothing of gates; ``signal`` adds gates to a netlist. ``rest`` is what an
expression says of silence, and so of the time before tick 0.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neurodeploy.convert.functions.gates import Netlist, Signal
from neurodeploy.convert.functions.strategies import LARGEST_WEIGHT, synthesise
from neurodeploy.convert.functions.table import Bits, Table
from neurodeploy.errors import ModelError

CLOCK = "name an input that spikes in every tick as the clock, or write the function so that silence gives silence"


class Expression(ABC):
    """A causal function of trains of spikes that does the same at all times."""

    @property
    @abstractmethod
    def rest(self) -> int:
        """0 or 1, of silence."""

    @abstractmethod
    def on(self, trains: Bits) -> Bits:
        """(..., T) uint8, of trains (..., T, d)."""

    @abstractmethod
    def signal(self, net: Netlist) -> Signal:
        """The same by gates, inverted where ``rest`` is 1."""


@dataclass(frozen=True)
class Input(Expression):
    """What input ``number`` sends now: ``x[number]``."""

    number: int
    rest = 0

    def on(self, trains: Bits) -> Bits:
        train: Bits = trains[..., self.number]
        return train

    def signal(self, net: Netlist) -> Signal:
        return net.input(self.number)


@dataclass(frozen=True)
class Not(Expression):
    """``~e``."""

    e: Expression

    @property
    def rest(self) -> int:
        return 1 - self.e.rest

    def on(self, trains: Bits) -> Bits:
        opposite: Bits = 1 - self.e.on(trains)
        return opposite

    def signal(self, net: Netlist) -> Signal:
        return ~self.e.signal(net)


@dataclass(frozen=True)
class All(Expression):
    """``a & b & ...``: one gate, with weights of -1 for opposites."""

    parts: tuple[Expression, ...]

    @property
    def rest(self) -> int:
        return min(e.rest for e in self.parts)

    def on(self, trains: Bits) -> Bits:
        every: Bits = np.minimum.reduce([e.on(trains) for e in self.parts])
        return every

    def signal(self, net: Netlist) -> Signal:
        return all_of(net, [e.signal(net) for e in self.parts])


@dataclass(frozen=True)
class Any(Expression):
    """``a | b | ...``."""

    parts: tuple[Expression, ...]

    @property
    def rest(self) -> int:
        return max(e.rest for e in self.parts)

    def on(self, trains: Bits) -> Bits:
        some: Bits = np.maximum.reduce([e.on(trains) for e in self.parts])
        return some

    def signal(self, net: Netlist) -> Signal:
        return ~all_of(net, [~e.signal(net) for e in self.parts])


@dataclass(frozen=True)
class Xor(Expression):
    """``a ^ b``: either without the other."""

    a: Expression
    b: Expression

    @property
    def rest(self) -> int:
        return self.a.rest ^ self.b.rest

    def on(self, trains: Bits) -> Bits:
        return self.a.on(trains) ^ self.b.on(trains)

    def signal(self, net: Netlist) -> Signal:
        a, b = self.a.signal(net), self.b.signal(net)
        inverted = a.inverted != b.inverted
        a, b = (~s if s.inverted else s for s in (a, b))
        either = net.any_of([net.gate([(a, 0, 1), (b, 0, -1)], 1), net.gate([(b, 0, 1), (a, 0, -1)], 1)])
        return ~either if inverted else either


@dataclass(frozen=True)
class Prev(Expression):
    """``prev(e, k)``: e, k ticks earlier."""

    e: Expression
    ticks: int

    @property
    def rest(self) -> int:
        return self.e.rest

    def on(self, trains: Bits) -> Bits:
        return ago(self.e.on(trains), self.ticks, self.e.rest)

    def signal(self, net: Netlist) -> Signal:
        return self.e.signal(net).ago(self.ticks)


@dataclass(frozen=True)
class Count(Expression):
    """``count(e, m) >= k``: e in k or more of the last m ticks, this one included; one gate. 1 <= k <= m."""

    e: Expression
    ticks: int
    least: int

    @property
    def rest(self) -> int:
        return self.e.rest

    def on(self, trains: Bits) -> Bits:
        now = self.e.on(trains)
        total = sum(ago(now, k, self.e.rest).astype(np.int64) for k in range(self.ticks))
        return np.asarray(total >= self.least, np.uint8)

    def signal(self, net: Netlist) -> Signal:
        e = self.e.signal(net)
        if e.inverted:  # k of m are silent unless m - k + 1 are not
            return ~net.gate([(~e, k, 1) for k in range(self.ticks)], self.ticks - self.least + 1)
        return net.gate([(e, k, 1) for k in range(self.ticks)], self.least)


@dataclass(frozen=True)
class Within(Expression):
    """``within(a, b, k)``: a now, and b in any of the last k ticks, this one included; one gate."""

    a: Expression
    b: Expression
    ticks: int

    @property
    def rest(self) -> int:
        return self.a.rest & self.b.rest

    def on(self, trains: Bits) -> Bits:
        recent: Bits = np.maximum.reduce([ago(self.b.on(trains), k, self.b.rest) for k in range(self.ticks)])
        return self.a.on(trains) & recent

    def signal(self, net: Netlist) -> Signal:
        a, b = self.a.signal(net), self.b.signal(net)
        if a.inverted or b.inverted or self.ticks > LARGEST_WEIGHT:
            return all_of(net, [a, ~all_of(net, [~b.ago(k) for k in range(self.ticks)])])
        return net.gate([(a, 0, self.ticks), *((b, k, 1) for k in range(self.ticks))], self.ticks + 1)


@dataclass(frozen=True)
class Every(Expression):
    """``every(e, m)``: every m-th spike of e. It remembers for ever, so no table and no window holds it."""

    e: Expression
    number: int
    rest = 0

    def on(self, trains: Bits) -> Bits:
        e = self.e.on(trains)
        whole = np.cumsum(e, axis=-1, dtype=np.int64) % self.number == 0
        return e & np.asarray(whole, np.uint8)

    def signal(self, net: Netlist) -> Signal:
        e = self.e.signal(net)
        if e.inverted:
            raise ModelError("every counts spikes that are there in silence", where="expression", remedy=CLOCK)
        return net.gate([(e, 0, 1)], self.number, counts=True)


@dataclass(frozen=True, eq=False)
class Of(Expression):
    """A truth table of expressions."""

    table: Table
    parts: tuple[Expression, ...]
    strategy: str | None = None

    @property
    def rest(self) -> int:
        return int(self._of_gates.values[0])

    @property
    def at_rest(self) -> Table:
        """The table of what gates send: of its inputs' and of its own, which are silent at rest."""
        return self._of_gates.inverted(np.zeros(0, np.int64), bool(self.rest))

    @property
    def _of_gates(self) -> Table:
        return self.table.inverted(np.flatnonzero([e.rest for e in self.parts]), False)

    def on(self, trains: Bits) -> Bits:
        inputs = np.stack([e.on(trains) for e in self.parts], axis=-1)
        return self.table.on(inputs, np.array([e.rest for e in self.parts], np.uint8))

    def signal(self, net: Netlist) -> Signal:
        signals = [~s if s.inverted else s for s in (e.signal(net) for e in self.parts)]
        table = self.at_rest
        made = synthesise(net, table, signals, self.strategy) if table.values.any() else never(net, signals)
        return ~made if self.rest else made


def all_of(net: Netlist, signals: Sequence[Signal]) -> Signal:
    """All at once; only opposites of what gates send together are the opposite of any of them."""
    given = [s for s in signals if not s.inverted]
    if not given:
        opposites = [~s for s in signals]
        same = len({(s.source, s.age) for s in opposites}) == 1
        return ~(opposites[0] if same else net.gate([(s, 0, 1) for s in opposites], 1))
    if len(signals) == 1:
        return signals[0]
    return net.gate([*((s, 0, 1) for s in given), *((~s, 0, -1) for s in signals if s.inverted)], len(given))


def never(net: Netlist, signals: Sequence[Signal]) -> Signal:
    """A gate that stays silent."""
    return net.gate([(signals[0], 0, 1), (signals[0], 0, -1)], 1)


def ago(train: Bits, ticks: int, rest: int) -> Bits:
    """(..., T), ``ticks`` earlier; ``rest`` before the start."""
    if not ticks:
        return train
    before = np.full((*train.shape[:-1], min(ticks, train.shape[-1])), rest, train.dtype)
    return np.concatenate([before, train[..., : max(0, train.shape[-1] - ticks)]], axis=-1)


def silent_at_rest(e: Expression, clock: int | None) -> Expression | None:
    """The same where the clock ticks, in gates that send nothing in silence; None where that needs a clock."""
    if not e.rest:
        return e
    return None if clock is None else All((e, Input(clock)))
