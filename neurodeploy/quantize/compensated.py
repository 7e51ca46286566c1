"""Rounding in which the errors of a row's weights cancel in what the neuron sums.

Frantar et al., "GPTQ: Accurate Post-Training Quantization for Generative Pre-trained Transformers" (2022), eq. 2 and 3:
weights are rounded one input after the other, and each error is made up for, in the least squares sense, by the
weights that are not rounded yet. The inputs here are the traces that spikes leave in a membrane.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.quantize.formats import Format

DAMPING = 0.01
"""Of the mean second moment, added to every input's: what keeps inputs that hardly ever fire from being misused."""


@dataclass(frozen=True, eq=False)
class Moments:
    """Second moments of the inputs of a sum, and what follows from them once for all roundings.

    Attributes:
        gram: (inputs, inputs), mean of the products of two inputs; inputs in the order of a row's weights.
        order: Inputs as they are rounded: those first that matter most.
        pull: Upper Cholesky factor of the inverse of the damped ``gram`` in that order.
    """

    gram: NDArray[np.float64]
    order: NDArray[np.intp]
    pull: NDArray[np.float64]

    @classmethod
    def of(cls, gram: NDArray[np.float64]) -> Moments:
        """From (inputs, inputs) means of products."""
        damped = gram + DAMPING * max(float(np.mean(np.diag(gram))), 1e-12) * np.eye(len(gram))
        order = np.argsort(-np.diag(damped), kind="stable")
        return cls(gram, order, np.linalg.cholesky(np.linalg.inv(damped[np.ix_(order, order)])).T)


def round_compensated(
    weights: NDArray[Any], unit: float | NDArray[np.float64], form: Format, inputs: Moments
) -> NDArray[np.int32]:
    """Integers for ``weights / unit`` that keep ``sum_j w_ij x_j`` of every row i, for inputs x of given moments.

    Args:
        weights: (rows, ...): all weights of a row act on the same sum.
        unit: One number, or one that broadcasts and is the same along a row.
        form: What the synapse holds.
        inputs: Moments of the inputs of a row.
    """
    rest = (weights / unit).astype(np.float64).reshape(len(weights), -1)
    order, pull = inputs.order, inputs.pull
    rest = rest[:, order]
    integers = np.empty(rest.shape, np.int32)
    for j in range(rest.shape[1]):
        integers[:, j] = np.clip(np.rint(rest[:, j] / form.step) * form.step, form.smallest, form.largest)
        rest[:, j + 1 :] -= np.outer((rest[:, j] - integers[:, j]) / pull[j, j], pull[j, j + 1 :])
    back = np.argsort(order)
    return np.ascontiguousarray(integers[:, back]).reshape(weights.shape)
