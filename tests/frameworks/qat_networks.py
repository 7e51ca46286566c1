"""Small networks of snnTorch and Norse to train with quantised weights, as (module, shape of a step's input)."""

from __future__ import annotations

from typing import Any

import norse.torch as norse
import snntorch as snn
import torch
from torch import nn

N_IN, N, N_OUT = 14, 12, 5


def louder(module: Any, gain: float) -> Any:
    """Larger weights, so that every layer fires."""
    with torch.no_grad():
        for values in module.parameters():
            if values.dim() > 1:
                values *= gain
    return module


def fire(cls: Any = snn.Leaky, **options: Any) -> Any:
    return cls(**({"beta": 0.85} | options), init_hidden=True)


def two(make: Any, gain: float = 3.0, bias: bool = True) -> Any:
    """Two layers of the neurons that ``make`` makes."""
    net = nn.Sequential(nn.Linear(N_IN, N, bias=bias), make(N), nn.Linear(N, N_OUT, bias=bias), make(N_OUT))
    return louder(net, gain), (N_IN,)


def leaky_late_subtraction() -> Any:
    return two(lambda n: fire())


def leaky_to_zero() -> Any:
    return two(lambda n: fire(reset_mechanism="zero", reset_delay=False))


def leaky_to_zero_late() -> Any:
    """A spike is a refractory step on the chip."""
    return two(lambda n: fire(snn.Lapicque, reset_mechanism="zero"), gain=20.0)


def leaky_without_reset() -> Any:
    return two(lambda n: fire(reset_mechanism="none", beta=0.5, threshold=2.0), gain=5.0)


def leaky_each_its_own() -> Any:
    return two(lambda n: fire(beta=torch.linspace(0.3, 0.95, n), threshold=torch.linspace(0.7, 1.5, n)))


def synaptic() -> Any:
    return two(lambda n: fire(snn.Synaptic, alpha=0.6, reset_mechanism="zero"), gain=2.0, bias=False)


def synaptic_with_bias() -> Any:
    """The bias behind a current is an initial current and a constant one."""
    return two(lambda n: fire(snn.Synaptic, alpha=0.6), gain=2.0)


def recurrent() -> Any:
    return two(lambda n: fire(snn.RLeaky, linear_features=n), bias=False)


def recurrent_one_to_one() -> Any:
    net, shape = two(lambda n: fire(snn.RLeaky, all_to_all=False, V=torch.linspace(-0.5, 0.6, n)), bias=False)
    for part in net:
        if isinstance(part, snn.RLeaky):
            part.recurrent.V.requires_grad_(False)
    return net, shape


def convolution() -> Any:
    """Stride, groups and pooling between the neurons."""
    to_zero = {"reset_mechanism": "zero", "reset_delay": False}
    net = nn.Sequential(
        nn.Conv2d(2, 6, 3, padding=1),
        fire(**to_zero),
        nn.AvgPool2d(2),
        nn.Conv2d(6, 8, 3, stride=2, padding=1, groups=2, bias=False),
        fire(**to_zero),
        nn.Flatten(),
        nn.Linear(8 * 4, N_OUT),
        fire(),
    )
    return louder(net, 3.0), (2, 8, 8)


def convolution_of_series() -> Any:
    net = nn.Sequential(nn.Conv1d(2, 4, 3, stride=2), fire(), nn.Flatten(), nn.Linear(4 * 4, N_OUT), fire())
    return louder(net, 3.0), (2, 10)


class Skip(nn.Module):
    """A path around a layer, whose spikes a delay on the chip must meet."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.around = nn.Linear(N_IN, N), nn.Linear(N, N_OUT), nn.Linear(N_IN, N_OUT)
        self.lif1, self.lif2 = fire(), fire()

    def forward(self, x: Any) -> Any:
        return self.lif2(self.second(self.lif1(self.first(x))) + self.around(x))


def skip() -> Any:
    return louder(Skip(), 3.0), (N_IN,)


def norse_lif() -> Any:
    net = norse.SequentialState(nn.Linear(N_IN, N), norse.LIFCell(), nn.Linear(N, N_OUT), norse.LIFCell())
    return louder(net, 20.0), (N_IN,)


def norse_box() -> Any:
    """Leak and reset are not at zero."""
    p = norse.LIFBoxParameters(
        tau_mem_inv=torch.tensor(200.0), v_leak=torch.tensor(0.1), v_reset=torch.tensor(-0.2), v_th=torch.tensor(0.8)
    )
    net = norse.SequentialState(nn.Linear(N_IN, N), norse.LIFBoxCell(p), nn.Linear(N, N_OUT), norse.LIFBoxCell(p))
    return louder(net, 12.0), (N_IN,)


def norse_recurrent() -> Any:
    net = norse.SequentialState(norse.LIFRecurrentCell(N_IN, N), nn.Linear(N, N_OUT, bias=False), norse.LIFCell())
    return louder(net, 15.0), (N_IN,)


def norse_membranes() -> Any:
    """The output never fires: its membranes are what is read."""
    net = norse.SequentialState(nn.Linear(N_IN, N), norse.LIFCell(), nn.Linear(N, N_OUT), norse.LICell())
    return louder(net, 15.0), (N_IN,)


NETWORKS = (
    leaky_late_subtraction,
    leaky_to_zero,
    leaky_to_zero_late,
    leaky_without_reset,
    leaky_each_its_own,
    synaptic,
    synaptic_with_bias,
    recurrent,
    recurrent_one_to_one,
    convolution,
    convolution_of_series,
    skip,
    norse_lif,
    norse_box,
    norse_recurrent,
    norse_membranes,
)
