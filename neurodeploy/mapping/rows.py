"""What synapses cost in a core's memory: widths, rows and words.

The formula is nengo-loihi's; for Loihi 2 it is a fit to lava-dl's printed compile reports.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurodeploy.chipnet import ChipProjection
from neurodeploy.target_schema import Core, Target

Ints = NDArray[np.int64]

CONV_WEIGHT_BITS = 8
"""Lava ignores ``num_weight_bits`` of a convolution; its kernel is held in 8 bits."""


def weight_bits(projection: ChipProjection, target: Target) -> int:
    """Bits of a stored weight: the narrowest legal format that holds ``num_weight_bits`` (Loihi 1 has no 7)."""
    wanted = CONV_WEIGHT_BITS if projection.connection.kind == "conv2d" else projection.num_weight_bits
    return min((b for b in target.weight.legal_bits.value if b >= wanted), default=wanted)


def delay_bits(projection: ChipProjection, target: Target) -> int:
    """Bits of a stored delay: none without delay, else what the delay needs, at most the chip's field."""
    return min(projection.delay.bit_length(), target.axon.delay_bits.value)


def dense_bits(projection: ChipProjection, target: Target) -> int:
    """Bits of one synapse of a dense row."""
    return payload_bits(projection, target) + target.core.synapse_index_bits.value


def payload_bits(projection: ChipProjection, target: Target) -> int:
    """Bits of a weight and its delay."""
    return weight_bits(projection, target) + delay_bits(projection, target)


def sparse_index_bits(neurons: Ints, core: Core) -> Ints:
    """Bits of the index in a sparse row that addresses ``neurons`` compartments."""
    if core.sparse_index_bits is None:
        return np.full_like(neurons, core.synapse_index_bits.value)
    return index_bits(neurons, core.sparse_index_bits.value, core)


def index_bits(compartments: Ints, widest: int, core: Core) -> Ints:
    """The narrowest legal index that tells so many compartments apart, at most ``widest``; none for a single one.

    Where the target does not list the legal widths, all indices are ``widest``.
    """
    if core.legal_index_bits is None:
        return np.full_like(compartments, widest)
    widths = np.array([0, *sorted(b for b in core.legal_index_bits.value if b < widest), widest])
    return widths[np.minimum(np.searchsorted(2 ** widths[:-1], compartments), len(widths) - 1)]


def row_words(synapses: Ints, bits: int | Ints, core: Core) -> Ints:
    """Words of rows of ``synapses`` synapses of ``bits`` bits each.

    A header for each started chunk of ``synapse_chunk`` synapses (0: one for the row), every chunk rounded up to whole
    words; an empty row takes none. Worked example, Loihi 1: 128 synapses of 8 bit take 2 * ceil((64*8 + 10)/64) = 18.
    """
    header, word, chunk = core.synapse_header_bits.value, core.word_bits.value, core.synapse_chunk.value
    if not chunk:
        return np.where(synapses > 0, -(-(synapses * bits + header) // word), 0)
    full, rest = synapses // chunk, synapses % chunk
    tail: Ints = np.where(rest > 0, -(-(rest * bits + header) // word), 0)
    return full * -(-(chunk * bits + header) // word) + tail


def synapse_format(projection: ChipProjection, target: Target) -> tuple[object, ...]:
    """What two projections with rows of the same kind and index must agree on to share a core's synapse format."""
    return (
        weight_bits(projection, target),
        projection.weight_exp,
        projection.sign_mode,
        delay_bits(projection, target),
    )
