"""From the linear nodes of a file to projections, weights as the chip holds them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.chipnet import ChipNetwork
from neurodeploy.connections import Connection, Conv2d, Dense, Direct, Sparse
from neurodeploy.errors import AmbiguousSemantics, UnreadableFile

GEOMETRY = ("stride", "padding", "dilation")
KINDS = ("dense", "sparse", "conv2d", "direct")


@dataclass(frozen=True, eq=False)
class Part:
    """A node of synapses of one delay; a projection whose synapses have several is several parts.

    Attributes:
        source: An input or population.
        target: A population.
        params: The node's.
        entry: Its metadata.
        delay: Steps, of the Delay node before it.
        where: For errors.
    """

    source: str
    target: str
    params: Mapping[str, Any]
    entry: Mapping[str, Any]
    delay: int
    where: str

    @property
    def number(self) -> int:
        """Within the projection."""
        return int(self.entry["part"])


def projection(net: ChipNetwork, parts: Sequence[Part]) -> None:
    """Add the projection that these parts are.

    Raises:
        UnreadableFile: Weights that are no integers.
        AmbiguousSemantics: Delays, or synapses, that are not those in the metadata.
        InvalidNetwork: A value outside its range.
    """
    first, entry, where = parts[0], parts[0].entry, parts[0].where
    kind = str(entry["kind"])
    if kind not in KINDS or len({(p.source, p.target) for p in parts}) != 1:
        raise UnreadableFile(f"a projection of kind '{kind}' in parts", where=where, remedy="export the program again")
    exponent = int(entry["weight_exp"])
    connection = _connection(kind, parts, exponent)
    delays = entry.get("delays")
    held = np.asarray(first.delay if delays is None else delays, np.int64)
    if set(np.unique(held).tolist()) != {p.delay for p in parts} or held.min() < 0:
        raise AmbiguousSemantics(
            "the delays of the nodes are not those in the metadata", where=where, remedy="export the program again"
        )
    net.attach(
        first.source,
        first.target,
        connection,
        weight_exp=exponent,
        num_weight_bits=int(entry["num_weight_bits"]),
        sign_mode=str(entry["sign_mode"]),
        delay=int(held.max()),
        message_bits=int(entry["message_bits"]),
    )
    made = net.projections[-1]
    if not np.array_equal(made.connection.weights, connection.weights):
        raise AmbiguousSemantics(
            f"weights that {made.num_weight_bits} bits do not hold", where=where, remedy="export the program again"
        )
    net.projections[-1] = replace(
        made,
        delay=int(held.max()),
        delays=None if delays is None else _frozen(held),
        altered_weights=int(entry.get("altered_weights", 0)),
        products_wrap=bool(entry.get("products_wrap", 0)),
    )


def _connection(kind: str, parts: Sequence[Part], exponent: int) -> Connection:
    first, entry, where = parts[0], parts[0].entry, parts[0].where
    source, target = (tuple(int(n) for n in np.ravel(entry[key])) for key in ("source_shape", "target_shape"))
    if kind == "direct":
        return Direct.between(source, target)
    weights = _integers([np.ldexp(np.asarray(p.params["weight"], np.float64), -exponent) for p in parts], where)
    matrix = weights.sum(axis=0)
    if kind == "conv2d":
        written, kernel = (entry, entry["kernel"]) if "kernel" in entry else (first.params, matrix)
        geometry = {key: _pair(written[key]) for key in GEOMETRY}
        groups = int(written["groups"])
        made = Conv2d.build(np.asarray(kernel, np.int32), source, **geometry, groups=groups, where=where)
        if "kernel" in entry and not np.array_equal(made.to_csr().toarray(), matrix):
            raise AmbiguousSemantics(
                "a matrix that is not the convolution in the metadata", where=where, remedy="export the program again"
            )
        return made
    if kind == "dense":
        return Dense(matrix, source, target)
    indices = np.asarray(entry.get("indices", ()), np.int32)
    indptr = np.asarray(entry["indptr"], np.int64)
    rows = np.repeat(np.arange(len(matrix)), np.diff(indptr))
    if np.any(indices < 0):
        raise UnreadableFile("a synapse from nowhere", where=where, remedy="export the program again")
    sparse = Sparse(matrix[rows, indices], source, target, indices, indptr)
    if np.count_nonzero(matrix) != np.count_nonzero(sparse.weights):
        raise AmbiguousSemantics(
            "weights where the metadata have no synapse", where=where, remedy="export the program again"
        )
    return sparse


def _integers(weights: Sequence[NDArray[np.float64]], where: str) -> NDArray[np.int32]:
    array = np.asarray(weights)
    if np.any(array != np.rint(array)) or np.any(np.abs(array) >= 2**31):
        raise UnreadableFile("weights that are no integers of 32 bits", where=where, remedy="export the program again")
    return array.astype(np.int32)


def _pair(values: Any) -> tuple[int, int]:
    first, second = (int(n) for n in np.ravel(values))
    return first, second


def _frozen(values: NDArray[np.int64]) -> NDArray[np.int64]:
    values.setflags(write=False)
    return values
