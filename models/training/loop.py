"""The training loop and the read-out shared by all models."""

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

WEIGHT_GRID = 2.0**-12


@dataclass(frozen=True)
class Recipe:
    """Hyperparameters of one run.

    `logit_per_spike` scales output spike counts to logits, `spike_cost` weighs the mean spikes per
    neuron and sample of the hidden layers, and `max_deviations` clips outlier weights.
    """

    epochs: int
    seed: int
    batch: int
    learning_rate: float
    weight_decay: float
    logit_per_spike: float
    spike_cost: float
    max_deviations: float = 4.0


Encode = Callable[[np.ndarray], np.ndarray]
Augment = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def batches(
    x: np.ndarray, y: np.ndarray, size: int, rng: np.random.Generator, augment: Augment, encode: Encode
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield one epoch of shuffled, augmented and encoded batches: spikes (N, T, *shape), labels (N,)."""
    order = rng.permutation(len(y))
    for start in range(0, len(y), size):
        chosen = order[start : start + size]
        spikes = encode(augment(x[chosen], rng))
        yield torch.from_numpy(spikes).float(), torch.from_numpy(y[chosen])


def fit(model: nn.Module, x: np.ndarray, y: np.ndarray, recipe: Recipe, augment: Augment, encode: Encode) -> float:
    """Train in place, a progress line per epoch on stderr, and return the wall time in seconds."""
    started = time.monotonic()
    rng = np.random.default_rng(recipe.seed)
    optimiser = torch.optim.AdamW(model.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay)
    updates = recipe.epochs * -(-len(y) // recipe.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.learning_rate, updates)
    for epoch in range(recipe.epochs):
        correct = hidden = 0.0
        for spikes, labels in batches(x, y, recipe.batch, rng, augment, encode):
            *inner, output = model(spikes).values()
            counts = output.sum(1)
            rate = torch.stack([layer.sum(1).mean() for layer in inner]).mean()
            loss = nn.functional.cross_entropy(recipe.logit_per_spike * counts, labels)
            optimiser.zero_grad()
            (loss + recipe.spike_cost * rate).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            clip_outliers(model, recipe.max_deviations)
            correct += (counts.argmax(1) == labels).sum().item()
            hidden += rate.item() * len(labels)
        print(
            f"epoch {epoch + 1:3d}/{recipe.epochs}  train accuracy {correct / len(y):.4f}  "
            f"hidden spikes per neuron {hidden / len(y):.2f}  {time.monotonic() - started:.0f} s",
            file=sys.stderr,
        )
    snap_weights(model)
    return time.monotonic() - started


@torch.no_grad()
def clip_outliers(model: nn.Module, deviations: float) -> None:
    """Clip every weight array to +- `deviations` of its own standard deviation."""
    for weight in model.parameters():
        if weight.dim() > 1:
            bound = deviations * weight.std()
            weight.clamp_(-bound, bound)


@torch.no_grad()
def snap_weights(model: nn.Module) -> None:
    """Round every parameter to a multiple of 2**-12: float32 sums are then exact in any order."""
    for weight in model.parameters():
        weight.copy_(torch.round(weight / WEIGHT_GRID) * WEIGHT_GRID)


@torch.no_grad()
def record(model: nn.Module, spikes: np.ndarray) -> dict[str, np.ndarray]:
    """Spikes uint8 (N, T, *layer) of every neuron layer, computed by the framework in float32."""
    fired = model(torch.from_numpy(spikes).float())
    return {name: layer.numpy().astype(np.uint8) for name, layer in fired.items()}


def classify(output: np.ndarray) -> np.ndarray:
    """The class with most output spikes (N, T, classes); a tie goes to the lowest index."""
    return output.sum(axis=1, dtype=np.int64).argmax(axis=1)
