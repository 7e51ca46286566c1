"""Truth tables over a window of spikes: y[t] = f(x[t - m + 1 .. t]).

Of d inputs and m ticks, bit i = k * d + j of an entry's number is what input j sent k ticks ago; before tick 0 nobody
sent anything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import ModelError

MOST_BITS = 20
"""Of a window that a table is made for."""

Bits = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Table:
    """A function of a window.

    Attributes:
        values: uint8 (2^n,), n = inputs * memory.
        inputs: d, at least 1.
        memory: m, at least 1.
    """

    values: Bits
    inputs: int
    memory: int

    @classmethod
    def of(cls, values: Any, inputs: int, memory: int) -> Table:
        """From 2^(inputs * memory) zeros and ones.

        Raises:
            ModelError: Another number of them, other values, or a window of more than ``MOST_BITS``.
        """
        bits = window_bits(inputs, memory)
        given = np.asarray(values)
        if given.shape != (2**bits,):
            raise ModelError(
                f"a table of shape {given.shape}",
                where="truth table",
                remedy=f"give 2^{bits} = {2**bits} values for {inputs} inputs and {memory} ticks",
            )
        if given.dtype.kind not in "biuf" or not np.all((given == 0) | (given == 1)):
            wrong = given[~((given == 0) | (given == 1))] if given.dtype.kind in "biuf" else given
            raise ModelError(f"it holds {wrong.ravel()[0]}", where="truth table", remedy="give 0 and 1")
        return cls(given.astype(np.uint8), inputs, memory)

    @classmethod
    def from_predicate(cls, predicate: Callable[[Bits], Any], inputs: int, memory: int) -> Table:
        """Ask ``predicate`` of every window, uint8 (memory, inputs) with the newest tick first.

        Raises:
            ModelError: A window of more than ``MOST_BITS``.
        """
        patterns = all_patterns(window_bits(inputs, memory))
        return cls.of([bool(predicate(p.reshape(memory, inputs))) for p in patterns], inputs, memory)

    @property
    def bits(self) -> int:
        """n = d * m."""
        return self.inputs * self.memory

    @property
    def patterns(self) -> Bits:
        """The windows for which it is 1, (M, n)."""
        chosen = np.flatnonzero(self.values)
        return ((chosen[:, None] >> np.arange(self.bits)) & 1).astype(np.uint8)

    def inverted(self, flipped: NDArray[np.int64], output: bool) -> Table:
        """The table of the opposite of some inputs (indices), and of the opposite function."""
        number = np.arange(len(self.values))
        for j in flipped:
            for k in range(self.memory):
                number ^= 1 << (k * self.inputs + int(j))
        return Table(self.values[number] ^ np.uint8(output), self.inputs, self.memory)

    def on(self, trains: Bits, before: Bits | None = None) -> Bits:
        """y (..., T) of trains x (..., T, d); ``before``, (d,), is what was sent before tick 0: by default nothing."""
        past = np.zeros(self.inputs, np.uint8) if before is None else before
        steps = trains.shape[-2]
        padding = np.broadcast_to(past, (*trains.shape[:-2], self.memory - 1, self.inputs))
        padded = np.concatenate([padding, trains], axis=-2)
        number = np.zeros(trains.shape[:-1], np.int64)
        for k in range(self.memory):
            window = padded[..., self.memory - 1 - k : self.memory - 1 - k + steps, :].astype(np.int64)
            number |= (window << (k * self.inputs + np.arange(self.inputs))).sum(-1)
        return self.values[number]


def read_table(given: str) -> list[int]:
    """Digits 0 and 1, or those in a file; blanks and line ends do not count.

    Raises:
        ModelError: Neither, or other characters.
    """
    text, path = given, Path(given)
    if not set(given) <= set("01 "):
        if not path.is_file():
            raise ModelError(f"'{given}'", where="--table", remedy="give digits 0 and 1, or a file of them")
        text = path.read_bytes().decode("utf-8", "replace")
    digits = "".join(text.split())
    if not digits or set(digits) - set("01"):
        wrong = sorted(set(digits) - set("01"))
        raise ModelError(
            f"it holds {wrong[0]!r}" if wrong else "it is empty", where=given, remedy="write digits 0 and 1 only"
        )
    return [int(digit) for digit in digits]


def window_bits(inputs: int, memory: int) -> int:
    """n = d * m; ModelError where it is none, or too many for a table."""
    if inputs < 1 or memory < 1:
        raise ModelError(f"{inputs} inputs, {memory} ticks", where="truth table", remedy="give at least one of each")
    if inputs * memory > MOST_BITS:
        raise ModelError(
            f"a window of {inputs} inputs x {memory} ticks = {inputs * memory} bits",
            where="truth table",
            remedy=f"a table holds at most {MOST_BITS} bits: compose the function of smaller ones, for example "
            "'count(x[0], 40) >= 7 & ~x[1]'",
        )
    return inputs * memory


def all_patterns(bits: int) -> Bits:
    """Every window, (2^bits, bits), in the order of a table."""
    return ((np.arange(2**bits)[:, None] >> np.arange(bits)) & 1).astype(np.uint8)
