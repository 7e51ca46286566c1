"""The read-outs of :mod:`neurodeploy.simulate.readout` for tensors: the same scores, bit for bit, with gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neurodeploy.simulate.readout import check_activity

if TYPE_CHECKING:
    from torch import Tensor


def scores(kind: str, spikes: Tensor | None, membranes: Tensor | None = None) -> Tensor:
    """Score of each output neuron, float64 (B, n), from spikes or membranes (B, T, n).

    The kinds are those of :func:`neurodeploy.simulate.readout.scores`. Gradients reach the spikes or membranes as
    they stand in the score's formula. ``first_spike`` takes spikes of 0 and 1 as the polynomial ``sum over t of 1 -
    product over s <= t of (1 - spike_s)``, which equals the score there: its derivative says by how many steps a spike
    more would bring the first one forward, or one less would put it off.

    Raises:
        SimulationError: Not the activity that the kind reads, without a step, or with NaN.
    """
    import torch

    values: torch.Tensor = check_activity(kind, spikes, membranes).to(torch.float64)
    if kind == "count":
        return values.sum(dim=1)
    if kind == "first_spike":
        fired = values if bool(((values == 0) | (values == 1)).all()) else (values != 0).to(torch.float64)
        return (1 - torch.cumprod(1 - fired, dim=1)).sum(dim=1)
    if kind == "v_max":
        return values.amax(dim=1)
    if kind == "v_sum":
        total = values[:, 0]
        for t in range(1, values.shape[1]):
            total = total + values[:, t]
        return total
    return values[:, -1]


def classify(values: Tensor) -> Tensor:
    """Class with the largest score, int64 (B,); ties go to the lowest index."""
    return values.argmax(dim=1)
