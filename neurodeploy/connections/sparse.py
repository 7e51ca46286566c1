"""Connection that stores only the synapses it has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from neurodeploy.connections.base import Array, Connection, Shape

if TYPE_CHECKING:
    from scipy.sparse import csc_array, csr_array

SYNAPSES_AT_ONCE = 2**22


@dataclass(frozen=True, eq=False)
class Sparse(Connection):
    """Compressed rows of the (n_target, n_source) matrix, or its columns: ``weights`` (nnz,) are the values.

    Attributes:
        indices: Source of each synapse, (nnz,); target where stored by source.
        indptr: First synapse of each target row, (n_target + 1,); of each source, (n_source + 1,).
        by_source: Whether the columns are stored: what simulators read, and so what a big network should be made of.
            To turn one into the other takes longer than everything else that is done with it.
    """

    kind: ClassVar[str] = "sparse"
    indices: NDArray[np.int32]
    indptr: NDArray[np.int64]
    by_source: bool = False

    @classmethod
    def from_matrix(cls, matrix: Any, source_shape: Shape, target_shape: Shape) -> Sparse:
        """From any scipy sparse or dense (n_target, n_source) matrix; zeros are not stored, columns stay columns."""
        from scipy.sparse import csc_array, csr_array

        by_source = getattr(matrix, "format", None) == "csc"
        given = csc_array(matrix) if by_source else csr_array(matrix)  # may share the caller's arrays
        if not given.has_canonical_format or not np.all(given.data):
            given = given.copy()
            given.sum_duplicates()
            given.eliminate_zeros()
        indices, indptr = given.indices.astype(np.int32), given.indptr.astype(np.int64)
        return cls(given.data, source_shape, target_shape, indices, indptr, by_source)

    @classmethod
    def keeping_zeros(cls, weights: Array, source_shape: Shape, target_shape: Shape) -> Sparse:
        """From a dense (n_target, n_source) matrix; every entry is a stored synapse."""
        rows, columns = weights.shape
        indices = np.tile(np.arange(columns, dtype=np.int32), rows)
        indptr = np.arange(rows + 1, dtype=np.int64) * columns
        return cls(weights.ravel(), source_shape, target_shape, indices, indptr)

    def by_target(self) -> Sparse:
        """The same synapses with rows stored."""
        if not self.by_source:
            return self
        rows = self._matrix().tocsr()
        indices, indptr = rows.indices.astype(np.int32, copy=False), rows.indptr.astype(np.int64)
        return replace(self, weights=rows.data, indices=indices, indptr=indptr, by_source=False)

    def subset(self, chosen: NDArray[np.bool_]) -> Sparse:
        """Only the synapses marked in ``chosen`` (nnz,)."""
        ends = np.concatenate([[0], np.cumsum(chosen)])
        return replace(
            self, weights=self.weights[chosen], indices=self.indices[chosen], indptr=ends[self.indptr].astype(np.int64)
        )

    def propagate(self, spikes: Array) -> Array:
        dtype = np.int64 if self.is_integer else self.weights.dtype
        result: Array = (self._matrix().astype(dtype) @ spikes.astype(dtype).T).T
        return result

    def to_csr(self) -> csr_array:
        return self._matrix().tocsr()

    def to_csc(self) -> csc_array:
        """The explicit (n_target, n_source) matrix by source; not a copy where stored so."""
        return self._matrix().tocsc()

    def pattern(self) -> csr_array:
        return self.with_weights(np.ones(len(self.indices), dtype=np.int64)).to_csr()

    def fan_out(self) -> NDArray[np.int64]:
        if self.by_source:
            return np.diff(self.indptr)
        return np.bincount(self.indices, minlength=self.n_source).astype(np.int64)

    def with_weights(self, weights: Array) -> Sparse:
        return replace(self, weights=weights)

    def sum_bounds(self) -> tuple[Array, Array]:
        low, high = np.zeros((2, self.n_target), np.int64 if self.is_integer else self.weights.dtype)
        for part, at in self._parts():
            for bound, extreme in ((low, np.minimum), (high, np.maximum)):
                one_sided = part.with_weights(extreme(part.weights, 0))._matrix()
                bound[at] += one_sided @ np.ones(one_sided.shape[1], bound.dtype)
        return low, high

    def arrays(self) -> Mapping[str, Array]:
        rows = self.by_target()
        return {"weights": rows.weights, "indices": rows.indices, "indptr": rows.indptr}

    def _matrix(self) -> csc_array | csr_array:
        from scipy.sparse import csc_array, csr_array

        # beside 64-bit ends scipy wants 64-bit indices, and copies them
        ends = self.indptr.astype(np.int32) if len(self.indices) < 2**31 else self.indptr
        kind = csc_array if self.by_source else csr_array
        return kind((self.weights, self.indices, ends), shape=(self.n_target, self.n_source))

    def _parts(self) -> Iterator[tuple[Sparse, slice]]:
        """Some rows or columns at a time, and onto which targets they act: what bounds the memory of a sum."""
        first = 0
        while first < len(self.indptr) - 1:
            beyond = np.searchsorted(self.indptr, self.indptr[first] + SYNAPSES_AT_ONCE, "right")
            last = min(max(first + 1, int(beyond) - 1), len(self.indptr) - 1)
            some = slice(self.indptr[first], self.indptr[last])
            part = Sparse(
                self.weights[some],
                (last - first,) if self.by_source else self.source_shape,
                self.target_shape if self.by_source else (last - first,),
                self.indices[some],
                self.indptr[first : last + 1] - self.indptr[first],
                self.by_source,
            )
            yield part, slice(None) if self.by_source else slice(first, last)
            first = last
