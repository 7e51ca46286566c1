"""A hidden layer of LIF neurons and a leaky read-out, trained by surrogate gradients in plain torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import MissingDependency

LEARNING_RATE = 0.02
SLOPE = 2.0
"""Of the surrogate ``arctan(pi / 2 * slope * x) / pi``, which stands in for a spike's step in the backward pass."""

Floats = NDArray[np.float64]


def train_hidden_lif(
    spikes: NDArray[np.uint8],
    labels: NDArray[np.int64],
    *,
    neurons: int,
    categories: int,
    beta: float,
    readout_decay: float,
    epochs: int,
    seed: int | Sequence[int],
) -> tuple[Floats, Floats]:
    """Weights into the hidden layer (S, N) and into the read-out (N, K).

    Hidden: ``v = beta v + x W_in``, fires at ``v >= 1``, then ``v = 0``; gradients do not pass through the reset.
    Read-out: ``m = readout_decay m + s W_out``, scores are the sum of m over all steps. Cross-entropy, Adam, all
    samples in each epoch's only batch.

    Args:
        spikes: (B, T, S) of 0 and 1.
        labels: (B,).
        neurons: N.
        categories: K.
        beta: Factor of the membrane per step.
        readout_decay: Factor of the read-out's per step.
        epochs: Steps of Adam.
        seed: Of the initial weights.

    Raises:
        MissingDependency: torch is not installed.
    """
    try:
        import torch
    except ImportError as error:
        raise MissingDependency(
            f"torch is not installed ({error})",
            where="trained network",
            remedy="pip install torch, or sweep --network reservoir",
        ) from error
    rng = np.random.default_rng(seed)
    steps, channels = spikes.shape[1:]
    first = rng.normal(0, 1.2 / math.sqrt(max(channels / 2, 1)), (channels, neurons))
    last = rng.normal(0, 1 / math.sqrt(neurons), (neurons, categories))
    w_in, w_out = (torch.tensor(w, dtype=torch.float32, requires_grad=True) for w in (first, last))
    x, y = torch.from_numpy(spikes).float(), torch.from_numpy(labels)
    left = torch.tensor([sum(readout_decay**j for j in range(steps - t)) for t in range(steps)]) / steps
    optimizer = torch.optim.Adam([w_in, w_out], lr=LEARNING_RATE)
    for _ in range(epochs):
        optimizer.zero_grad()
        scores = torch.einsum("btn,t->bn", _hidden(torch, x @ w_in, beta), left) @ w_out
        loss: Any = torch.nn.functional.cross_entropy(scores, y)
        loss.backward()
        optimizer.step()
    return w_in.detach().numpy().astype(np.float64), w_out.detach().numpy().astype(np.float64)


def _hidden(torch: Any, driven: Any, beta: float) -> Any:
    v = torch.zeros_like(driven[:, 0])
    sent = []
    for t in range(driven.shape[1]):
        v = beta * v + driven[:, t]
        hard = (v.detach() >= 1).float()
        soft = torch.atan(math.pi / 2 * SLOPE * (v - 1)) / math.pi
        sent.append(hard + soft - soft.detach())
        v = v * (1 - hard)
    return torch.stack(sent, dim=1)
