"""What every connection kind offers."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Shape = tuple[int, ...]
Array = NDArray[Any]


def frozen(values: Array) -> Array:
    """A contiguous, read-only copy, so that a built network cannot change under a running one."""
    copy: Array = np.array(values, order="C")
    copy.setflags(write=False)
    return copy


@dataclass(frozen=True, eq=False)
class Connection(ABC):
    """A linear map ``y = W s`` from ``source_shape`` to ``target_shape``.

    Attributes:
        weights: The stored weights, float or integer; layout by kind.
        source_shape: Shape of the source population, without batch or time.
        target_shape: Shape of the target population.
    """

    kind: ClassVar[str]
    weights: Array
    source_shape: Shape
    target_shape: Shape

    @property
    def n_source(self) -> int:
        """Number of source neurons."""
        return math.prod(self.source_shape)

    @property
    def n_target(self) -> int:
        """Number of target neurons."""
        return math.prod(self.target_shape)

    @abstractmethod
    def propagate(self, spikes: Array) -> Array:
        """``W s`` for messages ``spikes`` (B, n_source); returns (B, n_target), int64 or as the weights.

        Integer sums are exact while they stay within 63 bits.
        """

    @abstractmethod
    def to_csr(self) -> csr_array:
        """The explicit (n_target, n_source) matrix of the synapses; stored zeros of dense rows are dropped."""

    @abstractmethod
    def pattern(self) -> csr_array:
        """Ones (int64) at every stored synapse, (n_target, n_source); zero weights included."""

    @abstractmethod
    def fan_out(self) -> NDArray[np.int64]:
        """Synapses that one spike of each source reaches, (n_source,); zero weights of dense rows count."""

    @abstractmethod
    def with_weights(self, weights: Array) -> Connection:
        """The same wiring with other weights of the same layout."""

    @abstractmethod
    def sum_bounds(self) -> tuple[Array, Array]:
        """Per target (n_target,): sums of its negative and of its positive weights."""

    @property
    def synapses(self) -> int:
        """Number of stored synapses."""
        return int(self.fan_out().sum())

    @property
    def is_integer(self) -> bool:
        """Whether the weights are integers."""
        return bool(np.issubdtype(self.weights.dtype, np.integer))

    def arrays(self) -> Mapping[str, Array]:
        """The arrays that, with :meth:`geometry`, restore the connection."""
        return {"weights": self.weights}

    def geometry(self) -> Mapping[str, tuple[int, ...]]:
        """The small integers that, with :meth:`arrays`, restore the connection."""
        return {}

    def _matmul(self, spikes: Array, matrix: Array) -> Array:
        if not self.is_integer:
            product: Array = spikes.astype(matrix.dtype) @ matrix
            return product
        largest = _magnitude(spikes) * _magnitude(matrix) * max(1, matrix.shape[0])
        if largest >= FLOAT_EXACT:  # numpy multiplies integer matrices without BLAS, some 50 times slower
            wide: Array = spikes.astype(np.int64) @ matrix.astype(np.int64)
            return wide
        exact: Array = np.rint(spikes.astype(np.float64) @ matrix.astype(np.float64)).astype(np.int64)
        return exact


FLOAT_EXACT = 2**53
"""float64 holds every integer up to here."""


def _magnitude(values: Array) -> int:
    return max(int(values.max(initial=0)), -int(values.min(initial=0)))
