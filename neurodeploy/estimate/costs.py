"""Energy at three levels and the latency of the free-running mesh, per inference, as ranges with sources."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from neurodeploy.errors import SimulationError
from neurodeploy.estimate.band import Band
from neurodeploy.program import Program
from neurodeploy.simulate import Run
from neurodeploy.simulate.counters import Counters, Traffic
from neurodeploy.target_schema import Target

NOT_INCLUDED = "input and output by a host, links between chips and congestion are not included"


@dataclass(frozen=True)
class LayerCosts:
    """One population, per inference.

    Attributes:
        name: The layer.
        neurons: Compartments.
        cores: Cores that hold some of them.
        spikes: Spikes sent.
        syn_ops: Spikes that reached its synapses.
        energy: Joules of its synapses and neurons; spikes on the mesh are not attributed to layers.
    """

    name: str
    neurons: int
    cores: int
    spikes: float
    syn_ops: float
    energy: Band


@dataclass(frozen=True)
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
        mesh_energy: E1, joules of synapses, neurons and mesh.
        static_energy: Leakage of the cores (value) or chips (high) in use over the latency.
        overhead_energy: Embedded processors over the latency.
        latency: L1, seconds: per step the busiest core plus the barrier; one inference alone, not pipelined.
        bound: What takes the largest part of the latency: ``barrier``, ``neurons`` or ``synapses``.
        cores: Cores in use.
        chips: Chips in use.
        core_max: Largest value of any core, per inference: syn_ops, neuron_updates, packets_in.
        layers: Per population.
        profile: Name of the constants.
        sources: Every constant used: value, range, status and source.
    """

    samples: int
    steps: int
    spikes: float
    syn_ops: float
    neuron_updates: float
    packets: float
    hops: float
    mesh_energy: Band
    static_energy: Band
    overhead_energy: Band
    latency: Band
    bound: str
    cores: int
    chips: int
    core_max: dict[str, float]
    layers: tuple[LayerCosts, ...]
    profile: str
    sources: dict[str, dict[str, Any]]

    @property
    def energy(self) -> Band:
        """E2, joules: mesh and leakage."""
        return self.mesh_energy + self.static_energy

    @property
    def total_energy(self) -> Band:
        """E3, joules: E2 and the embedded processors."""
        return self.energy + self.overhead_energy

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "kind": "estimate, not measured",
            "samples": self.samples,
            "steps": self.steps,
            "spikes": self.spikes,
            "syn_ops": self.syn_ops,
            "neuron_updates": self.neuron_updates,
            "packets": self.packets,
            "hops": self.hops,
            "mesh_energy_j": self.mesh_energy.to_dict(),
            "static_energy_j": self.static_energy.to_dict(),
            "overhead_energy_j": self.overhead_energy.to_dict(),
            "energy_j": self.energy.to_dict(),
            "total_energy_j": self.total_energy.to_dict(),
            "latency_s": self.latency.to_dict(),
            "bound": self.bound,
            "cores": self.cores,
            "chips": self.chips,
            "core_max": self.core_max,
            "layers": [vars(layer) | {"energy": layer.energy.to_dict()} for layer in self.layers],
            "profile": self.profile,
            "not_included": NOT_INCLUDED,
            "sources": self.sources,
        }


def estimate(run: Run, program: Program) -> Costs:
    """Cost of one inference of a run, averaged over its samples.

    Energy (the per-event model of Davies et al. 2018): SynOps, active and inactive compartment updates, packets
    and hops, each times its constant. Latency: per step, all compartments of the fullest core one after the other, plus
    the SynOps of the busiest core of that step, plus the barrier.

    Raises:
        SimulationError: The run has no traffic counters, since it was not a run of a Program; or of another one.
    """
    counters, target = run.counters, program.target
    if counters.traffic is None:
        raise SimulationError(
            "the run knows no cores", where="estimate", remedy="simulate the Program, not its bare ChipNetwork"
        )
    traffic = counters.traffic
    known = program.net.populations.keys() | program.net.inputs.keys()
    if counters.populations.keys() != known or len(traffic.updates_per_core) != program.mapping.cores:
        raise SimulationError(
            "the run is not of this program", where="estimate", remedy="give the Program that was simulated"
        )
    latency, bound = _latency(counters, traffic, target, program.mapping.chips)
    e = target.energy
    layers = tuple(_layer(name, counters, program) for name in program.net.populations)
    per_sample = 1 / counters.samples
    sent = traffic.total
    local = Band.of(e.within_tile_spike_j) * (sent.packets * per_sample)
    hops = Band.of(e.hop_x_j) * (sent.hops_x * per_sample) + Band.of(e.hop_y_j) * (sent.hops_y * per_sample)
    mesh = sum((layer.energy for layer in layers), local + hops)
    cores, chips = program.mapping.cores, program.mapping.chips
    per_core, per_chip = Band.of(e.static_core_w) * cores, Band.of(e.static_chip_w) * chips
    leakage = Band(per_core.value, min(per_core.low, per_core.value), max(per_core.high, per_chip.high))
    return Costs(
        counters.samples,
        counters.steps,
        counters.spikes * per_sample,
        counters.syn_ops * per_sample,
        counters.neuron_updates * per_sample,
        sent.packets * per_sample,
        (sent.hops_x + sent.hops_y) * per_sample,
        mesh,
        leakage * latency,
        Band.of(e.overhead_chip_w) * chips * latency,
        latency,
        bound,
        cores,
        chips,
        {
            "syn_ops": float(traffic.syn_ops_per_core.max()) * per_sample,
            "neuron_updates": float(traffic.updates_per_core.max()) * per_sample,
            "packets_in": float(traffic.packets_in_per_core.max()) * per_sample,
        },
        layers,
        e.profile,
        _sources(target, program.mapping.chips),
    )


def _latency(counters: Counters, traffic: Traffic, target: Target, chips: int) -> tuple[Band, str]:
    t, steps = target.latency, counters.steps
    fullest = float(traffic.updates_per_core.max()) / (counters.samples * counters.live_steps)
    active, inactive = Band.of(t.neuron_active_s), Band.of(t.neuron_inactive_s)
    neuron = Band(active.value, min(inactive.low, active.low), active.high)
    parts = {
        "barrier": Band.of(getattr(t, _barrier(target, chips))) * steps,
        "neurons": neuron * (fullest * steps),
        "synapses": Band.of(t.synop_s) * (traffic.step_max_syn_ops / counters.samples),
    }
    return sum(parts.values(), Band(0, 0, 0)), max(parts, key=lambda k: parts[k].value)


def _layer(name: str, counters: Counters, program: Program) -> LayerCosts:
    c, e, per_sample = counters.populations[name], program.target.energy, 1 / counters.samples
    energy = (
        Band.of(e.synop_j) * (c.syn_ops * per_sample)
        + Band.of(e.neuron_active_j) * (c.active_updates * per_sample)
        + Band.of(e.neuron_inactive_j) * ((c.neuron_updates - c.active_updates) * per_sample)
    )
    cores = len(np.unique(program.mapping.core_of[name]))
    size = program.net.populations[name].size
    return LayerCosts(name, size, cores, c.spikes * per_sample, c.syn_ops * per_sample, energy)


def _barrier(target: Target, chips: int) -> str:
    """Name of the constant that ends a step."""
    return "barrier_multichip_s" if chips > 1 and target.latency.barrier_multichip_s is not None else "barrier_s"


def _sources(target: Target, chips: int) -> dict[str, dict[str, Any]]:
    """Every constant that the estimate uses."""
    energy = {key: getattr(target.energy, key) for key in target.energy.__struct_fields__ if key != "profile"}
    times = ("synop_s", "neuron_active_s", "neuron_inactive_s", _barrier(target, chips))
    rows = {}
    for key, fact in (energy | {key: getattr(target.latency, key) for key in times}).items():
        low, high = fact.band
        rows[key] = {"value": fact.value, "low": low, "high": high, "status": fact.status, "source": fact.source}
    return rows
