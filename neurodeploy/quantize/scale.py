"""One common scale per population, over all of its incoming projections."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neurodeploy.errors import FieldOverflow
from neurodeploy.network import Population, Projection
from neurodeploy.neurons import trained_model
from neurodeploy.neurons.cuba import reset_membrane
from neurodeploy.neurons.model import Floats
from neurodeploy.target import Target

INPUT_UNIT = 64
"""Register steps of u per unit of a synapse's output: the chip shifts inputs left by 6."""
STATE_LIMIT = 2**23
FEWEST_LEVELS = 4


def mantissa_max(bits: int) -> int:
    """Largest magnitude that both signs of a mixed synapse of so many bits hold: 254 for 8 bits."""
    return 256 - grid(bits)


def grid(bits: int) -> int:
    """Step of a mixed synapse's weights: 2 for 8 bits."""
    return int(2 ** (9 - bits))


@dataclass(frozen=True)
class Scale:
    """Register steps per unit of weight (``per_weight``), and what limited it."""

    per_weight: float
    exponents: tuple[int, ...]
    limited_by: str


def choose_scale(population: Population, incoming: Sequence[Projection], target: Target, bits: int) -> Scale:
    """The largest scale that every field holds.

    The projection with the largest weight uses its whole mantissa, ``mantissa_max * 64 * 2^e`` register steps for
    that weight. The exponent ``e`` is the largest for which threshold and bias fit and no input can wrap u or
    saturate v. Where that cannot be proven, and for convolutions, whose exponent Lava ignores, it is 0: there a step
    of the threshold is half a step of the weights. Exponents below 0, whose floor biases every sum, are used only
    where the threshold does not fit otherwise; if even the lowest does not fit, the weights give up part of their
    mantissa.

    Raises:
        FieldOverflow: No scale leaves the weights more than a few levels.
    """
    largest = [float(np.abs(p.connection.weights).max(initial=0.0)) for p in incoming]
    top = max((x for p, x in zip(incoming, largest, strict=True) if not p.is_reset), default=0.0)
    limits = field_limits(population, target)
    hard, field = min((v, k) for k, v in limits.items())
    if top == 0:
        scale, limited_by = (hard, field) if math.isfinite(hard) else (1.0, "weights")
        return Scale(scale, _exponents(scale, 0, incoming, largest, target, bits), limited_by)
    full = mantissa_max(bits) * INPUT_UNIT / top
    shared = any(p.connection.kind == "conv2d" for p in incoming)
    lowest = 0 if shared else target.weight.exponent_min.value
    highest = 0 if shared else target.weight.exponent_max.value
    safe = STATE_LIMIT / max(*register_bounds(population, incoming), 1e-300)
    legal = [e for e in range(lowest, highest + 1) if full * 2.0**e <= hard]
    proven = [e for e in legal if full * 2.0**e < safe]
    if proven and max(proven) >= min(0, max(legal)):
        exponent = max(proven)
        if shared:
            limited_by = "shared kernel"
        elif exponent == highest:
            limited_by = "weight exponent"
        else:
            limited_by = "u or v (range)" if exponent < max(legal) else field
    elif legal:
        exponent = min(0, max(legal))
        limited_by = "weight resolution"
    else:
        exponent, limited_by = lowest, field
    scale = min(full * 2.0**exponent, hard)
    step = grid(bits) * INPUT_UNIT * 2.0**exponent
    if scale * top / step < FEWEST_LEVELS and limited_by == field:
        raise FieldOverflow(
            f"{field} leaves the weights only {scale * top / step:.1f} steps of {bits} bits",
            where=f"layer '{population.name}'",
            remedy=f"train with a {field} closer to the weights (largest |weight| {top:.3g}), or use more weight bits",
        )
    return Scale(scale, _exponents(scale, exponent, incoming, largest, target, bits), limited_by)


def _exponents(
    scale: float, exponent: int, incoming: Sequence[Projection], largest: Sequence[float], target: Target, bits: int
) -> tuple[int, ...]:
    """Weight exponent of each projection: the smallest that holds its largest weight, and 0 for shared kernels."""
    exponents = []
    for p, size in zip(incoming, largest, strict=True):
        if p.connection.kind == "conv2d" or size == 0:
            exponents.append(0)
            continue
        needed = math.ceil(math.log2(scale * size / (mantissa_max(bits) * INPUT_UNIT)) - 1e-9)
        exponents.append(max(needed, min(exponent, 0), target.weight.exponent_min.value))
    return tuple(exponents)


def field_limits(population: Population, target: Target) -> dict[str, float]:
    """Largest register steps per unit of weight that each field of the compartments can hold."""
    d, fields = population.dynamics, target.compartment
    gain = d.k * d.w
    shift = reset_membrane(d, population.rules)
    spiking = np.isfinite(d.theta)
    limits = {"threshold": math.inf, "bias": math.inf}
    if spiking.any() and (reach := ((d.theta - shift) / gain)[spiking].max()) > 0:
        limits["threshold"] = float((fields.vth_mantissa_max.value * INPUT_UNIT) / reach)
    exact = trained_model(population.model).quantize(d, population.bias, np.ones_like(gain), population.rules)["exact"]
    bias = float(np.abs(exact["bias"] / gain).max(initial=0.0))
    if bias > 0:
        limits["bias"] = fields.bias_mantissa_max.value * 2.0**fields.bias_exponent_max.value / bias
    return limits


def register_bounds(population: Population, incoming: Sequence[Projection]) -> tuple[float, float]:
    """Largest magnitudes that any spikes can cause in u and v, in units of weight.

    u is at most the fan-in's one-signed sum, accumulated by its decay; v at most the threshold plus u and bias above,
    and u and bias accumulated by its own decay below.
    """
    d = population.dynamics
    gain = d.k * d.w
    low = np.zeros(population.size)
    high = np.zeros(population.size)
    for p in incoming:
        negative, positive = p.connection.sum_bounds()
        low, high = low - negative, high + positive
    u = np.maximum(low, high) * memory(d.a)
    exact = trained_model(population.model).quantize(d, population.bias, np.ones_like(gain), population.rules)["exact"]
    drive = u + np.abs(exact["bias"]) / gain
    spiking = np.isfinite(d.theta)
    threshold = np.where(spiking, d.theta - reset_membrane(d, population.rules), 0.0) / gain
    above = np.where(spiking & (population.rules.reset != "none"), threshold + drive, drive * memory(d.b))
    v = np.maximum(above, drive * memory(d.b))
    return float(u.max()), float(v.max())


def memory(factor: Floats) -> Floats:
    """How many times a constant input accumulates under a decay; that of a 12-bit field at most."""
    return 1 / np.maximum(1 - factor, 1 / 4096)
