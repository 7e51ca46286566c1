"""Random networks with QCFS activations for tests, and what they are in float."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, eye_array

from neurodeploy.connections import Connection, Conv2d, Dense, Sparse
from neurodeploy.convert.qcfs import Branch, Coding, Layer, QcfsModel
from neurodeploy.convert.qcfs.affine import composed, pooling

Rng = np.random.Generator


def dense(rng: Rng, source: tuple[int, ...], targets: int) -> Dense:
    """Normal weights of about 1 / root of the fan-in."""
    size = math.prod(source)
    return Dense(rng.normal(0.1, 1, (targets, size)) / np.sqrt(size), source, (targets,))


def kernel(rng: Rng, source: tuple[int, ...], channels: int, **geometry: Any) -> Conv2d:
    """A convolution of 3 x 3."""
    weights = rng.normal(0.1, 0.4, (channels, source[0] // geometry.get("groups", 1), 3, 3))
    return Conv2d.build(weights, source, where="test", **geometry)


def chain(rng: Rng, sizes: Sequence[int] = (6, 9, 7, 4), levels: Sequence[int] = (5, 3), inputs: int = 4) -> QcfsModel:
    """Dense layers, one after the other."""
    names = ["in", *(f"h{k}" for k in range(len(sizes) - 2)), "out"]
    layers = []
    for k, name in enumerate(names[1:]):
        made = dense(rng, (sizes[k],), sizes[k + 1])
        activation = {} if name == "out" else {"levels": levels[k], "lam": float(rng.uniform(0.6, 2))}
        bias = rng.normal(0, 0.4, sizes[k + 1])
        layers.append(Layer(name, (sizes[k + 1],), (Branch(names[k], made),), bias, **activation))
    return QcfsModel((sizes[0],), Coding(inputs, 1 / inputs), tuple(layers), "chain")


def residual(rng: Rng, inputs: int = 6) -> QcfsModel:
    """A strided convolution, a block with an identity shortcut and levels of its own, a branch of 1 x 1, a pooling."""
    shape = (2, 8, 8)
    stem = kernel(rng, shape, 4, padding=(1, 1))
    at = stem.target_shape
    block = kernel(rng, at, 4, padding=(1, 1), groups=2)
    same = Sparse.from_matrix(csr_array(eye_array(math.prod(at))), at, at)
    behind = kernel(rng, (4, 4, 4), 6, padding=(1, 1), stride=(2, 2))
    down = composed(behind, pooling(at, (2, 2), (2, 2), (0, 0)))
    head = composed(dense(rng, (6,), 3), pooling((6, 2, 2), (2, 2), (2, 2), (0, 0)))

    def layer(name: str, shape: tuple[int, ...], levels: int, *branches: tuple[str, Connection]) -> Layer:
        size = math.prod(shape)
        return Layer(
            name, shape, tuple(Branch(*b) for b in branches), rng.normal(0.2, 0.2, size), levels, rng.uniform(0.5, 2)
        )

    layers = (
        layer("stem", at, 4, ("in", stem)),
        layer("block", at, 3, ("stem", block)),
        layer("sum", at, 6, ("block", block), ("stem", same)),
        layer("down", down.target_shape, 2, ("sum", down)),
        layer("out", (3,), 0, ("down", head)),
    )
    return QcfsModel(shape, Coding(inputs, 1 / inputs), layers, "residual")


def in_float(model: QcfsModel, values: NDArray[Any]) -> dict[str, NDArray[np.float64]]:
    """Values of every layer, (B, size) each, from inputs (B, *shape); matrices, nothing else."""
    known = {"in": np.asarray(values, float).reshape(len(values), -1)}
    if model.coding.rounds:
        known["in"] = model.coding.counts(known["in"]) * model.coding.step
    for layer in model.layers:
        z = layer.bias + sum(known[b.source] @ b.connection.to_csr().toarray().T for b in layer.branches)
        if layer.levels:
            z = layer.lam * np.clip(np.floor(z * layer.levels / layer.lam + 0.5) / layer.levels, 0, 1)
        known[layer.name] = z
    del known["in"]
    return known
