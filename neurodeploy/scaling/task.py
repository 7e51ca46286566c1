"""Noisy spike patterns to tell apart: templates, and samples that lost, moved and gained spikes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurodeploy.scaling.errors import ScalingError

TEST_EVERY = 3
"""Every third sample within each class is test data."""
MOST_SPIKES = 2**28
"""Largest samples x steps x channels that are drawn at a time."""


@dataclass(frozen=True, eq=False)
class Patterns:
    """Samples of a task.

    Attributes:
        templates: (K, T, S) uint8.
        spikes: (K * n_per_class, T, S) uint8, class after class.
        labels: (K * n_per_class,) int64; as drawn, or shuffled.
        is_test: (K * n_per_class,) bool.
    """

    templates: NDArray[np.uint8]
    spikes: NDArray[np.uint8]
    labels: NDArray[np.int64]
    is_test: NDArray[np.bool_]


@dataclass(frozen=True)
class SpikePatternTask:
    """K templates of T steps and S channels; one generator draws templates, samples and, if so, the shuffling.

    A sample is its template with each spike deleted with ``p_del``, the others moved by a uniform integer in
    -jitter..jitter (kept within the window), and spikes of noise with ``p_ins`` in every place.

    Attributes:
        categories: K, >= 2.
        channels: S, >= 1: what the paper calls stimulus nodes is not known; these are input channels.
        steps: T.
        rate: Probability of a template's spike in each place.
        jitter: Steps.
        p_del: Probability of losing a spike.
        p_ins: Probability of a spike of noise.
        n_per_class: Samples of each class, >= 3, so that training and test part have some whatever K is.
        shuffled: Labels permuted over all samples: the control, which nothing can learn.
        seed: One integer or several.
    """

    categories: int
    channels: int
    steps: int = 30
    rate: float = 0.15
    jitter: int = 1
    p_del: float = 0.2
    p_ins: float = 0.03
    n_per_class: int = 24
    shuffled: bool = False
    seed: int | tuple[int, ...] = 0

    def __post_init__(self) -> None:
        """ScalingError where a number is outside its range, or the samples do not fit in memory."""
        least = {"categories": 2, "channels": 1, "steps": 3, "jitter": 0, "n_per_class": TEST_EVERY}
        for name, low in least.items():
            if getattr(self, name) < low:
                raise ScalingError(f"{name} = {getattr(self, name)}", where="task", remedy=f"give at least {low}")
        for name in ("rate", "p_del", "p_ins"):
            if not 0 <= getattr(self, name) <= 1:
                raise ScalingError(f"{name} = {getattr(self, name)}", where="task", remedy="give a probability")
        places = self.categories * self.n_per_class * self.steps * self.channels
        if places > MOST_SPIKES:
            raise ScalingError(
                f"{places:,} places for spikes do not fit in memory",
                where="task",
                remedy=f"keep categories x n_per_class x steps x channels below {MOST_SPIKES:,}",
            )

    def draw(self) -> Patterns:
        """Templates, samples and their split."""
        rng = np.random.default_rng(self.seed)
        templates = rng.random((self.categories, self.steps, self.channels)) < self.rate
        shape = (self.categories, self.n_per_class, self.steps, self.channels)
        kept = templates[:, None] & (rng.random(shape) >= self.p_del)
        moves = rng.integers(-self.jitter, self.jitter + 1, shape)
        noise = rng.random(shape) < self.p_ins
        category, sample, step, channel = np.nonzero(kept)
        landing = np.clip(step + moves[kept], 0, self.steps - 1)
        noise[category, sample, landing, channel] = True
        labels = np.repeat(np.arange(self.categories), self.n_per_class)
        number = np.tile(np.arange(self.n_per_class), self.categories)
        return Patterns(
            templates.astype(np.uint8),
            noise.reshape(-1, self.steps, self.channels).astype(np.uint8),
            rng.permutation(labels) if self.shuffled else labels,
            number % TEST_EVERY == TEST_EVERY - 1,
        )


def nearest_template(templates: NDArray[np.uint8], spikes: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Class (n,) of the template that differs in the fewest places; the generator's own oracle.

    Args:
        templates: (K, T, S) of 0 and 1.
        spikes: (n, T, S) of 0 and 1.
    """
    signs = 2.0 * templates.reshape(len(templates), -1) - 1
    matches = spikes.reshape(len(spikes), -1).astype(np.float64) @ signs.T
    differing = templates.reshape(len(templates), -1).sum(axis=1) - matches
    return np.asarray(differing.argmin(axis=1), dtype=np.int64)
