"""Checks of the ChipNetwork builder: integers only, in their documented ranges (those that Lava documents)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.connections import Connection, Conv2d, Dense, Sparse
from neurodeploy.connections.base import Shape, frozen
from neurodeploy.errors import InvalidNetwork, ShapeMismatch, did_you_mean
from neurodeploy.neurons import NeuronModel


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


def legal_delays(given: Any, connection: Connection, limit: int, where: str) -> tuple[int, NDArray[np.int64] | None]:
    """The longest delay, and one per synapse in the weights' layout where they differ; InvalidNetwork otherwise."""
    if np.ndim(given) == 0 and not hasattr(given, "tocsr"):
        given = given.item() if isinstance(given, np.ndarray) else given
        check_range("delay", given, 0, limit, where, "dies above 63")
        return int(given), None
    if isinstance(connection, Conv2d):
        raise InvalidNetwork(
            "a convolution with a delay per synapse, which neither Lava nor a shared kernel has",
            where=where,
            remedy="give one delay, or connect with kind 'sparse' and an explicit matrix",
        )
    shape = np.shape(given)
    if shape != (connection.n_target, connection.n_source):
        raise ShapeMismatch(
            f"the delays have shape {shape}, the weights {(connection.n_target, connection.n_source)}",
            where=where,
            remedy="give one integer, or one per weight: rows are destinations",
        )
    delays = np.asarray(given.toarray() if hasattr(given, "toarray") else given)
    if isinstance(connection, Sparse):
        delays = delays[np.repeat(np.arange(connection.n_target), np.diff(connection.indptr)), connection.indices]
    check_integer_dtype(delays, "delay", where)
    for value in (int(delays.min(initial=0)), int(delays.max(initial=0))):
        check_range("delay", value, 0, limit, where, "dies above 63")
    if delays.size == 0 or np.all(delays == delays.flat[0]):
        return int(delays.max(initial=0)), None
    return int(delays.max()), frozen(delays.astype(np.int64))


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
    for key in given.keys() - legal:
        raise InvalidNetwork(f"model '{rules.name}' has no field '{key}'", where=where, remedy=did_you_mean(key, legal))
    values = {}
    for rule in rules.fields:
        array = np.asarray(given.get(rule.name, rule.default))
        check_integer_dtype(array, rule.name, where)
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


def wire(
    kind: str, weights: Any, source_shape: Shape, target_shape: Shape, geometry: Mapping[str, Any], where: str
) -> Connection:
    """The integer connection of a kind; InvalidNetwork or ShapeMismatch where weights and shapes disagree."""
    if kind == "sparse":
        connection: Connection = Sparse.from_matrix(weights, source_shape, target_shape)
        check_integer_dtype(connection.weights, "weights", where)
        shape = np.shape(weights)
    elif kind in ("dense", "conv2d"):
        array = np.asarray(weights)
        check_integer_dtype(array, "weights", where)
        if kind == "conv2d":
            connection = Conv2d.build(array, source_shape, where=where, **geometry)
            if connection.target_shape != target_shape:
                raise ShapeMismatch(
                    f"the convolution makes {connection.target_shape}, the population has shape {target_shape}",
                    where=where,
                    remedy=f"give the population shape {connection.target_shape}, or change the geometry",
                )
            return connection
        connection, shape = Dense(array, source_shape, target_shape), array.shape
    else:
        raise InvalidNetwork(
            f"no connection kind '{kind}'", where=where, remedy=did_you_mean(kind, ("dense", "sparse", "conv2d"))
        )
    if shape != (connection.n_target, connection.n_source):
        raise ShapeMismatch(
            f"the weights have shape {shape}, not (n_target, n_source) = {(connection.n_target, connection.n_source)}",
            where=where,
            remedy="rows are destinations: transpose the matrix if it is the other way round",
        )
    return connection
