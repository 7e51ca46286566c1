"""snnTorch 1.0: every neuron, reset and option; with the layers between them and the shapes of ``forward``."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import snntorch as snn
import torch
from framework_cases import Case
from frameworks import snntorch_forwards, snntorch_layers
from frameworks.snntorch_layers import MAPS, N_HIDDEN, N_IN, N_OUT, conv, linear, with_head
from snntorch import surrogate
from torch import nn

Maker = Callable[..., Any]


def stack(neuron: Callable[[int], Any]) -> Any:
    """Two fully connected layers of neurons with hidden states."""
    return nn.Sequential(linear(N_IN, N_HIDDEN), neuron(N_HIDDEN), linear(N_HIDDEN, N_OUT), neuron(N_OUT))


def leaky(n: int, **options: Any) -> Any:
    return snn.Leaky(**{"beta": 0.9, "init_hidden": True, **options})


def synaptic(n: int, **options: Any) -> Any:
    return snn.Synaptic(**{"alpha": 0.6, "beta": 0.8, "init_hidden": True, **options})


def rleaky(n: int, **options: Any) -> Any:
    return snn.RLeaky(**{"beta": 0.9, "linear_features": n, "init_hidden": True, **options})


def rsynaptic(n: int, **options: Any) -> Any:
    return snn.RSynaptic(**{"alpha": 0.6, "beta": 0.8, "linear_features": n, "init_hidden": True, **options})


def lapicque(n: int, **options: Any) -> Any:
    return snn.Lapicque(**{"beta": 0.3, "threshold": 0.5, "init_hidden": True, **options})


def alpha(n: int, **options: Any) -> Any:
    return snn.Alpha(**{"alpha": 0.9, "beta": 0.7, "threshold": 0.5, "init_hidden": True, **options})


def one_to_one(neuron: Any, v: Callable[[int], Any]) -> Callable[[int], Any]:
    """Elementwise recurrence with the weights ``v(n)``."""
    return lambda n: neuron(n, all_to_all=False, linear_features=None, V=v(n))


def each(n: int, low: float, high: float) -> Any:
    """A number per neuron."""
    return low + (high - low) * torch.rand(n)


def case(neuron: Maker, option: str, refused: str = "", **options: Any) -> Case:
    """Two layers of a neuron; options that are functions are made anew for each layer's size."""

    def make(n: int) -> Any:
        return neuron(n, **{k: v(n) if callable(v) and k != "spike_grad" else v for k, v in options.items()})

    name = {"leaky": "Leaky", "rleaky": "RLeaky", "rsynaptic": "RSynaptic"}.get(neuron.__name__)
    return Case(name or neuron.__name__.capitalize(), option, lambda: stack(make), (N_IN,), refused)


def resets() -> list[Case]:
    cases = []
    for neuron in (leaky, synaptic, rleaky, rsynaptic):
        for how, late in itertools.product(("subtract", "zero", "none"), (True, False)):
            refused = "fails in snnTorch 1.0.0 itself" if neuron is rsynaptic and not late else ""
            option = f"reset_mechanism={how}, reset_delay={late}"
            cases.append(case(neuron, option, refused, reset_mechanism=how, reset_delay=late))
    for how in ("subtract", "zero", "none"):
        cases.append(case(lapicque, f"reset_mechanism={how}", reset_mechanism=how))
        refused = "" if how == "none" else "resets both of its currents"
        cases.append(case(alpha, f"reset_mechanism={how}", refused, reset_mechanism=how))
    return cases


def parameters() -> list[Case]:
    quiet = {"reset_mechanism": "none"}
    return [
        case(leaky, "beta=0", beta=0.0),
        case(leaky, "beta=1", beta=1.0),
        case(leaky, "beta > 1 (clamped in forward)", beta=1.3),
        case(leaky, "learn_beta, one per neuron", beta=lambda n: each(n, 0, 1), learn_beta=True),
        case(leaky, "beta (1, n)", beta=lambda n: each(n, 0, 1)[None]),
        case(leaky, "learn_threshold, one per neuron", threshold=lambda n: each(n, 0.5, 2), learn_threshold=True),
        case(leaky, "threshold <= 0", "not positive", threshold=0.0),
        case(leaky, "graded_spikes_factor=2", graded_spikes_factor=2.0),
        case(leaky, "graded_spikes_factor, without delay", graded_spikes_factor=0.7, reset_delay=False),
        case(
            leaky,
            "learn_graded_spikes_factor, one per neuron",
            graded_spikes_factor=lambda n: each(n, -1, 2),
            learn_graded_spikes_factor=True,
        ),
        Case(
            "Leaky", "graded_spikes_factor per channel of a map", lambda: _graded(each(4, 0.5, 2)[:, None, None]), MAPS
        ),
        Case("Leaky", "graded_spikes_factor per neuron of a map", lambda: _graded(each(4 * 72, 0.5, 2)), MAPS),
        case(leaky, "inhibition", "inhibition", inhibition=True),
        case(leaky, "state_quant", "state_quant", state_quant=lambda n: torch.round),
        case(leaky, "spike_grad of snntorch.surrogate", spike_grad=surrogate.fast_sigmoid(slope=25)),
        case(leaky, "surrogate_disable", surrogate_disable=True),
        case(leaky, "spike_grad that is no step at 0", "spike_grad", spike_grad=torch.sigmoid),
        case(leaky, "output=True", output=lambda n: n == N_OUT),
        case(synaptic, "alpha=0, beta=1", alpha=0.0, beta=1.0),
        case(
            synaptic,
            "learn_alpha, learn_beta, learn_threshold, per neuron",
            alpha=lambda n: each(n, 0, 0.9),
            beta=lambda n: each(n, 0, 0.9),
            threshold=lambda n: each(n, 0.5, 2),
            learn_alpha=True,
            learn_beta=True,
            learn_threshold=True,
        ),
        case(lapicque, "R and C", beta=False, R=2.0, C=1.5),
        case(lapicque, "R, C and time_step", beta=False, R=lambda n: 5.1, C=lambda n: 5e-3, time_step=1e-3),
        case(lapicque, "beta and R per neuron", beta=0.5, R=lambda n: torch.tensor(2.5)),
        case(alpha, "beta=0", beta=0.0, **quiet),
        case(rleaky, "learn_recurrent=False", learn_recurrent=False),
        case(rleaky, "all_to_all=False, one V", **_one_to_one(lambda n: 0.5)),
        case(rleaky, "all_to_all=False, V per neuron", **_one_to_one(lambda n: each(n, -1, 1))),
        case(rsynaptic, "all_to_all=False, V per neuron", **_one_to_one(lambda n: each(n, -1, 1))),
        Case("RLeaky", "conv2d_channels", lambda: _conv_recurrent(rleaky, kernel_size=3), MAPS),
        Case("RLeaky", "conv2d_channels, rectangular", lambda: _conv_recurrent(rleaky, kernel_size=(3, 1)), MAPS),
        Case("RSynaptic", "conv2d_channels", lambda: _conv_recurrent(rsynaptic, kernel_size=3), MAPS),
        Case("RLeaky", "all_to_all=False, V per neuron of a map", _map_of_v, MAPS),
        Case("Leaky", "a subclass with its own rule", lambda: stack(lambda n: Clipped(0.9)), (N_IN,), "is changed by"),
        Case("Leaky", "a subclass without one", lambda: stack(lambda n: Named(0.9, init_hidden=True)), (N_IN,)),
        Case("Leaky", "reset_mechanism set later", _changed, (N_IN,), "changed after it was made"),
        Case("LeakyParallel", "", lambda: stack(_parallel), (N_IN,), "torch RNN"),
        Case("SLSTM, SConv2dLSTM", "", lambda: stack(lambda n: snn.SLSTM(n, n)), (N_IN,), "LSTM"),
        Case("any other neuron", "", lambda: stack(_delta), (N_IN,), "no equal"),
    ]


class Clipped(snn.Leaky):
    """A membrane with a floor."""

    def _base_sub(self, input_: Any) -> Any:
        return super()._base_sub(input_).clamp(min=0)


class Named(snn.Leaky):
    """A user's name for it."""


def _one_to_one(v: Callable[[int], Any]) -> dict[str, Any]:
    return {"all_to_all": False, "linear_features": None, "V": v}


def _parallel(n: int) -> Any:
    return snn.LeakyParallel(n, n)


def _delta(n: int) -> Any:
    return snn.LinearLeaky(beta=0.9, in_features=n, out_features=n) if hasattr(snn, "LinearLeaky") else None


def _graded(factor: Any) -> Any:
    neurons = leaky(0, graded_spikes_factor=factor if factor.dim() == 3 else factor.reshape(4, 9, 8))
    behind = conv(4, 4, 3, groups=2, factor=3.0) if factor.dim() == 3 else conv(4, 4, 3)
    return with_head(conv(2, 4, 3, padding=1), neurons, behind, leaky(0), shape=MAPS)


def _changed() -> Any:
    made = stack(lambda n: leaky(n, reset_delay=False))
    made[1].reset_mechanism = "zero"
    return made


def _conv_recurrent(neuron: Maker, **options: Any) -> Any:
    recurrent = neuron(0, linear_features=None, conv2d_channels=4, **options)
    return with_head(conv(2, 4, 3, padding=1), recurrent, shape=MAPS)


def _map_of_v() -> Any:
    v = each(4 * 9 * 8, -1, 1).reshape(4, 9, 8)
    neuron = snn.RLeaky(beta=0.8, all_to_all=False, V=v, init_hidden=True)
    return with_head(conv(2, 4, 3, padding=1), neuron, shape=MAPS)


CASES: tuple[Case, ...] = (*resets(), *parameters(), *snntorch_layers.CASES, *snntorch_forwards.CASES)
