"""How long the steps of a free-running mesh take, from the work of every core and link.

A step ends with a barrier, after the slowest core or link. ``timing`` of a target says how a core's work adds up:

* ``serial``: compartments, then synapses, one after the other (Davies et al. 2018 give the times of both);
* ``overlap``: the compartments of one core beside the synapses of another (SANA-FE's simple model);
* ``max_affine``: compartments, synaptic operations and reads of synapse memory all beside each other, so that the
  largest alone counts (the shape of Timcheck, Pierro and Shrestha, arXiv 2601.10035, whose constants are not public).

Times are kept in whole femtoseconds, so that sums do not depend on their order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping as Dict
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from neurodeploy.chipmap import Mapping
from neurodeploy.simulate.counters import BOUNDS, Ints, StepTimes
from neurodeploy.target_schema import Energy, FloatQuantity, Latency, Target

Floats = NDArray[np.float64]
FEMTO = 1e15
SYNOPS = {"dense": "dense", "sparse": "sparse", "conv2d": "conv", "direct": "sparse"}
"""Kind of connection -> whose constant its synaptic operations have, where a target tells kinds apart."""


@dataclass(frozen=True, eq=False)
class Work:
    """What each core and link does in some samples and steps, (samples, steps, cores) or (..., links).

    Attributes:
        syn_ops: By kind of connection.
        neurons: Live compartments, (steps, cores).
        spikes_out: Compartments that fired.
        spikes_in: Packets received.
        axon_out: Packets sent.
        words: Of synapse memory read; None where its time is not known.
        links: Packets on the link that has most, (samples, steps).
    """

    syn_ops: Dict[str, Ints]
    neurons: Ints
    spikes_out: Ints
    spikes_in: Ints
    axon_out: Ints
    words: Ints | None
    links: Ints


@dataclass(frozen=True)
class StepModel:
    """The latencies of a target, for one of its mappings."""

    latency: Latency
    barrier: FloatQuantity

    @classmethod
    def of(cls, target: Target, mapping: Mapping) -> StepModel:
        """With the barrier for the tiles and chips in use."""
        return cls(target.latency, barrier_of(target, mapping)[1])

    @property
    def name(self) -> str:
        """Stands for the constants: equal where these are."""
        return hashlib.sha256(msgspec.json.encode((self.latency, self.barrier))).hexdigest()

    def times(self, work: Work) -> StepTimes:
        """Of every step, summed over samples: as many entries as there are steps."""
        compute, memory, traffic = self._parts(work, 0)
        barrier = self.barrier.value
        busy = compute + memory + traffic
        parts = np.stack([memory, compute, traffic, np.full_like(busy, barrier)], axis=-1)
        largest = parts.argmax(axis=-1)
        bounds = np.stack([(largest == k).sum(axis=0) for k in range(len(BOUNDS))], axis=-1)
        bands = [busy + barrier]
        for k in (1, 2):
            compute, memory, traffic = self._parts(work, k)
            bands.append(compute + memory + traffic + self.barrier.band[k - 1])
        hosted, waits = bands, np.zeros(busy.shape[1], np.int64)
        if self.latency.io_step_s is not None:
            io = _three(self.latency.io_step_s)
            hosted = [np.maximum(time, io[k]) for k, time in enumerate(bands)]
            waits = (bands[0] < io[0]).sum(axis=0)
        return StepTimes(
            _femto(parts).sum(axis=0),
            bounds,
            np.stack([_femto(time).sum(axis=0) for time in bands], axis=-1),
            np.stack([_femto(time).sum(axis=0) for time in hosted], axis=-1),
            waits,
        )

    def _parts(self, work: Work, k: int) -> tuple[Floats, Floats, Floats]:
        """Compute, memory and traffic of the slowest core or link, (samples, steps): their sum is the time it takes.

        ``k``: 0 for the value of the constants, 1 for their lowest and 2 for their highest.
        """
        t = self.latency
        neuron = (t.neuron_active_s.value, min(t.neuron_active_s.band[0], t.neuron_inactive_s.band[0]))
        compute = work.neurons * (*neuron, t.neuron_active_s.band[1])[k]
        compute = compute + work.spikes_out * _band(t.spike_out_s)[k] + work.axon_out * _band(t.packet_out_s)[k]
        memory = work.spikes_in * _band(t.packet_in_s)[k]
        for kind, number in work.syn_ops.items():
            memory = memory + number * _three(synop_time(t, kind))[k]
        words = np.zeros_like(memory) if work.words is None else work.words * _band(t.synapse_word_s)[k]
        # a faster link is the lower time
        rate = t.link_spikes_per_s
        traffic = work.links / _three(rate)[(0, 2, 1)[k]] if rate is not None else work.links * 0.0
        nothing = np.zeros_like(traffic)
        if t.timing == "serial":
            memory = memory + words
            slowest = (compute + memory).argmax(axis=-1)[..., None]
            compute = np.take_along_axis(compute, slowest, axis=-1)[..., 0]
            memory = np.take_along_axis(memory, slowest, axis=-1)[..., 0]
            by_link = traffic > compute + memory
            return (
                np.where(by_link, nothing, compute),
                np.where(by_link, nothing, memory),
                np.where(by_link, traffic, nothing),
            )
        memory = np.maximum(memory, words) if t.timing == "max_affine" else memory + words
        terms = np.stack([compute.max(axis=-1), memory.max(axis=-1), traffic])
        compute, memory, traffic = terms * (np.arange(3)[:, None, None] == terms.argmax(axis=0))
        return compute, memory, traffic


def synop_time(latency: Latency, kind: str) -> FloatQuantity:
    """Time of a synaptic operation of a kind of connection."""
    own: FloatQuantity | None = getattr(latency, f"synop_{SYNOPS[kind]}_s")
    return latency.synop_s if own is None else own


def synop_energy(energy: Energy, kind: str) -> FloatQuantity:
    """Energy of a synaptic operation of a kind of connection."""
    own: FloatQuantity | None = getattr(energy, f"synop_{SYNOPS[kind]}_j")
    return energy.synop_j if own is None else own


def barrier_of(target: Target, mapping: Mapping) -> tuple[str, FloatQuantity]:
    """Name and value of what ends a step of this mapping."""
    t = target.latency
    if mapping.chips > 1 and t.barrier_multichip_s is not None:
        return "barrier_multichip_s", t.barrier_multichip_s
    if t.barrier_tiles_s is not None:
        tiles = tiles_in_use(target, mapping)
        steps = [seconds for most, seconds in t.barrier_tiles_s.value if most <= tiles]
        table = t.barrier_tiles_s
        seconds = steps[-1] if steps else table.value[0][1]
        return "barrier_tiles_s", FloatQuantity(seconds, table.status, table.source)
    return "barrier_s", t.barrier_s


def tiles_in_use(target: Target, mapping: Mapping) -> int:
    """Tiles that have a core in use."""
    column, row = mapping.tiles(target)
    return len(np.unique(np.stack([mapping.chip_of.astype(np.int64), column, row]), axis=1).T)


def _three(quantity: FloatQuantity) -> tuple[float, float, float]:
    return (quantity.value, *quantity.band)


def _band(quantity: FloatQuantity | None) -> tuple[float, float, float]:
    return (0.0, 0.0, 0.0) if quantity is None else _three(quantity)


def _femto(seconds: Floats) -> Ints:
    return np.rint(seconds * FEMTO).astype(np.int64)
