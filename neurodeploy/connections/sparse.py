"""Connection that stores only the synapses it has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from neurodeploy.connections.base import Array, Connection, Shape

if TYPE_CHECKING:
    from scipy.sparse import csr_array


@dataclass(frozen=True, eq=False)
class Sparse(Connection):
    """Compressed rows of the (n_target, n_source) matrix: ``weights`` (nnz,) are the values.

    Attributes:
        indices: Source of each synapse, (nnz,).
        indptr: First synapse of each target row, (n_target + 1,).
    """

    kind: ClassVar[str] = "sparse"
    indices: NDArray[np.int32]
    indptr: NDArray[np.int64]

    @classmethod
    def from_matrix(cls, matrix: object, source_shape: Shape, target_shape: Shape) -> Sparse:
        """From any scipy sparse or dense (n_target, n_source) matrix; zeros are not stored."""
        from scipy.sparse import csr_array

        rows = csr_array(matrix)
        rows.sum_duplicates()
        rows.eliminate_zeros()
        return cls(
            rows.data,
            source_shape,
            target_shape,
            rows.indices.astype(np.int32),
            rows.indptr.astype(np.int64),
        )

    @classmethod
    def keeping_zeros(cls, weights: Array, source_shape: Shape, target_shape: Shape) -> Sparse:
        """From a dense (n_target, n_source) matrix; every entry is a stored synapse."""
        rows, columns = weights.shape
        indices = np.tile(np.arange(columns, dtype=np.int32), rows)
        indptr = np.arange(rows + 1, dtype=np.int64) * columns
        return cls(weights.ravel(), source_shape, target_shape, indices, indptr)

    def subset(self, chosen: NDArray[np.bool_]) -> Sparse:
        """Only the synapses marked in ``chosen`` (nnz,)."""
        ends = np.concatenate([[0], np.cumsum(chosen)])
        return replace(
            self, weights=self.weights[chosen], indices=self.indices[chosen], indptr=ends[self.indptr].astype(np.int64)
        )

    def propagate(self, spikes: Array) -> Array:
        dtype = np.int64 if self.is_integer else self.weights.dtype
        result: Array = (self.to_csr().astype(dtype) @ spikes.astype(dtype).T).T
        return result

    def to_csr(self) -> csr_array:
        from scipy.sparse import csr_array

        return csr_array((self.weights, self.indices, self.indptr), shape=(self.n_target, self.n_source))

    def pattern(self) -> csr_array:
        return self.with_weights(np.ones(len(self.indices), dtype=np.int64)).to_csr()

    def fan_out(self) -> NDArray[np.int64]:
        return np.bincount(self.indices, minlength=self.n_source).astype(np.int64)

    def with_weights(self, weights: Array) -> Sparse:
        return replace(self, weights=weights)

    def sum_bounds(self) -> tuple[Array, Array]:
        rows = self.to_csr()
        return np.asarray(rows.minimum(0).sum(axis=1)).ravel(), np.asarray(rows.maximum(0).sum(axis=1)).ravel()

    def arrays(self) -> Mapping[str, Array]:
        return {"weights": self.weights, "indices": self.indices, "indptr": self.indptr}
