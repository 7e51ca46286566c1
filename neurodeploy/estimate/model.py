"""From the counts of a run and the constants of a target to what an inference costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.energy_profile import missing
from neurodeploy.errors import SimulationError
from neurodeploy.estimate.band import Band
from neurodeploy.estimate.baselines import baselines
from neurodeploy.estimate.costs import CoreCosts, Costs, HostCosts, LayerCosts, StepCosts
from neurodeploy.estimate.metrics import metrics
from neurodeploy.estimate.sources import HOST, sources
from neurodeploy.program import Program
from neurodeploy.simulate import Run
from neurodeploy.simulate.counters import BOUNDS, Counters, HostWork, PopulationCounters, Traffic
from neurodeploy.simulate.timing import StepModel, synop_energy
from neurodeploy.target_schema import FloatQuantity, Target

Floats = NDArray[np.float64]
FEMTO = 1e-15


def estimate(run: Run, program: Program) -> Costs:
    """Cost of one inference of a run, averaged over its samples.

    Energy: SynOps, active and inactive compartment updates, spikes, packets and hops, each times its constant (the
    per-event model of Davies et al. 2018); where the network adapts, also what its host does between two inferences.
    Latency: see :mod:`neurodeploy.simulate.timing`; with the constants of the
    target that was simulated, so a run has to be counted again for another profile.

    Raises:
        SimulationError: The run has no traffic counters, since it was not a run of a Program; or it was one of another
            program or with another target's constants.
    """
    return costs_of(run.counters, program)


def costs_of(counters: Counters, program: Program) -> Costs:
    """Cost of one inference from the counters alone; as :func:`estimate`."""
    target, mapping = program.target, program.mapping
    traffic = _checked(counters, program)
    e, per_sample = target.energy, 1 / counters.samples
    layers = tuple(_layer(name, counters, traffic, program) for name in program.net.populations)
    sent = traffic.total
    parts = {
        "synapses": sum((layer.synapse_energy for layer in layers), Band(0, 0, 0)),
        "neurons": sum((layer.neuron_energy for layer in layers), Band(0, 0, 0)),
        "packets": Band.of(e.within_tile_spike_j) * (sent.packets * per_sample),
        "hops": Band.of(e.hop_x_j) * (sent.hops_x * per_sample) + Band.of(e.hop_y_j) * (sent.hops_y * per_sample),
    }
    host = _host(counters.host, target, per_sample)
    if host is not None:
        parts["adaptation"] = host.energy
    mesh = sum(parts.values(), Band(0, 0, 0))
    once_s = Band.of(target.latency.overhead_run_s) + (Band(0, 0, 0) if host is None else host.latency)
    latency = _seconds(traffic.times.mesh_fs, counters) + once_s
    hosted = None
    if target.latency.io_step_s is not None:
        hosted = _seconds(traffic.times.hosted_fs, counters) + once_s
    cores, chips = mapping.cores, mapping.chips
    per_core, per_chip = Band.of(e.static_core_w) * cores, Band.of(e.static_chip_w) * chips
    leakage = Band(per_core.value, min(per_core.low, per_core.value), max(per_core.high, per_chip.high))
    x86, once = Band.of(e.overhead_chip_w) * chips, Band.of(e.overhead_run_j)
    static = leakage * latency
    shares = traffic.times.parts_fs.sum(axis=0)
    bound = BOUNDS[int(shares.argmax())] if shares.any() else "unknown"
    io_steps = int(traffic.times.io_bound.sum())
    return Costs(
        samples=counters.samples,
        steps=counters.steps,
        spikes=counters.spikes * per_sample,
        syn_ops=counters.syn_ops * per_sample,
        neuron_updates=counters.neuron_updates * per_sample,
        packets=sent.packets * per_sample,
        hops=(sent.hops_x + sent.hops_y) * per_sample,
        parts=parts,
        static_energy=static,
        overhead_energy=x86 * latency + once,
        latency=latency,
        host_latency=hosted,
        host_total_energy=None if hosted is None else mesh + (leakage + x86) * hosted + once,
        bound=bound,
        host_bound=None if hosted is None else "io" if 2 * io_steps > counters.samples * counters.steps else bound,
        bound_steps={k: float(n) * per_sample for k, n in zip(BOUNDS, traffic.times.bounds.sum(axis=0), strict=True)},
        cores=cores,
        chips=chips,
        core_max={
            "syn_ops": float(traffic.cores.syn_ops.sum(axis=0).max()) * per_sample,
            "neuron_updates": float(traffic.cores.dendrite_updates.sum(axis=0).max()) * per_sample,
            "packets_in": float(traffic.cores.spikes_in.sum(axis=0).max()) * per_sample,
        },
        layers=layers,
        per_core=_per_core(counters, traffic, program),
        per_step=_per_step(counters, traffic, program),
        baselines=baselines(
            program.net,
            counters.live_steps,
            counters.syn_ops * per_sample,
            counters.neuron_updates * per_sample,
            mesh + static,
        ),
        metrics=metrics(program.net, counters),
        profile=e.profile,
        missing=(*missing(target), *(() if host is None else _unknown(target))),
        sources=sources(target, program, adapts=host is not None),
        adaptation=host,
    )


def _host(work: HostWork | None, target: Target, per_sample: float) -> HostCosts | None:
    """What a host that adapts the network takes between two inferences; None where none does."""
    if work is None:
        return None
    accesses, operations = (work.reads + work.writes) * per_sample, work.operations * per_sample
    e, s = target.energy, target.latency
    return HostCosts(
        work.reads * per_sample,
        work.writes * per_sample,
        operations,
        Band.of(e.host_access_j) * accesses + Band.of(e.host_op_j) * operations,
        Band.of(s.host_access_s) * accesses + Band.of(s.host_op_s) * operations,
    )


def _unknown(target: Target) -> tuple[str, ...]:
    """Constants of a host that the target does not have."""
    return tuple(key for key in HOST if getattr(target.energy if key.endswith("_j") else target.latency, key) is None)


def _checked(counters: Counters, program: Program) -> Traffic:
    if counters.traffic is None:
        raise SimulationError(
            "the run knows no cores", where="estimate", remedy="simulate the Program, not its bare ChipNetwork"
        )
    known = program.net.populations.keys() | program.net.inputs.keys()
    if counters.populations.keys() != known or counters.traffic.cores.spikes_in.shape[1] != program.mapping.cores:
        raise SimulationError(
            "the run is not of this program", where="estimate", remedy="give the Program that was simulated"
        )
    if counters.traffic.times_of != StepModel.of(program.target, program.mapping).name:
        raise SimulationError(
            "the steps were timed with the constants of another target, profile or mapping",
            where="estimate",
            remedy="simulate this Program, or cost a stored run of it: `neurodeploy estimate PROGRAM RUN.npz`",
        )
    return counters.traffic


def _seconds(bands_fs: NDArray[np.int64], counters: Counters) -> Band:
    """Mean over samples of times (bins, 3): value, low, high."""
    return Band(*(float(t) * FEMTO / counters.samples for t in bands_fs.astype(np.float64).sum(axis=0)))


def _layer(name: str, counters: Counters, traffic: Traffic, program: Program) -> LayerCosts:
    c, e, per_sample = counters.populations[name], program.target.energy, 1 / counters.samples
    synapses = sum(
        (Band.of(synop_energy(e, kind)) * (number * per_sample) for kind, number in traffic.syn_ops_into[name].items()),
        Band(0, 0, 0),
    )
    neurons = (
        Band.of(e.neuron_active_j) * (c.active_updates * per_sample)
        + Band.of(e.neuron_inactive_j) * ((c.neuron_updates - c.active_updates) * per_sample)
        + Band.of(e.spike_out_j) * (c.spikes * per_sample)
    )
    sent = [traffic.sources[output].packets for output in program.net.outputs_of(name)]
    return LayerCosts(
        name,
        program.net.populations[name].size,
        len(np.unique(program.mapping.core_of[name])),
        c.spikes * per_sample,
        c.syn_ops * per_sample,
        c.neuron_updates * per_sample,
        c.active_updates * per_sample,
        sum(sent) * per_sample,
        synapses,
        neurons,
    )


def _constants(quantity: FloatQuantity | None) -> tuple[float, float, float]:
    band = Band.of(quantity)
    return band.value, band.low, band.high


def _event_energy(
    by_kind: Mapping[str, NDArray[np.int64]], updates: Floats, active: Floats, spikes: Any, packets: Any, target: Target
) -> list[Floats]:
    """Joules of synapses, compartments and packets: value, low and high."""
    e = target.energy
    found = []
    for k in range(3):
        joules = active * _constants(e.neuron_active_j)[k] + (updates - active) * _constants(e.neuron_inactive_j)[k]
        joules = joules + spikes * _constants(e.spike_out_j)[k] + packets * _constants(e.within_tile_spike_j)[k]
        for kind, number in by_kind.items():
            joules = joules + number * _constants(synop_energy(e, kind))[k]
        found.append(joules)
    return found


def _share(counted: PopulationCounters) -> float:
    """Part of a population's updates that is active."""
    return counted.active_updates / counted.neuron_updates if counted.neuron_updates else 0.0


def _per_core(counters: Counters, traffic: Traffic, program: Program) -> CoreCosts:
    mapping, cores, per_sample = program.mapping, traffic.cores, 1 / counters.samples
    column, row = mapping.tiles(program.target)
    neurons = np.zeros(mapping.cores, np.int64)
    active = np.zeros(mapping.cores)
    for name, labels in mapping.core_of.items():
        here = np.bincount(labels, minlength=mapping.cores)
        neurons += here
        counted = counters.populations[name]
        active += here * (counted.active_updates / max(1, len(labels)))
    totals = {n: getattr(cores, n).sum(axis=0) for n in ("dendrite_updates", "spikes_in", "axon_out", "spikes_out")}
    energy = _event_energy(
        {kind: n.sum(axis=0) for kind, n in cores.syn_ops_of.items()},
        totals["dendrite_updates"].astype(np.float64),
        active,
        totals["spikes_out"],
        totals["axon_out"],
        program.target,
    )
    return CoreCosts(
        mapping.chip_of.astype(np.int64),
        mapping.core_on_chip.astype(np.int64),
        column,
        row,
        neurons,
        cores.syn_ops.sum(axis=0) * per_sample,
        *(totals[n] * per_sample for n in ("dendrite_updates", "spikes_in", "axon_out", "spikes_out")),
        *(joules * per_sample for joules in energy),
    )


def _per_step(counters: Counters, traffic: Traffic, program: Program) -> StepCosts:
    cores, times, per_sample = traffic.cores, traffic.times, 1 / counters.samples
    bins = len(cores.spikes_in)
    first = np.arange(bins, dtype=np.int64) * cores.steps_per_bin + 1
    totals = {n: getattr(cores, n).sum(axis=1) for n in ("dendrite_updates", "spikes_in", "axon_out", "spikes_out")}
    active = np.zeros(bins)
    for name, population in program.net.populations.items():
        live = _live_steps(counters, population.start, first, cores.steps_per_bin) * (
            population.size * counters.samples
        )
        active += live * _share(counters.populations[name])
    energy = _event_energy(
        {kind: n.sum(axis=1) for kind, n in cores.syn_ops_of.items()},
        totals["dendrite_updates"].astype(np.float64),
        active,
        totals["spikes_out"],
        totals["axon_out"],
        program.target,
    )
    seconds = FEMTO * per_sample
    parts = dict(zip(BOUNDS, times.parts_fs.T * seconds, strict=True))
    bound = np.array(BOUNDS)[times.parts_fs.argmax(axis=1)]
    bands = times.mesh_fs.T * seconds
    return StepCosts(
        first_step=first,
        steps=np.minimum(cores.steps_per_bin, counters.steps - first + 1),
        syn_ops=cores.syn_ops.sum(axis=1) * per_sample,
        **{name: number * per_sample for name, number in totals.items()},
        max_syn_ops=cores.max_syn_ops / float(counters.samples),
        max_spikes_in=cores.max_spikes_in / float(counters.samples),
        time_s=bands[0],
        time_low_s=bands[1],
        time_high_s=bands[2],
        **{f"{name}_s": part for name, part in parts.items()},
        bound=np.where(times.parts_fs.any(axis=1), bound, "unknown"),
        energy_j=energy[0] * per_sample,
    )


def _live_steps(counters: Counters, start: int, first: NDArray[np.int64], per_bin: int) -> NDArray[np.int64]:
    """Steps of each bin in which a population is live."""
    last = min(start + counters.live_steps, counters.steps)
    live: NDArray[np.int64] = np.minimum(first + per_bin - 1, last) - np.maximum(first, start + 1) + 1
    return np.maximum(0, live)
