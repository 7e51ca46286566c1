"""snnTorch 1.0: every neuron, reset and option; layers between them; shapes of ``forward``."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import snntorch as snn
import torch
from framework_cases import Case
from torch import nn

N_IN, N_HIDDEN, N_OUT = 20, 30, 10
STRONG = 3.0
"""Factor on the weights of a new layer, so that most neurons fire at every few steps."""


def strong(layer: Any, factor: float = STRONG) -> Any:
    """A layer with larger weights."""
    with torch.no_grad():
        layer.weight *= factor
    return layer


def linear(n_in: int, n_out: int, bias: bool = True) -> Any:
    return strong(nn.Linear(n_in, n_out, bias=bias))


def stack(neuron: Callable[[int], Any]) -> Any:
    """Two fully connected layers of neurons with hidden states."""
    return nn.Sequential(linear(N_IN, N_HIDDEN), neuron(N_HIDDEN), linear(N_HIDDEN, N_OUT), neuron(N_OUT))


def leaky(n: int, **options: Any) -> Any:
    return snn.Leaky(beta=options.pop("beta", 0.9), init_hidden=True, **options)


def synaptic(n: int, **options: Any) -> Any:
    return snn.Synaptic(alpha=options.pop("alpha", 0.6), beta=options.pop("beta", 0.8), init_hidden=True, **options)


def rleaky(n: int, **options: Any) -> Any:
    return snn.RLeaky(beta=options.pop("beta", 0.9), linear_features=n, init_hidden=True, **options)


def rsynaptic(n: int, **options: Any) -> Any:
    return snn.RSynaptic(alpha=0.6, beta=0.8, linear_features=n, init_hidden=True, **options)


def lapicque(n: int, **options: Any) -> Any:
    return snn.Lapicque(beta=options.pop("beta", 0.3), threshold=0.5, init_hidden=True, **options)


def one_to_one(neuron: Any, **options: Any) -> Callable[[int], Any]:
    """Elementwise recurrence; V of numbers, or per neuron."""

    def make(n: int) -> Any:
        alpha = {"alpha": 0.6} if neuron is snn.RSynaptic else {}
        v = options.get("V", 0.5)
        return neuron(beta=0.8, V=torch.randn(n) if v == "each" else v, all_to_all=False, init_hidden=True, **alpha)

    return make


def resets() -> list[Case]:
    cases = []
    for name, neuron in (("Leaky", leaky), ("Synaptic", synaptic), ("RLeaky", rleaky), ("RSynaptic", rsynaptic)):
        for mechanism, late in itertools.product(("subtract", "zero", "none"), (True, False)):
            refused = "fails in snnTorch 1.0.0 itself" if neuron is rsynaptic and not late else ""

            def build(neuron: Any = neuron, mechanism: str = mechanism, late: bool = late) -> Any:
                return stack(lambda n: neuron(n, reset_mechanism=mechanism, reset_delay=late))

            option = f"reset_mechanism={mechanism}, reset_delay={late}"
            cases.append(Case(name, option, build, (N_IN,), refused))
    for mechanism in ("subtract", "zero", "none"):

        def build(mechanism: str = mechanism) -> Any:
            return stack(lambda n: lapicque(n, reset_mechanism=mechanism))

        cases.append(Case("Lapicque", f"reset_mechanism={mechanism}", build, (N_IN,)))
    return cases


CASES: tuple[Case, ...] = (*resets(),)
