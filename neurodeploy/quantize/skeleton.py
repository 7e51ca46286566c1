"""A network's wiring without its numbers: enough to see early, and for nothing, that it cannot fit."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from neurodeploy.chipnet import ChipNetwork, ChipProjection
from neurodeploy.network import Network, Projection
from neurodeploy.quantize.lattice import unit_of


def skeleton(network: Network, bits: Mapping[str, int]) -> ChipNetwork:
    """Populations and projections of ``network`` with equal weights that take no memory; ``bits`` by population.

    Whole multiples of a unit have the fewest bits that quantising may find for them, so that nothing is refused that
    would fit.
    """
    net = ChipNetwork()
    for name, shape in network.inputs.items():
        net.add_input(name, shape=shape)
    for name, population in network.populations.items():
        net.add_population(name, shape=population.shape)
    for p in network.projections:
        connection = p.connection.with_weights(np.broadcast_to(np.int8(2), p.connection.weights.shape))
        width = _fewest_bits(p, bits[p.target])
        net.projections.append(ChipProjection(p.source, p.target, connection, 0, width, "mixed", p.delay_steps))
    return net


def _fewest_bits(projection: Projection, bits: int) -> int:
    weights = projection.connection.weights
    unit = unit_of([weights])
    if unit is None:
        return bits
    low, high = (round(float(f(weights, initial=0.0)) / unit) for f in (np.min, np.max))
    needed = max(high.bit_length(), (-low - 1).bit_length()) + 1 if low < 0 < high else max(high, -low).bit_length()
    return min(bits, needed)
