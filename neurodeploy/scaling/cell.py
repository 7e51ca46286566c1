"""One cell of a sweep: draw a task, make a network, test it in float and on the chip's integers."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import NeurodeployError
from neurodeploy.estimate import estimate
from neurodeploy.evaluate import run_program
from neurodeploy.program import Program
from neurodeploy.scaling.errors import ScalingError
from neurodeploy.scaling.golden import layer_synchronous
from neurodeploy.scaling.network import HIDDEN, deploy
from neurodeploy.scaling.protocol import Cell, Protocol
from neurodeploy.scaling.reservoir import (
    BETA,
    TRACE_DECAY,
    Floats,
    Hidden,
    draw_reservoir,
    ridge_accuracy,
    run_hidden,
)
from neurodeploy.scaling.task import Patterns
from neurodeploy.target import Target, load_target
from neurodeploy.train.hidden_lif import train_hidden_lif

Row = dict[str, Any]

COLUMNS: dict[str, type] = {
    **dict.fromkeys(("N", "S", "K", "seed"), int),
    **dict.fromkeys(("acc", "acc_int"), float),
    "n_test": int,
    **dict.fromkeys(("spikes", "synops", "energy_j", "latency_s"), float),
    **dict.fromkeys(("cores", "chips", "compared"), int),
    "error": str,
}
"""Columns of a table. Those from ``acc_int`` on are None without a target; spikes, SynOps, energy and latency are means
per test sample; ``compared`` counts the spikes, and silences, that were found equal to the golden model's."""


def make_network(protocol: Protocol, cell: Cell, patterns: Patterns) -> tuple[Hidden, Floats | None]:
    """The network of a cell: a random reservoir, or one trained on the training part, with its read-out's weights."""
    neurons, channels, categories, seed = cell
    if protocol.network == "reservoir":
        return draw_reservoir(neurons, channels, (1, seed, neurons, channels, categories)), None
    known = ~patterns.is_test
    w_in, w_out = train_hidden_lif(
        patterns.spikes[known],
        patterns.labels[known],
        neurons=neurons,
        categories=categories,
        beta=BETA,
        readout_decay=TRACE_DECAY,
        epochs=protocol.epochs,
        seed=(2, seed, neurons, channels, categories),
    )
    return Hidden(w_in), w_out


def run_cell(protocol: Protocol, cell: Cell) -> Row:
    """A row of the table; what the target cannot hold has the reason in ``error``."""
    patterns = protocol.task(cell).draw()
    hidden, w_out = make_network(protocol, cell, patterns)
    row: Row = dict.fromkeys(COLUMNS)
    row |= dict(zip(("N", "S", "K", "seed"), cell, strict=True))
    row |= {"acc": _float_accuracy(hidden, w_out, patterns, cell[2]), "n_test": int(patterns.is_test.sum())}
    if protocol.target is None:
        return row
    try:
        program = deploy(hidden, w_out, _target(protocol.target))
    except NeurodeployError as error:
        return row | {"error": f"{type(error).__name__}: {error.what.splitlines()[0]}"}
    return row | _deployed(program, w_out is None, patterns, cell)


def _float_accuracy(hidden: Hidden, w_out: Floats | None, patterns: Patterns, categories: int) -> float:
    if w_out is None:
        sent = run_hidden(hidden, patterns.spikes)
        return ridge_accuracy(sent, patterns.labels, patterns.is_test, categories)
    sent = run_hidden(hidden, patterns.spikes[patterns.is_test])
    membrane, scores = np.zeros((len(sent), categories)), np.zeros((len(sent), categories))
    for t in range(sent.shape[1]):
        membrane = TRACE_DECAY * membrane + sent[:, t] @ w_out
        scores += membrane
    return float(np.mean(scores.argmax(axis=1) == patterns.labels[patterns.is_test]))


def _deployed(program: Program, ridge_readout: bool, patterns: Patterns, cell: Cell) -> Row:
    """What the chip's integers do. Costs are those of the test part.

    A reservoir's read-out is no part of the chip's network: it is fitted, on the host, to the traces of the integer
    spikes of the training part.
    """
    tested = patterns.spikes[patterns.is_test]
    run, scores = run_program(program, tested, keep=(HIDDEN,))
    sent = _local(program, run.spikes[HIDDEN])
    compared = _check(program, tested, sent, cell)
    if ridge_readout:
        known, _ = run_program(program, patterns.spikes[~patterns.is_test], keep=(HIDDEN,))
        every = np.zeros((len(patterns.labels), *sent.shape[1:]), np.uint8)
        every[patterns.is_test], every[~patterns.is_test] = sent, _local(program, known.spikes[HIDDEN])
        accuracy = ridge_accuracy(every, patterns.labels, patterns.is_test, cell[2])
    else:
        assert scores is not None
        accuracy = float(np.mean(scores.argmax(axis=1) == patterns.labels[patterns.is_test]))
    costs = estimate(run, program)
    return {
        "acc_int": accuracy,
        "spikes": costs.spikes,
        "synops": costs.syn_ops,
        "energy_j": costs.energy.value,
        "latency_s": costs.latency.value,
        "cores": costs.cores,
        "chips": costs.chips,
        "compared": compared,
    }


def _local(program: Program, spikes: NDArray[Any]) -> NDArray[np.uint8]:
    """A hidden layer's spikes (B, T, N) at its local steps."""
    return spikes[:, program.net.populations[HIDDEN].start :][:, : spikes.shape[1] - program.net.latency_steps]


def _check(program: Program, spikes: NDArray[np.uint8], sent: NDArray[np.uint8], cell: Cell) -> int:
    """How many values equal the golden model's; ScalingError unless all do."""
    wanted = layer_synchronous(program.net, spikes)[HIDDEN]
    wrong = int(np.count_nonzero(wanted != sent)) if wanted.shape == sent.shape else wanted.size
    if wrong:
        raise ScalingError(
            f"{wrong} of {wanted.size} spikes differ from the layer-synchronous recursion",
            where=f"cell N, S, K, seed = {cell}",
            remedy="this is a fault of neurodeploy: please report it with the sweep's manifest.json",
        )
    return wanted.size


@lru_cache(maxsize=4)
def _target(name: str) -> Target:
    return load_target(name)
