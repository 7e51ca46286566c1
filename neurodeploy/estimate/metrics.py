"""NeuroBench's metrics of a deployed network, by NeuroBench's names and definitions (read in version 2.3.0).

NeuroBench counts calls of a model's layers; here a layer is called once in each step in which its target is live.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from neurodeploy.chipnet import ChipNetwork
from neurodeploy.simulate.counters import Counters
from neurodeploy.simulate.run import Run

FIELD_BYTES = 4
"""Of a field of a compartment: registers of up to 32 bits."""


def metrics(net: ChipNetwork, counters: Counters) -> dict[str, Any]:
    """Of a run of a Program, per sample where that applies.

    Returns:
        ``Footprint``: bytes of weights, at the bits they are stored with, and of the compartments' fields.
        ``ConnectionSparsity``: zero weights / weights, 4 decimals; a synapse that a sparse projection does not store is
        a zero weight, and poolings and the like have none.
        ``ActivationSparsity``: share of neurons and steps without a message.
        ``SynapticOperations``: nonzero weight times nonzero message: ``Effective_ACs`` where the source's messages are
        0 and 1, ``Effective_MACs`` where they are graded (NeuroBench asks each call whether it happens to have none but
        -1, 0 and 1; here the source's kind decides), and ``Dense``: all weights times all steps.
    """
    spikes = sum(counters.populations[name].spikes for name in net.populations)
    updates = sum(counters.populations[name].neuron_updates for name in net.populations)
    return {
        "Footprint": footprint(net),
        "ConnectionSparsity": connection_sparsity(net),
        "ActivationSparsity": 1 - spikes / updates if updates else 0.0,
        "SynapticOperations": _operations(net, counters),
    }


def footprint(net: ChipNetwork) -> int:
    """Bytes of parameters as they are stored: a kernel once, a field that all compartments share once."""
    bits = sum(p.connection.weights.size * min(8, p.num_weight_bits) for p in net.projections)
    fields = sum(np.size(field) for population in net.populations.values() for field in population.fields.values())
    return math.ceil(bits / 8) + FIELD_BYTES * fields


def connection_sparsity(net: ChipNetwork) -> float:
    """Share of weights that are zero."""
    weights = zeros = 0
    for p in net.projections:
        c = p.connection
        if c.kind == "direct":
            continue
        size = c.n_source * c.n_target if c.kind == "sparse" else c.weights.size
        weights += size
        zeros += size - int(np.count_nonzero(c.weights))
    return round(zeros / weights, 4) if weights else 0.0


def membrane_updates(run: Run, net: ChipNetwork) -> float:
    """MembraneUpdates per sample: neurons and steps in which v changed; in a layer's first step every neuron counts.

    Args:
        run: With ``v`` of every population recorded.
        net: The network.
    """
    total = 0
    for name, population in net.populations.items():
        v = run.states[name]["v"].reshape(run.counters.samples, run.steps, -1)
        live = v[:, population.start : population.start + run.counters.live_steps]
        total += live[:, 0].size + int(np.count_nonzero(np.diff(live, axis=1)))
    return total / run.counters.samples


def _operations(net: ChipNetwork, counters: Counters) -> dict[str, float]:
    found = {"Effective_MACs": 0, "Effective_ACs": 0, "Dense": 0}
    assert counters.traffic is not None
    parts = [part for p in net.projections for part in p.by_delay]
    for p, fired in zip(parts, counters.traffic.fired_into, strict=True):
        if p.connection.kind == "direct":
            continue
        ones = p.connection.with_weights((p.connection.weights != 0).astype(np.int64))
        kind = "Effective_MACs" if net.message_bits_of(p.source) else "Effective_ACs"
        found[kind] += int(ones.propagate(fired[None]).sum())
        found["Dense"] += p.connection.synapses * counters.live_steps * counters.samples
    return {name: n / counters.samples for name, n in found.items()}
