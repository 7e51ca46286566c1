"""How each core holds the synapses of a projection: the encoding that takes least there."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neurodeploy.chipnet import ChipProjection
from neurodeploy.mapping.rows import Ints, dense_bits, payload_bits, row_words, sparse_index_bits
from neurodeploy.target_schema import Target

if TYPE_CHECKING:
    from scipy.sparse import csr_array


class Encoding(IntEnum):
    """Of the rows of a projection on a core.

    DENSE: a synapse for every neuron of the population on the core. SPARSE: only those that exist, each with the
    index of its neuron. SHARED: rows of a convolution's kernel that all source pixels of the same surroundings use.
    """

    DENSE = 0
    SPARSE = 1
    SHARED = 2


@dataclass(frozen=True, eq=False)
class Stored:
    """A projection in the memory of each core, (cores,) each.

    Attributes:
        words: Words of synapse memory.
        encoding: An :class:`Encoding`; of no meaning where there are no synapses.
        index_bits: Index of each synapse.
    """

    words: Ints
    encoding: Ints
    index_bits: Ints

    @property
    def shared(self) -> NDArray[np.bool_]:
        """Cores with shared rows."""
        found: NDArray[np.bool_] = self.encoding == Encoding.SHARED
        return found


def nothing(cores: int) -> Stored:
    """Of no synapses."""
    return Stored(np.zeros(cores, np.int64), np.zeros(cores, np.int64), np.zeros(cores, np.int64))


def dense_rows(projection: ChipProjection, rows: Ints | int, neurons: Ints, target: Target) -> Stored:
    """``rows`` rows on each core, each with a synapse for all of its ``neurons``."""
    words = rows * row_words(neurons, dense_bits(projection, target), target.core)
    return Stored(words, np.full_like(words, Encoding.DENSE), np.full_like(words, target.core.synapse_index_bits.value))


def least_rows(projection: ChipProjection, counts: csr_array, neurons: Ints, target: Target) -> Stored:
    """Sparse rows, or dense ones on the cores where they are smaller.

    Args:
        projection: The synapses.
        counts: How many there are per core and source, (cores, n_source).
        neurons: Neurons of the target population on each core, (cores,).
        target: The chip.
    """
    index, payload = sparse_index_bits(neurons, target.core), payload_bits(projection, target)
    sparse = Stored(np.zeros(len(neurons), np.int64), np.full(len(neurons), Encoding.SPARSE), index)
    rows = np.diff(counts.indptr).astype(np.int64)
    filled = np.flatnonzero(rows)
    sizes = np.arange(int(counts.data.max(initial=0)) + 1)
    for width in np.unique(index[filled]).tolist():
        per_row = row_words(sizes, payload + width, target.core).astype(np.int32)[counts.data]
        own = index[filled] == width
        sparse.words[filled[own]] = np.add.reduceat(per_row, counts.indptr[filled], dtype=np.int64)[own]
    return smaller(sparse, dense_rows(projection, rows, neurons, target))


def smaller(first: Stored, second: Stored) -> Stored:
    """Per core the one of fewer words, the first where both are equal."""
    better = second.words < first.words
    return Stored(
        np.where(better, second.words, first.words),
        np.where(better, second.encoding, first.encoding),
        np.where(better, second.index_bits, first.index_bits),
    )
