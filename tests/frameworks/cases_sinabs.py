"""Sinabs 3.1: every layer, spike function, reset and option; the layers between them and the shapes of ``forward``."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import sinabs.layers as sl
import torch
from framework_cases import Case
from frameworks import sinabs_networks
from frameworks.sinabs_networks import FLAT, N_HIDDEN, N_OUT, each, stack
from sinabs.activation import MaxSpike, MembraneReset, MembraneSubtract, MultiSpike, SingleSpike

SPIKES = {"MultiSpike": MultiSpike, "SingleSpike": SingleSpike, "MaxSpike(2)": MaxSpike(2), "MaxSpike()": MaxSpike()}
RESETS = {"MembraneSubtract()": MembraneSubtract(), "MembraneReset()": MembraneReset()}


def iaf(n: int, **options: Any) -> Any:
    return sl.IAF(**options)


def lif(n: int, **options: Any) -> Any:
    return sl.LIF(**{"tau_mem": 8.0, "spike_threshold": torch.tensor(0.2), **options})


def case(make: Callable[..., Any], option: str, refused: str = "", **options: Any) -> Case:
    """Two layers; options that are plain functions are made anew for each layer's size."""

    def build() -> Any:
        return stack(lambda n: make(n, **{k: v(n) if is_maker(v) else v for k, v in options.items()}))

    return Case(make.__name__.upper(), option, build, FLAT, refused)


def is_maker(value: Any) -> bool:
    return getattr(value, "__name__", "") == "<lambda>"


def rules() -> list[Case]:
    """Every spike function with every reset, with and without a bound of the membrane."""
    made = []
    for make, (spikes, spike_fn), (resets, reset_fn) in itertools.product((iaf, lif), SPIKES.items(), RESETS.items()):
        made.append(case(make, f"{spikes}, {resets}", spike_fn=spike_fn, reset_fn=reset_fn))
        made.append(case(make, f"{spikes}, {resets}, min_v_mem", spike_fn=spike_fn, reset_fn=reset_fn, min_v_mem=-0.25))
    return made


def own_spikes(v_mem: Any, threshold: Any, surrogate: Any) -> Any:
    return (v_mem > threshold).float()


def own_reset(spikes: Any, state: Any, threshold: Any) -> Any:
    return state


class Own(sl.IAF):
    """Of a user."""


def options() -> list[Case]:
    syn = {"tau_syn": 4.0, "spike_threshold": torch.tensor(2.0)}
    alphas = {"train_alphas": True, "norm_input": False, "spike_threshold": torch.tensor(1.5)}
    return [
        case(iaf, "spike_threshold per neuron", spike_threshold=lambda n: each(n, 0.5, 2)),
        case(iaf, "spike_threshold <= 0", "not above the reset", spike_threshold=torch.tensor(0.0)),
        case(iaf, "min_v_mem per neuron", min_v_mem=lambda n: each(n, -1, -0.1)),
        case(iaf, "tau_syn", **syn),
        case(iaf, "tau_syn per neuron", **(syn | {"tau_syn": lambda n: each(n, 1, 8)})),
        case(iaf, "MaxSpike(1)", spike_fn=MaxSpike(1)),
        case(iaf, "MaxSpike(0)", "whole number", spike_fn=MaxSpike(0)),
        case(iaf, "spike_fn of the user", "not one of Sinabs", spike_fn=OwnSpikes()),
        case(iaf, "reset_fn of the user", "not one of Sinabs", reset_fn=own_reset),
        case(iaf, "subtract_value = threshold", reset_fn=MembraneSubtract(1.0)),
        case(iaf, "subtract_value != threshold", "not the threshold", reset_fn=MembraneSubtract(0.5)),
        case(iaf, "reset_value != 0", "adds the value to every neuron", reset_fn=MembraneReset(-0.5)),
        case(lif, "norm_input=False", norm_input=False, spike_threshold=torch.tensor(1.5)),
        case(lif, "tau_mem per neuron", tau_mem=lambda n: each(n, 2, 20)),
        case(lif, "tau_mem shorter than a step", tau_mem=0.3),
        case(lif, "tau_syn", tau_syn=4.0),
        case(lif, "tau_syn, norm_input=False", norm_input=False, **(syn | {"spike_threshold": torch.tensor(4.0)})),
        case(lif, "train_alphas, per neuron", tau_mem=lambda n: each(n, 2, 20), tau_syn=3.0, **alphas),
        Case("LIF", "alpha_mem outside 0..1", sinabs_networks.wild_alpha, FLAT, "outside 0..1"),
        Case("IAF", "a layer of the user", lambda: stack(lambda n: Own()), FLAT, "not a layer of Sinabs"),
        Case("ALIF", "", lambda: stack(lambda n: sl.ALIF(8.0, 4.0)), FLAT, "threshold adapts"),
        Case(
            "ALIFRecurrent",
            "",
            lambda: stack(lambda n: sl.ALIFRecurrent(8.0, 4.0, torch.nn.Linear(n, n))),
            FLAT,
            "threshold adapts",
        ),
    ]


class OwnSpikes:
    """Of a user."""

    required_states = ("v_mem",)
    apply = staticmethod(own_spikes)


def equality() -> Case:
    """Weights of quarters on integrators: the membrane often equals the threshold, and then it fires."""
    return Case("IAF", "membranes equal to the threshold", sinabs_networks.quarters, FLAT)


assert N_HIDDEN != N_OUT
CASES: tuple[Case, ...] = (*rules(), *options(), equality(), *sinabs_networks.CASES)
