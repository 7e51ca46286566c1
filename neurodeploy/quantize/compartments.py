"""A float population to the integer fields of its compartments."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.chipnet import ChipNetwork
from neurodeploy.errors import FieldOverflow
from neurodeploy.network import Population
from neurodeploy.neurons import trained_model
from neurodeploy.neurons.cuba import THRESHOLD_SHIFT, membrane_offset, reset_membrane, start_register
from neurodeploy.neurons.float_step import spikes_of
from neurodeploy.neurons.lif import DECAY_ONE
from neurodeploy.neurons.model import Floats
from neurodeploy.quantize.choice import Choice
from neurodeploy.quantize.preload import storable
from neurodeploy.quantize.report import FieldReport, PopulationReport
from neurodeploy.quantize.scale import Scale
from neurodeploy.target import Target

RESETS = {"value": "zero", "subtract": "subtract", "none": "none", "zero_late": "zero"}
"""The chip's reset; under ``zero_late`` with a refractory period of the one step whose update is lost."""

SMALLEST_THRESHOLD = 0.5
"""Steps of its field."""


def add_population(
    net: ChipNetwork, population: Population, scale: Scale, target: Target, choice: Choice
) -> PopulationReport:
    """Add the population's integers to ``net``, and say what they lose; its headroom is still open.

    Raises:
        FieldOverflow: The bias or the threshold does not fit its field.
    """
    d, limits, rules = population.dynamics, target.compartment, population.rules
    registers = scale.per_weight / (d.k * d.w)
    quantized = trained_model(population.model).quantize(d, population.bias, registers, rules)
    exact: Mapping[str, Floats] = quantized["exact"]
    if choice.threshold != 1:
        reset = reset_membrane(d, rules)
        moved = replace(d, theta=reset + (d.theta - reset) * choice.threshold)
        quantized = trained_model(population.model).quantize(moved, population.bias, registers, rules)
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
    if np.any((exact["vth"][spiking] > 0) & (exact["vth"][spiking] < SMALLEST_THRESHOLD)):
        raise FieldOverflow(
            f"a threshold of {exact['vth'][spiking].min():.2g} steps of its field would round to nothing",
            where=f"layer '{population.name}'",
            remedy="train with weights closer to the threshold, or give --calibrate DATA.npz: with the ranges that it "
            "shows, the weights may take a larger exponent",
        )
    vth, low, high = quantized["vth"][spiking], limits.vth_mantissa_min.value, limits.vth_mantissa_max.value
    if vth.size and not low <= vth.min() <= vth.max() <= high:
        raise FieldOverflow(
            f"threshold mantissas {vth.min():.0f}..{vth.max():.0f}, the field holds {low}..{high}",
            where=f"layer '{population.name}'",
            remedy="train with a threshold closer to the weights",
        )
    quantized["v0"] = start_register(exact["v0"], spikes_of(d.v0, d, rules) > 0, quantized["vth"])
    if not limits.v0_preload.value and np.any(d.v0) and not (rules.spike == "ge" and rules.reset == "subtract"):
        dv, vth = (quantized[name].astype(np.int64) for name in ("dv", "vth"))
        quantized["v0"] = storable(quantized["v0"], dv, vth, target)
    fields: dict[str, Any] = {name: _compact(quantized[name]) for name in ("du", "dv", "vth", "u0", "v0")}
    net.add_population(
        population.name,
        shape=population.shape,
        model=population.model,
        reset=RESETS[rules.reset],
        start=population.depth,
        scale=_compact(registers),
        offset=_compact(membrane_offset(d, rules, registers)),
        bias_mant=_compact(mantissa),
        bias_exp=exponent,
        refractory=int(rules.reset == "zero_late"),
        **fields,
    )
    at_equality = 2.0**-THRESHOLD_SHIFT if rules.spike == "ge" and rules.reset != "subtract" else 0.0
    step = 2.0**THRESHOLD_SHIFT / registers[spiking]
    rows = [
        _row("bias", mantissa, exact["bias"] / 2.0**exponent, exponent, 2.0**exponent / registers),
        _row("decay u", quantized["du"], exact["du"], -12, 1 / DECAY_ONE, lost=exact["du"] + 1),
        _row("decay v", quantized["dv"], exact["dv"], -12, 1 / DECAY_ONE, lost=exact["dv"]),
    ]
    if np.any(d.v0):
        rows.append(_row("initial v", quantized["v0"], exact["v0"], 0, 1 / registers))
    if vth.size:
        rows.insert(0, _row("threshold", vth, exact["vth"][spiking] - at_equality, THRESHOLD_SHIFT, step))
    by_field = {row.field: row for row in rows}
    return PopulationReport(
        population.name,
        float(np.median(registers)),
        len(np.unique(scale.per_weight)),
        (int(vth.min()), int(vth.max())) if vth.size else None,
        by_field["threshold"].relative if vth.size else 0.0,
        by_field["decay u"].error,
        by_field["decay v"].error,
        by_field["bias"].error_lsb * 2.0**exponent,
        math.inf,
        math.inf,
        "open",
        "open",
        scale.limited_by,
        tuple(rows),
    )


def _row(
    field: str, chosen: Floats, exact: Floats, exponent: int, lsb: float | Floats, lost: Floats | None = None
) -> FieldReport:
    error = np.abs(chosen - exact)
    value = np.abs(exact if lost is None else lost)
    relative = np.divide(error, value, out=np.zeros_like(error), where=value > 0)
    return FieldReport(
        field,
        int(chosen.min()),
        int(chosen.max()),
        exponent,
        float(np.max(lsb)),
        float(error.max()),
        float((error * lsb).max()),
        float(relative.max()),
    )


def _bias_exponent(bias: NDArray[np.float64], mantissa_max: int) -> int:
    largest = float(np.abs(bias).max(initial=0.0))
    return max(0, math.ceil(math.log2(largest / mantissa_max))) if largest > mantissa_max else 0


def _compact(values: NDArray[Any]) -> NDArray[Any]:
    """One number where all neurons agree: chips share such fields, and files stay small."""
    array = np.asarray(values)
    if np.issubdtype(array.dtype, np.floating) and np.all(array == np.rint(array)):
        array = array.astype(np.int64)
    return array.flat[0].reshape(()) if array.size and np.all(array == array.flat[0]) else array
