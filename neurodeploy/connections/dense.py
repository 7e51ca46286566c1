"""All-to-all connection."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from neurodeploy.connections.base import Array, Connection

if TYPE_CHECKING:
    from scipy.sparse import csr_array


@dataclass(frozen=True, eq=False)
class Dense(Connection):
    """``weights`` (n_target, n_source), row = destination; every pair is a stored synapse."""

    kind: ClassVar[str] = "dense"

    def propagate(self, spikes: Array) -> Array:
        return self._matmul(spikes, self.weights.T)

    def to_csr(self) -> csr_array:
        from scipy.sparse import csr_array

        return csr_array(self.weights)

    def pattern(self) -> csr_array:
        from scipy.sparse import csr_array

        return csr_array(np.ones((self.n_target, self.n_source), dtype=np.int64))

    def fan_out(self) -> NDArray[np.int64]:
        return np.full(self.n_source, self.n_target, dtype=np.int64)

    def with_weights(self, weights: Array) -> Dense:
        return replace(self, weights=weights)

    def sum_bounds(self) -> tuple[Array, Array]:
        return np.minimum(self.weights, 0).sum(axis=1), np.maximum(self.weights, 0).sum(axis=1)
