"""Which cores each source neuron reaches, and with how many synapses; dense connections stay implicit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neurodeploy.chipnet import ChipProjection
from neurodeploy.connections import Connection, Conv2d, Dense, Sparse
from neurodeploy.mapping.blocks import Block, ConvBlocks, blocks_of
from neurodeploy.mapping.rows import Ints
from neurodeploy.target_schema import Target

if TYPE_CHECKING:
    from scipy.sparse import csr_array


@dataclass(frozen=True, eq=False)
class Reach:
    """Synapses of one projection per core and source neuron.

    Attributes:
        neurons: Target neurons on each core, (cores,).
        n_source: Source neurons.
        counts: Synapses, (cores, n_source), nothing stored where there are none; None for a dense connection, where
            every source has ``neurons`` synapses on each core.
        blocks: Of a convolution: the block of outputs on each core that has any, None where it is not a block.
        conv: Of a convolution: what its blocks cost.
    """

    neurons: Ints
    n_source: int
    counts: csr_array | None
    blocks: dict[int, Block | None]
    conv: ConvBlocks | None = None

    def without(self, cores: NDArray[np.bool_]) -> Reach | None:
        """The same without some cores, (cores,); None where nothing is left."""
        if not cores.any():
            return self
        if self.counts is None or cores[np.diff(self.counts.indptr) > 0].all():
            return None
        kept = np.repeat(~cores, np.diff(self.counts.indptr))
        ends = np.concatenate([[0], np.cumsum(np.where(cores, 0, np.diff(self.counts.indptr)))])
        counts = type(self.counts)((self.counts.data[kept], self.counts.indices[kept], ends), shape=self.counts.shape)
        return Reach(np.where(cores, 0, self.neurons), self.n_source, counts, {})


def reach(projection: ChipProjection, labels: Ints, cores: int, target: Target) -> Reach:
    """Reach of a projection whose target neuron ``i`` sits on core ``labels[i]`` of ``cores``."""
    connection = projection.connection
    neurons = np.bincount(labels, minlength=cores)
    if isinstance(connection, Dense):
        return Reach(neurons, connection.n_source, None, {})
    blocks: dict[int, Block | None] = {}
    conv = None
    if isinstance(connection, Conv2d):
        blocks, conv = blocks_of(labels, connection.target_shape), ConvBlocks(projection, connection, target)
        if None not in blocks.values():
            return Reach(neurons, connection.n_source, _block_counts(conv, blocks, cores), blocks, conv)
    return Reach(neurons, connection.n_source, _explicit_counts(connection, labels, neurons), blocks, conv)


def _block_counts(conv: ConvBlocks, blocks: dict[int, Block | None], cores: int) -> csr_array:
    from scipy.sparse import csr_array

    per_core = [(np.zeros(0, np.int64), np.zeros(0, np.int64))] * cores
    for core, block in blocks.items():
        if block is not None:
            per_core[core] = conv.synapses(block)
    indptr = np.cumsum([0, *(len(index) for index, _ in per_core)])
    indices = np.concatenate([index for index, _ in per_core])
    counts = np.concatenate([count for _, count in per_core])
    return csr_array((counts, indices, indptr), shape=(cores, conv.connection.n_source))


def _explicit_counts(connection: Connection, labels: Ints, neurons: Ints) -> csr_array:
    from scipy.sparse import csr_array

    if isinstance(connection, Sparse):  # its pattern() would build the same in int64
        synapses = connection.with_weights(np.ones(len(connection.indices), np.int32)).to_csr()
    else:
        synapses = connection.pattern()
    gather = csr_array(
        (
            np.ones(len(labels), np.int32),
            np.argsort(labels, kind="stable"),
            np.concatenate([[0], np.cumsum(neurons)]),
        ),
        shape=(len(neurons), len(labels)),
    )
    return gather @ synapses


@dataclass(frozen=True, eq=False)
class Union:
    """Pairs of a core and a source neuron that are joined by any of several projections.

    Attributes:
        full: Cores that all source neurons reach, (cores,).
        pairs: The pairs of the other cores; its values mean nothing.
        n_source: Source neurons.
    """

    full: np.typing.NDArray[np.bool_]
    pairs: csr_array
    n_source: int

    def sources_per_core(self) -> Ints:
        """Distinct source neurons that reach each core, (cores,)."""
        return np.where(self.full, self.n_source, np.diff(self.pairs.indptr))

    def cores_per_source(self) -> Ints:
        """Distinct cores that each source neuron reaches, (n_source,)."""
        some: Ints = np.bincount(self.pairs.indices, minlength=self.n_source)
        return some + int(self.full.sum())


def union(reaches: Iterable[Reach]) -> Union:
    """Union of the reaches of one source; at least one."""
    from scipy.sparse import csr_array

    parts = list(reaches)
    cores, n_source = len(parts[0].neurons), parts[0].n_source
    full = np.zeros(cores, bool)
    explicit = []
    for part in parts:
        if part.counts is None:
            full |= part.neurons > 0
        else:
            explicit.append(part.counts)
    if not explicit:
        return Union(full, csr_array((cores, n_source), dtype=np.int64), n_source)
    pairs = explicit[0]
    for counts in explicit[1:]:
        pairs = pairs + counts  # counts are positive, so no pair cancels
    if full.any():
        sizes = np.diff(pairs.indptr)
        kept = np.repeat(~full, sizes)
        ends = np.cumsum([0, *np.where(full, 0, sizes)])
        pairs = csr_array((pairs.data[kept], pairs.indices[kept], ends), shape=pairs.shape)
    return Union(full, pairs, n_source)
