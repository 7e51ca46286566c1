"""How far u and v are from the ends of their registers, proven from the integers of a network."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from neurodeploy.chipnet import ChipNetwork
from neurodeploy.neurons.cuba import THRESHOLD_SHIFT
from neurodeploy.neurons.lif import DECAY_ONE, INPUT_SHIFT, bias_of
from neurodeploy.quantize.scale import STATE_LIMIT

ENDLESS_STEPS = DECAY_ONE
"""For how many steps a register that never decays is looked at: nothing bounds it for ever."""


def proven_limits(net: ChipNetwork, name: str) -> tuple[float, float]:
    """Largest magnitudes that binary spikes can ever cause in u and v of a ``cuba`` population, v before its reset.

    Above and below zero apart, with the sum S of a neuron's weights of one sign and ``m = 1 / decay`` steps of memory:
    ``|u| <= max(|u0|, m_u S)``, ``|v| <= max(|v0|, m_v (|u| + |bias|))``, and above zero v is at most one step's drive
    over the threshold where a spike resets it to zero. Decays round toward zero and so never add. Holds for any input;
    of a register without decay, for ``ENDLESS_STEPS`` steps.
    """
    p, f = net.populations[name], net.populations[name].fields
    reached = []
    for sign in (1, -1):
        sums = np.zeros(p.size)
        for q in net.incoming(name):
            sums += np.ceil(np.abs(q.connection.sum_bounds()[sign > 0]) * 2.0**q.weight_exp)
        u0, v0, bias = (np.maximum(sign * x, 0) for x in (f["u0"], f["v0"], bias_of(f)))
        u = np.maximum(sums * 2**INPUT_SHIFT * _memory(f["du"] + 1), u0)
        threshold = f["vth"] << THRESHOLD_SHIFT
        drive = u + bias + (np.maximum(-threshold, 0) if sign > 0 and p.reset == "subtract" else 0)
        v = np.maximum(drive * _memory(f["dv"]), v0)
        if sign > 0 and p.reset == "zero":
            v = np.minimum(v, np.maximum(np.maximum(threshold, v0), 0) + drive)
        reached.append((u, v))
    (u_above, v_above), (u_below, v_below) = reached
    return float(np.maximum(u_above, u_below).max(initial=0.0)), float(np.maximum(v_above, v_below).max(initial=0.0))


def headroom_bits(largest: float) -> float:
    """log2 of the register's end over a magnitude; negative where it lies beyond."""
    return math.log2(STATE_LIMIT / largest) if largest > 0 else math.inf


def _memory(decay: NDArray[np.int64]) -> NDArray[np.float64]:
    return DECAY_ONE / np.maximum(decay, DECAY_ONE / ENDLESS_STEPS)
