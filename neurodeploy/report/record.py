"""A report as plain values: rows of its CSV files, and all of ``report.json``; ``docs/report.md`` says what each is."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from neurodeploy.mapping.constraints import CONSTRAINTS, name_of
from neurodeploy.report.evidence import Evidence, interval
from neurodeploy.version import installed_version

FORMAT = 1
"""Raised when a name changes its meaning or goes; new names do not raise it."""


def layer_rows(e: Evidence) -> list[dict[str, Any]]:
    """A row for each layer, per inference."""
    counters, net = e.run.counters, e.program.net
    compared = {} if e.comparison is None else {layer.layer: layer for layer in e.comparison.layers}
    rows = []
    for cost in e.costs.layers:
        population, counted = net.populations[cost.name], counters.populations[cost.name]
        beside = compared.get(cost.name)
        sent = e.shown.sent[cost.name]
        rows.append(
            {
                "layer": cost.name,
                "neurons": cost.neurons,
                "cores": cost.cores,
                "spikes": cost.spikes,
                "syn_ops": cost.syn_ops,
                "energy_j": cost.energy.value,
                "energy_low_j": cost.energy.low,
                "energy_high_j": cost.energy.high,
                "synapse_energy_j": cost.synapse_energy.value,
                "neuron_energy_j": cost.neuron_energy.value,
                "model": population.model,
                "reset": population.reset,
                "shape": list(population.shape),
                "synapses": sum(p.connection.synapses for p in net.incoming(cost.name)),
                "rate_per_step": cost.spikes / (cost.neurons * counters.live_steps),
                "ever_active_share": float(sent.any(axis=(0, 1)).mean()),
                "dendrite_updates": cost.dendrite_updates,
                "active_updates": cost.active_updates,
                "packets": cost.packets,
                "wraps": counted.wraps,
                "saturations": counted.saturations,
                "mismatching_share": None if beside is None else beside.mismatching / beside.bits,
                "float_rate_per_step": None if beside is None else beside.rates[0],
            }
        )
    return rows


def core_rows(e: Evidence) -> list[dict[str, Any]]:
    """A row for each core in use, per inference; None for resources that the target does not limit."""
    per, resources = e.costs.per_core, [name_of(c) for c in CONSTRAINTS]
    rows = []
    for use in e.use.cores:
        k = use.core
        row: dict[str, Any] = {
            "core": k,
            "chip": use.chip,
            "core_on_chip": use.site,
            "tile_x": int(per.tile_x[k]),
            "tile_y": int(per.tile_y[k]),
            "layers": ", ".join(f"{name}: {count}" for name, count in use.populations.items()),
            "neurons": int(per.neurons[k]),
            "binding": use.binding,
            "share": use.share,
        }
        for name in ("syn_ops", "dendrite_updates", "spikes_in", "axon_out", "spikes_out"):
            row[name] = float(getattr(per, name)[k])
        for name in ("energy_j", "energy_low_j", "energy_high_j"):
            row[name] = float(getattr(per, name)[k])
        for name in resources:
            row[f"{name}_used"] = use.needed.get(name)
            row[f"{name}_limit"] = use.limits.get(name)
        rows.append(row)
    return rows


def projection_rows(e: Evidence) -> list[dict[str, Any]]:
    """A row for each connection."""
    return [
        {
            "source": p.source,
            "target": p.target,
            "kind": p.connection.kind,
            "synapses": p.connection.synapses,
            "num_weight_bits": p.num_weight_bits,
            "weight_exp": p.weight_exp,
            "sign_mode": p.sign_mode,
            "delay_max": p.delay if p.delays is None else int(p.delays.max(initial=0)),
        }
        for p in e.program.net.projections
    ]


def resource_rows(e: Evidence) -> list[dict[str, Any]]:
    """A row for each resource that the target limits, the fullest first."""
    cores, rows = e.use.cores, []
    for name, limit in cores[0].limits.items():
        needed = [core.needed[name] for core in cores]
        largest = max(range(len(needed)), key=needed.__getitem__)
        rows.append(
            {
                "resource": name,
                "limit": limit,
                "max": needed[largest],
                "core": largest,
                "max_share": needed[largest] / limit,
                "mean_share": sum(needed) / len(needed) / limit,
            }
        )
    return sorted(rows, key=lambda row: -float(row["max_share"]))


def record(e: Evidence) -> dict[str, Any]:
    """All of ``report.json``."""
    program, target = e.program, e.program.target
    compared = None if e.comparison is None else e.comparison.to_dict()
    return {
        "format": FORMAT,
        "kind": "simulated bit for bit, not on a chip; energy and time are estimates",
        "name": e.name,
        "answers": {
            "fits": True,
            "cores": e.costs.cores,
            "chips": e.costs.chips,
            "binding_resource": resource_rows(e)[0],
            "samples": e.samples,
            "accuracy": e.accuracy,
            "accuracy_interval_95": None if e.accuracy is None else list(interval(e.accuracy, e.samples)),
            "float_accuracy": e.float_accuracy,
            "mesh_energy_j": e.costs.mesh_energy.to_dict(),
            "energy_j": e.costs.energy.to_dict(),
            "total_energy_j": e.costs.total_energy.to_dict(),
            "latency_s": e.costs.latency.to_dict(),
            "bound": e.costs.bound,
        },
        "layers": layer_rows(e),
        "projections": projection_rows(e),
        "resources": resource_rows(e),
        "cores": core_rows(e),
        "quantization": dict(program.quantization),
        "comparison": compared,
        "costs": e.costs.to_dict(),
        "chips": [asdict(chip) for chip in e.use.chips],
        "target": {"name": target.name, "title": target.title, "status": target.status, "sha256": target.digest},
        "semantics": dict(program.semantics),
        "readout": program.readout,
        "provenance": dict(program.provenance),
        "files": {kind: dict(facts) for kind, facts in e.files.items()},
        "engine": e.run.engine,
        "neurodeploy": installed_version(),
    }
