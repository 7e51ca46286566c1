"""From a population's activity to a class."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def scores(kind: str, spikes: NDArray[Any], membranes: NDArray[Any] | None) -> NDArray[np.float64]:
    """Score of each output neuron, (B, n), from spikes or membranes (B, T, n).

    ``count``: number of spikes, or sum of graded messages; ``s_last``: the last message; ``v_last``: membrane after the
    last step; ``v_sum``: summed over the steps.
    """
    if kind == "s_last":
        return np.asarray(spikes[:, -1], dtype=np.float64)
    if kind == "count":
        return np.asarray(spikes.sum(axis=1), dtype=np.float64)
    if membranes is None:
        raise ValueError(f"read-out '{kind}' needs membranes")
    return np.asarray(membranes[:, -1] if kind == "v_last" else membranes.sum(axis=1), dtype=np.float64)


def classify(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Class with the largest score; ties go to the lowest index, in float and integer alike."""
    return np.asarray(np.argmax(values, axis=1), dtype=np.int64)
