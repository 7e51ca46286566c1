"""What an inference costs: the figures, each with its range, and the constants behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.estimate.band import Band
from neurodeploy.estimate.baselines import Baseline

NOT_INCLUDED = "the rate of links between chips and their energy, and congestion, are not included"
"""What no profile here has a figure for."""


@dataclass(frozen=True)
class LayerCosts:
    """One population, per inference.

    Attributes:
        name: The layer.
        neurons: Compartments.
        cores: Cores that hold some of them.
        spikes: Spikes sent.
        syn_ops: Spikes that reached its synapses.
        dendrite_updates: Compartment updates.
        active_updates: Those with input, bias or a nonzero register.
        packets: What its spikes are on the mesh: one for each distinct core that they go to.
        synapse_energy: Joules of its synapses.
        neuron_energy: Joules of its compartments' updates and spikes.
        energy: Both; spikes on the mesh are not attributed to layers.
    """

    name: str
    neurons: int
    cores: int
    spikes: float
    syn_ops: float
    dendrite_updates: float
    active_updates: float
    packets: float
    synapse_energy: Band
    neuron_energy: Band

    @property
    def energy(self) -> Band:
        """Joules of synapses and compartments."""
        return self.synapse_energy + self.neuron_energy

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        plain = {f.name: getattr(self, f.name) for f in fields(self)}
        energies = {name: getattr(self, name).to_dict() for name in ("synapse_energy", "neuron_energy", "energy")}
        return plain | energies


@dataclass(frozen=True, eq=False)
class CoreCosts:
    """Every core in use, per inference; arrays (cores,).

    Attributes:
        chip, core_on_chip, tile_x, tile_y: Where it sits.
        neurons: Compartments on it.
        syn_ops, dendrite_updates, spikes_in, axon_out, spikes_out: As in
            :class:`neurodeploy.simulate.counters.CoreSteps`.
        energy_j, energy_low_j, energy_high_j: Of its synapses, compartments and sent packets, hops not among them. A
            layer's active updates are shared out evenly over its compartments.
    """

    chip: NDArray[np.int64]
    core_on_chip: NDArray[np.int64]
    tile_x: NDArray[np.int64]
    tile_y: NDArray[np.int64]
    neurons: NDArray[np.int64]
    syn_ops: NDArray[np.float64]
    dendrite_updates: NDArray[np.float64]
    spikes_in: NDArray[np.float64]
    axon_out: NDArray[np.float64]
    spikes_out: NDArray[np.float64]
    energy_j: NDArray[np.float64]
    energy_low_j: NDArray[np.float64]
    energy_high_j: NDArray[np.float64]

    def to_dict(self) -> dict[str, list[Any]]:
        """A list for each column."""
        return {f.name: getattr(self, f.name).tolist() for f in fields(self)}


@dataclass(frozen=True, eq=False)
class StepCosts:
    """Every step (or bin of steps, in very long runs), mean over samples; arrays (bins,).

    Attributes:
        first_step: Number of the first step, from 1; ``steps``: how many.
        syn_ops, dendrite_updates, spikes_in, axon_out, spikes_out: Of all cores, input spikes received included.
        max_syn_ops, max_spikes_in: Of the core that has most of them in this step, on average.
        time_s, time_low_s, time_high_s: Of the free-running mesh.
        memory_s, compute_s, traffic_s, barrier_s: What ``time_s`` is made of: the slowest core's or link's work.
        bound: Which of the four is the largest, by name.
        energy_j: Joules of synapses, compartments and sent packets, hops not among them.
    """

    first_step: NDArray[np.int64]
    steps: NDArray[np.int64]
    syn_ops: NDArray[np.float64]
    dendrite_updates: NDArray[np.float64]
    spikes_in: NDArray[np.float64]
    axon_out: NDArray[np.float64]
    spikes_out: NDArray[np.float64]
    max_syn_ops: NDArray[np.float64]
    max_spikes_in: NDArray[np.float64]
    time_s: NDArray[np.float64]
    time_low_s: NDArray[np.float64]
    time_high_s: NDArray[np.float64]
    memory_s: NDArray[np.float64]
    compute_s: NDArray[np.float64]
    traffic_s: NDArray[np.float64]
    barrier_s: NDArray[np.float64]
    bound: NDArray[np.str_]
    energy_j: NDArray[np.float64]

    def to_dict(self) -> dict[str, list[Any]]:
        """A list for each column."""
        return {f.name: getattr(self, f.name).tolist() for f in fields(self)}


@dataclass(frozen=True)
class HostCosts:
    """A host that adapts the network between two inferences, per inference.

    Attributes:
        reads, writes, operations: As of :class:`neurodeploy.simulate.counters.HostWork`.
        energy: Joules; a part of E1.
        latency: Seconds; in L1 and L2.
    """

    reads: float
    writes: float
    operations: float
    energy: Band
    latency: Band

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        counts = {name: getattr(self, name) for name in ("reads", "writes", "operations")}
        return counts | {"energy_j": self.energy.to_dict(), "latency_s": self.latency.to_dict()}


@dataclass(frozen=True, eq=False)
class Costs:
    """Estimates per inference; nothing here was measured on a chip.

    Attributes:
        samples: Inferences averaged.
        steps: Chip steps per inference, the latency of the last layer included.
        spikes: Of all populations and inputs.
        syn_ops: SynOps.
        neuron_updates: Compartment updates.
        packets: Spikes times distinct destination cores.
        hops: Tile hops of those packets.
        parts: What E1 is made of, joules: ``synapses``, ``neurons``, ``packets`` and ``hops``; ``adaptation``, if any.
        static_energy: Leakage of the cores (value) or chips (high) in use over the latency.
        overhead_energy: Embedded processors over the latency.
        latency: L1, seconds: per step the slowest core or link and the barrier; one inference alone, not pipelined.
        host_latency: L2, seconds: the same with no step shorter than a host can drive it; None where that is not known.
        host_total_energy: E3 over L2 in place of L1.
        bound: What takes the largest part of the latency: ``memory``, ``compute``, ``traffic`` or ``barrier``.
        host_bound: The same of a host-streamed run, with ``io``.
        bound_steps: In how many steps of an inference each is the largest.
        cores: Cores in use.
        chips: Chips in use.
        core_max: Largest value of any core, per inference: syn_ops, neuron_updates, packets_in.
        layers: Per population.
        per_core: Per core.
        per_step: Per step.
        baselines: The same network elsewhere.
        metrics: NeuroBench's, see :mod:`neurodeploy.estimate.metrics`.
        profile: Name of the constants.
        missing: Constants that the profile does not have; they count as 0.
        sources: Every constant used: value, range, status and source.
        adaptation: What a host does so that the network adapts; None where it does not.
    """

    samples: int
    steps: int
    spikes: float
    syn_ops: float
    neuron_updates: float
    packets: float
    hops: float
    parts: Mapping[str, Band]
    static_energy: Band
    overhead_energy: Band
    latency: Band
    host_latency: Band | None
    host_total_energy: Band | None
    bound: str
    host_bound: str | None
    bound_steps: Mapping[str, float]
    cores: int
    chips: int
    core_max: Mapping[str, float]
    layers: tuple[LayerCosts, ...]
    per_core: CoreCosts
    per_step: StepCosts
    baselines: tuple[Baseline, ...]
    metrics: Mapping[str, Any]
    profile: str
    missing: tuple[str, ...]
    sources: Mapping[str, Mapping[str, Any]]
    adaptation: HostCosts | None = None

    @property
    def mesh_energy(self) -> Band:
        """E1, joules of synapses, neurons and mesh."""
        return sum(self.parts.values(), Band(0, 0, 0))

    @property
    def energy(self) -> Band:
        """E2, joules: mesh and leakage."""
        return self.mesh_energy + self.static_energy

    @property
    def total_energy(self) -> Band:
        """E3, joules: E2 and the embedded processors."""
        return self.energy + self.overhead_energy

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; ``docs/energy.md`` says what each is."""
        return {
            "kind": "estimate, not measured",
            "profile": self.profile,
            "samples": self.samples,
            "steps": self.steps,
            "spikes": self.spikes,
            "syn_ops": self.syn_ops,
            "neuron_updates": self.neuron_updates,
            "packets": self.packets,
            "hops": self.hops,
            "parts_j": {name: part.to_dict() for name, part in self.parts.items()},
            "mesh_energy_j": self.mesh_energy.to_dict(),
            "static_energy_j": self.static_energy.to_dict(),
            "overhead_energy_j": self.overhead_energy.to_dict(),
            "energy_j": self.energy.to_dict(),
            "total_energy_j": self.total_energy.to_dict(),
            "host_total_energy_j": _plain(self.host_total_energy),
            "latency_s": self.latency.to_dict(),
            "host_latency_s": _plain(self.host_latency),
            "bound": self.bound,
            "host_bound": self.host_bound,
            "bound_steps": dict(self.bound_steps),
            "cores": self.cores,
            "chips": self.chips,
            "core_max": dict(self.core_max),
            "layers": [layer.to_dict() for layer in self.layers],
            "per_core": self.per_core.to_dict(),
            "per_step": self.per_step.to_dict(),
            "baselines": [baseline.to_dict() for baseline in self.baselines],
            "metrics": dict(self.metrics),
            "adaptation": None if self.adaptation is None else self.adaptation.to_dict(),
            "missing": list(self.missing),
            "not_included": NOT_INCLUDED,
            "sources": {name: dict(row) for name, row in self.sources.items()},
        }


def _plain(band: Band | None) -> dict[str, float] | None:
    return None if band is None else band.to_dict()
