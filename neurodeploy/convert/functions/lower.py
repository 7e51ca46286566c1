"""Gates as ``cuba`` neurons of a target.

A weight w is 2 w on the chip, whose mixed-sign weights of 8 bits are even; a threshold of k is v > (2 k - 1) << 6. The
current forgets by du = 4095. The membrane has to forget as well: by dv = 4096, or where the register is too narrow by
dv = 4095, which leaves nothing of what is below 64 units of weight, or by a reset in every step.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
from scipy.sparse import coo_array

from neurodeploy.chipnet import ChipNetwork
from neurodeploy.convert.functions.gates import Gate, Netlist
from neurodeploy.errors import UnsupportedFeature
from neurodeploy.target import Target

UNIT = 2
"""Weight on the chip of a weight of 1."""
FORGOTTEN = 64
"""Weight units below which dv = 4095 leaves nothing: rtz(63 * 64 / 4096) = 0."""
INPUT, OUTPUT = "in", "out"

Key = tuple[int, bool]
"""Depth, and whether its gates count."""


def lowered(net: Netlist, target: Target) -> ChipNetwork:
    """A population for all gates of a depth, counters apart; the last gate is ``out``.

    Raises:
        UnsupportedFeature: The target's membranes cannot forget what a gate adds up, or its threshold is too small.
    """
    chip = ChipNetwork()
    chip.add_input(INPUT, shape=(net.inputs,))
    members: dict[Key, list[int]] = defaultdict(list)
    for number, gate in enumerate(net.gates[:-1]):
        members[gate.depth, gate.counts].append(number)
    at: dict[int, tuple[str, int]] = {-1 - k: (INPUT, k) for k in range(net.inputs)}
    for key in sorted(members):
        name = f"counters{key[0]}" if key[1] else f"gates{key[0]}"
        _add(chip, name, [net.gates[number] for number in members[key]], target)
        at |= {number: (name, k) for k, number in enumerate(members[key])}
    _add(chip, OUTPUT, [net.gates[-1]], target)
    at[len(net.gates) - 1] = OUTPUT, 0
    synapses: dict[tuple[str, str, int], list[tuple[int, int, int]]] = defaultdict(list)
    for number, gate in enumerate(net.gates):
        name, place = at[number]
        for tap in gate.taps:
            source, column = at[tap.source]
            synapses[source, name, tap.delay].append((UNIT * tap.weight, place, column))
    for (source, name, delay), entries in synapses.items():
        weights, rows, columns = np.array(entries).T
        matrix = coo_array((weights, (rows, columns)), shape=(chip.size_of(name), chip.size_of(source))).tocsr()
        chip.connect(source, name, matrix, kind="sparse", delays=delay)
    return chip


def _add(chip: ChipNetwork, name: str, gates: list[Gate], target: Target) -> None:
    thresholds = [UNIT * gate.threshold - 1 for gate in gates]
    largest = target.compartment.vth_mantissa_max.value
    if max(thresholds) > largest:
        raise UnsupportedFeature(
            f"a threshold of {max(thresholds)} (of {largest})",
            where="function compiler",
            remedy="compose the function of smaller ones, or choose another target",
        )
    memory = {"dv": 0} if gates[0].counts else _forgetting(gates, target)
    chip.add_population(
        name, shape=(len(gates),), du=4095, vth=np.array(thresholds), reset="zero", start=gates[0].depth, **memory
    )


def _forgetting(gates: list[Gate], target: Target) -> dict[str, Any]:
    """Fields by which nothing of a tick is left in the next one."""
    if target.compartment.dv_max.value >= 4096:
        return {"dv": 4096}
    kept = max(UNIT * gate.threshold - 1 for gate in gates)  # what exceeds it is cleared by the spike
    below = max(-UNIT * sum(min(0, tap.weight) for tap in gate.taps) for gate in gates)
    if max(kept, below) < FORGOTTEN:
        return {"dv": 4095}
    if target.compartment.sample_reset.value:
        return {"dv": 4095, "reset_interval": 1}
    raise UnsupportedFeature(
        f"a membrane that forgets sums of {max(kept, below)} (of {FORGOTTEN - 1}) from one step to the next",
        where="function compiler",
        remedy="compose the function of smaller ones, or choose a target with dv = 4096 or a reset schedule",
    )
