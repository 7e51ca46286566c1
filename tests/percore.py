"""One core of a mapped network as a network of its own: what that core would be loaded with."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from neurodeploy.chipmap import Mapping
from neurodeploy.chipnet import ChipInput, ChipNetwork
from neurodeploy.connections import Sparse


def core_network(net: ChipNetwork, mapping: Mapping, core: int) -> tuple[ChipNetwork, dict[str, NDArray[np.int64]]]:
    """The slices of all populations on ``core``, fed by whole source populations as inputs ``>name``.

    Returns:
        The network, and the neurons (indices) that each of its populations holds.
    """
    local = ChipNetwork()
    held = {name: np.flatnonzero(cores == core) for name, cores in mapping.core_of.items()}
    held = {name: neurons for name, neurons in held.items() if len(neurons)}
    for name, neurons in held.items():
        population = net.populations[name]
        fields = {f: v[neurons] if v.ndim else v for f, v in population.fields.items()}
        local.populations[name] = replace(population, shape=(len(neurons),), fields=fields)
        for p in (part for whole in net.incoming(name) for part in whole.by_delay):
            port = f">{p.source}"
            local.inputs[port] = ChipInput(port, (net.size_of(p.source),))
            rows = Sparse.from_matrix(p.connection.to_csr()[neurons], (net.size_of(p.source),), (len(neurons),))
            local.projections.append(replace(p, source=port, connection=rows))
    return local, held
