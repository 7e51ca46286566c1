"""What a run did: spikes, SynOps, neuron updates; with a mapping also packets, hops and per-core counts."""

from __future__ import annotations

from collections.abc import Mapping as Dict
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class PopulationCounters:
    """Sums over all samples and steps of a run, for one population or input.

    Attributes:
        spikes: Spikes sent.
        syn_ops: Spikes that reached a synapse **into** this population (Lava's profiler name).
        neuron_updates: Compartment updates in live steps.
        active_updates: Those with input, bias or a nonzero register.
        wraps: Wraps of u or of an int32 sum.
        saturations: Clips of v.
    """

    spikes: int
    syn_ops: int = 0
    neuron_updates: int = 0
    active_updates: int = 0
    wraps: int = 0
    saturations: int = 0

    def __add__(self, other: PopulationCounters) -> PopulationCounters:
        return PopulationCounters(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


@dataclass(frozen=True)
class SourceTraffic:
    """What one population or input sends over the mesh, summed. A packet is one spike sent to one distinct core.

    Attributes:
        packets: Neuron to core, within and between chips.
        hops_x: East-west tile hops of those packets.
        hops_y: North-south tile hops.
        inter_chip: Packets that leave their chip.
    """

    packets: int = 0
    hops_x: int = 0
    hops_y: int = 0
    inter_chip: int = 0

    def __add__(self, other: SourceTraffic) -> SourceTraffic:
        return SourceTraffic(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


@dataclass(frozen=True, eq=False)
class Traffic:
    """What a mapping adds to the counts.

    Attributes:
        sources: By population or input.
        syn_ops_per_core: (cores,), sums.
        updates_per_core: (cores,), sums.
        packets_in_per_core: (cores,), sums, input spikes included.
        packets_out_per_core: (cores,), sums.
        step_max_syn_ops: Largest SynOps of one core in one step, summed over steps and samples: what bounds the time.
        step_max_packets_in: The same for packets received.
    """

    sources: Dict[str, SourceTraffic]
    syn_ops_per_core: Ints
    updates_per_core: Ints
    packets_in_per_core: Ints
    packets_out_per_core: Ints
    step_max_syn_ops: int
    step_max_packets_in: int

    @property
    def total(self) -> SourceTraffic:
        """Of all populations and inputs."""
        return sum(self.sources.values(), SourceTraffic())

    def __add__(self, other: Traffic) -> Traffic:
        sources = {name: sent + other.sources[name] for name, sent in self.sources.items()}
        sums = {f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self) if f.name != "sources"}
        return Traffic(sources, **sums)


@dataclass(frozen=True, eq=False)
class Counters:
    """Counts of a whole run; divide by ``samples`` for one inference.

    Attributes:
        samples: Batch size.
        steps: Chip steps per sample.
        live_steps: Steps per sample in which each population is live.
        populations: By name, inputs first.
        traffic: None without a mapping.
    """

    samples: int
    steps: int
    live_steps: int
    populations: Dict[str, PopulationCounters]
    traffic: Traffic | None

    @property
    def spikes(self) -> int:
        """Spikes of all populations and inputs."""
        return sum(p.spikes for p in self.populations.values())

    @property
    def syn_ops(self) -> int:
        """SynOps of all populations."""
        return sum(p.syn_ops for p in self.populations.values())

    @property
    def neuron_updates(self) -> int:
        """Compartment updates of all populations."""
        return sum(p.neuron_updates for p in self.populations.values())


def add_counters(a: Counters, b: Counters) -> Counters:
    """Counters of two runs of one network with equal steps, as if they had been one batch."""
    populations = {name: counted + b.populations[name] for name, counted in a.populations.items()}
    traffic = None if a.traffic is None or b.traffic is None else a.traffic + b.traffic
    return Counters(a.samples + b.samples, a.steps, a.live_steps, populations, traffic)
