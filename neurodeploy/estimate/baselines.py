"""The same network elsewhere, so that a spiking network that loses is seen to lose."""

from __future__ import annotations

from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

from neurodeploy.chipnet import ChipNetwork
from neurodeploy.energy_profile import Ann, load_profile
from neurodeploy.estimate.band import Band

MACHINES = ("45nm", "gpu", "cpu", "arm")
"""Profiles that have a table [ann]."""
STATE_BYTES = 16
"""Read and written for one update of a spiking neuron: u and v, 4 bytes each."""


@dataclass(frozen=True)
class Baseline:
    """One inference of the network elsewhere.

    Attributes:
        name: Machine and network.
        operations: Multiply-accumulates, or synaptic operations and updates of a spiking one.
        bytes_moved: To and from memory, where that is charged.
        energy: Joules.
        than_mesh: Whether the chip's E2 (mesh and leakage) is ``lower`` or ``higher`` than this; ``open`` where the
            ranges overlap.
    """

    name: str
    operations: float
    bytes_moved: float
    energy: Band
    than_mesh: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return vars(self) | {"energy": self.energy.to_dict()}


def dense_macs(net: ChipNetwork, live_steps: int) -> int:
    """Multiply-accumulates of the same layers as a dense artificial network that takes 8-bit values.

    A network without recurrence runs once; a recurrent one once for each of its steps. Poolings and the like
    (``direct``) have none.
    """
    once = sum(p.connection.synapses for p in net.projections if p.connection.kind != "direct")
    return once * (live_steps if _is_recurrent(net) else 1)


def _is_recurrent(net: ChipNetwork) -> bool:
    order: TopologicalSorter[str] = TopologicalSorter()
    for p in net.projections:
        order.add(p.target, net.sender_of(p.source))
    try:
        order.prepare()
    except CycleError:
        return True
    return False


def baselines(
    net: ChipNetwork, live_steps: int, syn_ops: float, neuron_updates: float, mesh: Band
) -> tuple[Baseline, ...]:
    """The dense 8-bit network on other machines, and the spiking one in the 45 nm logic of the first.

    Weights of a dense network are read once and values written and read once, a byte each; a spiking network reads
    a byte for each synaptic operation, and reads and writes u and v for each update.

    Args:
        net: The network.
        live_steps: Steps in which a layer is live.
        syn_ops: Per inference.
        neuron_updates: Per inference.
        mesh: E2 of the chip, joules.
    """
    macs = dense_macs(net, live_steps)
    passes = macs // max(1, dense_macs(net, 1))
    stored = sum(p.connection.weights.size for p in net.projections if p.connection.kind != "direct")
    values = sum(i.size for i in net.inputs.values()) + 2 * net.neurons
    found = []
    for name in MACHINES:
        profile = load_profile(name)
        ann = profile.ann
        assert ann is not None
        found.append(_baseline(f"{name}: dense network, 8 bit", macs, 0, Band.of(ann.mac_j) * macs, mesh))
        if ann.memory_byte_j is None:
            continue
        moved = passes * (stored + values)
        found.append(_with_memory(f"{name}: dense network, 8 bit", macs, moved, Band.of(ann.mac_j) * macs, ann, mesh))
        spiking = Band.of(ann.ac_j) * syn_ops + Band.of(ann.mac_j) * neuron_updates
        operations = syn_ops + neuron_updates
        found.append(_baseline(f"{name}: this spiking network", operations, 0, spiking, mesh))
        moved_by_spikes = syn_ops + STATE_BYTES * neuron_updates
        found.append(_with_memory(f"{name}: this spiking network", operations, moved_by_spikes, spiking, ann, mesh))
    return tuple(found)


def _with_memory(name: str, operations: float, moved: float, energy: Band, ann: Ann, mesh: Band) -> Baseline:
    return _baseline(f"{name}, memory", operations, moved, energy + Band.of(ann.memory_byte_j) * moved, mesh)


def _baseline(name: str, operations: float, moved: float, energy: Band, mesh: Band) -> Baseline:
    verdict = "lower" if mesh.high < energy.low else "higher" if mesh.low > energy.high else "open"
    return Baseline(name, float(operations), float(moved), energy, verdict)
