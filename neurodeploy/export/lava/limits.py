"""What Lava 0.10.0 has no exact equal of, in words; the engine and the script refuse it beforehand."""

from __future__ import annotations

import numpy as np

from neurodeploy.chipnet import ChipNetwork, ChipPopulation, ChipProjection
from neurodeploy.connections import Conv2d
from neurodeploy.neurons.cuba import VTH_NEVER

Fault = tuple[str, str]
"""What is missing, and what to do instead."""
CONV_LIMIT = 127
"""Lava holds the geometry of a convolution in eight bits."""
WORD_BITS = 31
NARROW = ("cuba", "ternary_lif", "sigma", "delta_encoder", "graded_vec", "graded_relu_vec")
"""Models whose bits do not depend on the width of what arrives."""


def population_fault(p: ChipPopulation) -> Fault | None:
    """What keeps a population from being a Lava process."""
    remedy = "use model 'cuba' with reset 'zero'"
    if p.model == "sigma_delta_corrected":
        what = "model 'sigma_delta_corrected': its rule came to Lava's main branch after the release (lava#875)"
        return what, "use model 'sigma_delta'"
    if p.model == "cuba":
        # `none` is `zero` where v, at most 2^23 - 1, never exceeds the threshold: a passive read-out
        never_fires = bool(np.all(p.fields["vth"] >= VTH_NEVER))
        if p.reset != "zero" and not (never_fires and p.reset == "none"):
            return f"model 'cuba' with reset '{p.reset}'", remedy
        if p.window is not None:
            return "a firing window", "run it on the fast engine"
        if np.any(p.fields["refractory"]):
            return "refractory periods", "use refractory 0"
    elif p.reset_interval:
        return f"a reset_interval on model '{p.model}', only on 'cuba'", "use reset_interval 0"
    if p.model == "delta_encoder":
        bits, exponent = int(p.fields["num_bits"]), int(p.fields["spike_exp"])
        if bits and bits - 1 + exponent > WORD_BITS:
            what = f"num_bits {bits} with spike_exp {exponent}, which make limits of more than 32 bits"
            return what, f"keep num_bits + spike_exp within {WORD_BITS + 1}"
    return None


def projection_fault(net: ChipNetwork, p: ChipProjection) -> Fault | None:
    """What keeps a projection from being a Lava process."""
    c, sender = p.connection, net.sender_of(p.source)
    if c.kind == "direct":
        wide = sender in net.populations and net.populations[sender].model == "ternary_lif"
        model = net.populations[p.target].model
        if wide and model not in NARROW:
            what = f"a direct connection from 'ternary_lif', whose messages have 64 bits in Lava, to model '{model}'"
            return what, "put a 'graded_vec' with vth 0 between, which makes 32 bits of them in the same step"
    if not isinstance(c, Conv2d):
        return None
    if p.delay:
        return f"a Conv with delay ({p.delay} here)", "use kind 'sparse' with connection.to_csr(), or delay 0"
    geometry = (*c.weights.shape[2:], *c.stride, *c.padding, *c.dilation, c.groups)
    if max(geometry) > CONV_LIMIT:
        what = f"a Conv with kernel size, stride, padding, dilation or groups above {CONV_LIMIT}, here {geometry}"
        return what, "use kind 'sparse' with connection.to_csr()"
    return None


def conv_extents(c: Conv2d) -> tuple[int, ...]:
    """What Lava's Conv on NumPy 2 holds in eight bits, too: image, channels, output spans."""
    (channels, height, width), (kh, kw) = c.source_shape, c.weights.shape[2:]
    spans = (
        height + 2 * c.padding[0] - c.dilation[0] * (kh - 1),
        width + 2 * c.padding[1] - c.dilation[1] * (kw - 1),
    )
    return (channels, c.weights.shape[0], height, width, *(span - 1 for span in spans))
