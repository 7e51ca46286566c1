"""Initial membranes on a chip that can load none: they come as the input of a layer's first step.

A neuron that fires in every step reaches the layer through two synapses of opposite weights, the second a step later:
the first step takes the one alone, all later ones both. What a start leaves after the decay of one step is what the
first synapse brings, so the layer's v is that of a chip that loads it, in every bit and from its first step on.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from neurodeploy.arithmetic import round_to_zero_shift
from neurodeploy.chipnet import ChipNetwork, ChipPopulation
from neurodeploy.connections.base import frozen
from neurodeploy.neurons.cuba import THRESHOLD_SHIFT
from neurodeploy.neurons.lif import DECAY_ONE, INPUT_SHIFT
from neurodeploy.neurons.model import Ints
from neurodeploy.target import Target

CLOCK = "starter"
"""Name of the neuron that always fires."""
LARGEST, STEP = 254, 2
"""Weights of both signs that every 8-bit synapse holds."""


def storable(v0: Ints, dv: Ints, vth: Ints, target: Target) -> Ints:
    """The nearest initial v, on the same side of the threshold, of which a synapse can bring what one decay leaves.

    Args:
        v0: Registers, (n,).
        dv: Decay fields.
        vth: Threshold mantissas.
        target: Gives the weight exponents.
    """
    factor, threshold = DECAY_ONE - dv, vth << THRESHOLD_SHIFT
    left = _left(v0, dv)
    grid = (STEP << INPUT_SHIFT) << _exponent(left, target)
    near = grid * np.rint(left / grid).astype(np.int64)
    last = threshold // grid * grid
    chosen = np.where(left > threshold, np.maximum(near, last + grid), np.minimum(near, last))
    least = -(-np.abs(chosen) * DECAY_ONE // np.maximum(factor, 1))  # the smallest start of which that is left
    return np.asarray(np.where(factor == 0, 0, np.sign(chosen) * least))


def by_synapses(net: ChipNetwork, target: Target) -> ChipNetwork:
    """The network with its initial membranes as synapses, where the target can load none and where that is exact.

    Layers with a current that lasts, with starts that no weight holds, or with more layers before them than a synapse
    can wait, stay as they are, to be refused by name.
    """
    layers = [p for p in net.populations.values() if _can_be_started(p, target)]
    if target.compartment.v0_preload.value or not layers or CLOCK in {*net.populations, *net.inputs}:
        return net
    made = replace(net, populations={}, projections=list(net.projections))
    made.add_population(CLOCK, shape=1, vth=1, dv=0, bias_mant=2 << THRESHOLD_SHIFT, reset="zero")
    for name, p in net.populations.items():
        made.populations[name] = _from_zero(p) if p in layers else p
    for p in layers:
        weights, exponent = _weights(p, target)
        for sign, delay in ((1, p.start - 1), (-1, p.start)):
            made.connect(CLOCK, p.name, sign * weights[:, None], weight_exp=exponent, delays=delay)
    return made


def _can_be_started(p: ChipPopulation, target: Target) -> bool:
    if p.model != "cuba" or not np.any(p.fields["v0"]) or not 1 <= p.start <= target.compartment.delay_max.value:
        return False
    weights, exponent = _weights(p, target)
    held = np.abs(weights).max() <= LARGEST and not np.any(weights % STEP)
    whole = np.array_equal((weights << exponent) << INPUT_SHIFT, _left(p.full("v0"), p.full("dv")))
    return bool(held and whole and np.all(p.fields["du"] == DECAY_ONE - 1))


def _weights(p: ChipPopulation, target: Target) -> tuple[Ints, int]:
    """Of the first step's synapses, and their exponent."""
    left = _left(p.full("v0"), p.full("dv"))
    exponent = _exponent(left, target)
    return left >> (INPUT_SHIFT + exponent), exponent


def _left(v0: Ints, dv: Ints) -> Ints:
    """What one decay leaves of a start."""
    return round_to_zero_shift(v0 * (DECAY_ONE - dv), 12)


def _exponent(left: Ints, target: Target) -> int:
    """The smallest, of the target's, at which weights hold the largest; or the largest there is."""
    highest = target.weight.exponent_max.value
    largest = int(np.abs(left).max(initial=0))
    return next((e for e in range(highest) if largest <= (LARGEST << INPUT_SHIFT) << e), highest)


def _from_zero(p: ChipPopulation) -> ChipPopulation:
    return replace(p, fields={**p.fields, "v0": frozen(np.zeros((), np.int64))})
