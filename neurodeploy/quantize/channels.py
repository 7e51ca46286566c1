"""Stored weights by the neuron that they act on: rows of a matrix, output channels of a kernel."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.connections import Connection, Conv2d, Sparse


def spread(connection: Connection, per_neuron: NDArray[Any]) -> NDArray[Any]:
    """A value (n_target,) for each target, at each stored weight; broadcasts to the weights.

    Neurons that share a kernel must have the same value.
    """
    if isinstance(connection, Conv2d):
        return per_neuron.reshape(connection.target_shape[0], -1)[:, 0].reshape(-1, 1, 1, 1)
    return per_neuron[rows_of(connection)] if isinstance(connection, Sparse) else per_neuron[:, None]


def largest_by_neuron(connection: Connection) -> NDArray[np.float64]:
    """Largest magnitude among the weights onto each target, (n_target,)."""
    weights = np.abs(connection.weights).astype(np.float64)
    if isinstance(connection, Conv2d):
        channels = weights.reshape(len(weights), -1).max(axis=1, initial=0.0)
        return np.repeat(channels, connection.n_target // len(channels))
    if isinstance(connection, Sparse):
        largest = np.zeros(connection.n_target)
        np.maximum.at(largest, rows_of(connection), weights)
        return largest
    rows: NDArray[np.float64] = weights.max(axis=1, initial=0.0)
    return rows


def rows_of(connection: Sparse) -> NDArray[np.int64]:
    """Target of each stored weight."""
    if connection.by_source:
        return connection.indices.astype(np.int64)
    return np.repeat(np.arange(connection.n_target), np.diff(connection.indptr))
