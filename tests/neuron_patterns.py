"""What one integrate-and-fire neuron can do on the core, counted, from v = 0 and from starts of its own.

Shared by a test and ``tools/initial_potential.py``.
"""

from __future__ import annotations

import math
from itertools import product

import numpy as np

import neurodeploy as nd


def pattern_mappings(reset: str) -> tuple[int, int]:
    """Distinct pairs of a pattern of four ticks and the answer of an IF neuron, over weights w/8; and over starts too.

    The neuron fires at ``v >= 8`` steps of its threshold field: the chip's ``>`` with a membrane one register step
    higher, or, where a spike sets it to 0, a threshold one lower.
    """
    weights, starts = (g.ravel() for g in np.meshgrid(range(9), range(-8, 9, 2), indexing="ij"))
    net = nd.ChipNetwork()
    net.add_input("in", shape=1)
    soft = reset == "subtract"
    net.add_population("n", shape=81, dv=0, vth=8 if soft else 7, v0=starts * 64 + soft, reset=reset, start=1)
    net.connect("in", "n", weights[:, None], sign_mode="excitatory")
    patterns = np.array(list(product([0, 1], repeat=4)), np.uint8)[:, :, None]
    sent = nd.simulate(net, patterns).spikes["n"][:, 1:]
    pairs = [{(k, tuple(sent[k, :, n])) for k in range(16)} for n in range(81)]
    at_zero = set().union(*(pairs[n] for n in range(81) if starts[n] == 0))
    return len(at_zero), len(set().union(*pairs))


def constant_trains(steps: int, units: int = 448) -> tuple[int, int]:
    """Distinct trains of an IF neuron that takes x = k/units in every step, from v = 0, and from any v < 1."""
    inputs, starts = (g.ravel() for g in np.meshgrid(range(units + 1), range(units), indexing="ij"))
    net = nd.ChipNetwork()
    net.add_input("in", shape=1)
    fields = {"dv": 0, "vth": units // 64, "bias_mant": inputs, "v0": starts + 1, "reset": "subtract"}
    net.add_population("n", shape=len(inputs), **fields)
    net.connect("in", "n", np.zeros((len(inputs), 1), np.int64))
    sent = nd.simulate(net, np.zeros((steps, 1), np.uint8)).spikes["n"]
    words = (sent.astype(np.int64) << np.arange(steps)[:, None]).sum(axis=0)
    return len(np.unique(words[starts == 0])), len(np.unique(words))


def closed_forms(steps: int) -> tuple[int, int]:
    """Fractions of order up to ``steps`` in 0..1; and balanced words of that length."""
    totient = [sum(math.gcd(n, k) == 1 for n in range(1, k + 1)) for k in range(1, steps + 1)]
    return 1 + sum(totient), 1 + sum((steps - k) * phi for k, phi in enumerate(totient))
