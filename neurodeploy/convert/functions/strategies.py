"""Truth tables as gates, in three exact ways; their counts are bounded by the formulas beside them.

M is the number of windows for which the function is 1, n the bits of a window, all of a function with f(0) = 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from neurodeploy.convert.functions.gates import Netlist, Signal
from neurodeploy.convert.functions.separate import separated
from neurodeploy.convert.functions.table import Table
from neurodeploy.errors import ModelError

STRATEGIES = ("gate", "flat", "split")
LARGEST_WEIGHT = 63
"""Of a gate: twice that is what 8 bits hold."""


class Bound(NamedTuple):
    """Most neurons and weights that a strategy needs."""

    neurons: int
    weights: int


def bound(strategy: str, table: Table) -> Bound:
    """gate: 1, n; flat: M + 1, M (n + 1); split: 2^a + 2^b, (2^a - 1) a + 2^b (b + 2^a) with a = n // 2, b = n - a."""
    n, ones = table.bits, int(table.values.sum())
    if strategy == "gate":
        return Bound(1, n)
    if strategy == "flat":
        return Bound(ones + 1, ones * (n + 1))
    a, b = n // 2, n - n // 2
    return Bound(2**a + 2**b, (2**a - 1) * a + 2**b * (b + 2**a))


def synthesise(net: Netlist, table: Table, inputs: Sequence[Signal], strategy: str | None) -> Signal:
    """Add the gates of a table with f(0) = 0, some window of which is 1.

    Args:
        net: Where they are added.
        table: The function.
        inputs: What its inputs are.
        strategy: ``gate``, ``flat`` or ``split``; None: that of the fewest neurons, then weights, then ticks.

    Raises:
        ModelError: ``gate``, and no single gate equals it.
    """
    made = _WAYS[strategy or fewest(table)](net, table, inputs)
    if made is None:
        raise ModelError(
            "no single gate equals it" if strategy == "gate" else "one bit has no halves",
            where="truth table",
            remedy="choose strategy flat, or none",
        )
    return made


def fewest(table: Table) -> str:
    """The strategy of the fewest neurons, then weights, then ticks."""
    tried = []
    for name in STRATEGIES:
        alone = Netlist(table.inputs)
        output = _WAYS[name](alone, table, [alone.input(k) for k in range(table.inputs)])
        if output is not None:
            weights = sum(len(gate.taps) for gate in alone.gates)
            tried.append((len(alone.gates), weights, output.depth, name))
        if name == "gate" and tried:
            break
    return min(tried)[3]


def _bits(table: Table, inputs: Sequence[Signal]) -> list[tuple[Signal, int]]:
    """Signal and age of each bit of the window."""
    return [(inputs[i % table.inputs], i // table.inputs) for i in range(table.bits)]


def _gate(net: Netlist, table: Table, inputs: Sequence[Signal]) -> Signal | None:
    found = separated(table, LARGEST_WEIGHT)
    if found is None:
        return None
    weights, threshold = found
    terms = [(*bit, int(w)) for bit, w in zip(_bits(table, inputs), weights, strict=True) if w]
    return net.gate(terms, threshold)


def _flat(net: Netlist, table: Table, inputs: Sequence[Signal]) -> Signal:
    """A gate for each window that is 1, which fires for it alone, and one that hears them all."""
    bits = _bits(table, inputs)
    return net.any_of([_detector(net, bits, pattern) for pattern in table.patterns])


def _detector(
    net: Netlist,
    bits: Sequence[tuple[Signal, int]],
    pattern: Sequence[int],
    more: Sequence[tuple[Signal, int, int]] = (),
    extra: int = 0,
) -> Signal:
    """Weight +1 where the pattern is 1, -1 where it is 0: only the pattern itself reaches its number of ones."""
    terms = [(*bit, 1 if one else -1) for bit, one in zip(bits, pattern, strict=True)]
    return net.gate([*terms, *more], int(sum(pattern)) + extra)


def _split(net: Netlist, table: Table, inputs: Sequence[Signal]) -> Signal | None:
    """The first half of the bits are detected one by one; rows of the second half hear those they go with.

    Row b fires iff B = b and A is in F_b = {a: f(a, b) = 1}: with 0 outside F_b it needs one of its detectors, with 0
    inside none of those outside F_b may fire (b is then not 0, since f(0) = 0).
    """
    n1 = table.bits // 2
    if n1 == 0:
        return None
    bits = _bits(table, inputs)
    values = table.values.reshape(2 ** (table.bits - n1), 2**n1)
    rows = np.flatnonzero(values.any(1))
    detectors = {}

    def detector(a: int) -> Signal:
        if a not in detectors:
            detectors[a] = _detector(net, bits[:n1], [a >> i & 1 for i in range(n1)])
        return detectors[a]

    found = []
    for b in rows:
        pattern = [int(b) >> i & 1 for i in range(table.bits - n1)]
        inside = set(np.flatnonzero(values[b]).tolist())
        if 0 in inside:
            more = [(detector(a), 0, -1) for a in range(1, 2**n1) if a not in inside]
            found.append(_detector(net, bits[n1:], pattern, more))
        else:
            more = [(detector(a), 0, 1) for a in sorted(inside)]
            found.append(_detector(net, bits[n1:], pattern, more, extra=1))
    return net.any_of(found)


_WAYS = {"gate": _gate, "flat": _flat, "split": _split}
