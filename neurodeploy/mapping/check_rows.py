"""The checker's own count of synapse memory: rows are built one by one, and equal ones are stored once."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from math import ceil
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurodeploy.chipnet import ChipProjection
from neurodeploy.connections import Conv2d, Dense
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


class Held(NamedTuple):
    """How a core holds a projection: words of memory, whether rows are shared, bits of the index, and in-axons."""

    words: int
    shared: bool
    index_bits: int
    axons: int


def synapses_of(p: ChipProjection) -> tuple[Ints, Ints]:
    """Target and source of every explicit synapse."""
    if isinstance(p.connection, Conv2d):
        targets, sources, _ = p.connection.taps()
        return targets, sources
    found = p.connection.pattern().tocoo()
    return found.row.astype(np.int64), found.col.astype(np.int64)


def held_rows(p: ChipProjection, core_of: Ints, payload: tuple[int, int], target: Target) -> dict[int, Held]:
    """The encoding of the fewest words, per core that holds any target neuron; of a convolution's shared rows or rows
    of each source neuron, those with the smaller of their larger share of memory or in-axons.

    Args:
        p: The projection.
        core_of: Core of each target neuron.
        payload: Bits of a weight and of its delay.
        target: The chip.
    """
    core = target.core
    fixed, bits = core.synapse_index_bits.value, sum(payload)
    sizes = dict(zip(*(a.tolist() for a in np.unique(core_of, return_counts=True)), strict=True))
    if isinstance(p.connection, Dense):
        rows = p.connection.n_source
        return {at: Held(rows * words_of_row(n, bits + fixed, target), False, fixed, rows) for at, n in sizes.items()}
    held: dict[int, Held] = {}
    if isinstance(p.connection, Conv2d):
        held = {at: rows for at, rows in rows_of_convolution(p.connection, core_of, bits, target).items() if rows}
        if core.accounting == "pool" and len(held) == len(sizes):
            return held
    targets, sources = synapses_of(p)
    n_source = p.connection.n_source
    pairs, counts = np.unique(core_of[targets] * n_source + sources, return_counts=True)
    edges = np.searchsorted(pairs, np.array([*sizes, max(sizes, default=-1) + 1]) * n_source)
    for (at, neurons), low, high in zip(sizes.items(), edges[:-1], [*edges[1:]], strict=True):
        index = fixed
        if core.sparse_index_bits is not None:
            index = _index_bits(neurons, core.sparse_index_bits.value, target)
        lengths = np.unique(counts[low:high], return_counts=True)
        sparse = sum(
            words_of_row(n, bits + index, target) * k for n, k in zip(*map(np.ndarray.tolist, lengths), strict=True)
        )
        dense = int(high - low) * words_of_row(neurons, bits + fixed, target)
        axons = int(high - low)
        own = Held(dense, False, fixed, axons) if dense < sparse else Held(sparse, False, index, axons)
        if at not in held or (core.accounting == "rows" and _fuller(own, target) < _fuller(held[at], target)):
            held[at] = own
    return held


def _fuller(held: Held, target: Target) -> Fraction:
    """The larger share of memory or in-axons."""
    core = target.core
    return max(Fraction(held.words, core.synapse_words.value), Fraction(held.axons, core.in_axons.value))


def rows_of_convolution(connection: Conv2d, core_of: Ints, payload_bits: int, target: Target) -> dict[int, Held | None]:
    """Shared rows of a convolution on each core that holds any of its outputs; None where those are not a block.

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
    held: dict[int, Held | None] = {}
    for core in np.unique(core_of).tolist():
        neurons = np.flatnonzero(core_of == core)
        own = slice(*np.searchsorted(taps_on, [core, core + 1]))
        corner, shape = _box(neurons, connection.target_shape)
        if shape is None:
            held[core] = None
            continue
        widest = target.core.conv_index_bits.value
        if target.core.accounting == "pool":
            lengths, index = _rows_per_tap(connection, outputs[own], inputs[own], weights[own]), 0
            bits = payload_bits + widest
        else:
            limit = target.axon.row_base_max
            page = shape[1] * shape[2] if limit is None else limit.value + 1
            local = np.stack(np.unravel_index(outputs[own], connection.target_shape)) - corner[:, None]
            pixel = local[1] * shape[2] + local[2]
            source = inputs[own] % (connection.source_shape[1] * connection.source_shape[2])
            lengths, last = _distinct_rows(
                source, inputs[own], local[0] * shape[1] * shape[2] + pixel, pixel, weights[own], page
            )
            index = _index_bits(last + 1, widest, target) if lengths else 0
            bits = payload_bits + index
        cost = {n: words_of_row(n, bits, target) + target.core.conv_row_extra_words.value for n in set(lengths)}
        pixels = np.unique(inputs[own] % (connection.source_shape[1] * connection.source_shape[2]))
        held[core] = Held(sum(cost[n] for n in lengths), True, index, len(pixels))
    return held


def _index_bits(compartments: int, widest: int, target: Target) -> int:
    """The narrowest legal index that addresses so many compartments, never wider than the target's own."""
    if target.core.legal_index_bits is None:
        return widest
    enough = [bits for bits in (0, *target.core.legal_index_bits.value) if 2**bits >= compartments]
    return min([*enough, widest])


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


def _distinct_rows(
    source: Ints, inputs: Ints, local: Ints, pixel: Ints, weights: Ints, page: int
) -> tuple[list[int], int]:
    """Lengths of the distinct rows, and the largest index in any.

    A row holds the synapses of a source pixel, all channels of it; two are the same if they hold the same weights at
    the same distances, from a base on the same page. An index is counted from the base within its page.
    """
    order = np.lexsort((local, inputs, source))
    source, local, pixel, weights = source[order], local[order], pixel[order], weights[order]
    edges = [*np.flatnonzero(np.diff(source, prepend=-1)).tolist(), len(source)]
    seen: dict[tuple[bytes, bytes, int], int] = {}
    last = 0
    for low, high in pairwise(edges):
        base = int(pixel[low:high].min())
        row = weights[low:high].tobytes(), (local[low:high] - base).tobytes(), base // page
        seen[row] = high - low
        last = max(last, int(local[low:high].max()) - base % page)
    return list(seen.values()), last
