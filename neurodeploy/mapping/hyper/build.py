"""The hypergraph of one population of a network, and the limits of its parts on a target."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neurodeploy.chipnet import ChipNetwork, ChipPopulation, ChipProjection
from neurodeploy.connections import Dense, Sparse
from neurodeploy.mapping.capacity import Loads
from neurodeploy.mapping.constraints import uses
from neurodeploy.mapping.hyper.hypergraph import AXONS, COUNTS, NEURONS, SLOTS, WORDS, Hypergraph, Ints, Limits, Shorts
from neurodeploy.mapping.hyper.search import transpose
from neurodeploy.mapping.objective import Rates
from neurodeploy.mapping.rows import dense_bits, payload_bits, row_words, sparse_index_bits
from neurodeploy.target_schema import Target

if TYPE_CHECKING:
    from scipy.sparse import csr_array

RATE_UNITS = 1 << 20
"""Weight of the source that sends most."""
PICOSECONDS = 1e12
FIELDS = {NEURONS: "neurons", AXONS: "axons_in", WORDS: "words", SLOTS: "axon_slots"}
"""What :class:`Loads` calls the counts."""


@dataclass(frozen=True, eq=False)
class Problem:
    """A population to be cut.

    Attributes:
        graph: Its neurons and their sources.
        limits: Of a part.
        kinds: Number of projections and widest payload, bits, of each kind of edge.
        target: The chip.
    """

    graph: Hypergraph
    limits: Limits
    kinds: tuple[tuple[int, int], ...]
    target: Target

    def with_parts_of(self, most: int) -> Problem:
        """The same for parts of at most so many neurons, whose sparse rows may need narrower indices."""
        core, sizes = self.target.core, np.arange(self.graph.words.shape[1])
        index = int(sparse_index_bits(np.array([most]), core)[0])
        words = [
            row_words(sizes, payload + index, core) + 2 * np.minimum(np.maximum(sizes - 1, 0), number - 1)
            for number, payload in self.kinds
        ]
        limit = np.append(self.limits.limit, most)
        factor = np.concatenate([self.limits.factor, np.eye(1, COUNTS, NEURONS, dtype=np.int64)])
        return replace(
            self,
            graph=replace(self.graph, words=np.array(words, np.int64).reshape(len(self.kinds), -1)),
            limits=replace(self.limits, factor=factor, limit=limit),
        )


def build(net: ChipNetwork, population: ChipPopulation, target: Target, rates: Rates | None) -> Problem:
    """The problem of cutting a population that no convolution feeds.

    Its limits are those of the constraints or narrower: every sparse projection is held in sparse rows, each projection
    more of a source costs a row two words more, and a source with dense and sparse projections counts twice. Limits on
    settings are left out.

    Args:
        net: The network.
        population: One of its populations.
        target: The chip.
        rates: Messages per step of each source neuron; default 1 each.
    """
    by_source: dict[str, list[ChipProjection]] = defaultdict(list)
    dense = []
    for p in net.incoming(population.name):
        if isinstance(p.connection, Dense):
            dense.append(p)
        else:
            by_source[p.source].append(p)
    pin_ptr, pin, in_ptr, in_edge, synapses = _pins(list(by_source.values()), population.size)
    owner = np.concatenate([_owners(net, population, source) for source in by_source])
    owned = np.cumsum(np.bincount(owner + 1, minlength=population.size + 1)).astype(np.int64)
    sent = np.concatenate([_rate(net, source, rates) for source in by_source])
    longest = int(np.diff(pin_ptr).max(initial=1)) * max(map(len, by_source.values()))
    kinds = tuple((len(ps), max(payload_bits(p, target) for p in ps)) for ps in by_source.values())
    graph = Hypergraph(
        in_ptr,
        in_edge,
        pin_ptr,
        pin,
        owner,
        owned - owned[0],
        np.argsort(owner, kind="stable")[owned[0] :].astype(np.int32),
        _weights(sent),
        np.repeat(np.arange(len(by_source), dtype=np.int32), [net.size_of(source) for source in by_source]),
        np.zeros((len(by_source), longest + 1), np.int64),
        synapses,
    )
    factor, limit = _rows(target, max(p.delay for p in net.incoming(population.name)))
    always = {p.source: net.size_of(p.source) for p in dense}
    limits = Limits(
        factor,
        limit - factor[:, AXONS] * sum(always.values()),
        _dense_words(dense, population.size, target),
        _load(graph, sent, sum(float(_rate(net, p.source, rates).sum()) for p in dense), target),
        np.zeros(population.size, np.int64),
        1 if target.axon.discrete_slots is None else target.axon.discrete_slots.value,
    )
    return Problem(graph, limits, kinds, target).with_parts_of(target.core.neurons.value)


def _pins(groups: list[list[ChipProjection]], size: int) -> tuple[Ints, Shorts, Ints, Shorts, Shorts | None]:
    """Pins by edge and by vertex, and synapses of the latter where some have several; sources one after the other."""
    if all(len(together) == 1 for together in groups):
        rows = [_by_source(p) for (p,) in groups]
        ends = np.cumsum([0, *(ptr[-1] for ptr, _ in rows)])
        ptr = np.concatenate([[0], *(p[1:] + end for (p, _), end in zip(rows, ends[:-1], strict=True))])
        index = rows[0][1] if len(rows) == 1 else np.concatenate([at for _, at in rows])
        return ptr, index, *transpose(size, ptr, index), None
    from scipy.sparse import csr_array, vstack

    summed = []
    for together in groups:
        counts = None
        for p in together:
            ptr, index = _by_source(p)
            one = csr_array((np.ones(len(index), np.int32), index, ptr), shape=(len(ptr) - 1, size))
            counts = one if counts is None else counts + one
        summed.append(counts)
    pins: csr_array = vstack(summed).tocsr()
    pins.sort_indices()
    into = pins.T.tocsr()
    into.sort_indices()
    return (
        pins.indptr.astype(np.int64),
        pins.indices.astype(np.int32),
        into.indptr.astype(np.int64),
        into.indices.astype(np.int32),
        into.data.astype(np.int32),
    )


def _by_source(projection: ChipProjection) -> tuple[Ints, Shorts]:
    """Targets of each source neuron as compressed rows."""
    connection = projection.connection
    if not isinstance(connection, Sparse):
        pattern = connection.pattern().tocsc()
        return pattern.indptr.astype(np.int64), pattern.indices.astype(np.int32)
    ptr, index = connection.indptr.astype(np.int64, copy=False), connection.indices.astype(np.int32, copy=False)
    return (ptr, index) if connection.by_source else transpose(connection.n_source, ptr, index)


def _owners(net: ChipNetwork, population: ChipPopulation, source: str) -> Shorts:
    size = net.size_of(source)
    own = net.sender_of(source) == population.name
    return np.arange(size, dtype=np.int32) if own else np.full(size, -1, np.int32)


def _rate(net: ChipNetwork, source: str, rates: Rates | None) -> NDArray[np.float64]:
    return np.ones(net.size_of(source)) if rates is None else rates[source]


def _weights(sent: NDArray[np.float64]) -> Ints:
    """Rates as integers: 1 where all are the same, and at least 1 where a source sends at all."""
    most = sent.max(initial=0)
    if np.all(sent == most):
        return np.full(len(sent), most > 0, np.int64)
    weights: Ints = np.ceil(sent / most * RATE_UNITS).astype(np.int64)
    return weights


def _rows(target: Target, delay: int) -> tuple[Ints, Ints]:
    """The constraints as sums of counts, from what they say of a core with nothing on it and with one thing."""
    one_each = np.concatenate([np.zeros((COUNTS, 1), np.int64), np.eye(COUNTS, dtype=np.int64)], axis=1)
    loads = {f.name: np.zeros(COUNTS + 1, np.int64) for f in fields(Loads)} | {"delay": np.full(COUNTS + 1, delay)}
    table = uses(Loads(**loads | {name: one_each[count] for count, name in FIELDS.items()}), target)
    needs = np.array([needed for needed, _ in table.values()], np.int64).reshape(-1, COUNTS + 1)
    factor, limit = needs[:, 1:] - needs[:, :1], np.array([limit for _, limit in table.values()]) - needs[:, 0]
    bound = factor.any(axis=1)
    return np.ascontiguousarray(factor[bound]), limit[bound]


def _dense_words(dense: list[ChipProjection], size: int, target: Target) -> Ints:
    words = np.zeros(size + 1, np.int64)
    for p in dense:
        words += p.connection.n_source * row_words(np.arange(size + 1), dense_bits(p, target), target.core)
    return words


def _load(graph: Hypergraph, sent: NDArray[np.float64], from_dense: float, target: Target) -> Ints:
    """Expected time of each neuron's update and synapses in a step, picoseconds."""
    events = np.full(graph.vertices, from_dense, np.float64)
    each = sent[graph.in_edge] if graph.synapses is None else sent[graph.in_edge] * graph.synapses
    some = np.flatnonzero(np.diff(graph.in_ptr))
    events[some] += np.add.reduceat(each, graph.in_ptr[some])
    time_s = target.latency.neuron_active_s.value + target.latency.synop_s.value * events
    return np.rint(PICOSECONDS * time_s).astype(np.int64)
