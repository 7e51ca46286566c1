"""Does the target's hardware have what the integer network uses? Each rule is one function, its docstring the rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from neurodeploy.chipnet import ChipNetwork, ChipPopulation
from neurodeploy.errors import UnsupportedFeature
from neurodeploy.neurons.cuba import FOREVER, VTH_NEVER
from neurodeploy.target import Target

Finding = tuple[str, str, str]
"""Layer, what is lacking, remedy."""


def _never_fires(population: ChipPopulation) -> bool:
    return population.model == "cuba" and bool(np.all(population.fields["vth"] >= VTH_NEVER))


def _having(net: ChipNetwork, *fields: str) -> Iterator[ChipPopulation]:
    """Populations whose model has these fields."""
    return (p for p in net.populations.values() if p.fields.keys() >= set(fields))


def models(net: ChipNetwork, target: Target) -> Iterator[Finding]:
    """Models other than ``cuba`` need programmable neurons."""
    for p in net.populations.values():
        if p.model != "cuba" and not target.compartment.programmable.value:
            yield p.name, f"neuron model '{p.model}'", "use model 'cuba', or a chip with programmable neurons (loihi2)"


def graded_messages(net: ChipNetwork, target: Target) -> Iterator[Finding]:
    """Messages other than 0 and 1 need axons that carry a payload of that width."""
    widest = target.axon.message_bits.value if target.axon.graded.value else 0
    for source in [*net.inputs, *net.populations]:
        if (bits := net.message_bits_of(source)) > widest:
            what = f"graded messages of {bits} bits" + (f" (of {widest})" if widest else "")
            yield source, what, "use spikes, or a chip with graded spikes (loihi2)"


def resets(net: ChipNetwork, target: Target) -> Iterator[Finding]:
    """Spiking compartments use one of the target's reset modes."""
    legal = target.compartment.resets.value
    for p in net.populations.values():
        if p.model == "cuba" and p.reset not in legal and not _never_fires(p):
            yield p.name, f"reset '{p.reset}'", f"retrain with reset {' or '.join(legal)}, or choose another target"


def decays(net: ChipNetwork, target: Target) -> Iterator[Finding]:
    """Decay fields lie within du_min..4095 and 0..dv_max."""
    low, high = target.compartment.du_min.value, target.compartment.dv_max.value
    for p in _having(net, "du", "dv"):
        if p.fields["du"].min() < low:
            yield p.name, f"a current without decay (du = {low - 1})", "give the synapse a finite time constant"
        if p.fields["dv"].max() > high:
            yield p.name, f"a membrane without memory (dv = {high + 1})", "give the membrane a time constant above dt"


def initial_state(net: ChipNetwork, target: Target) -> Iterator[Finding]:
    """A nonzero initial u or v needs registers that can be preloaded."""
    c = target.compartment
    for p in _having(net, "u0", "v0"):
        if np.any(p.fields["v0"]) and not c.v0_preload.value:
            yield p.name, "an initial membrane", "train from v = 0, or choose another target"
        if np.any(p.fields["u0"]) and not c.u0_preload.value:
            yield p.name, "an initial current (from a bias behind a synaptic current)", "train this layer without bias"


def late_bias(net: ChipNetwork, target: Target) -> Iterator[Finding]:
    """A bias or initial state behind the first layer must begin when its first input arrives, not at step 1.

    Chips do it by a firing window, or by writing the bias at that step.
    """
    c = target.compartment
    for p in net.populations.values():
        begins_late = p.start > 1 and any(np.any(p.fields.get(f, 0)) for f in ("bias_mant", "bias", "u0", "v0"))
        if begins_late and not (c.bias_write.value or c.firing_window.value):
            yield p.name, f"a bias that begins at step {p.start + 1}", "train the layers behind the first without bias"


def delays(net: ChipNetwork, target: Target) -> Iterator[Finding]:
    """Synaptic delays lie within 0..delay_max."""
    longest = target.compartment.delay_max.value
    for p in net.projections:
        if p.delay > longest:
            yield p.target, f"a delay of {p.delay} steps (of {longest})", "shorten the path that the delay balances"


def refractory_periods(net: ChipNetwork, target: Target) -> Iterator[Finding]:
    """Refractory periods lie within 0..refractory_max."""
    longest = target.compartment.refractory_max.value
    for p in _having(net, "refractory"):
        if longest < p.fields["refractory"].max() < FOREVER:
            what = f"a refractory period of {p.fields['refractory'].max()} steps (of {longest})"
            yield p.name, what, f"use at most {longest} steps"


def firing(net: ChipNetwork, target: Target) -> Iterator[Finding]:
    """Firing windows, and neurons that fire once, only where the target has them."""
    c = target.compartment
    for p in net.populations.values():
        if p.window is not None and not c.firing_window.value:
            yield p.name, "a firing window", "choose a target with firing windows (loihi2)"
        if "refractory" in p.fields and p.fields["refractory"].max() == FOREVER and not c.fire_once.value:
            yield p.name, "neurons that fire once", "choose a target with fire_once (loihi2)"


def reset_schedules(net: ChipNetwork, target: Target) -> Iterator[Finding]:
    """Registers are set to 0 every so many steps only where the target has sample_reset."""
    for p in net.populations.values():
        if p.reset_interval and not target.compartment.sample_reset.value:
            yield p.name, "a reset schedule", "run samples one by one"


def weight_exponents(net: ChipNetwork, target: Target) -> Iterator[Finding]:
    """Weight exponents lie within the target's range."""
    low, high = target.weight.exponent_min.value, target.weight.exponent_max.value
    for p in net.projections:
        if not low <= p.weight_exp <= high:
            yield p.target, f"weight exponent {p.weight_exp} (of {low}..{high})", "rescale the weights of this layer"


def weight_formats(net: ChipNetwork, target: Target) -> Iterator[Finding]:
    """Weights are stored in a width that the target has; convolution kernels are even and within its range."""
    w = target.weight
    for p in net.projections:
        if p.num_weight_bits not in w.legal_bits.value:
            yield p.target, f"{p.num_weight_bits}-bit weights", f"use one of {list(w.legal_bits.value)} bits"
        weights = p.connection.weights
        if p.connection.kind == "conv2d" and (
            np.any(weights & 1)
            or weights.min(initial=0) < w.value_min.value
            or weights.max(initial=0) > w.value_max.value
        ):
            yield (
                p.target,
                "odd or too large kernel weights",
                f"use even weights in {w.value_min.value}..{w.value_max.value}",
            )


def fields(net: ChipNetwork, target: Target) -> Iterator[Finding]:
    """Thresholds and biases fit their mantissa and exponent fields."""
    c = target.compartment
    for p in _having(net, "bias_mant", "bias_exp"):
        parts = (
            [p.fields["vth"].ravel()]
            if p.model == "cuba"
            else [p.fields["vth_hi"].ravel(), -p.fields["vth_lo"].ravel()]
        )
        vth = np.concatenate(parts)
        vth = vth[vth < VTH_NEVER]
        if vth.size and not c.vth_mantissa_min.value <= vth.min() <= vth.max() <= c.vth_mantissa_max.value:
            yield p.name, f"a threshold mantissa in {vth.min()}..{vth.max()}", "lower the scale of this layer"
        if np.abs(p.fields["bias_mant"]).max() > c.bias_mantissa_max.value:
            yield p.name, f"a bias mantissa above {c.bias_mantissa_max.value}", "use a larger bias exponent"
        if p.fields["bias_exp"].max() > c.bias_exponent_max.value or p.fields["bias_exp"].min() < 0:
            yield p.name, f"a bias exponent outside 0..{c.bias_exponent_max.value}", "use smaller biases"


RULES: tuple[Callable[[ChipNetwork, Target], Iterator[Finding]], ...] = (
    models,
    graded_messages,
    resets,
    decays,
    initial_state,
    late_bias,
    delays,
    refractory_periods,
    firing,
    reset_schedules,
    weight_exponents,
    weight_formats,
    fields,
)


def missing_features(net: ChipNetwork, target: Target) -> list[Finding]:
    """Everything that ``net`` uses and ``target`` lacks."""
    return [finding for rule in RULES for finding in rule(net, target)]


def check_features(net: ChipNetwork, target: Target) -> None:
    """Raise UnsupportedFeature with all findings, if there are any."""
    found = missing_features(net, target)
    if found:
        lines = "\n".join(f"  - {layer}: {what}; try: {remedy}" for layer, what, remedy in found)
        raise UnsupportedFeature(
            f"target '{target.name}' lacks what the network uses:\n{lines}",
            where=f"layer '{found[0][0]}'" + (f" and {len(found) - 1} more" if len(found) > 1 else ""),
            remedy=found[0][2],
        )
