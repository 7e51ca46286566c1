"""A trained network with QCFS activations, as plain numbers: what torch modules are read into, and what is lowered."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.connections import Connection
from neurodeploy.connections.base import Shape
from neurodeploy.errors import ModelError, ShapeMismatch

INPUT, OUTPUT = "in", "out"


@dataclass(frozen=True, eq=False)
class Coding:
    """How numbers become counts of input spikes.

    Attributes:
        levels: T0, most spikes of an input; they come in the first T0 ticks.
        step: Real value of one spike, > 0.
        rounds: Whether any number is taken, by ``qcfs``, or only the multiples 0 .. T0 of the step.
    """

    levels: int
    step: float = 1.0
    rounds: bool = False

    def counts(self, values: NDArray[Any]) -> NDArray[np.int64]:
        """Counts 0 .. T0 of the same shape.

        Raises:
            ModelError: Not a multiple of the step in the range, and nothing says to round.
        """
        steps = np.asarray(values, dtype=np.float64) / self.step
        if self.rounds:
            return np.floor(np.clip(steps, 0, self.levels) + 0.5).astype(np.int64)
        whole = np.rint(steps)
        wrong = ~(np.abs(steps - whole) <= 1e-6) | (whole < 0) | (whole > self.levels)
        if wrong.any():
            raise ModelError(
                f"the input {np.asarray(values)[wrong][0]} is none of 0..{self.levels} times {self.step:g}",
                where="input",
                remedy="scale the data, give other input levels or input step, or begin the model with a QCFS",
            )
        return whole.astype(np.int64)


@dataclass(frozen=True, eq=False)
class Branch:
    """A linear map of one source's values, added to the layer.

    Attributes:
        source: ``in`` or a layer.
        connection: Real weights, as the float model has them.
    """

    source: str
    connection: Connection


@dataclass(frozen=True, eq=False)
class Layer:
    """``QCFS(sum of branches + bias)``, or without levels the read-out, which has no activation.

    Attributes:
        name: Unique.
        shape: Without batch.
        branches: At least one.
        bias: (size,).
        levels: L >= 1, or 0 of the read-out.
        lam: Largest value, ``lambda``; a spike is worth ``lam / levels``.
    """

    name: str
    shape: Shape
    branches: tuple[Branch, ...]
    bias: NDArray[np.float64]
    levels: int = 0
    lam: float = 1.0

    @property
    def step(self) -> float:
        """Real value of one spike."""
        return self.lam / self.levels

    @property
    def size(self) -> int:
        """Number of neurons."""
        return math.prod(self.shape)


@dataclass(frozen=True, eq=False)
class QcfsModel:
    """Layers in an order in which each hears only those before it; the last is the read-out ``out``.

    Attributes:
        input_shape: Without batch.
        coding: Of the input.
        layers: At least one.
        name: For provenance.
    """

    input_shape: Shape
    coding: Coding
    layers: tuple[Layer, ...]
    name: str = "model"

    @property
    def hidden(self) -> tuple[Layer, ...]:
        """All but the read-out."""
        return self.layers[:-1]

    def step_of(self, source: str) -> float:
        """Real value of one spike of the input or a layer."""
        if source == INPUT:
            return self.coding.step
        return next(layer.step for layer in self.layers if layer.name == source)


def checked(model: QcfsModel) -> QcfsModel:
    """The model, if it is one.

    Raises:
        ModelError: An unknown or later source, levels or lambda <= 0, a name twice, weights that are not finite.
        ShapeMismatch: A branch or bias of another size.
    """
    if not model.layers or model.layers[-1].name != OUTPUT or model.layers[-1].levels:
        raise ModelError(
            f"the last layer has to be a read-out without levels, called '{OUTPUT}'",
            where="qcfs model",
            remedy="end with a linear layer",
        )
    _check_positive("input levels", model.coding.levels, "input")
    _check_positive("input step", model.coding.step, "input")
    sizes = {INPUT: math.prod(model.input_shape)}
    for layer in model.layers:
        for what, where in _faults(layer, sizes, is_last=layer is model.layers[-1]):
            raise ModelError(what, where=where, remedy="correct the description of this layer")
        for branch in layer.branches:
            ends = (branch.connection.n_source, branch.connection.n_target)
            if ends != (sizes[branch.source], layer.size):
                raise ShapeMismatch(
                    f"a branch from '{branch.source}' maps {ends[0]} to {ends[1]} values, not {sizes[branch.source]} "
                    f"to {layer.size}",
                    where=f"layer '{layer.name}'",
                    remedy="give a connection of these two sizes",
                )
        if layer.levels:
            _check_positive("lambda", layer.lam, f"layer '{layer.name}'")
        sizes[layer.name] = layer.size
    return model


def _faults(layer: Layer, sizes: Mapping[str, int], *, is_last: bool) -> Iterator[tuple[str, str]]:
    where = f"layer '{layer.name}'"
    if layer.name in sizes or (layer.name == OUTPUT and not is_last):
        yield f"the name '{layer.name}' is taken", where
    if not is_last and (not isinstance(layer.levels, (int, np.integer)) or layer.levels < 1):
        yield f"{layer.levels!r} levels; a hidden layer has at least 1", where
    if not layer.branches:
        yield "nothing leads to it", where
    if layer.bias.shape != (layer.size,):
        yield f"a bias of shape {layer.bias.shape} for {layer.size} neurons", where
    elif not np.isfinite(layer.bias).all():
        yield "a bias that is not finite", where
    for branch in layer.branches:
        if branch.source not in sizes:
            yield f"'{branch.source}' is no earlier layer", where
        if not np.isfinite(branch.connection.weights).all():
            yield f"weights from '{branch.source}' that are not finite", where


def _check_positive(name: str, value: float, where: str) -> None:
    if not (math.isfinite(value) and value > 0):
        raise ModelError(
            f"{name} = {value:g} is not above 0",
            where=where,
            remedy="train with neurodeploy.convert.qcfs.QCFS, whose lambda is positive by construction",
        )
