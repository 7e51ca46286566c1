"""The golden network as neurons of a target.

Everything is ``unit`` times the golden model's number, since mixed-sign weights of 8 bits are even. The core fires on
v > vth << 6 and subtracts that, so the threshold is theta itself and the membrane starts at (theta / 2 + bias) << 6,
and one more: membranes are multiples of 64 plus 1, the 1 survives subtraction, and v > theta << 6 is a sum >= theta.
The current lasts one step (du = 4095), the membrane does not leak (dv = 0).
"""

from __future__ import annotations

import numpy as np

from neurodeploy.chipnet import ChipNetwork
from neurodeploy.connections import Connection, Conv2d
from neurodeploy.convert.qcfs.bounds import bounds_of, check_bounds
from neurodeploy.convert.qcfs.gate import Gate, add_gate, gate_above
from neurodeploy.convert.qcfs.golden import IntegerLayer, IntegerNet
from neurodeploy.convert.qcfs.layers import INPUT
from neurodeploy.convert.qcfs.schedule import Phase, Schedule
from neurodeploy.neurons.cuba import VTH_NEVER
from neurodeploy.target import Target

UNIT_SHIFT = 6
ODD_BITS = 9
"""Width of mixed-sign weights that may be odd."""


def lowered(net: IntegerNet, target: Target, schedule: Schedule, mode: str, gate: str) -> ChipNetwork:
    """A population for each layer, ``in`` and ``out``.

    Args:
        net: The golden network.
        target: The chip.
        schedule: When which layer fires.
        mode: ``defer`` or ``pascal``.
        gate: Of ``defer``: ``window``, the neurons' own; or ``neurons``, one that opens a layer and one that closes it.

    Raises:
        FieldOverflow: A membrane could leave its register.
    """
    chip = ChipNetwork(sample_steps=schedule.steps)
    chip.add_input(INPUT, shape=net.input_shape)
    for layer in net.layers:
        unit = unit_of(layer, target)
        found = bounds_of(layer, net, unit)
        phase = schedule.phases[layer.name]
        held = gate_above(found, target) if layer.levels and gate == "neurons" else None
        check_bounds(layer, found, held.height if held else 0)
        if not layer.levels:
            add_readout(chip, layer, unit)
        elif mode == "pascal":
            _add_pascal(chip, layer, unit, phase)
        else:
            _add_deferred(chip, layer, unit, phase, held)
        for branch in layer.branches:
            connect(chip, branch.source, layer, branch.connection, unit, target)
        if held is not None and held.mantissas:
            add_gate(chip, layer.name, held, (phase.opens, phase.closes))
    return chip


def unit_of(layer: IntegerLayer, target: Target) -> int:
    """What the chip's numbers are multiples of: 1 where it holds odd weights of either sign, else 2."""
    kernels = any(isinstance(b.connection, Conv2d) for b in layer.branches)
    return 1 if ODD_BITS in target.weight.legal_bits.value and not kernels else 2


def add_readout(chip: ChipNetwork, layer: IntegerLayer, unit: int) -> None:
    """Neurons that never fire and begin with their bias; v is ``unit * scale * 64`` times the real value."""
    register = unit << UNIT_SHIFT
    chip.add_population(
        layer.name,
        shape=layer.shape,
        du=4095,
        dv=0,
        vth=VTH_NEVER,
        v0=layer.bias * register,
        reset="none",
        scale=layer.scale * register,
    )


def _add_deferred(chip: ChipNetwork, layer: IntegerLayer, unit: int, phase: Phase, held: Gate | None) -> None:
    start = unit * (layer.theta // 2 + layer.bias) - (held.height if held else 0)
    window = None if held else (phase.opens, phase.closes)
    chip.add_population(
        layer.name,
        shape=layer.shape,
        du=4095,
        dv=0,
        vth=unit * layer.theta,
        v0=(start << UNIT_SHIFT) + 1,
        reset="subtract",
        window=window,
    )


def _add_pascal(chip: ChipNetwork, layer: IntegerLayer, unit: int, phase: Phase) -> None:
    chip.add_population(
        layer.name,
        model="pascal",
        shape=layer.shape,
        vth=unit * layer.theta,
        v0=(unit * (layer.theta // 2 + layer.bias) << UNIT_SHIFT) + 1,
        begin=phase.listens,
        steps_in=phase.steps_in,
        steps_out=phase.steps_out,
    )


def connect(
    chip: ChipNetwork, source: str, layer: IntegerLayer, connection: Connection, unit: int, target: Target
) -> None:
    """Synapses of ``unit`` times the weights, in the narrowest format that the target has for them.

    A format of b bits keeps multiples of 2^(9 - b); the exponent takes what that is more than the unit off the sum.
    """
    width = ODD_BITS if unit == 1 else 8
    wanted = layer.most_weight.bit_length() + 1
    if unit == 2 and wanted in target.weight.legal_bits.value and not isinstance(connection, Conv2d):
        width = wanted
    extra = ODD_BITS - width - (unit - 1)
    weights = connection.weights.astype(np.int64) * (unit << extra)
    chip.attach(
        source,
        layer.name,
        connection.with_weights(weights),
        num_weight_bits=width,
        weight_exp=-extra,
        sign_mode="mixed",
    )
