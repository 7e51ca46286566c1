"""One to one without a synapse: what a sender sends at t is the receiver's input at t."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from neurodeploy.connections.base import Array, Connection, Shape

if TYPE_CHECKING:
    from scipy.sparse import csr_array


@dataclass(frozen=True, eq=False)
class Direct(Connection):
    """The identity; ``weights`` are ones (n,), which no synapse memory holds but a mapping counts."""

    kind: ClassVar[str] = "direct"

    @classmethod
    def between(cls, source_shape: Shape, target_shape: Shape) -> Direct:
        """For two shapes of one size."""
        return cls(np.ones(int(np.prod(source_shape)), np.int32), source_shape, target_shape)

    def propagate(self, spikes: Array) -> Array:
        return spikes.astype(np.int64 if self.is_integer else np.float64)

    def to_csr(self) -> csr_array:
        from scipy.sparse import diags_array

        return diags_array(self.weights, dtype=self.weights.dtype).tocsr()

    def pattern(self) -> csr_array:
        return self.to_csr().astype(np.int64)

    def fan_out(self) -> NDArray[np.int64]:
        return np.ones(self.n_source, np.int64)

    def with_weights(self, weights: Array) -> Direct:
        return self

    def sum_bounds(self) -> tuple[Array, Array]:
        return np.zeros(self.n_target, np.int64), np.ones(self.n_target, np.int64)
