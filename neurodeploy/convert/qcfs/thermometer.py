"""The same counts where a spike resets to zero: L copies of each neuron, with thresholds j theta, that spike once.

``clip((z + theta / 2) // theta, 0, L)`` is the number of j = 1 .. L with ``z + theta / 2 >= j theta``.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import kron

from neurodeploy.chipnet import ChipNetwork
from neurodeploy.connections import Connection, Sparse
from neurodeploy.convert.qcfs.bounds import bounds_of, check_bounds
from neurodeploy.convert.qcfs.gate import add_gate, gate_above
from neurodeploy.convert.qcfs.golden import IntegerNet
from neurodeploy.convert.qcfs.layers import INPUT
from neurodeploy.convert.qcfs.lower import UNIT_SHIFT, add_readout, connect, unit_of
from neurodeploy.convert.qcfs.schedule import Schedule
from neurodeploy.target import Target


def thermometer(net: IntegerNet, target: Target, schedule: Schedule, gate: str) -> ChipNetwork:
    """A population of L copies, copy by copy, for each layer; all its spikes come in the first step of its phase.

    After it v is 0, or below the threshold, and nothing arrives any more: there is nothing to close.

    Raises:
        FieldOverflow: A membrane could leave its register.
    """
    chip = ChipNetwork(sample_steps=schedule.steps)
    chip.add_input(INPUT, shape=net.input_shape)
    copies = {INPUT: 1} | {layer.name: max(1, layer.levels) for layer in net.layers}
    for layer in net.layers:
        unit, opens = unit_of(layer, target), schedule.phases[layer.name].opens
        found = bounds_of(layer, net, unit)
        held = gate_above(found, target) if layer.levels and gate == "neurons" else None
        check_bounds(layer, found, held.height if held else 0)
        if layer.levels:
            start = unit * (layer.theta // 2 + layer.bias) - (held.height if held else 0)
            chip.add_population(
                layer.name,
                shape=(layer.levels * layer.size,),
                du=4095,
                dv=0,
                vth=np.repeat(unit * layer.theta * np.arange(1, layer.levels + 1) - 1, layer.size),
                v0=np.tile(start << UNIT_SHIFT, layer.levels),
                reset="zero",
                window=None if held else (opens, opens + 1),
            )
        else:
            add_readout(chip, layer, unit)
        for branch in layer.branches:
            wide = _copied(branch.connection, copies[layer.name], copies[branch.source])
            connect(chip, branch.source, layer, wide, unit, target)
        if held is not None and held.mantissas:
            add_gate(chip, layer.name, held, (opens,))
    return chip


def _copied(connection: Connection, targets: int, sources: int) -> Connection:
    """From all copies of every source neuron to all copies of the target's."""
    if targets == sources == 1:
        return connection
    rows = kron(np.ones((targets, sources), np.int64), connection.to_csr(), format="csr")
    return Sparse.from_matrix(rows, (sources * connection.n_source,), (targets * connection.n_target,))
