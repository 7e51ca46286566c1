"""Rockpool 3.1: LIFTorch with every option, the modules beside it, combinators and the shapes of ``forward``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from framework_cases import Case
from rockpool.nn.combinators import FFwdStack, Residual, Sequential
from rockpool.nn.modules import (
    ExpSynTorch,
    LIFBitshiftTorch,
    LIFNeuronTorch,
    LIFTorch,
    LinearTorch,
    RateTorch,
    TimeStepDropout,
    TorchModule,
    UnitDropout,
    UpDownTorch,
    aLIFTorch,
)
from rockpool.nn.modules.torch.lif_torch import PeriodicExponential
from rockpool.nn.modules.torch.lowpass import LowPass
from torch import nn

N_IN, N_HIDDEN, N_OUT = 16, 24, 10
FLAT = (N_IN,)
DT_S = 1e-3


def linear(n_in: int, n_out: int, gain: float = 0.2, **options: Any) -> Any:
    """Weights that keep a neuron of 5 ms to a few spikes per step."""
    layer = LinearTorch((n_in, n_out), **options)
    layer.weight.data *= gain
    return layer


def lif(n: int, **options: Any) -> Any:
    return LIFTorch(n, **{"tau_mem": 5e-3, "tau_syn": 4e-3, "dt": DT_S, **options})


def each(n: int, low: float, high: float) -> Any:
    """A number per neuron."""
    return low + (high - low) * torch.rand(n)


def stack(layer: Callable[[int], Any], **options: Any) -> Any:
    """Two fully connected layers."""
    parts = (linear(N_IN, N_HIDDEN, **options), layer(N_HIDDEN), linear(N_HIDDEN, N_OUT, **options), layer(N_OUT))
    return Sequential(*parts)


def case(option: str, refused: str = "", gain: float = 0.2, **options: Any) -> Case:
    """Two layers of LIFTorch; options that are functions of the size are made anew for each layer."""

    def of_size(value: Any, n: int) -> Any:
        return value(n) if getattr(value, "__name__", "") == "<lambda>" else value

    def build() -> Any:
        return stack(lambda n: lif(n, **{k: of_size(v, n) for k, v in options.items()}), gain=gain)

    return Case("LIFTorch", option, build, FLAT, refused)


def options() -> list[Case]:
    decays = {"leak_mode": "decays", "tau_mem": None, "tau_syn": None}
    shifts = {"leak_mode": "bitshifts", "tau_mem": None, "tau_syn": None}
    return [
        case("defaults but for tau"),
        case(
            "tau_mem, tau_syn per neuron",
            tau_mem=lambda n: each(n, 2e-3, 8e-3),
            tau_syn=lambda n: each(n, 1e-3, 6e-3)[:, None],
        ),
        case("bias per neuron", bias=lambda n: each(n, -0.1, 0.1)),
        case("threshold per neuron", threshold=lambda n: each(n, 0.5, 2)),
        case("threshold <= 0", "not above the reset", threshold=torch.tensor(0.0)),
        case("leak_mode='decays'", gain=0.6, **decays, alpha=torch.tensor(0.75), beta=torch.tensor(0.5)),
        case(
            "leak_mode='decays', per neuron",
            gain=0.6,
            **decays,
            alpha=lambda n: each(n, 0.2, 0.9),
            beta=lambda n: each(n, 0, 0.8)[:, None],
        ),
        case("leak_mode='bitshifts'", gain=1.0, **shifts, dash_mem=torch.tensor(2.0), dash_syn=torch.tensor(1.0)),
        case("has_rec", has_rec=True, w_rec=lambda n: torch.randn(n, n) * 0.05),
        case(
            "has_rec, bias", has_rec=True, w_rec=lambda n: torch.randn(n, n) * 0.05, bias=lambda n: each(n, -0.1, 0.1)
        ),
        case("max_spikes_per_dt=1", max_spikes_per_dt=torch.tensor(1.0)),
        case("max_spikes_per_dt=2", max_spikes_per_dt=torch.tensor(2.0)),
        case("max_spikes_per_dt=0.5", "whole number", max_spikes_per_dt=torch.tensor(0.5)),
        case("spike_generation_fn=PeriodicExponential", spike_generation_fn=PeriodicExponential),
        case("spike_generation_fn of the user", "not one of Rockpool", spike_generation_fn=OwnSpikes),
        case("noise_std", "random", noise_std=0.1),
        case("dt=1e-2", gain=0.4, dt=1e-2, tau_mem=3e-2, tau_syn=2e-2),
        Case("LIFTorch", "two synapses per neuron", two_synapses, FLAT, "2 synapses per neuron"),
        Case("LIFTorch", "different dt", two_clocks, FLAT, "different time steps"),
        Case(
            "LIFTorch",
            "a subclass of the user",
            lambda: stack(lambda n: Own(n, tau_mem=5e-3)),
            FLAT,
            "not a module of Rockpool",
        ),
        Case("LIFTorch", "membranes equal to the threshold", eighths, FLAT),
    ]


class OwnSpikes(PeriodicExponential):
    """Of a user."""


class Own(LIFTorch):
    """Of a user."""


def two_synapses() -> Any:
    return Sequential(linear(N_IN, 2 * N_OUT), LIFTorch((2 * N_OUT, N_OUT), dt=DT_S))


def two_clocks() -> Any:
    return Sequential(linear(N_IN, N_HIDDEN), lif(N_HIDDEN), linear(N_HIDDEN, N_OUT), lif(N_OUT, dt=2e-3))


def eighths() -> Any:
    """All factors are halves and eighths, so that thresholds are met exactly."""
    net = stack(
        lambda n: LIFTorch(
            n,
            leak_mode="decays",
            alpha=torch.tensor(0.5),
            beta=torch.tensor(0.5),
            dt=DT_S,
            max_spikes_per_dt=torch.tensor(1.0),
        )
    )
    for k in (0, 2):
        net[k].weight.data = torch.randint(-4, 5, net[k].weight.shape) / 8
    return net


def modules() -> list[Case]:
    def ending(*last: Any) -> Any:
        return Sequential(linear(N_IN, N_HIDDEN), lif(N_HIDDEN), linear(N_HIDDEN, N_OUT), *last)

    return [
        Case(
            "LIFBitshiftTorch",
            "",
            lambda: stack(lambda n: LIFBitshiftTorch(n, tau_mem=5e-3, tau_syn=4e-3, dt=DT_S)),
            FLAT,
        ),
        Case("LIFNeuronTorch", "bias per neuron", lambda: stack(_bare_neuron, gain=0.6), FLAT),
        Case("ExpSynTorch", "read-out", lambda: ending(ExpSynTorch(N_OUT, dt=DT_S)), FLAT),
        Case(
            "ExpSynTorch",
            "before LIFNeuronTorch",
            lambda: ending(ExpSynTorch(N_OUT, dt=DT_S), LIFNeuronTorch(N_OUT)),
            FLAT,
        ),
        Case("ExpSynTorch", "noise_std", lambda: ending(ExpSynTorch(N_OUT, noise_std=0.1)), FLAT, "random"),
        Case("LinearTorch", "has_bias", lambda: stack(lif, has_bias=True), FLAT),
        Case("LinearTorch", "read-out without neurons", lambda: ending(), FLAT),
        Case("nn.Linear", "among modules of Rockpool", _mixed, FLAT),
        Case("nn.Dropout", "", lambda: ending(nn.Dropout(0.5), lif(N_OUT)), FLAT),
        Case(
            "UnitDropout, TimeStepDropout",
            "",
            lambda: ending(UnitDropout(N_OUT), TimeStepDropout(N_OUT), lif(N_OUT)),
            FLAT,
        ),
        Case("aLIFTorch", "", lambda: ending(aLIFTorch(N_OUT)), FLAT, "second current"),
        Case("RateTorch", "", lambda: ending(RateTorch(N_OUT)), FLAT, "rates"),
        Case("UpDownTorch", "", lambda: ending(UpDownTorch(N_OUT)), FLAT, "encode"),
        Case("LowPass", "", lambda: ending(LowPass(N_OUT, tau_mem=5e-3, dt=DT_S)), FLAT, "time before the batch"),
        Case("nn.ReLU", "", lambda: ending(nn.ReLU(), lif(N_OUT)), FLAT, "relu"),
    ]


def _bare_neuron(n: int) -> Any:
    return LIFNeuronTorch(n, tau_mem=5e-3, bias=each(n, -0.1, 0.1), dt=DT_S)


def _mixed() -> Any:
    layer = nn.Linear(N_HIDDEN, N_OUT)
    return Sequential(linear(N_IN, N_HIDDEN), lif(N_HIDDEN), layer, lif(N_OUT))


class Branches(TorchModule):
    """Two paths of different depth, summed before the last neurons; two outputs."""

    def __init__(self) -> None:
        super().__init__(shape=(N_IN, N_OUT))
        self.first, self.spikes = linear(N_IN, N_HIDDEN), lif(N_HIDDEN)
        self.deep, self.direct = linear(N_HIDDEN, N_OUT), linear(N_IN, N_OUT)
        self.out = lif(N_OUT)

    def forward(self, x: Any) -> Any:
        h, _, _ = self.spikes(self.first(x)[0])
        out, _, _ = self.out(self.deep(h)[0] + self.direct(x)[0])
        return torch.cat([out, h], -1)


class Twice(TorchModule):
    """One layer of neurons for two purposes."""

    def __init__(self) -> None:
        super().__init__(shape=(N_IN, N_HIDDEN))
        self.first, self.second, self.spikes = linear(N_IN, N_HIDDEN), linear(N_HIDDEN, N_HIDDEN), lif(N_HIDDEN)

    def forward(self, x: Any) -> Any:
        h, _, _ = self.spikes(self.first(x)[0])
        return self.spikes(self.second(h)[0])[0]


def forwards() -> list[Case]:
    def residual() -> Any:
        block = Residual(linear(N_HIDDEN, N_HIDDEN), lif(N_HIDDEN))
        return Sequential(linear(N_IN, N_HIDDEN), lif(N_HIDDEN), block, linear(N_HIDDEN, N_OUT), lif(N_OUT))

    def fed_forward() -> Any:
        return FFwdStack(lif(N_IN), lif(N_OUT), weight_init_func=lambda s: torch.randn(s) * 0.1)

    def nested() -> Any:
        return Sequential(
            Sequential(linear(N_IN, N_HIDDEN), lif(N_HIDDEN)), Sequential(linear(N_HIDDEN, N_OUT), lif(N_OUT))
        )

    return [
        Case("Sequential", "nested", nested, FLAT),
        Case("Residual", "", residual, FLAT),
        Case("FFwdStack", "", fed_forward, FLAT),
        Case("forward", "branches of different depth, two outputs", Branches, FLAT),
        Case("forward", "a layer used twice", Twice, FLAT, "used twice"),
    ]


CASES: tuple[Case, ...] = (*options(), *modules(), *forwards())
