"""Modules that stand for a user's in the copy that is traced."""

from __future__ import annotations

from typing import Any

import torch


class StandIn(torch.nn.Module):
    """Stands for a layer; its child ``cell`` does the same but for time, or weights of its own."""

    def __init__(self, cell: Any) -> None:
        super().__init__()
        self.cell = cell


class OverTime(StandIn):
    """A layer that keeps its states, or has none, step by step over (T, B, ...)."""

    def forward(self, x: Any) -> Any:
        return torch.stack([self.cell(step) for step in x])


class Unrolled(StandIn):
    """A layer that is handed its state, step by step over (T, B, ...)."""

    def forward(self, x: Any, state: Any = None) -> Any:
        steps = []
        for step in x:
            z, state = self.cell(step, state)
            steps.append(z)
        return torch.stack(steps), state


class Weighted(StandIn):
    """A layer behind weights (n, n_in)."""

    def __init__(self, cell: Any, weights: Any) -> None:
        super().__init__(cell)
        self.input_weights = _linear(weights)

    def forward(self, x: Any, state: Any = None) -> Any:
        return self.cell(self.input_weights(x), state)


class Recurrent(Weighted):
    """A layer behind weights that also takes its spikes of the step before, through weights (n, n)."""

    def __init__(self, cell: Any, weights: Any, recurrent_weights: Any) -> None:
        super().__init__(cell, weights)
        self.recurrent_weights = _linear(recurrent_weights)

    def forward(self, x: Any, state: Any = None) -> Any:
        current = self.input_weights(x)
        z, inner = (torch.zeros_like(current), None) if state is None else state
        z, inner = self.cell(current + self.recurrent_weights(z), inner)
        return z, (z, inner)


def _linear(weights: Any) -> Any:
    layer = torch.nn.Linear(weights.shape[1], weights.shape[0], bias=False, device="meta")  # draws no random numbers
    layer.weight = torch.nn.Parameter(weights.detach().clone())
    return layer
