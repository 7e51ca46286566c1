"""Integer layers driven by a float network's spikes: what a layer gets wrong by itself.

In a free run an early layer's errors reach all later ones. Here every layer is run alone, on the spikes that the float
network sends to it, also over recurrent synapses; its own past, the membrane and its resets, stays its own. A spike
that still differs was made wrong in this layer, by its weights, fields or registers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.chipnet import ChipNetwork, ChipProjection
from neurodeploy.compare.sides import Rasters, Traces, chip_traces
from neurodeploy.network import Network

TAUGHT = "float:"
"""Before the name of a layer whose spikes are given."""


def can_be_taught(network: Network, net: ChipNetwork) -> bool:
    """Whether the integers' layers are the float network's, so that its spikes can stand for theirs."""
    if list(network.populations) != list(net.populations) or list(network.inputs) != list(net.inputs):
        return False
    return all(taught_projections(network, net, layer) is not None for layer in net.populations)


def taught_projections(network: Network, net: ChipNetwork, layer: str) -> list[ChipProjection] | None:
    """The integer projections that are the float network's; those after them are a layer's resets of itself.

    None where they are not the float network's.
    """
    trained, integer = [p.source for p in network.incoming(layer)], list(net.incoming(layer))
    given, own = integer[: len(trained)], integer[len(trained) :]
    if [p.source for p in given] != trained or any(p.source != layer for p in own):
        return None
    return given


def alone(network: Network, net: ChipNetwork, layer: str) -> ChipNetwork:
    """The layer with its senders as inputs."""
    given = taught_projections(network, net, layer)
    if given is None:
        raise RuntimeError(f"'{layer}' is not wired as in the float network")  # see can_be_taught
    single = ChipNetwork(populations={layer: net.populations[layer]})
    for source in dict.fromkeys(p.source for p in given):
        single.add_input(TAUGHT + source, shape=net.size_of(source))
    if not given:
        single.add_input(TAUGHT, shape=1)
    for p in net.incoming(layer):
        taught = any(p is one for one in given)
        single.projections.append(replace(p, source=TAUGHT + p.source) if taught else p)
    return single


def taught_run(network: Network, net: ChipNetwork, layer: str, spikes: NDArray[Any], sent: Rasters) -> Traces:
    """One layer driven by float spikes.

    Args:
        network: The float network.
        net: Its integers.
        layer: The layer.
        spikes: Of the network's only input, (B, T, *shape).
        sent: Of every float population, (B, T, n).

    Returns:
        Traces of that layer.
    """
    (name,) = network.inputs
    single = alone(network, net, layer)
    batch, steps = spikes.shape[:2]
    start = net.populations[layer].start
    given: Mapping[str, NDArray[Any]] = {**sent, name: spikes.reshape(batch, steps, -1)}
    messages = {}
    for port in single.inputs.values():
        source = port.name.removeprefix(TAUGHT)
        late = net.populations[source].start if source in net.populations else 0
        raster = np.zeros((batch, late + steps + start, port.size), np.uint8)
        if source:
            raster[:, late : late + steps] = given[source]
        messages[port.name] = raster[:, : steps + start]
    return chip_traces(single, messages, (layer,), steps)
