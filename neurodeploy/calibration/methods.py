"""Choices from observed ranges, and from the error of what neurons sum."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from neurodeploy.calibration.gauge import Reference
from neurodeploy.calibration.moments import moments
from neurodeploy.calibration.ranges import largest_registers
from neurodeploy.errors import QuantizeError
from neurodeploy.network import Network
from neurodeploy.quantize.choice import Choice
from neurodeploy.quantize.compensated import Moments
from neurodeploy.quantize.expressible import expressible
from neurodeploy.quantize.scale import INPUT_UNIT, STATE_LIMIT, choose_scale
from neurodeploy.quantize.synapses import held_weights, summed_weights
from neurodeploy.target import Target

RESERVE = 2.0
"""How far beyond what was observed a register reaches."""
CLIPS = (1.0, 1.1, 1.2, 1.35, 1.5, 1.75, 2.0, 2.5, 3.0)

Choices = dict[str, Choice]
BySource = Mapping[str, Moments]


def by_percentile(
    network: Network, target: Target, bits: Mapping[str, int], truth: Reference, base: Choices
) -> Choices:
    """The largest exponents with which the observed u and v stay within their registers, with a bit to spare."""
    network, _ = expressible(network, target)
    largest = largest_registers(network, truth.data)
    chosen = {}
    for name, population in network.populations.items():
        scale = choose_scale(population, list(network.incoming(name)), target, bits[name], base[name])
        reached = largest[name] * float(scale.per_weight.max())
        more = math.floor(math.log2(STATE_LIMIT / (RESERVE * reached))) if reached else 0
        chosen[name] = replace(base[name], exponent=scale.exponent + more)
    return chosen


def all_moments(network: Network, target: Target, truth: Reference, rng: np.random.Generator) -> dict[str, BySource]:
    """Moments of every population's projections."""
    network, _ = expressible(network, target)
    return {n: moments(truth, p, list(network.incoming(n)), rng) for n, p in network.populations.items()}


def by_error(
    network: Network, target: Target, bits: Mapping[str, int], found: Mapping[str, BySource], base: Choices
) -> Choices:
    """For each population the clipping and rounding with the smallest mean square error of what its neurons sum."""
    expressed, _ = expressible(network, target)
    chosen = {}
    for name in network.populations:
        candidates = [replace(base[name], clip=clip, moments=known) for clip in CLIPS for known in ({}, found[name])]
        errors = [_error(expressed, name, target, bits[name], c, found[name]) for c in candidates]
        chosen[name] = candidates[int(np.argmin(errors))]
    return chosen


def _error(network: Network, name: str, target: Target, bits: int, choice: Choice, found: BySource) -> float:
    """Mean square error of a population's sums; of the weights, where moments are not known."""
    population, incoming = network.populations[name], list(network.incoming(name))
    try:
        scale = choose_scale(population, incoming, target, bits, choice)
    except QuantizeError:
        return math.inf
    total = 0.0
    for p, exponent, form in zip(incoming, scale.exponents, scale.formats, strict=True):
        units = INPUT_UNIT * 2.0**exponent / scale.per_weight
        rounded = held_weights(p, units, form, choice)
        inputs = found.get(p.source)
        if inputs is not None and summed_weights(p.connection) == len(inputs.gram):
            rows = p.connection.weights.reshape(len(p.connection.weights), -1)
            unit = units.reshape(len(rows), -1)[:, :1]
            off = rounded.integers.reshape(rows.shape) * unit - rows
            total += float(np.einsum("ij,jk,ik->", off, inputs.gram, off, optimize=True)) / len(rows)
        else:
            total += rounded.error_rms**2 * float(np.mean(np.square(p.connection.weights, dtype=np.float64)))
    return total
