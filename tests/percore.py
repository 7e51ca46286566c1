"""One core of a mapped network as a network of its own: what that core would be loaded with."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from neurodeploy.chipmap import Mapping
from neurodeploy.chipnet import ChipInput, ChipNetwork
from neurodeploy.connections import Connection, Direct, Sparse

Feeds = dict[str, tuple[str, NDArray[np.int64]]]


def core_network(
    net: ChipNetwork, mapping: Mapping, core: int
) -> tuple[ChipNetwork, dict[str, NDArray[np.int64]], Feeds]:
    """The slices of all populations on ``core``, fed by sources as inputs: whole ones over synapses, slices directly.

    Returns:
        The network, the neurons (indices) that each of its populations holds, and the source and neurons of each input.
    """
    local = ChipNetwork()
    feeds: Feeds = {}
    held = {name: np.flatnonzero(cores == core) for name, cores in mapping.core_of.items()}
    held = {name: neurons for name, neurons in held.items() if len(neurons)}
    for name, neurons in held.items():
        population = net.populations[name]
        fields = {f: v[neurons] if v.ndim else v for f, v in population.fields.items()}
        local.populations[name] = replace(population, shape=(len(neurons),), fields=fields)
        for p in (part for whole in net.incoming(name) for part in whole.by_delay):
            direct = p.connection.kind == "direct"
            port = f">{p.source}>{name}" if direct else f">{p.source}"
            every = np.arange(net.size_of(p.source))
            feeds[port] = (p.source, neurons if direct else every)
            local.inputs[port] = ChipInput(port, (len(feeds[port][1]),), net.message_bits_of(p.source))
            ends = (len(feeds[port][1]),), (len(neurons),)
            rows = p.connection.to_csr()[neurons]
            wires: Connection = Direct.between(*ends) if direct else Sparse.from_matrix(rows, *ends)
            local.projections.append(replace(p, source=port, connection=wires))
    return local, held, feeds
