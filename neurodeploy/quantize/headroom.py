"""How far u and v are from the ends of their registers, proven from the integers of a network."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from neurodeploy.chipnet import ChipNetwork
from neurodeploy.neurons.cuba import THRESHOLD_SHIFT, VTH_NEVER
from neurodeploy.neurons.lif import DECAY_ONE, INPUT_SHIFT, bias_of
from neurodeploy.quantize.scale import STATE_LIMIT

ENDLESS_STEPS = DECAY_ONE
"""For how many steps a register that never decays is looked at: nothing bounds it for ever."""


def proven_limits(net: ChipNetwork, name: str) -> tuple[float, float]:
    """Largest magnitudes that binary spikes can ever cause in u and v of a ``cuba`` population.

    ``|u| <= max(|u0|, m_u S)`` with the largest one-signed sum S of the inputs and ``m = 1 / decay`` steps of memory;
    v likewise of ``|u| + |bias|``, and before its reset at most a threshold above that. Decays round toward zero and so
    never add. Holds for any input; of a register without decay, for ``ENDLESS_STEPS`` steps.
    """
    p = net.populations[name]
    low, high = np.zeros(p.size), np.zeros(p.size)
    for q in net.incoming(name):
        negative, positive = q.connection.sum_bounds()
        low -= _shifted(negative, q.weight_exp)
        high += _shifted(positive, q.weight_exp)
    f = p.fields
    u = np.maximum(np.maximum(low, high) * 2**INPUT_SHIFT * _memory(f["du"] + 1), np.abs(f["u0"]))
    drive = u + np.abs(bias_of(f))
    v = np.maximum(drive * _memory(f["dv"]), np.abs(f["v0"]))
    resets = (f["vth"] < VTH_NEVER) & (p.reset != "none")
    v = np.maximum(v, np.where(resets, (f["vth"] << THRESHOLD_SHIFT) + drive, 0))
    return float(u.max(initial=0.0)), float(v.max(initial=0.0))


def headroom_bits(largest: float) -> float:
    """log2 of the register's end over a magnitude; negative where it lies beyond."""
    return math.log2(STATE_LIMIT / largest) if largest > 0 else math.inf


def _shifted(sums: NDArray[np.int64], exponent: int) -> NDArray[np.float64]:
    """Floors of negative exponents make a negative sum larger by less than one."""
    return np.where(sums == 0, 0.0, np.sign(sums) * np.ceil(np.abs(sums) * 2.0**exponent))


def _memory(decay: NDArray[np.int64]) -> NDArray[np.float64]:
    return DECAY_ONE / np.maximum(decay, DECAY_ONE / ENDLESS_STEPS)
