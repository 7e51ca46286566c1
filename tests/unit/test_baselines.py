"""Other machines, by hand; and NeuroBench's metrics of a network counted by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import neurodeploy as nd
from neurodeploy.energy_profile import load_profile
from neurodeploy.estimate import Band, Costs
from neurodeploy.estimate.baselines import MACHINES, baselines, dense_macs
from neurodeploy.estimate.metrics import footprint
from neurodeploy.mapping import map_network

MACS, STORED = 5 * 4 + 2 * 5, 5 * 4 + 2 * 5
NEURONS = 7


def network(recurrent: bool = False) -> nd.ChipNetwork:
    net = nd.ChipNetwork()
    net.add_input("in", shape=4)
    net.add_population("a", shape=5, dv=4095, vth=10, start=1)
    net.add_population("b", shape=2, dv=4095, vth=10, start=2)
    first = np.full((5, 4), 20)
    first[0, 1] = 0
    net.connect("in", "a", first)
    net.connect("a", "b", np.full((2, 5), 20))
    if recurrent:
        net.connect("b", "b", np.full((2, 2), 2))
    return net


def costs(net: nd.ChipNetwork, spikes: np.ndarray, target: str = "loihi1") -> Costs:
    chip = nd.load_target(target)
    program = nd.Program(net, map_network(net, chip), chip, {"out": "b"}, "count", {}, {}, {})
    return nd.estimate(nd.simulate(program, spikes), program)


def test_a_dense_network_runs_once_and_a_recurrent_one_every_step() -> None:
    assert dense_macs(network(), 9) == MACS
    assert dense_macs(network(recurrent=True), 9) == (MACS + 4) * 9


def test_energies_are_operations_and_bytes_times_constants() -> None:
    found = {b.name: b for b in baselines(network(), 9, 100.0, 63.0, Band(1e-9, 1e-9, 1e-9))}
    ann = load_profile("45nm").ann
    assert ann is not None and ann.ac_j is not None and ann.memory_byte_j is not None
    pico = {"mac": (0.23, 0.23, 4.6), "ac": (0.03, 0.03, 0.9), "byte": (12.5, 1.25, 325)}
    for quantity, name in ((ann.mac_j, "mac"), (ann.ac_j, "ac"), (ann.memory_byte_j, "byte")):
        assert (quantity.value, *quantity.band) == pytest.approx([p * 1e-12 for p in pico[name]], rel=1e-12)
    moved = STORED + 4 + 2 * NEURONS
    spiking_bytes = 100 + 16 * 63
    expected = {
        "45nm: dense network, 8 bit": [MACS * p for p in pico["mac"]],
        "45nm: dense network, 8 bit, memory": [
            MACS * m + moved * b for m, b in zip(pico["mac"], pico["byte"], strict=True)
        ],
        "45nm: this spiking network": [100 * a + 63 * m for a, m in zip(pico["ac"], pico["mac"], strict=True)],
        "45nm: this spiking network, memory": [
            100 * a + 63 * m + spiking_bytes * b for a, m, b in zip(pico["ac"], pico["mac"], pico["byte"], strict=True)
        ],
        "gpu: dense network, 8 bit": [MACS * 300] * 3,
        "cpu: dense network, 8 bit": [MACS * 8600] * 3,
        "arm: dense network, 8 bit": [MACS * 900] * 3,
    }
    assert found.keys() == expected.keys() and {name.split(":")[0] for name in found} == set(MACHINES)
    for name, energy in expected.items():
        band = found[name].energy
        assert (band.value, band.low, band.high) == pytest.approx([e * 1e-12 for e in energy], rel=1e-12), name
    assert (found["45nm: dense network, 8 bit"].operations, found["45nm: dense network, 8 bit"].bytes_moved) == (
        MACS,
        0,
    )
    assert found["45nm: this spiking network, memory"].bytes_moved == spiking_bytes


@pytest.mark.parametrize(
    ("mesh", "verdict"),
    [
        (Band(1e-12, 1e-12, 1e-12), "lower"),
        (Band(1e-3, 1e-3, 1e-3), "higher"),
        (Band(1e-9, 1e-13, 1e-3), "open"),
    ],
)
def test_who_wins_is_said_only_where_ranges_do_not_overlap(mesh: Band, verdict: str) -> None:
    assert {b.than_mesh for b in baselines(network(), 9, 100.0, 63.0, mesh)} == {verdict}


def test_a_spiking_network_that_loses_is_seen_to_lose() -> None:
    """Input in every step of a long run, which the dense network would take once."""
    found = costs(network(), np.ones((1, 100, 4), np.uint8))
    dense = next(b for b in found.baselines if b.name == "45nm: dense network, 8 bit, memory")
    assert dense.than_mesh == "higher" and found.energy.low > dense.energy.high


def test_metrics_by_hand() -> None:
    spikes = np.zeros((1, 3, 4), np.uint8)
    spikes[0, 0] = [1, 1, 0, 0]  # a fires once in step 2, but for its first neuron, whose weight of input 1 is 0
    found = costs(network(), spikes)
    fired_a, fired_b = found.layers[0].spikes, found.layers[1].spikes
    assert (fired_a, fired_b) == (5, 2)
    metrics = found.metrics
    assert metrics["ConnectionSparsity"] == round(1 / 30, 4)
    assert metrics["ActivationSparsity"] == 1 - (5 + 2) / (3 * NEURONS)
    assert metrics["SynapticOperations"] == {"Effective_MACs": 0, "Effective_ACs": 9 + 10, "Dense": 30 * 3}
    assert found.syn_ops == 10 + 10  # the chip reads the zero weight, too
    fields = sum(np.size(f) for p in network().populations.values() for f in p.fields.values())
    assert metrics["Footprint"] == footprint(network()) == 30 + 4 * fields


def test_cores_and_hops_never_save_energy_of_packets() -> None:
    """The same spikes on more cores, and on cores further apart."""
    rng = np.random.default_rng(0)
    net = nd.ChipNetwork()
    net.add_input("in", shape=20)
    net.add_population("a", shape=32, dv=400, vth=60, start=1)
    net.connect("in", "a", rng.integers(0, 60, (32, 20)) * 2)
    chip = nd.load_target("loihi1")
    spikes = (rng.random((2, 20, 20)) < 0.3).astype(np.uint8)
    last = Band(0, 0, 0)
    for limit in (32, 16, 8, 4):
        mapping = map_network(net, chip, max_neurons_per_core=limit)
        program = nd.Program(net, replace(mapping, core_on_chip=sites(mapping.cores, 0)), chip, {}, "count", {}, {}, {})
        found = nd.estimate(nd.simulate(program, spikes), program).mesh_energy
        assert found.value > last.value and found.low > last.low and found.high > last.high
        last = found
    hops = -1.0
    for pair in (0, 1, 5, 15):  # eight cores on two tiles of a column, ever further from the host in x and y
        far = replace(program, mapping=replace(program.mapping, core_on_chip=sites(8, pair)))
        moved = nd.estimate(nd.simulate(far, spikes), far)
        assert moved.hops > hops and moved.mesh_energy.value >= last.value
        assert moved.mesh_energy.low >= last.low and moved.mesh_energy.high >= last.high
        hops, last = moved.hops, moved.mesh_energy


def sites(cores: int, pair: int) -> np.ndarray:
    """The cores of two neighbouring tiles."""
    return (np.arange(cores) + 8 * pair).astype(np.int32)
