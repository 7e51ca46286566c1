"""A network's wiring without its numbers: enough to see early, and for nothing, that it cannot fit."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from neurodeploy.chipnet import ChipNetwork, ChipProjection
from neurodeploy.network import Network


def skeleton(network: Network, bits: Mapping[str, int]) -> ChipNetwork:
    """Populations and projections of ``network`` with equal weights that take no memory; ``bits`` by population."""
    net = ChipNetwork()
    for name, shape in network.inputs.items():
        net.add_input(name, shape=shape)
    for name, population in network.populations.items():
        net.add_population(name, shape=population.shape)
    for p in network.projections:
        weights = np.broadcast_to(np.int8(2), p.connection.weights.shape)
        net.projections.append(
            ChipProjection(
                p.source, p.target, p.connection.with_weights(weights), 0, bits[p.target], "mixed", p.delay_steps
            )
        )
    return net
