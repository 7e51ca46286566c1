"""Random ReLU networks."""

from __future__ import annotations

import numpy as np

from neurodeploy.convert.ttfs import ReluNet


def random_net(rng: np.random.Generator, widths: tuple[int, ...] | None = None, most: int = 24) -> ReluNet:
    """On [-1, 1]; depth 1..5 and widths up to ``most`` where none are given."""
    sizes = tuple(rng.integers(1, most + 1, rng.integers(2, 7))) if widths is None else widths
    gain = rng.choice([0.5, 1.0, 2.0])
    layers = [
        (gain * rng.normal(size=(n, m)) / np.sqrt(m) * (rng.random((n, m)) < 0.8), rng.normal(size=n))
        for m, n in zip(sizes, sizes[1:], strict=False)
    ]
    return ReluNet.of(layers, -1, 1)


def inputs_of(net: ReluNet, rng: np.random.Generator, samples: int) -> np.ndarray:
    """Within the box, a third of them in its corners and on its axes."""
    x = rng.uniform(net.low, net.high, (samples, len(net.low)))
    some = samples // 3
    x[:some] = rng.choice([-1.0, 0.0, 1.0], (some, len(net.low))).clip(net.low, net.high)
    return x


def by_hand(net: ReluNet, x: np.ndarray) -> np.ndarray:
    """What a ReLU network is."""
    for layer in net.layers[:-1]:
        x = np.maximum(0, x @ layer.matrix.toarray().T + layer.bias)
    return x @ net.layers[-1].matrix.toarray().T + net.layers[-1].bias
