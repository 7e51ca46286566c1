"""Leaky integrate-and-fire layers in plain PyTorch that run whole samples, each from its initial potentials.

``v* = beta v + x``; a spike where ``v*`` is above the threshold; a spike takes v to 0 or takes the threshold off it.
``nd.compile`` and ``nd.export_nir`` read modules of them as they read those of the frameworks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from numpy.typing import ArrayLike

from neurodeploy.errors import ModelError, ShapeMismatch, did_you_mean
from neurodeploy.train.initial import SPREAD, initial_parameter

Tensor = torch.Tensor
Spikes = Callable[[Tensor], Tensor]
"""From ``v - threshold`` to spikes."""

RESETS = ("zero", "subtract")
CONDITIONS = ("gt", "ge")


class _Step(torch.autograd.Function):
    """A step at 0 whose derivative is said to be another."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, slope: Callable[[Tensor], Tensor], at_zero: bool) -> Tensor:
        ctx.save_for_backward(x)
        ctx.slope = slope
        return ((x >= 0) if at_zero else (x > 0)).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (x,) = ctx.saved_tensors
        return gradients[0] * ctx.slope(x), None, None


def arctan(x: Tensor) -> Tensor:
    """Derivative of ``arctan(pi x) / pi``."""
    return 1 / (1 + (torch.pi * x) ** 2)


def triangle(x: Tensor) -> Tensor:
    """``max(0, 1 - |x|)``."""
    return torch.relu(1 - x.abs())


class LIF(torch.nn.Module):
    """A layer of neurons, (B, T, *shape) of inputs to (B, T, *shape) of spikes.

    It keeps nothing from one call to the next: every sample starts at ``v0``.

    Attributes:
        v0: Initial potentials, trained, of a shape that broadcasts to the layer's; None: 0.
    """

    v0: torch.nn.Parameter | None

    def __init__(
        self,
        shape: int | tuple[int, ...],
        *,
        beta: float = 0.5,
        threshold: float = 1.0,
        v0: str | ArrayLike | Tensor = "zero",
        spread: tuple[float, float] = SPREAD,
        reset: str = "zero",
        fires: str = "gt",
        surrogate: Callable[[Tensor], Tensor] = arctan,
        detach_reset: bool = True,
        spikes: Spikes | None = None,
    ) -> None:
        """Make a layer.

        Args:
            shape: Of the layer, without batch and time.
            beta: What is left of v after a step, 0..1; 1: no leak.
            threshold: > 0.
            v0: See :func:`neurodeploy.train.initial.initial_parameter`.
            spread: See there.
            reset: What a spike does to v: ``zero``, or ``subtract`` the threshold.
            fires: ``gt``: above the threshold; ``ge``: also at it.
            surrogate: What stands for the derivative of a spike, of ``v - threshold``.
            detach_reset: Whether no gradient goes through the reset.
            spikes: Of ``v - threshold``, instead of the step and its surrogate, e.g. a smooth function to check
                gradients with; such a layer cannot be deployed.

        Raises:
            ModelError: A value out of range.
            ShapeMismatch: Potentials that do not broadcast to the layer.
        """
        super().__init__()
        where = type(self).__name__
        self.shape = (shape,) if isinstance(shape, int) else tuple(shape)
        for name, value, known in (("reset", reset, RESETS), ("fires", fires, CONDITIONS)):
            if value not in known:
                raise ModelError(f"{name} = '{value}'", where=where, remedy=did_you_mean(value, known))
        if not 0 <= beta <= 1 or not threshold > 0:
            raise ModelError(
                f"beta = {beta}, threshold = {threshold}", where=where, remedy="give beta in 0..1 and threshold > 0"
            )
        self.beta, self.threshold, self.reset, self.fires = float(beta), float(threshold), reset, fires
        self.surrogate, self.detach_reset, self.spikes = surrogate, detach_reset, spikes
        self.register_parameter("v0", initial_parameter(v0, self.shape, spread, where))

    def forward(self, x: Tensor) -> Tensor:
        """Run samples.

        Args:
            x: (B, T, *shape).

        Raises:
            ShapeMismatch: Of another shape.
        """
        if x.ndim < 2 or tuple(x.shape[2:]) != self.shape:
            raise ShapeMismatch(
                f"it is given {tuple(x.shape)}",
                where=type(self).__name__,
                remedy=f"give (B, T, {', '.join(map(str, self.shape))})",
            )
        v = torch.zeros_like(x[:, 0]) if self.v0 is None else self.v0.expand(x.shape[0], *self.shape)
        sent = []
        for t in range(x.shape[1]):
            v = self.beta * v + x[:, t]
            above = v - self.threshold
            spikes = _step(above, self.surrogate, self.fires) if self.spikes is None else self.spikes(above)
            taken = spikes.detach() if self.detach_reset else spikes
            v = v - taken * self.threshold if self.reset == "subtract" else v * (1 - taken)
            sent.append(spikes)
        return torch.stack(sent, dim=1)

    def extra_repr(self) -> str:
        """For ``print``."""
        start = "zero" if self.v0 is None else tuple(self.v0.shape)
        return f"{self.shape}, beta={self.beta}, threshold={self.threshold}, reset={self.reset}, v0={start}"


class IF(LIF):
    """:class:`LIF` without leak."""

    def __init__(self, shape: int | tuple[int, ...], **options: Any) -> None:
        """Make a layer; options as of :class:`LIF`."""
        super().__init__(shape, **{"beta": 1.0, **options})


def _step(above: Tensor, slope: Callable[[Tensor], Tensor], fires: str) -> Tensor:
    result: Tensor = _Step.apply(above, slope, fires == "ge")  # type: ignore[no-untyped-call]
    return result
