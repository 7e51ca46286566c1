"""Cells of known laws."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np

from neurodeploy.scaling.cells import Cells

NEURONS, CHANNELS, CATEGORIES = (10, 20, 40, 80), (4, 8, 16), (2, 3, 4, 6, 8, 12, 16, 24, 32)


def planted(law: Callable[..., np.ndarray], sigma: float = 0.01, seed: int = 0) -> Cells:
    """The specification's grid with a law's values and normal noise."""
    n, s, k = np.array(list(product(NEURONS, CHANNELS, CATEGORIES)), dtype=np.float64).T
    noise = np.random.default_rng(seed).normal(0, sigma, len(n)) if sigma else 0.0
    return Cells({"N": n, "S": s, "K": k}, law(n, s, k) + noise, np.ones(len(n)))
