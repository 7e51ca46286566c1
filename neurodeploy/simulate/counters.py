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
class CoreSteps:
    """What each core did in each step, summed over samples; named as Lava's profiler names it.

    Arrays are int64 (bins, cores). A bin is ``steps_per_bin`` steps (the last may be shorter): one, unless there are so
    many steps that memory would run out. Spikes count in the step in which they were sent, delays or not.

    Attributes:
        steps_per_bin: Steps of a bin.
        syn_ops_of: Synaptic operations by kind of connection.
        dendrite_updates: Compartment updates.
        spikes_in: Packets received, from the host too.
        axon_out: Packets sent.
        spikes_out: Compartments that fired.
        max_syn_ops, max_spikes_in: Of the core that has most of them in a sample and step, (bins,).
    """

    steps_per_bin: int
    syn_ops_of: Dict[str, Ints]
    dendrite_updates: Ints
    spikes_in: Ints
    axon_out: Ints
    spikes_out: Ints
    max_syn_ops: Ints
    max_spikes_in: Ints

    @property
    def syn_ops(self) -> Ints:
        """Synaptic operations of all kinds."""
        return sum(self.syn_ops_of.values(), np.zeros_like(self.spikes_in))

    def __add__(self, other: CoreSteps) -> CoreSteps:
        by_kind = {kind: n + other.syn_ops_of[kind] for kind, n in self.syn_ops_of.items()}
        others = (f.name for f in fields(self)[2:])
        return CoreSteps(self.steps_per_bin, by_kind, *(getattr(self, n) + getattr(other, n) for n in others))


BOUNDS = ("memory", "compute", "traffic", "barrier")
"""What a step can be bound by: synapses, compartments, a link, or the end of the step."""


@dataclass(frozen=True, eq=False)
class StepTimes:
    """How long the steps take with the constants of the target, summed over samples: int64, first axis bins.

    Attributes:
        parts_fs: Femtoseconds by ``BOUNDS``, (bins, 4), of the slowest core or link; their sum is the step.
        bounds: Steps of which each part is the largest, (bins, 4).
        mesh_fs: Femtoseconds of the free-running mesh: value, low and high, (bins, 3).
        hosted_fs: The same with steps no shorter than the host's.
        io_bound: Steps that wait for the host, (bins,).
    """

    parts_fs: Ints
    bounds: Ints
    mesh_fs: Ints
    hosted_fs: Ints
    io_bound: Ints

    def __add__(self, other: StepTimes) -> StepTimes:
        return StepTimes(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


@dataclass(frozen=True, eq=False)
class Traffic:
    """What a mapping adds to the counts.

    Attributes:
        sources: By population or input.
        syn_ops_into: SynOps by target and kind of connection.
        fired_into: For each projection of the plan, how many spikes of each source neuron it delivered, (n_source,).
        cores: By core and step.
        times: Of the steps.
        times_of: Which constants the times were counted with, see :meth:`neurodeploy.simulate.timing.StepModel.name`.
    """

    sources: Dict[str, SourceTraffic]
    syn_ops_into: Dict[str, Dict[str, int]]
    fired_into: tuple[Ints, ...]
    cores: CoreSteps
    times: StepTimes
    times_of: str

    @property
    def total(self) -> SourceTraffic:
        """Of all populations and inputs."""
        return sum(self.sources.values(), SourceTraffic())

    def __add__(self, other: Traffic) -> Traffic:
        sources = {name: sent + other.sources[name] for name, sent in self.sources.items()}
        into = {
            target: {kind: n + other.syn_ops_into[target][kind] for kind, n in kinds.items()}
            for target, kinds in self.syn_ops_into.items()
        }
        fired = tuple(a + b for a, b in zip(self.fired_into, other.fired_into, strict=True))
        return Traffic(sources, into, fired, self.cores + other.cores, self.times + other.times, self.times_of)


@dataclass(frozen=True)
class HostWork:
    """What the host does between inferences so that a network adapts, summed over samples.

    Attributes:
        reads: Spike counters read.
        writes: Registers and weights written; those that keep their value are not.
        operations: Integer operations for traces, statistics and new values.
    """

    reads: int = 0
    writes: int = 0
    operations: int = 0

    def __add__(self, other: HostWork) -> HostWork:
        return HostWork(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


@dataclass(frozen=True, eq=False)
class Counters:
    """Counts of a whole run; divide by ``samples`` for one inference.

    Attributes:
        samples: Batch size.
        steps: Chip steps per sample.
        live_steps: Steps per sample in which each population is live.
        populations: By name, inputs first.
        traffic: None without a mapping.
        host: None where nothing adapts.
    """

    samples: int
    steps: int
    live_steps: int
    populations: Dict[str, PopulationCounters]
    traffic: Traffic | None
    host: HostWork | None = None

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
    host = None if a.host is None or b.host is None else a.host + b.host
    return Counters(a.samples + b.samples, a.steps, a.live_steps, populations, traffic, host)
