"""From a population's activity to a class; :mod:`neurodeploy.train.readout` has the same for tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import SimulationError, did_you_mean
from neurodeploy.semantics import MEMBRANE_READOUTS, SPIKE_READOUTS


def scores(kind: str, spikes: NDArray[Any] | None, membranes: NDArray[Any] | None) -> NDArray[np.float64]:
    """Score of each output neuron, (B, n), from spikes or membranes (B, T, n).

    ``count``: number of spikes, or sum of graded messages; ``first_spike``: how many steps, counting its own, are left
    at the first spike (or message other than 0), so T in the first step, 1 in the last, and 0 for a neuron that never
    fired; ``s_last``: the last message; ``v_last``: membrane after the last step; ``v_sum``: summed in double precision
    from the first step on; ``v_max``: its largest value.

    Raises:
        SimulationError: Not the activity that the kind reads, without a step, or with NaN.
    """
    values = check_activity(kind, spikes, membranes)
    steps = values.shape[1]
    if kind == "count":
        return np.asarray(values.sum(axis=1, dtype=np.float64))
    if kind == "first_spike":
        fired = values != 0
        return np.where(fired.any(axis=1), steps - fired.argmax(axis=1), 0).astype(np.float64)
    exact: NDArray[np.float64] = values.astype(np.float64)
    if kind == "v_max":
        return np.asarray(exact.max(axis=1), dtype=np.float64)
    if kind == "v_sum":
        total: NDArray[np.float64] = exact[:, 0].copy()
        for t in range(1, steps):  # one after the other: sum() orders its terms by the shape
            total += exact[:, t]
        return total
    return np.asarray(exact[:, -1])


def classify(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Class with the largest score; ties go to the lowest index, in float and integer alike."""
    return np.asarray(np.argmax(values, axis=1), dtype=np.int64)


def check_activity(kind: str, spikes: Any, membranes: Any) -> Any:
    """The array or tensor that a kind reads; SimulationError where it cannot be read."""
    where = f"read-out '{kind}'"
    known = SPIKE_READOUTS + MEMBRANE_READOUTS
    if kind not in known:
        raise SimulationError(f"no read-out '{kind}'", where="read-out", remedy=did_you_mean(kind, known))
    name, values = ("membranes", membranes) if kind in MEMBRANE_READOUTS else ("spikes", spikes)
    if values is None:
        raise SimulationError(f"it reads {name}, and there are none", where=where, remedy=f"record and give {name}")
    if values.ndim != 3 or values.shape[1] < 1:
        raise SimulationError(
            f"{name} have shape {tuple(values.shape)}", where=where, remedy="give (B, T, n) with at least one step"
        )
    if bool((values != values).any()):
        raise SimulationError(f"{name} hold NaN", where=where, remedy="repair the network: something overflowed")
    return values
