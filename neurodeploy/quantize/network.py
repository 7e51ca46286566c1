"""Quantise a whole network: scales, then weights, then the fields of the compartments."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.chipnet import ChipNetwork
from neurodeploy.errors import FieldOverflow
from neurodeploy.network import Network, Population, Projection
from neurodeploy.neurons import trained_model
from neurodeploy.neurons.cuba import membrane_offset
from neurodeploy.quantize.bits import BITS_DEFAULT, Bits, bits_by_layer
from neurodeploy.quantize.expressible import chip_delay, expressible
from neurodeploy.quantize.report import PopulationReport, ProjectionReport, QuantizationReport
from neurodeploy.quantize.rounding import round_weights
from neurodeploy.quantize.scale import (
    INPUT_UNIT,
    STATE_LIMIT,
    Scale,
    choose_scale,
    grid,
    register_bounds,
)
from neurodeploy.target import Target

RESETS = {"value": "zero", "subtract": "subtract", "none": "none", "zero_late": "zero"}
"""The chip's reset; under ``zero_late`` with a refractory period of the one step whose update is lost."""


def quantize(network: Network, target: Target, *, bits: Bits = BITS_DEFAULT) -> tuple[ChipNetwork, QuantizationReport]:
    """Integers for ``target``.

    Args:
        network: The float network.
        target: Gives the field widths.
        bits: Weight bits, 1..8, or by the population that the weights act on (``*``: all others); all weights are
            kept even (mixed sign) on a grid of ``2^(9 - bits)``.

    Raises:
        FieldOverflow: A parameter does not fit its field at any scale, or no such layer or width; names it.
        UnsupportedFeature: A layer follows rules that no chip's neurons have.
    """
    widths = bits_by_layer(bits, network, target)
    network, rewrites = expressible(network, target)
    net = ChipNetwork()
    for name, shape in network.inputs.items():
        net.add_input(name, shape=shape)
    populations, scales = [], {}
    for name, population in network.populations.items():
        incoming = list(network.incoming(name))
        scale = scales[name] = choose_scale(population, incoming, target, widths[name])
        populations.append(_add_population(net, population, incoming, scale, target))
    projections = []
    for name in network.populations:
        for projection, exponent in zip(network.incoming(name), scales[name].exponents, strict=True):
            delay = chip_delay(network, projection)
            unit = scales[name].per_weight
            projections.append(_add_projection(net, projection, unit, exponent, widths[name], delay))
    return net, QuantizationReport(tuple(populations), tuple(projections), rewrites)


def _add_population(
    net: ChipNetwork, population: Population, incoming: list[Projection], scale: Scale, target: Target
) -> PopulationReport:
    d, limits = population.dynamics, target.compartment
    gain = d.k * d.w
    registers = scale.per_weight / gain
    quantized = trained_model(population.model).quantize(d, population.bias, registers, population.rules)
    exact: Mapping[str, NDArray[np.float64]] = quantized["exact"]
    exponent = _bias_exponent(exact["bias"], limits.bias_mantissa_max.value)
    if exponent > limits.bias_exponent_max.value:
        raise FieldOverflow(
            f"bias register {np.abs(exact['bias']).max():.0f} needs exponent {exponent}, "
            f"the field holds 0..{limits.bias_exponent_max.value}",
            where=f"layer '{population.name}'",
            remedy="train with smaller biases",
        )
    mantissa = np.rint(exact["bias"] / 2.0**exponent)
    spiking = np.isfinite(d.theta)
    if np.any(quantized["vth"][spiking] > limits.vth_mantissa_max.value):
        raise FieldOverflow(
            f"threshold mantissa {quantized['vth'][spiking].max():.0f} exceeds {limits.vth_mantissa_max.value}",
            where=f"layer '{population.name}'",
            remedy="train with a threshold closer to the weights",
        )
    fields: dict[str, Any] = {name: _compact(quantized[name]) for name in ("du", "dv", "vth", "u0", "v0")}
    net.add_population(
        population.name,
        shape=population.shape,
        model=population.model,
        reset=RESETS[population.rules.reset],
        start=population.depth,
        scale=_compact(registers),
        offset=_compact(membrane_offset(d, population.rules, registers)),
        bias_mant=_compact(mantissa),
        bias_exp=exponent,
        refractory=int(population.rules.reset == "zero_late"),
        **fields,
    )
    vth = quantized["vth"][spiking]
    largest_u, largest_v = (scale.per_weight * x for x in register_bounds(population, incoming))
    return PopulationReport(
        population.name,
        float(np.median(registers)),
        (int(vth.min()), int(vth.max())) if vth.size else None,
        float(np.max(np.abs(vth / exact["vth"][spiking] - 1), initial=0.0)),
        float(np.abs(quantized["du"] - exact["du"]).max()) / 4096,
        float(np.abs(quantized["dv"] - exact["dv"]).max()) / 4096,
        float(np.abs(mantissa * 2.0**exponent - exact["bias"]).max(initial=0.0)),
        _headroom_bits(largest_u),
        _headroom_bits(largest_v),
        scale.limited_by,
    )


def _add_projection(
    net: ChipNetwork, projection: Projection, per_weight: float, exponent: int, bits: int, delay: int
) -> ProjectionReport:
    step = grid(bits)
    unit = INPUT_UNIT * 2.0**exponent / per_weight
    rounded = round_weights(projection.connection.weights, unit, bits)
    net.attach(
        projection.source,
        projection.target,
        projection.connection.with_weights(rounded.integers),
        weight_exp=exponent,
        num_weight_bits=bits,
        sign_mode="mixed",
        delay=delay,
    )
    return ProjectionReport(
        projection.source,
        projection.target,
        exponent,
        bits,
        int(np.abs(rounded.integers).max(initial=0)),
        step * unit,
        rounded.error_max / step,
        rounded.error_rms,
        rounded.zeroed,
    )


def _bias_exponent(bias: NDArray[np.float64], mantissa_max: int) -> int:
    largest = float(np.abs(bias).max(initial=0.0))
    return max(0, math.ceil(math.log2(largest / mantissa_max))) if largest > mantissa_max else 0


def _headroom_bits(value: float) -> float:
    return math.log2(STATE_LIMIT / value) if value > 0 else math.inf


def _compact(values: NDArray[Any]) -> NDArray[Any]:
    """One number where all neurons agree: chips share such fields, and files stay small."""
    array = np.asarray(values)
    if np.issubdtype(array.dtype, np.floating) and np.all(array == np.rint(array)):
        array = array.astype(np.int64)
    return array.flat[0].reshape(()) if array.size and np.all(array == array.flat[0]) else array
