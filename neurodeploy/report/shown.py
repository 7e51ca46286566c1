"""The samples that the pictures of a report show: what every neuron sent, and how far its registers went."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurodeploy.neurons import model_named
from neurodeploy.program import Program
from neurodeploy.simulate import simulate

MOST_SAMPLES = 32
MEMORY = 128 * 2**20
"""Bytes for the messages and registers of these samples; the first one's messages are shown whatever they take."""


@dataclass(frozen=True, eq=False)
class Shown:
    """The first samples of a data set.

    Attributes:
        samples: How many.
        steps: Chip steps of each.
        sent: Whether a message was sent, bool (samples, steps, size), by input and population.
        reached: Largest magnitude of each register, by population and register; populations whose registers took too
            much memory are left out.
    """

    samples: int
    steps: int
    sent: Mapping[str, NDArray[np.bool_]]
    reached: Mapping[tuple[str, str], int]

    def rates(self) -> dict[str, NDArray[np.float64]]:
        """Messages of each neuron per step, (size,), by input and population."""
        return {name: sent.mean(axis=(0, 1)) for name, sent in self.sent.items()}


def show(program: Program, spikes: NDArray[np.generic], steps: int) -> Shown:
    """Run as many of the samples again as are shown.

    Args:
        program: The program.
        spikes: (N, T, *shape), of its only input.
        steps: Chip steps of each sample.
    """
    net = program.net
    registers = {name: model_named(p.model).registers for name, p in net.populations.items()}
    bytes_of = {name: steps * p.size * (1 + 4 * len(registers[name])) for name, p in net.populations.items()}
    fits = max(1, min(MOST_SAMPLES, MEMORY // max(1, sum(bytes_of.values()))))
    part = spikes[:fits]
    record = {name: registers[name] for name in registers if bytes_of[name] * len(part) <= MEMORY}
    run = simulate(program.net, part, steps=steps, record=record)
    sent = {name: (run.spikes[name] != 0).reshape(len(part), steps, -1) for name in net.populations}
    for name in net.inputs:
        given = (np.asarray(part) != 0).reshape(len(part), spikes.shape[1], -1)[:, :steps]
        silent = np.zeros((len(part), steps - given.shape[1], given.shape[2]), bool)
        sent[name] = np.concatenate([given, silent], axis=1)
    reached = {
        (name, register): int(np.abs(values.astype(np.int64)).max())
        for name, states in run.states.items()
        for register, values in states.items()
    }
    return Shown(len(part), steps, {name: sent[name] for name in (*net.inputs, *net.populations)}, reached)
