"""From what the builder is given to a checked projection with the weights that the synapse memory holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.chipnet_parts import ChipProjection
from neurodeploy.chipnet_rules import check_integer_dtype, check_range
from neurodeploy.connections import Connection, Conv2d, Dense, Direct, Sparse
from neurodeploy.connections.base import Shape, frozen
from neurodeploy.errors import InvalidNetwork, ShapeMismatch, did_you_mean
from neurodeploy.weights import LIMITS, SIGN_MODES, prepare

WEIGHT_EXP_LIMIT = 16
DELAY_LIMIT = 62
MESSAGE_LIMIT = 32
GRADED_BITS = 24
"""What Lava's own graded processes use."""


@dataclass(frozen=True)
class Settings:
    """What the builder knows of a projection besides its connection; names as in ``ChipNetwork.connect``.

    Attributes:
        source_size: Neurons of the source; so ``target_size``.
        graded_source: Whether the source sends more than 0 and 1.
        source_is_earlier: Whether the source's message of a step is there before the target needs it.
        ports: Inputs of the target's model.
    """

    source: str
    target: str
    source_size: int
    target_size: int
    graded_source: bool
    source_is_earlier: bool
    ports: tuple[str, ...]
    weight_exp: int
    num_weight_bits: int
    sign_mode: str
    delay: Any
    message_bits: int | None
    port: str | None

    @property
    def where(self) -> str:
        """For errors."""
        return f"projection '{self.source}' -> '{self.target}'"


def project(connection: Connection, s: Settings) -> ChipProjection:
    """The checked projection.

    Raises:
        InvalidNetwork: A value outside its range; says what Lava would have done.
        ShapeMismatch: The connection does not fit the two ends.
    """
    if (s.source_size, s.target_size) != (connection.n_source, connection.n_target):
        raise ShapeMismatch(
            f"the connection maps {connection.n_source} to {connection.n_target} neurons, the ends have "
            f"{(s.source_size, s.target_size)}",
            where=s.where,
            remedy="build the connection for these two populations",
        )
    check_range("weight_exp", s.weight_exp, -WEIGHT_EXP_LIMIT, WEIGHT_EXP_LIMIT, s.where, "shifts by any value")
    if isinstance(connection, Sparse) and not _is_one(s.delay):
        connection = connection.by_target()  # the layout in which delays are kept
    longest, delays = legal_delays(s.delay, connection, DELAY_LIMIT, s.where)
    message_bits = s.message_bits
    if message_bits is None:
        message_bits = GRADED_BITS if s.graded_source else 0
    check_range("message_bits", message_bits, 0, MESSAGE_LIMIT, s.where, "takes any width above 0 for graded")
    for name, given, known in (("input port", s.port or s.ports[0], s.ports), ("sign mode", s.sign_mode, SIGN_MODES)):
        if given not in known:
            raise InvalidNetwork(f"no {name} '{given}'", where=s.where, remedy=did_you_mean(given, known))
    most_bits = 9 if s.sign_mode == "mixed" else 8
    check_range("num_weight_bits", s.num_weight_bits, 1, most_bits, s.where, "clears the wrong bits")
    check_integer_dtype(connection.weights, "weights", s.where)
    prepared = np.ascontiguousarray(_held(connection, s, delayed=longest > 0))
    prepared.setflags(write=False)
    return ChipProjection(
        s.source,
        s.target,
        connection.with_weights(prepared),
        int(s.weight_exp),
        int(s.num_weight_bits),
        s.sign_mode,
        longest,
        int(np.count_nonzero(prepared != connection.weights)),
        delays,
        int(message_bits),
        s.port or s.ports[0],
        connection.kind == "dense" and longest > 0,
    )


def _held(connection: Connection, s: Settings, *, delayed: bool) -> NDArray[Any]:
    """The weights that the synapse memory holds, not those that the caller has."""
    weights = connection.weights
    if connection.kind == "direct":
        _check_direct(s, delayed)
        return weights.copy()
    if connection.kind == "conv2d":
        if s.weight_exp:
            raise InvalidNetwork(
                f"weight_exp = {s.weight_exp} on a convolution; Lava ignores it",
                where=s.where,
                remedy="put the scale into the threshold and bias of the target",
            )
        for bound in connection.sum_bounds():
            check_range("worst-case sum of weights", int(abs(bound).max()), 0, 2**31 - 1, s.where, "returns garbage")
        return weights.astype(np.int32)
    low, high = LIMITS[s.sign_mode]
    for value in (int(weights.min(initial=0)), int(weights.max(initial=0))):
        check_range("weight", value, low, high, s.where, f"clips it to {np.clip(value, low, high)}")
    return prepare(weights, s.sign_mode, s.num_weight_bits)


def _check_direct(s: Settings, delayed: bool) -> None:
    if s.source_size != s.target_size:
        raise ShapeMismatch(
            f"a direct connection of {s.source_size} to {s.target_size} neurons",
            where=s.where,
            remedy="connect one to one, or with a synapse",
        )
    if s.weight_exp or delayed:
        raise InvalidNetwork(
            "a direct connection has neither exponent nor delay",
            where=s.where,
            remedy="connect with kind 'sparse' and an identity matrix",
        )
    if not s.source_is_earlier:
        raise InvalidNetwork(
            f"a direct connection from '{s.source}', which is not added before '{s.target}': it would need its own "
            "message of the same step",
            where=s.where,
            remedy="add the source first, or connect with a synapse, which takes one step",
        )


def legal_delays(given: Any, connection: Connection, limit: int, where: str) -> tuple[int, NDArray[np.int64] | None]:
    """The longest delay, and one per synapse in the weights' layout where they differ; InvalidNetwork otherwise."""
    if _is_one(given):
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


def _is_one(delays: Any) -> bool:
    """Whether all synapses have the same delay."""
    return np.ndim(delays) == 0 and not hasattr(delays, "tocsr")


def pool_kernel(weight: Any, size: tuple[int, int] | None, source_shape: Shape, where: str) -> NDArray[Any]:
    """The depthwise kernel (C, 1, KH, KW) of a sum pooling; InvalidNetwork if there is no such kernel."""
    values = np.asarray(weight)
    if size is None or min(size) < 1 or len(source_shape) != 3 or values.ndim:
        raise InvalidNetwork(
            f"pooling needs a kernel_size, one weight and a source (C, H, W); found {size}, weight of shape "
            f"{values.shape}, source {source_shape}",
            where=where,
            remedy="give e.g. weights=64, kernel_size=(2, 2)",
        )
    return np.full((source_shape[0], 1, *size), values)


def wire(
    kind: str, weights: Any, source_shape: Shape, target_shape: Shape, geometry: Mapping[str, Any], where: str
) -> Connection:
    """The integer connection of a kind; InvalidNetwork or ShapeMismatch where weights and shapes disagree."""
    if kind == "direct":
        if weights is not None:
            raise InvalidNetwork(
                "a direct connection has no weights", where=where, remedy="give None, or another kind of connection"
            )
        return Direct.between(source_shape, target_shape)
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
            f"no connection kind '{kind}'",
            where=where,
            remedy=did_you_mean(kind, ("dense", "sparse", "conv2d", "pool2d", "direct")),
        )
    if shape != (connection.n_target, connection.n_source):
        raise ShapeMismatch(
            f"the weights have shape {shape}, not (n_target, n_source) = {(connection.n_target, connection.n_source)}",
            where=where,
            remedy="rows are destinations: transpose the matrix if it is the other way round",
        )
    return connection
