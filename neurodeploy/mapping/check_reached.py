"""The checker's own record of which cores the neurons of a source have synapses on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurodeploy.chipmap import Mapping
from neurodeploy.chipnet import ChipNetwork
from neurodeploy.connections import Dense
from neurodeploy.mapping.check_rows import synapses_of

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Reached:
    """Pairs of a core and a source neuron that has a synapse on it: each once, by core, then by neuron.

    Attributes:
        neurons: Number of source neurons.
        start: Where each core's pairs begin, and their number at the end, (cores + 1,).
        neuron: Of each pair.
    """

    neurons: int
    start: Ints
    neuron: Ints

    @classmethod
    def of_pairs(cls, cores: int, neurons: int, core: Ints, neuron: Ints) -> Reached:
        """From pairs in any order, some of them more than once."""
        keys = np.unique(core * neurons + neuron)
        return cls(neurons, np.searchsorted(keys, np.arange(cores + 1) * neurons), keys % neurons)

    @property
    def core(self) -> Ints:
        """Of each pair."""
        return np.repeat(np.arange(len(self.start) - 1), np.diff(self.start))

    def on(self, core: int) -> Ints:
        """The neurons that a core hears."""
        return self.neuron[self.start[core] : self.start[core + 1]]

    def without(self, cores: NDArray[np.bool_]) -> Reached:
        """The pairs of the other cores."""
        kept = ~cores[self.core]
        lengths = np.where(cores, 0, np.diff(self.start))
        return Reached(self.neurons, np.concatenate([[0], np.cumsum(lengths)]), self.neuron[kept])

    def joined(self, other: Reached) -> Reached:
        """The pairs of either."""
        core, neuron = np.concatenate([self.core, other.core]), np.concatenate([self.neuron, other.neuron])
        return Reached.of_pairs(len(self.start) - 1, self.neurons, core, neuron)

    def array(self) -> NDArray[np.bool_]:
        """(cores, neurons), True for each pair."""
        pairs = np.zeros((len(self.start) - 1, self.neurons), bool)
        pairs[self.core, self.neuron] = True
        return pairs


def reached_cores(net: ChipNetwork, mapping: Mapping) -> list[Reached]:
    """Per projection, which cores each source neuron has a synapse on."""
    cores, reached = len(mapping.chip_of), []
    for p in net.projections:
        core_of, n_source = mapping.core_of[p.target].astype(np.int64), p.connection.n_source
        if isinstance(p.connection, Dense):
            here = np.unique(core_of)
            start = np.searchsorted(here, np.arange(cores + 1)) * n_source
            reached.append(Reached(n_source, start, np.tile(np.arange(n_source), len(here))))
        else:
            targets, sources = synapses_of(p)
            reached.append(Reached.of_pairs(cores, n_source, core_of[targets], sources))
    return reached
