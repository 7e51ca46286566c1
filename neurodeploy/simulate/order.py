"""The order in which the fast engine keeps the neurons of a map, so that convolutions find together what they need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from neurodeploy.chipnet import ChipNetwork, ChipProjection
from neurodeploy.connections import Conv2d

Order = NDArray[np.int64]


def pixel_orders(
    net: ChipNetwork, projections: Sequence[ChipProjection], graded: Mapping[str, bool]
) -> dict[str, Order]:
    """The order of the pixels (H * W) of each population that is kept channels last.

    The pixels that a convolution with strides reads as one cell stand together. Populations that send or receive
    graded messages, or messages without a synapse, stay as they are.
    """
    orders = {}
    for name, population in net.populations.items():
        around = [p for p in projections if name in (net.sender_of(p.source), p.target)]
        plain = all(p.connection.kind != "direct" and not (graded[p.source] and p.message_bits) for p in around)
        plain = plain and net.outputs_of(name) == (name,) and not graded[name]
        convolutions = [p for p in around if isinstance(p.connection, Conv2d)]
        if plain and convolutions and len(population.shape) == 3:
            outgoing = [p.connection for p in convolutions if p.source == name]
            orders[name] = _by_cells(population.shape, outgoing[0] if outgoing else None)
    return orders


def _by_cells(shape: tuple[int, ...], reader: object) -> Order:
    _, height, width = shape
    stride, padding = (reader.stride, reader.padding) if isinstance(reader, Conv2d) else ((1, 1), (0, 0))
    y, x = (n.ravel() + p for n, p in zip(np.mgrid[:height, :width], padding, strict=True))
    return np.lexsort((x % stride[1], y % stride[0], x // stride[1], y // stride[0]))


def neuron_order(shape: tuple[int, ...], pixels: Order) -> Order:
    """Number of the neuron, channels first, that stands at each place: all channels of a pixel, pixel by pixel."""
    plane = shape[1] * shape[2]
    return np.asarray(pixels[:, None] + plane * np.arange(shape[0]), dtype=np.int64).ravel()
