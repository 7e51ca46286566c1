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
from neurodeploy.quantize.channels import largest_by_neuron
from neurodeploy.quantize.choice import BY_RULE, Choice
from neurodeploy.quantize.formats import Format, format_of
from neurodeploy.quantize.lattice import unit_of
from neurodeploy.target import Target

INPUT_UNIT = 64
"""Register steps of u per unit of a synapse's output: the chip shifts inputs left by 6."""
STATE_LIMIT = 2**23
FEWEST_LEVELS = 4


@dataclass(frozen=True, eq=False)
class Scale:
    """Register steps per unit of weight.

    Attributes:
        per_weight: Of each neuron, (n,); all equal unless channels have their own.
        exponent: Weight exponent of the projection with the largest weights.
        exponents: Of each projection.
        formats: How each projection holds its weights.
        limited_by: What kept the scale from being larger.
    """

    per_weight: Floats
    exponent: int
    exponents: tuple[int, ...]
    formats: tuple[Format, ...]
    limited_by: str


def choose_scale(
    population: Population, incoming: Sequence[Projection], target: Target, bits: int, choice: Choice = BY_RULE
) -> Scale:
    """The largest scale that every field holds.

    The projection with the largest weight uses its whole mantissa, ``254 * 64 * 2^e`` register steps for that weight
    (255 where all its weights have one sign). Weights that are whole multiples of a unit keep a power of two for it
    instead and lose nothing. The exponent ``e`` is the largest for which threshold and bias fit and no input can wrap u
    or saturate v. Where that cannot be proven, and for convolutions, whose exponent Lava ignores, it is 0: there a step
    of the threshold is half a step of the weights. Exponents below 0, whose floor biases every sum, are used only
    where the threshold does not fit otherwise; if even the lowest does not fit, the weights give up part of their
    mantissa.

    Raises:
        FieldOverflow: No scale leaves the weights more than a few levels.
    """
    formats = tuple(format_of(p, bits, target) for p in incoming)
    largest = [float(np.abs(p.connection.weights).max(initial=0.0)) for p in incoming]
    drivers = [i for i, p in enumerate(incoming) if not p.is_reset and largest[i] > 0]
    limits = field_limits(population, target)
    hard, field = min((float(v.min(initial=math.inf)), k) for k, v in limits.items())
    every = np.ones(population.size)
    if not drivers:
        scale, limited_by = (hard, field) if math.isfinite(hard) else (1.0, "weights")
        exponents = _exponents(scale, 0, incoming, formats, target, 1.0)
        return Scale(scale * every, 0, exponents, formats, limited_by)
    top = max(drivers, key=lambda i: largest[i])
    whole = _whole_steps([incoming[i] for i in drivers], incoming[top], formats[top]) if choice.clip == 1 else None
    full = whole or formats[top].reach * INPUT_UNIT * choice.clip / largest[top]
    exponent, limited_by = _exponent(population, incoming, target, full, hard, field, choice)
    scale = min(full * 2.0**exponent, hard)
    levels = scale * largest[top] / (formats[top].step * INPUT_UNIT * 2.0**exponent)
    if levels < FEWEST_LEVELS and limited_by == field:
        raise FieldOverflow(
            f"{field} leaves the weights only {levels:.1f} steps of {bits} bits",
            where=f"layer '{population.name}'",
            remedy=f"train with a {field} closer to the weights (largest |weight| {largest[top]:.3g}), "
            "or use more weight bits",
        )
    exponents = _exponents(scale, exponent, incoming, formats, target, choice.clip)
    if choice.per_channel and whole is None:
        every = _channels(population, incoming, target, scale, exponents, formats, limits, choice.clip)
    return Scale(scale * every, exponent, exponents, formats, limited_by)


def _whole_steps(drivers: Sequence[Projection], top: Projection, form: Format) -> float | None:
    """Register steps per unit of weight, at exponent 0, for which weights that are whole multiples stay so.

    A power of two for the unit, so that other exponents and fewer bits hold the same numbers.
    """
    for projections in (drivers, [top]):
        unit = unit_of([p.connection.weights for p in projections])
        if unit is None:
            continue
        low, high = (float(f(top.connection.weights, initial=0.0)) / unit for f in (np.min, np.max))
        size = 1 << math.floor(math.log2(256 / max(high, -low)))
        while size >= form.step and not (form.smallest <= round(low) * size and round(high) * size <= form.largest):
            size //= 2
        if size >= form.step:
            return size * INPUT_UNIT / unit
    return None


def _exponent(
    population: Population,
    incoming: Sequence[Projection],
    target: Target,
    full: float,
    hard: float,
    field: str,
    choice: Choice,
) -> tuple[int, str]:
    """Weight exponent of the projection with the largest weight, and what limits it."""
    shared = any(p.connection.kind == "conv2d" for p in incoming)
    lowest = 0 if shared else target.weight.exponent_min.value
    highest = 0 if shared else target.weight.exponent_max.value
    safe = STATE_LIMIT / max(*(float(x.max(initial=0.0)) for x in register_bounds(population, incoming)), 1e-300)
    legal = [e for e in range(lowest, highest + 1) if full * 2.0**e <= hard]
    if not legal:
        return lowest, field
    if choice.exponent is not None:
        exponent = min(max(choice.exponent, legal[0]), legal[-1])
        return exponent, "calibration" if exponent < legal[-1] else field if exponent < highest else "weight exponent"
    proven = [e for e in legal if full * 2.0**e < safe]
    if not proven or max(proven) < min(0, max(legal)):
        return min(0, max(legal)), "weight resolution"
    exponent = max(proven)
    if shared:
        return exponent, "shared kernel"
    if exponent == highest:
        return exponent, "weight exponent"
    return exponent, "u or v (range)" if exponent < max(legal) else field


def _exponents(
    scale: float, exponent: int, incoming: Sequence[Projection], formats: Sequence[Format], target: Target, clip: float
) -> tuple[int, ...]:
    """Weight exponent of each projection: the smallest that holds its largest weights, and 0 for shared kernels."""
    exponents = []
    for p, form in zip(incoming, formats, strict=True):
        weights = p.connection.weights
        low, high = float(weights.min(initial=0.0)), float(weights.max(initial=0.0))
        full = max(high / form.largest if high else 0.0, low / form.smallest if low else 0.0)
        if p.connection.kind == "conv2d" or not full:
            exponents.append(0)
            continue
        needed = math.ceil(math.log2(scale * full / (INPUT_UNIT * (1.0 if p.is_reset else clip))) - 1e-9)
        exponents.append(max(needed, min(exponent, 0), target.weight.exponent_min.value))
    return tuple(exponents)


def _channels(
    population: Population,
    incoming: Sequence[Projection],
    target: Target,
    scale: float,
    exponents: Sequence[int],
    formats: Sequence[Format],
    limits: dict[str, Floats],
    clip: float,
) -> Floats:
    """How many times the common scale each neuron takes, >= 1, (n,); as many different ones as there are profiles.

    Scaling a neuron's weights, threshold and bias together leaves the float neuron as it is.
    """
    room: Floats = np.full(population.size, math.inf)
    for p, exponent, form in zip(incoming, exponents, formats, strict=True):
        size = largest_by_neuron(p.connection) / (1.0 if p.is_reset else clip)
        room = np.minimum(room, form.reach * INPUT_UNIT * 2.0**exponent / np.maximum(size * scale, 1e-300))
    for limit in (
        *limits.values(),
        *(STATE_LIMIT / np.maximum(x, 1e-300) for x in register_bounds(population, incoming)),
    ):
        room = np.minimum(room, np.maximum(limit / scale, 1.0))
    for p in incoming:
        if p.connection.kind == "conv2d":  # one kernel, one scale
            maps = room.reshape(p.connection.target_shape[0], -1)
            room = np.repeat(maps.min(axis=1), maps.shape[1])
    room = np.maximum(room, np.ones(population.size))
    profiles = target.core.vth_profiles
    if profiles is None:
        return room
    most = float(np.log2(room).max())
    levels = most * np.arange(profiles.value) / max(1, profiles.value - 1)
    at = np.searchsorted(levels, np.log2(room) + 1e-12, side="right") - 1
    channels: Floats = np.exp2(levels[at])
    return channels


def field_limits(population: Population, target: Target) -> dict[str, Floats]:
    """Largest register steps per unit of weight that each field of the compartments can hold, (n,) each."""
    d, fields = population.dynamics, target.compartment
    gain = d.k * d.w
    shift = reset_membrane(d, population.rules)
    exact = trained_model(population.model).quantize(d, population.bias, np.ones_like(gain), population.rules)["exact"]
    bias = np.abs(exact["bias"] / gain)
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = np.where(np.isfinite(d.theta), (d.theta - shift) / gain, 0.0)
        threshold = np.where(reach > 0, fields.vth_mantissa_max.value * INPUT_UNIT / reach, math.inf)
        bias = np.where(bias > 0, fields.bias_mantissa_max.value * 2.0**fields.bias_exponent_max.value / bias, math.inf)
    return {"threshold": threshold, "bias": bias}


def register_bounds(population: Population, incoming: Sequence[Projection]) -> tuple[Floats, Floats]:
    """Largest magnitudes that any spikes can cause in u and v, in units of weight, (n,) each.

    u is at most the fan-in's one-signed sum, accumulated by its decay; v at most the threshold plus u and bias above,
    and u and bias accumulated by its own decay below; what a sample starts with comes on top of either.
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
    start = np.where(d.v0 == 0, 0.0, np.abs(d.v0 - reset_membrane(d, population.rules))) / gain
    return u, np.maximum(above, drive * memory(d.b)) + start


def memory(factor: Floats) -> Floats:
    """How many times a constant input accumulates under a decay; that of a 12-bit field at most."""
    return 1 / np.maximum(1 - factor, 1 / 4096)
