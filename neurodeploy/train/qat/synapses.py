"""A chip's synapses in torch: exact integer sums, with gradients for spikes and for the float weights behind them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from neurodeploy.chipnet import ChipProjection
from neurodeploy.connections import Conv2d, Dense, Sparse
from neurodeploy.connections.base import Array
from neurodeploy.errors import UnsupportedFeature
from neurodeploy.neurons.lif import INPUT_SHIFT
from neurodeploy.train.qat.registers import straight, wrap

Tensor = torch.Tensor

Synapses = Callable[[Tensor], Tensor]
"""Spikes (B, n_source), float32, to what the synapses bring (B, n_target): whole numbers in float64.

Sums of matrices are not wrapped at 32 bits: what takes them up wraps them, which comes to the same.
"""

FLOAT32_EXACT = 2**24
MOST_PAIRS = 2**24
"""Pairs of neurons up to which a sparse connection is trained as a matrix."""


def synapses(p: ChipProjection, carrier: Tensor | None, per_weight: Array, *, detached: bool = False) -> Synapses:
    """A projection of the chip.

    Args:
        p: The chip's.
        carrier: The float weights, in the layout of the integers; None where they are not trained.
        per_weight: Register steps of u per unit of weight, (n_target,).
        detached: Whether no gradient reaches the spikes.

    Raises:
        UnsupportedFeature: A sparse connection that is too large.
    """
    c = p.connection
    sum_bound = int(np.abs(c.sum_bounds()).max(initial=0)) * 2
    kind = torch.float32 if sum_bound < FLOAT32_EXACT else torch.float64
    weights = torch.from_numpy(np.array(c.weights)).to(kind)
    if carrier is not None:
        integers_per_weight = per_weight / 2.0 ** (INPUT_SHIFT + p.weight_exp)
        weights = straight(weights, carrier * _spread(c, integers_per_weight).to(carrier.dtype))
    propagate = _propagation(p, weights)
    shift = 2.0**p.weight_exp

    def output(spikes: Tensor) -> Tensor:
        total = propagate((spikes.detach() if detached else spikes).to(kind)).double()
        if isinstance(c, Conv2d):
            return wrap(total, 24) if sum_bound >= 2**23 else total
        shifted = total * shift
        if shift < 1:
            shifted = straight(torch.floor(shifted.detach()), shifted)
        return shifted

    return output


def _propagation(p: ChipProjection, weights: Tensor) -> Synapses:
    c = p.connection
    if isinstance(c, Conv2d):
        shape, geometry = c.source_shape, (c.stride, c.padding, c.dilation, c.groups)
        return lambda s: functional.conv2d(s.reshape(-1, *shape), weights, None, *geometry).flatten(1)
    if isinstance(c, Dense):
        return lambda s: functional.linear(s, weights)
    assert isinstance(c, Sparse)
    rows, columns = _places(c)
    if np.array_equal(rows, columns) and np.array_equal(rows, np.arange(c.n_target)) and c.n_source == c.n_target:
        return lambda s: s * weights
    if c.n_source * c.n_target > MOST_PAIRS:
        raise UnsupportedFeature(
            f"quantisation-aware training of a sparse connection between {c.n_source:,} and {c.n_target:,} neurons",
            where=f"projection '{p.source}' -> '{p.target}'",
            remedy=f"train layers of at most {MOST_PAIRS:,} pairs there, or quantise it after training",
        )
    places = (torch.as_tensor(rows), torch.as_tensor(columns))
    matrix = torch.zeros(c.n_target, c.n_source, dtype=weights.dtype).index_put(places, weights)
    return lambda s: functional.linear(s, matrix)


def _places(c: Sparse) -> tuple[Any, Any]:
    """Target and source of every synapse, in the order of the weights."""
    ends = np.repeat(np.arange(len(c.indptr) - 1), np.diff(c.indptr))
    return (c.indices.astype(np.int64), ends) if c.by_source else (ends, c.indices.astype(np.int64))


def _spread(c: Any, per_target: Array) -> Tensor:
    """One number for each target in the layout of the weights."""
    if np.all(per_target == per_target.flat[0]):
        return torch.tensor(float(per_target.flat[0]), dtype=torch.float64)
    if isinstance(c, Conv2d):
        first = per_target.reshape(c.target_shape[0], math.prod(c.target_shape[1:]))[:, 0]
        return torch.as_tensor(first)[:, None, None, None]
    return torch.as_tensor(per_target[:, None] if isinstance(c, Dense) else per_target[_places(c)[0]])
