"""The codes of :mod:`neurodeploy.encode` for tensors: the same spikes, bit for bit, on the values' device.

Arguments, ranges and errors are those of the functions of the same name there; spikes are float32. Where a spike can
be moved by its value a little, gradients pass straight through: :func:`rate` and :func:`bernoulli` have the derivative
1 of their mean in every step, :func:`direct` that of its scale. :func:`latency` and :func:`delta` have none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from neurodeploy import encode
from neurodeploy.errors import SimulationError

if TYPE_CHECKING:
    from torch import Tensor


def rate(values: Tensor, steps: int) -> Tensor:
    """:func:`neurodeploy.encode.rate`: evenly spread spikes."""
    import torch

    levels = _levels(values, "encode.rate")
    steps = encode.checked_steps(steps, "encode.rate")
    spikes = torch.stack([encode.rate_step(levels, t) for t in range(steps)], dim=1).float()
    return _straight_through(spikes, values, 1)


def bernoulli(values: Tensor, steps: int, *, seed: int, samples: Sequence[int] | Tensor | None = None) -> Tensor:
    """:func:`neurodeploy.encode.bernoulli`: independent spikes; give ``samples`` what a shuffled loader drew."""
    import torch

    where = "encode.bernoulli"
    levels, steps = _levels(values, where), encode.checked_steps(steps, where)
    numbers = samples.tolist() if isinstance(samples, torch.Tensor) else samples
    spikes = torch.zeros((len(levels), steps, *levels.shape[1:]), device=levels.device)
    for i, draws in enumerate(encode.draw(seed, numbers, steps, tuple(levels.shape), where)):
        spikes[i] = torch.from_numpy(draws).to(levels.device) < levels[i]
    return _straight_through(spikes, values, 1)


def latency(values: Tensor, steps: int, *, threshold: float = 0.0) -> Tensor:
    """:func:`neurodeploy.encode.latency`: one spike, the earlier the larger the value."""
    import torch

    where = "encode.latency"
    levels, steps = _levels(values, where), encode.checked_steps(steps, where)
    least = encode.level_of_threshold(threshold, where)
    return torch.stack([encode.latency_step(levels, t, steps, least) for t in range(steps)], dim=1).float()


def delta(series: Tensor, threshold: float, *, reference: str = "sent", start: float | None = None) -> Tensor:
    """:func:`neurodeploy.encode.delta`: rises and falls, (N, T, 2, *shape)."""
    import torch

    where = "encode.delta"
    values = _numeric(series, where, axes=2).detach().to(torch.float32)
    if not bool(torch.isfinite(values).all()):
        raise SimulationError(
            "values hold NaN or infinity, or more than single precision", where=where, remedy="fill what is missing"
        )
    least = float(encode.checked_delta(threshold, reference, start, where))
    rows, steps = values.shape[:2]
    spikes = torch.zeros((rows, steps, 2, *values.shape[2:]), device=values.device)
    held = values[:, :1].sum(dim=1) if start is None else torch.full_like(values[:, :1].sum(dim=1), start)
    for t in range(steps):
        change = values[:, t] - held
        spikes[:, t, 0], spikes[:, t, 1] = change >= least, change <= -least
        held = values[:, t] if reference == "previous" else torch.where(change.abs() >= least, values[:, t], held)
    return spikes


def direct(values: Tensor, steps: int, *, bits: int = 8) -> Tensor:
    """:func:`neurodeploy.encode.direct`: the value in every step, as the integer that a message carries."""
    import torch

    where = "encode.direct"
    x, steps = _within(values, where, low=-1), encode.checked_steps(steps, where)
    scale = encode.direct_scale(bits, where)
    messages = torch.round(x * scale)[:, None].expand(-1, steps, *(-1 for _ in x.shape[1:]))
    return _straight_through(messages.clone(), values, scale)


def _straight_through(spikes: Tensor, values: Tensor, slope: int) -> Tensor:
    """The spikes' bits with the gradient ``slope``; adds zeros, which changes no bit."""
    if not values.requires_grad:
        return spikes
    x = values.float()[:, None] * slope
    return spikes + (x - x.detach())


def _levels(values: Tensor, where: str) -> Tensor:
    import torch

    return torch.round(_within(values, where, low=0) * (1 << encode.LEVEL_BITS)).to(torch.int64)


def _within(values: Tensor, where: str, *, low: int) -> Tensor:
    import torch

    x = _numeric(values, where, axes=1).detach()
    if x.numel():
        encode.check_range(float(x.min()), float(x.max()), low, where)
    return x.to(torch.float32)


def _numeric(values: Tensor, where: str, *, axes: int) -> Tensor:
    import torch

    if not isinstance(values, torch.Tensor) or values.is_complex() or values.ndim <= axes:
        shape = tuple(getattr(values, "shape", ()))
        raise SimulationError(
            f"values are {getattr(values, 'dtype', type(values).__name__)} of shape {shape}",
            where=where,
            remedy=f"give a real tensor (N, {'T, ' * (axes - 1)}*shape); neurodeploy.encode takes arrays",
        )
    return values
