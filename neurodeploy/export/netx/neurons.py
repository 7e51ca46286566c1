"""A population's fields as the ``neuron`` group and the bias of a layer."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.chipnet import ChipPopulation
from neurodeploy.export.errors import Obstacle
from neurodeploy.frontends.netx.neurons import BIAS_EXP, DECAY_BITS, SPIKE_EXP, STATE_EXP
from neurodeploy.neurons import model_named
from neurodeploy.neurons.cuba import VTH_NEVER

Ints = NDArray[np.int64]
Datasets = dict[str, Any]
SCALE = 1 << SPIKE_EXP + STATE_EXP


Found = list[tuple[str, str]]
"""What netx lacks, and what to do instead."""


def neuron_data(
    population: ChipPopulation, *, is_input: bool, shape: tuple[int, ...]
) -> tuple[Datasets, list[Obstacle]]:
    """Datasets of a layer, and what netx lacks.

    Args:
        population: The neurons.
        is_input: Whether the host feeds them without a synapse.
        shape: The layer's, (C, H, W) or (n,).
    """
    data: Datasets = {}
    found: Found = []
    if population.model in WRITERS:
        data, found = WRITERS[population.model](population, is_input, shape)
    else:
        found.append((f"neuron model '{population.model}'", f"use one of those that netx has: {', '.join(WRITERS)}"))
    if population.model != "cuba" and is_input != (population.model == "delta"):
        place = "in the place of the input layer" if is_input else "behind a synapse"
        found.append((f"model '{population.model}' {place}", "use cuba or delta neurons there, and delta nowhere else"))
    if population.reset_interval:
        remedy = "remove it, and give netx's Network reset_interval and reset_offset"
        found.append(("a reset schedule, which is no part of the file", remedy))
    return data, [Obstacle(population.name, what, remedy) for what, remedy in found]


def is_quiet(population: ChipPopulation) -> bool:
    """Whether the neurons stay at rest and silent as long as they have no input."""
    f = population.fields
    if population.model == "cuba":
        bias = model_named("cuba").constant_input(f)
        return not np.any(bias) and not np.any(f["u0"]) and not np.any(f["v0"]) and bool(np.all(f["vth"] >= 0))
    if population.model == "sigma_delta":
        return not np.any(f["bias"])
    return population.model != "rf_iz" or bool(np.all(f["vth"] > 0))


def _cuba(population: ChipPopulation, is_input: bool, shape: tuple[int, ...]) -> tuple[Datasets, Found]:
    f, found = population.fields, []
    never = bool(np.all(f["vth"] >= VTH_NEVER))
    if population.reset != "zero" and not never:
        found.append((f"reset '{population.reset}'; netx's neurons reset to zero", "retrain with reset to zero"))
    if population.window is not None:
        found.append(("a firing window", "run it with neurodeploy"))
    if np.any(f["refractory"]):
        found.append(("a refractory period; netx does not read refDelay", "retrain without"))
    if np.any(f["u0"]) or np.any(f["v0"]):
        found.append(("an initial u0 or v0; netx starts at 0", "train from 0, a layer behind a current without bias"))
    bias = model_named("cuba").constant_input(f)
    unit = 1 << BIAS_EXP
    if np.any(bias % unit) or np.abs(bias).max() > 32767 * unit:
        found.append(
            (
                f"a bias that is no multiple of {unit} within 16 bits of such; netx has no others",
                f"train this layer without bias, or round bias_mant << bias_exp to multiples of {unit}",
            )
        )
    data: Datasets = {
        "neuron/type": np.bytes_("CUBA"),
        "neuron/iDecay": _spread(f["du"] + 1, shape),
        "neuron/vDecay": _spread(f["dv"], shape),
        "neuron/vThMant": _spread(f["vth"], shape),
        "neuron/refDelay": 1,
        "neuron/gradedSpike": False,
    }
    if is_input:
        if np.any(bias) or np.any(f["du"] != 4095):
            found.append(("a bias or a current with memory in an input layer", "use du = 4095 and bias 0 there"))
        data |= {"weight": 1, "bias": 0}
    elif np.any(bias):
        data["bias"] = _bias(bias >> BIAS_EXP, shape)
    return data, found


def _sigma_delta(population: ChipPopulation, is_input: bool, shape: tuple[int, ...]) -> tuple[Datasets, Found]:
    data, found = _delta(population, is_input, shape)
    f = population.fields
    if not np.all(f["relu"] == 1):
        found.append(("sigma-delta neurons without ReLU; netx has no others", "retrain with ReLU"))
    if np.any(f["bias"] % SCALE):
        found.append(("a bias that is no multiple of 4096, its unit in netx", "round it"))
    if np.any(f["bias"]):
        data["bias"] = _bias(f["bias"] // SCALE, shape)
    return data, found


def _delta(population: ChipPopulation, is_input: bool, shape: tuple[int, ...]) -> tuple[Datasets, Found]:
    f, found = population.fields, []
    exponents = {"spike_exp": SPIKE_EXP, "state_exp": STATE_EXP, "cum_error": 0}
    for name, value in exponents.items():
        if name in f and int(f[name]) != value:
            found.append((f"{name} = {int(f[name])}; netx has {value}", f"use {value}"))
    if int(f["vth"]) % SCALE:
        found.append((f"vth = {int(f['vth'])}, no multiple of 4096, its unit in netx", "round it"))
    return {
        "neuron/type": np.bytes_("SDNN"),
        "neuron/activation": np.bytes_("relu"),
        "neuron/vThMant": int(f["vth"]) // SCALE,
    }, found


def _sigma(population: ChipPopulation, is_input: bool, shape: tuple[int, ...]) -> tuple[Datasets, Found]:
    return {
        "neuron/type": np.bytes_("SDNN"),
        "neuron/activation": np.bytes_("relu"),
        "neuron/sigma_output": True,
        "neuron/vThMant": 0,
    }, []


def _resonator(population: ChipPopulation, is_input: bool, shape: tuple[int, ...]) -> tuple[Datasets, Found]:
    f, found = population.fields, []
    for name, value in {"state_exp": STATE_EXP, "decay_bits": DECAY_BITS}.items():
        if int(f[name]) != value:
            found.append((f"{name} = {int(f[name])}; netx has {value}", f"use {value}"))
    if int(f["vth"]) % (1 << STATE_EXP):
        found.append((f"vth = {int(f['vth'])}, no multiple of {1 << STATE_EXP}, its unit in netx", "round it"))
    return {
        "neuron/type": np.bytes_("RF_PHASE" if population.model == "rf" else "RF_IZHIKEVICH"),
        "neuron/sinDecay": _spread(_half_up(f["sin"]), shape),
        "neuron/cosDecay": _spread(_half_up(f["cos"]), shape),
        "neuron/vThMant": int(f["vth"]) >> STATE_EXP,
    }, found


def _half_up(values: Ints) -> NDArray[np.float64]:
    """Netx takes them through floats and Lava cuts off the fraction; a half more survives that on any machine."""
    return values + 0.5 * np.sign(values)


def _spread(values: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """One number where all neurons agree, else one per neuron in netx's order, (W, H, C) or (n,)."""
    if np.all(values == values.flat[0]):
        return np.asarray(values.flat[0])
    return np.ascontiguousarray(values.reshape(shape).transpose(*range(len(shape))[::-1]))


def _bias(values: Ints, shape: tuple[int, ...]) -> Ints:
    """Per neuron of a flat layer, per channel of a map where that is enough, else (W, H, C)."""
    full = np.broadcast_to(values, math.prod(shape)).reshape(shape)
    if len(shape) == 1:
        return full
    first = full[:, :1, :1]
    return first.ravel() if np.all(full == first) else np.ascontiguousarray(full.transpose(2, 1, 0))


WRITERS: Mapping[str, Callable[[ChipPopulation, bool, tuple[int, ...]], tuple[Datasets, Found]]] = {
    "cuba": _cuba,
    "delta": _delta,
    "sigma_delta": _sigma_delta,
    "sigma": _sigma,
    "rf": _resonator,
    "rf_iz": _resonator,
}
