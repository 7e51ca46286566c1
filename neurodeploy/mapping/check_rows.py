"""The checker's own count of synapse memory: rows are built one by one, and equal ones are stored once."""

from __future__ import annotations

from itertools import pairwise
from math import ceil

import numpy as np
from numpy.typing import NDArray

from neurodeploy.connections import Conv2d
from neurodeploy.target_schema import Target

Ints = NDArray[np.int64]


def words_of_row(synapses: int, bits: int, target: Target) -> int:
    """Words of one row, chunk by chunk."""
    core = target.core
    chunk = core.synapse_chunk.value or synapses
    words = 0
    while synapses > 0:
        words += ceil((min(synapses, chunk) * bits + core.synapse_header_bits.value) / core.word_bits.value)
        synapses -= chunk
    return words


def rows_of_convolution(connection: Conv2d, core_of: Ints, payload_bits: int, target: Target) -> dict[int, int]:
    """Words of a convolution's rows per core that holds any of its outputs.

    Args:
        connection: The convolution.
        core_of: Core of each output neuron.
        payload_bits: Bits of a weight and its delay.
        target: The chip.
    """
    outputs, inputs, weights = connection.taps()
    taps_on = core_of[outputs]
    narrow = taps_on.astype(np.min_scalar_type(int(taps_on.max(initial=0))))  # numpy sorts short integers faster
    order = np.argsort(narrow, kind="stable")
    outputs, inputs, weights, taps_on = outputs[order], inputs[order], weights[order], taps_on[order]
    words = {}
    for core in np.unique(core_of).tolist():
        neurons = np.flatnonzero(core_of == core)
        own = slice(*np.searchsorted(taps_on, [core, core + 1]))
        bits = payload_bits + _index_bits(len(neurons), target)
        corner, shape = _box(neurons, connection.target_shape)
        if shape is None:
            lengths = np.unique(inputs[own], return_counts=True)[1].tolist()
        elif target.core.accounting == "pool":
            lengths = _rows_per_tap(connection, outputs[own], inputs[own], weights[own])
        else:
            limit = target.axon.row_base_max
            page = shape[1] * shape[2] if limit is None else limit.value + 1
            local = np.stack(np.unravel_index(outputs[own], connection.target_shape)) - corner[:, None]
            pixel = local[1] * shape[2] + local[2]
            lengths = _distinct_rows(inputs[own], local[0] * shape[1] * shape[2] + pixel, pixel, weights[own], page)
        extra = target.core.conv_row_extra_words.value
        cost = {n: words_of_row(n, bits, target) + extra for n in set(lengths)}
        words[core] = sum(cost[n] for n in lengths)
    return words


def _index_bits(neurons: int, target: Target) -> int:
    """The narrowest legal index that addresses the neurons, never wider than the target's own."""
    widest = target.core.conv_index_bits.value
    legal = target.core.legal_index_bits.value if target.core.legal_index_bits is not None else ()
    for bits in sorted(legal):
        if 2**bits >= neurons:
            return min(bits, widest)
    return widest


def _box(neurons: Ints, shape: tuple[int, ...]) -> tuple[Ints, tuple[int, int, int] | None]:
    """Corner and size of a (channel, y, x) block; no size where the neurons are not a block, which share no row."""
    at = np.stack(np.unravel_index(neurons, shape))
    corner = at.min(axis=1)
    c, y, x = (at.max(axis=1) - corner + 1).tolist()
    return corner, (c, y, x) if c * y * x == len(neurons) else None


def _rows_per_tap(connection: Conv2d, outputs: Ints, inputs: Ints, weights: Ints) -> list[int]:
    """Lengths of the rows (in-channel, ky, kx): the output channels that each feeds."""
    kernel = connection.weights.shape[2] * connection.weights.shape[3]
    in_channel = inputs // (connection.source_shape[1] * connection.source_shape[2])
    row = in_channel * kernel + weights % kernel
    out_channel = outputs // (connection.target_shape[1] * connection.target_shape[2])
    distinct = np.unique(row * connection.target_shape[0] + out_channel) // connection.target_shape[0]
    lengths: list[int] = np.unique(distinct, return_counts=True)[1].tolist()
    return lengths


def _distinct_rows(inputs: Ints, local: Ints, pixel: Ints, weights: Ints, page: int) -> list[int]:
    """Lengths of the distinct rows: the same weights at the same distances, from a base on the same page."""
    order = np.argsort(inputs * (int(local.max(initial=0)) + 1) + local)  # by source, then by target
    inputs, local, pixel, weights = inputs[order], local[order], pixel[order], weights[order]
    edges = [*np.flatnonzero(np.diff(inputs, prepend=-1)).tolist(), len(inputs)]
    seen: dict[tuple[bytes, bytes, int], int] = {}
    for low, high in pairwise(edges):
        row = weights[low:high].tobytes(), (local[low:high] - local[low]).tobytes(), int(pixel[low]) // page
        seen[row] = high - low
    return list(seen.values())
