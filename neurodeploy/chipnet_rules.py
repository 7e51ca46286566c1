"""Checks of the ChipNetwork builder: integers only, in their documented ranges (those that Lava documents)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.connections.base import Shape, frozen
from neurodeploy.errors import InvalidNetwork, ShapeMismatch, did_you_mean
from neurodeploy.neurons import NeuronModel
from neurodeploy.neurons.cuba import FOREVER


def legal_shape(shape: tuple[int, ...] | int, name: str) -> Shape:
    """A shape as a tuple of positive ints; InvalidNetwork otherwise."""
    sizes = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
    if not sizes or any(not isinstance(n, (int, np.integer)) or n < 1 for n in sizes):
        raise InvalidNetwork(
            f"shape {shape!r} is not a tuple of positive integers",
            where=f"'{name}'",
            remedy="give e.g. (10,) or (2, 8, 8)",
        )
    return tuple(int(n) for n in sizes)


def check_range(name: str, value: Any, low: int, high: int, where: str, lava: str) -> None:
    """InvalidNetwork unless ``value`` is an integer in low..high; says what Lava would silently do."""
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or not low <= value <= high:
        raise InvalidNetwork(
            f"{name} = {value!r} is not an integer in {low}..{high} (Lava silently {lava})",
            where=where,
            remedy=f"give an integer in {low}..{high}",
        )


def legal_steps(name: str, value: Any, where: str) -> int:
    """A number of steps >= 0; InvalidNetwork otherwise."""
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < 0:
        raise InvalidNetwork(f"{name} = {value!r} is not a number of steps", where=where, remedy="give an integer >= 0")
    return int(value)


def legal_window(window: Any, where: str) -> tuple[int, int]:
    """Two numbers of steps, the first below the second; InvalidNetwork otherwise."""
    if not isinstance(window, (tuple, list)) or len(window) != 2:
        raise InvalidNetwork(f"window {window!r}", where=where, remedy="give (first, stop), two numbers of steps")
    first, stop = (legal_steps("window", value, where) for value in window)
    if not first < stop <= FOREVER:
        raise InvalidNetwork(f"window {window!r} is empty", where=where, remedy="give (first, stop) with first < stop")
    return first, stop


def check_integer_dtype(array: NDArray[Any], name: str, where: str) -> None:
    """InvalidNetwork for floats, which Lava would truncate."""
    if not np.issubdtype(array.dtype, np.integer):
        raise InvalidNetwork(
            f"{name} holds {array.dtype} values, not integers (Lava silently truncates them toward zero)",
            where=where,
            remedy="quantise first, or round and cast to an integer dtype",
        )


def legal_fields(rules: NeuronModel, given: Mapping[str, Any], shape: Shape, name: str) -> dict[str, NDArray[np.int64]]:
    """Every field of the model, int64, 0-d or (size,); InvalidNetwork or ShapeMismatch otherwise."""
    where = f"population '{name}'"
    legal = {f.name for f in rules.fields}
    for key in (k for k in given if k not in legal):
        raise InvalidNetwork(f"model '{rules.name}' has no field '{key}'", where=where, remedy=did_you_mean(key, legal))
    values = {}
    for rule in rules.fields:
        array = np.asarray(given.get(rule.name, rule.default))
        check_integer_dtype(array, rule.name, where)
        if array.ndim and not rule.per_neuron:
            raise InvalidNetwork(
                f"{rule.name} has shape {array.shape}; it is one integer for the population, as in Lava",
                where=where,
                remedy="give one integer, and a population for each value",
            )
        if array.ndim and array.size != math.prod(shape):
            raise ShapeMismatch(
                f"{rule.name} has shape {array.shape}, the population {shape}",
                where=where,
                remedy="give one integer, or one per neuron",
            )
        for value in (int(array.min()), int(array.max())):
            check_range(rule.name, value, rule.minimum, rule.maximum, where, rule.lava)
        values[rule.name] = frozen((array.ravel() if array.ndim else array).astype(np.int64))
    return values
