"""Lava's integer neuron in torch, bit for bit, with the gradients of the float neuron behind it.

Registers are whole numbers in float64, which holds every product that the chip's rules make. What rounds, wraps or
clips hands its gradient through as if it did not (straight-through).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch.autograd import Function

from neurodeploy.arithmetic import STATE_LIMIT
from neurodeploy.chipnet import ChipPopulation
from neurodeploy.neurons.cuba import THRESHOLD_SHIFT
from neurodeploy.neurons.lif import DECAY_ONE, INPUT_SHIFT, bias_of

Tensor = torch.Tensor
INPUT_ONE = 2**INPUT_SHIFT


@dataclass(frozen=True)
class Surrogate:
    """What stands for a spike's derivative.

    Attributes:
        spikes: Of (membrane - threshold) in float units: its derivative is the spikes'.
        through_reset: Whether gradients also pass from the reset to the spikes that caused it.
    """

    spikes: Callable[[Tensor], Tensor]
    through_reset: bool = False


class StraightThrough(Function):
    """``value`` with the gradient of ``carrier``."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, carrier: Tensor) -> Tensor:
        ctx.kind = carrier.dtype
        return value.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor]:
        return None, gradient.to(ctx.kind)


def straight(value: Tensor, carrier: Tensor) -> Tensor:
    """The numbers of ``value``, and the gradient of ``carrier``, of the same shape."""
    return applied(StraightThrough, value, carrier) if carrier.requires_grad else value


def applied(function: type[Function], *arguments: Tensor) -> Tensor:
    """``function`` of the arguments; torch does not say its type."""
    result: Tensor = function.apply(*arguments)  # type: ignore[no-untyped-call]
    return result


def wrap(x: Tensor, bits: int) -> Tensor:
    """Whole numbers as a signed register of so many bits keeps them; the gradient is 1."""
    half = 2.0 ** (bits - 1)
    wrapped: Tensor = torch.remainder(x + half, 2 * half) - half
    return wrapped


class Current(Function):
    """``rtz(u * factor, 12) + (a << 6)`` in 32 bits, and its one correction by 2^24."""

    @staticmethod
    def forward(ctx: Any, u: Tensor, a: Tensor, factor: Tensor) -> Tensor:
        ctx.save_for_backward(u, factor)
        after: Tensor = torch.trunc(u * factor) + a * INPUT_ONE
        if bool((after.abs() >= STATE_LIMIT).any()):
            after = wrap(torch.trunc(u * factor) + wrap(a * INPUT_ONE, 32), 32)
            low = torch.where(after <= -STATE_LIMIT, after + 2**24, after)
            after = torch.where(after > STATE_LIMIT, after - 2**24, low)
        return after

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        u, factor = ctx.saved_tensors
        of_factor = (gradient * u).sum(0) if ctx.needs_input_grad[2] else None
        return gradient * factor, gradient * INPUT_ONE, of_factor


class Membrane(Function):
    """``sat(rtz(v * factor, 12) + u + bias)``."""

    @staticmethod
    def forward(ctx: Any, v: Tensor, u: Tensor, bias: Tensor, factor: Tensor) -> Tensor:
        ctx.save_for_backward(v, factor)
        after: Tensor = torch.trunc(v * factor) + u + bias
        if bool((after.abs() >= STATE_LIMIT).any()):
            after = wrap(after, 32).clamp(1 - STATE_LIMIT, STATE_LIMIT - 1)
        return after

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        v, factor = ctx.saved_tensors
        of_bias = gradient.sum(0) if ctx.needs_input_grad[2] else None
        of_factor = (gradient * v).sum(0) if ctx.needs_input_grad[3] else None
        return gradient * factor, gradient, of_bias, of_factor


@dataclass(frozen=True, eq=False)
class Compartments:
    """A population's constants as tensors, float64 (n,).

    Attributes:
        u_factor: What is left of u after a step, a multiple of 1/4096.
        v_factor: The same of v.
        bias: Added to v in every step.
        threshold: In register steps.
        scale: Register steps per float unit.
        offset: Float membrane at v = 0.
        u0: u at the start of a sample.
        v0: v there.
        refractory: Steps for which v rests after a spike.
        reset: ``zero``, ``subtract`` or ``none``.
        surrogate: Stands for the derivative of the spikes; None where nothing fires.
    """

    u_factor: Tensor
    v_factor: Tensor
    bias: Tensor
    threshold: Tensor
    scale: Tensor
    offset: Tensor
    u0: Tensor
    v0: Tensor
    refractory: Tensor
    reset: str
    surrogate: Surrogate | None


def compartments(p: ChipPopulation, carriers: Mapping[str, Tensor], surrogate: Surrogate | None) -> Compartments:
    """A population of the chip.

    Args:
        p: Of model ``cuba``.
        carriers: Float parameters (n,) that are trained, by name: ``a`` and ``b`` (decay factors), ``theta`` and
            ``bias`` (both in register steps), ``u0`` and ``v0``.
        surrogate: See :class:`Compartments`.
    """

    def given(values: Any, carrier: str = "") -> Tensor:
        fixed = torch.from_numpy(np.array(values, np.float64)).expand(p.size)
        return straight(fixed, carriers[carrier]) if carrier in carriers else fixed

    f = p.fields
    return Compartments(
        given((DECAY_ONE - 1 - f["du"]) / DECAY_ONE, "a"),
        given((DECAY_ONE - f["dv"]) / DECAY_ONE, "b"),
        given(bias_of(f), "bias"),
        given(f["vth"] << THRESHOLD_SHIFT, "theta"),
        given(1.0 if p.scale is None else p.scale),
        given(p.offset),
        given(f["u0"], "u0"),
        given(f["v0"], "v0"),
        given(f["refractory"]),
        p.reset,
        surrogate,
    )


@dataclass(eq=False)
class State:
    """Registers of a batch under way, (B, n) each."""

    u: Tensor
    v: Tensor
    frozen: Tensor | None = None
    spikes: list[Tensor] = field(default_factory=list)
    membranes: list[Tensor] = field(default_factory=list)


def start(c: Compartments, batch: int) -> State:
    """Registers at the start of a sample."""
    u, v = (x.expand(batch, -1) for x in (c.u0, c.v0))
    return State(u, v, torch.zeros_like(v) if bool(c.refractory.any()) else None)


def step(c: Compartments, state: State, a: Tensor) -> None:
    """One step with the sum ``a`` (B, n) of the synapses' outputs, whole numbers, of which 32 bits count."""
    state.u = applied(Current, state.u, a, c.u_factor)
    v = applied(Membrane, state.v, state.u, c.bias, c.v_factor)
    updates = None if state.frozen is None else state.frozen == 0
    if updates is not None:
        v = torch.where(updates, v, state.v)
    if c.surrogate is not None:
        above = v - c.threshold
        fired = above > 0 if updates is None else (above > 0) & updates
        spikes = straight(fired.float(), c.surrogate.spikes(above / c.scale).float())
        if updates is not None and state.frozen is not None:
            spikes = spikes * updates
            state.frozen = torch.where(fired, c.refractory, torch.clamp(state.frozen - 1, min=0))
        resetting = (spikes if c.surrogate.through_reset else spikes.detach()).double()
        if c.reset == "zero":
            v = v - resetting * v
        elif c.reset == "subtract":
            v = v - resetting * c.threshold
    else:
        spikes = torch.zeros_like(v, dtype=torch.float32)
    state.spikes.append(spikes)
    state.v = v
    state.membranes.append(v)
