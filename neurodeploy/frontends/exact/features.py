"""What of an integer network a tool that knows only NIR's equations would not know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from neurodeploy.chipnet import ChipNetwork, ChipPopulation
from neurodeploy.frontends.exact.neurons import UNIT, decay, fires, has_current, is_whole, register
from neurodeploy.neurons.cuba import FOREVER

FEATURES: Mapping[str, str] = {
    "v0": "membranes that start at other values than 0",
    "u0": "currents that start at other values than 0",
    "bias": "a constant input",
    "layer_start": "a first step of the layer, before which its bias and initial state wait",
    "reset_subtract": "a spike subtracts the threshold; NIR's neurons are set to v_reset",
    "reset_none": "a spike leaves the membrane as it is; NIR's neurons are set to v_reset",
    "reset_interval": "registers that are set to 0 every so many steps",
    "phase": "a window of steps outside which the layer integrates and does not fire",
    "pascal": "neurons that count, correct their count by spikes of either sign, and then send it",
    "fire_once": "neurons that fire at most once in a sample",
    "refractory": "a refractory period",
    "ramp": "a current without decay, which the membrane adds up with the step's own input in it",
    "memoryless": "gates that add up one step's input (Threshold), which few tools have",
    "delay": "synaptic delays in whole steps (Delay), which few tools have",
    "integer_decay": "decays that round the registers toward zero in every step",
    "weight_exponent": "sums of weights that are rounded down by a negative exponent",
    "graded": "messages that are integers, not spikes",
    "step_latency": "one step for every layer on the way, on ways of unequal length",
    "sample_steps": "samples of a fixed number of steps, longer than their input",
    "ttfs_readout": "the class of the first spike",
    "readout_s_last": "the class of the last step's message",
    "readout_v_last": "the class of the last step's membrane",
    "readout_v_sum": "the class of the sum of the membrane over the steps",
    "readout_v_max": "the class of the largest membrane",
}
"""By the names that stand in a file's ``requires``; a reader refuses a file that names another."""
READOUTS = {"first_spike": "ttfs_readout"}


def features_of(net: ChipNetwork, readout: str) -> dict[str, list[str]]:
    """Which layers need each feature, in the order of ``FEATURES``; ``network`` where it is no single layer."""
    found: dict[str, list[str]] = {}
    for name, population in net.populations.items():
        for feature in _of_neurons(population, net):
            found.setdefault(feature, []).append(name)
    for p in net.projections:
        needs = {"delay": p.delay > 0, "weight_exponent": p.weight_exp < 0, "graded": p.message_bits > 0}
        for feature in (name for name, given in needs.items() if given):
            if p.target not in found.setdefault(feature, []):
                found[feature].append(p.target)
    if hops(net) is None:
        found["step_latency"] = ["network"]
    if net.sample_steps:
        found["sample_steps"] = ["network"]
    if readout != "count":
        found[READOUTS.get(readout, f"readout_{readout}")] = ["network"]
    return {name: found[name] for name in FEATURES if name in found}


def _of_neurons(p: ChipPopulation, net: ChipNetwork) -> Iterator[str]:
    unit = UNIT if is_whole(p) else 1  # a rest below one unit of weight is part of the threshold
    initial = {"v0": np.any(p.fields["v0"] // unit), "u0": np.any(register(p, "u0"))}
    bias = bool(np.any(register(p, "bias_mant")))
    yield from (name for name, given in initial.items() if given)
    if bias:
        yield "bias"
    known = hops(net)
    waits = bias or initial["u0"] or initial["v0"] and _moves_alone(p)
    if waits and (known is None or known.get(p.name, 0) != p.start):
        yield "layer_start"
    if fires(p) and p.reset != "zero":
        yield f"reset_{p.reset}"
    if p.reset_interval:
        yield "reset_interval"
    if p.window is not None:
        yield "phase"
    if p.model == "pascal":
        yield "pascal"
    longest = int(register(p, "refractory").max())
    if longest:
        yield "fire_once" if longest == FOREVER else "refractory"
    du, dv = decay(p, "du"), decay(p, "dv")
    if np.any(du == -1):
        yield "ramp"
    if np.any(dv == 4096) and fires(p):
        yield "memoryless"
    if has_current(p) and not np.all(du == -1) or np.any((dv > 0) & (dv < 4096)):
        yield "integer_decay"


def _moves_alone(p: ChipPopulation) -> bool:
    """Whether a membrane changes before its first input arrives."""
    if p.model == "pascal":
        return False  # it keeps its own time
    return bool(np.any(p.fields["dv"])) or p.window is None and bool(np.any(p.full("v0") > UNIT * p.full("vth")))


def hops(net: ChipNetwork) -> dict[str, int] | None:
    """Layers between the input and each population, itself included; None where ways differ in length.

    NIR's layers pass spikes on within a step: one step later for every layer is the same but for a shift, if every way
    to a layer is equally long. A layer's own spikes come back one step later in NIR, too.
    """
    found = dict.fromkeys(net.inputs, 0)
    edges = {(net.sender_of(p.source), p.target, int(p.connection.kind != "direct")) for p in net.projections}
    edges = {edge for edge in edges if edge[0] != edge[1]}
    for _ in range(len(net.populations) + 1):
        for source, target, steps in edges:
            if source in found and found.setdefault(target, found[source] + steps) != found[source] + steps:
                return None
    return found
