"""Every figure of the estimate from a hand-counted run times the target's constants."""

from __future__ import annotations

import json
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from programs import program_of

import neurodeploy as nd
from neurodeploy.chipmap import Mapping
from neurodeploy.energy_profile import with_profile
from neurodeploy.errors import SimulationError
from neurodeploy.estimate import Band
from neurodeploy.estimate.costs import Costs
from neurodeploy.mapping import map_network
from neurodeploy.simulate.timing import barrier_of
from neurodeploy.target_schema import Quantity

E = 1e-12
SITES = [0, 2, 6]
"""Tiles (0, 0), (1, 0) and (1, 1) of the chip 'tiny', two cores to a tile."""


def relay() -> nd.ChipNetwork:
    """3 inputs -> a (2) -> b (2), where any one spike makes every neuron of the next layer fire once."""
    net = nd.ChipNetwork()
    net.add_input("in", shape=3)
    net.add_population("a", shape=2, dv=4096, vth=10, start=1)
    net.add_population("b", shape=2, dv=4096, vth=10, start=2)
    net.connect("in", "a", np.full((2, 3), 20))
    net.connect("a", "b", np.full((2, 2), 20))
    return net


def placed(chips: list[int]) -> nd.Program:
    """a's neurons on cores 0 and 1, b's on core 2; the core of b on chip ``chips[2]``."""
    core_of = {"a": np.array([0, 1], np.int32), "b": np.array([2, 2], np.int32)}
    return program_of(relay(), "tiny", Mapping(core_of, np.array(chips, np.int32), np.array(SITES, np.int32)))


SPIKES = np.zeros((2, 4, 3), np.uint8)
SPIKES[0, 0] = [1, 1, 0]  # sample 0: two spikes at step 1, one at step 3
SPIKES[0, 2] = [0, 0, 1]
SPIKES[1, 1] = [1, 1, 1]  # sample 1: three at step 2
INPUT, A, B = 6, 3 * 2, 3 * 2  # spikes of both samples: three steps with input, each firing two neurons per layer
STEPS = 4 + 2


def costs(program: nd.Program) -> tuple[nd.Run, Costs]:
    run = nd.simulate(program, SPIKES)
    return run, nd.estimate(run, program)


def equal(found: Band, value: float, low: float, high: float) -> None:
    """To rounding."""
    assert (found.value, found.low, found.high) == pytest.approx((value, low, high), rel=1e-12)


def test_the_relay_fires_as_counted() -> None:
    run = nd.simulate(relay(), SPIKES)
    expected = np.zeros((2, STEPS, 1), np.uint8)
    expected[0, [1, 3]] = expected[1, 2] = 1  # a: one step after its input
    np.testing.assert_array_equal(run.spikes["a"], np.repeat(expected, 2, axis=2))
    np.testing.assert_array_equal(run.spikes["b"], np.repeat(np.roll(expected, 1, axis=1), 2, axis=2))


def test_counts_are_per_inference() -> None:
    run, found = costs(placed([0, 0, 0]))
    assert (found.samples, found.steps, found.cores, found.chips) == (2, STEPS, 3, 1)
    assert found.spikes == (INPUT + A + B) / 2
    assert found.syn_ops == (2 * INPUT + 2 * A) / 2
    assert found.neuron_updates == 4 * 4  # neurons times live steps
    assert found.packets == (2 * INPUT + A) / 2  # an input spike goes to cores 0 and 1, one of a to core 2
    # host (0, 0) -> core 1: 1 hop in x; core 0 -> core 2: one in x, one in y; core 1 -> core 2: one in y
    assert found.hops == (INPUT + 2 * A / 2 + A / 2) / 2
    assert found.core_max == {"syn_ops": 2 * A / 2, "neuron_updates": 2 * 4, "packets_in": max(INPUT, A) / 2}
    assert [(x.name, x.neurons, x.cores, x.spikes, x.syn_ops) for x in found.layers] == [
        ("a", 2, 2, A / 2, INPUT),
        ("b", 2, 1, B / 2, A),
    ]


def test_energy_is_counts_times_constants() -> None:
    run, found = costs(placed([0, 0, 0]))
    layers = []
    for layer, syn_ops in zip(found.layers, (2 * INPUT, 2 * A), strict=True):
        active = run.counters.populations[layer.name].active_updates
        assert 0 < active < 16
        parts = [(syn_ops, (10, 5, 20)), (active, (40, 20, 80)), (16 - active, (20, 10, 40))]
        expected = [sum(n * constant[k] for n, constant in parts) * E / 2 for k in range(3)]
        equal(layer.energy, *expected)
        layers.append(expected)
    traffic = ((2 * INPUT + A) * 1 + (INPUT + A / 2) * 2 + A * 3) * E / 2  # within tiles, hops in x, hops in y
    mesh = [sum(layer[k] for layer in layers) + traffic for k in range(3)]
    equal(found.mesh_energy, *mesh)
    time = (found.latency.value, found.latency.low, found.latency.high)
    leak = [3e-3 * time[0], 3 * 0.5e-3 * time[1], 20e-3 * time[2]]  # 3 cores; high: the whole chip
    equal(found.static_energy, *leak)
    overhead = [20e-3 * time[0], 10e-3 * time[1], 40e-3 * time[2]]
    equal(found.overhead_energy, *overhead)
    equal(found.energy, *(m + s for m, s in zip(mesh, leak, strict=True)))
    equal(found.total_energy, *(m + s + o for m, s, o in zip(mesh, leak, overhead, strict=True)))


LIVE = {0: range(2, 6), 1: range(2, 6), 2: range(3, 7)}
"""Steps in which the compartments of each core are live: one on cores 0 and 1, two on core 2."""
SYNOPS = [{1: (2, 0), 2: (0, 4), 3: (1, 0), 4: (0, 4)}, {2: (3, 0), 3: (0, 4)}]
"""Of each sample by step: SynOps of cores 0 and 1, which an input spike reaches once each, and of core 2, where both
spikes of a reach two synapses."""
TIMES = (((100, 1000), 8, 1), ((50, 500), 2, 0.5), ((200, 2000), 16, 2))
"""ns: barriers of one chip and of two, compartment (low: inactive) and SynOp; value, low and high."""


def step_ns(sample: int, step: int, chips: int, k: int) -> float:
    """The slowest core, and the barrier."""
    barriers, neuron, synop = TIMES[k]
    syn_ops = SYNOPS[sample].get(step, (0, 0))
    work = [n * neuron * (step in LIVE[core]) + syn_ops[core // 2] * synop for core, n in enumerate((1, 1, 2))]
    return barriers[chips - 1] + max(work)


def mesh_ns(chips: int, k: int) -> float:
    return sum(step_ns(s, t, chips, k) for s in (0, 1) for t in range(1, STEPS + 1)) / 2


def test_latency_is_barrier_plus_slowest_core() -> None:
    _, found = costs(placed([0, 0, 0]))
    equal(found.latency, *(mesh_ns(1, k) * 1e-9 for k in range(3)))
    assert found.bound == "barrier" and found.host_latency is None
    steps = found.per_step
    for k, name in enumerate(("time_s", "time_low_s", "time_high_s")):
        expected = [(step_ns(0, t, 1, k) + step_ns(1, t, 1, k)) / 2 * 1e-9 for t in range(1, STEPS + 1)]
        np.testing.assert_allclose(getattr(steps, name), expected, rtol=1e-12)
    parts = steps.memory_s + steps.compute_s + steps.traffic_s + steps.barrier_s
    np.testing.assert_allclose(parts, steps.time_s, rtol=1e-12)
    assert found.bound_steps == {"memory": 0, "compute": 0, "traffic": 0, "barrier": STEPS}


def test_two_chips_pay_two_chips_and_the_slower_barrier() -> None:
    _, one = costs(placed([0, 0, 0]))
    _, two = costs(placed([0, 0, 1]))
    assert (one.chips, two.chips) == (1, 2)
    expected = [mesh_ns(2, k) * 1e-9 for k in range(3)]
    equal(two.latency, *expected)
    equal(two.overhead_energy, *(2 * p * t for p, t in zip((20e-3, 10e-3, 40e-3), expected, strict=True)))
    equal(two.static_energy, 3e-3 * expected[0], 1.5e-3 * expected[1], 2 * 20e-3 * expected[2])
    # core 1 -> tile (0, 0) of its chip, then (0, 0) -> (1, 1) of the other: 2 in x and 1 in y; core 0: 1 and 1
    assert two.hops == (INPUT + 3 * A / 2 + 2 * A / 2) / 2
    assert {"barrier_multichip_s"} == two.sources.keys() - one.sources.keys()
    assert {"barrier_s"} == one.sources.keys() - two.sources.keys()


def with_times(program: nd.Program, **seconds: float) -> nd.Program:
    """The program on a chip with other constants."""
    facts = {
        key: msgspec.structs.replace(program.target.latency.synop_s, value=s, low=None, high=None)
        for key, s in seconds.items()
    }
    latency = msgspec.structs.replace(program.target.latency, **facts)
    return replace(program, target=msgspec.structs.replace(program.target, latency=latency))


@pytest.mark.parametrize(
    ("bound", "slow"),
    [
        ("memory", {"synop_s": 1e-6}),
        ("compute", {"neuron_active_s": 1e-6}),
        ("traffic", {"link_spikes_per_s": 1e6}),
        ("barrier", {"barrier_s": 1e-6}),
    ],
)
def test_the_bound_names_the_largest_part(bound: str, slow: dict[str, float]) -> None:
    _, found = costs(with_times(placed([0, 0, 0]), **slow))
    assert found.bound == bound
    assert set(found.per_step.bound) == ({bound} if bound == "barrier" else {bound, "barrier"})


def test_a_host_lengthens_every_step_that_is_shorter_than_its_own() -> None:
    _, found = costs(with_times(placed([0, 0, 0]), io_step_s=110e-9))
    assert found.host_latency is not None and found.host_total_energy is not None
    expected = [sum(max(110, step_ns(s, t, 1, k)) for s in (0, 1) for t in range(1, STEPS + 1)) / 2 for k in range(3)]
    equal(found.host_latency, *(t * 1e-9 for t in expected))
    waits = np.mean([step_ns(s, t, 1, 0) < 110 for s in (0, 1) for t in range(1, STEPS + 1)])
    assert 0 < waits < 1
    assert found.host_bound == ("io" if waits > 0.5 else "barrier")
    t = expected[0] * 1e-9
    assert found.host_total_energy.value == pytest.approx(found.mesh_energy.value + (3e-3 + 20e-3) * t, rel=1e-12)
    _, slow = costs(with_times(placed([0, 0, 0]), io_step_s=1e-3))
    assert slow.host_bound == "io" and slow.bound == "barrier"


def test_every_constant_used_is_listed_with_its_source() -> None:
    program = placed([0, 0, 0])
    _, found = costs(program)
    energy = {
        k for k in program.target.energy.__struct_fields__ if isinstance(getattr(program.target.energy, k), Quantity)
    } - {"host_access_j", "host_op_j"}  # nothing adapts
    assert found.sources.keys() == energy | {"synop_s", "neuron_active_s", "neuron_inactive_s", "barrier_s"}
    for name, row in found.sources.items():
        table = program.target.energy if name in energy else program.target.latency
        fact = getattr(table, name)
        assert row == {
            "value": fact.value,
            "low": fact.band[0],
            "high": fact.band[1],
            "status": fact.status,
            "source": fact.source,
        }
    assert found.profile == program.target.energy.profile == "tiny"


@pytest.mark.parametrize("target", ["loihi1", "tiny"])
def test_energies_per_core_and_per_step_add_up(target: str) -> None:
    """To all but the hops and the packets of the host, which are nobody's."""
    net, noise = busy_network()
    chip = nd.load_target(target)
    program = program_of(net, target, map_network(net, chip, max_neurons_per_core=10))
    run = nd.simulate(program, (noise < 0.01).astype(np.uint8))
    found = nd.estimate(run, program)
    assert all(0 < layer.active_updates < layer.dendrite_updates for layer in found.layers)
    of_host = run.counters.traffic.sources["in"].packets / found.samples * chip.energy.within_tile_spike_j.value
    whole = sum(found.parts[name].value for name in ("synapses", "neurons", "packets")) - of_host
    assert found.per_core.energy_j.sum() == pytest.approx(whole, rel=1e-12)
    assert found.per_step.energy_j.sum() == pytest.approx(whole, rel=1e-12)
    assert (found.per_core.energy_low_j <= found.per_core.energy_j).all()
    assert (found.per_core.energy_j <= found.per_core.energy_high_j).all()
    assert found.parts["synapses"].value == pytest.approx(sum(x.synapse_energy.value for x in found.layers))
    for name in ("syn_ops", "dendrite_updates", "spikes_in", "axon_out", "spikes_out"):
        per_core, per_step = getattr(found.per_core, name).sum(), getattr(found.per_step, name).sum()
        assert per_core == pytest.approx(per_step, rel=1e-12), name
    assert found.per_core.neurons.sum() == net.neurons and len(found.per_core.chip) == found.cores


def test_spikes_and_kinds_of_synapses_cost_what_the_profile_says() -> None:
    net, noise = busy_network()
    bare = program_of(net, "loihi1")
    program = replace(bare, target=with_profile(bare.target, "sanafe"))
    run = nd.simulate(program, (noise < 0.2).astype(np.uint8))
    found = nd.estimate(run, program)
    assert found.sources.keys() >= {"synop_dense_j", "spike_out_j", "barrier_tiles_s"} and found.syn_ops > 0
    assert not {"synop_j", "synop_conv_j", "barrier_s"} & found.sources.keys()
    for layer in found.layers:
        assert layer.synapse_energy.value == pytest.approx(layer.syn_ops * 35.5e-12, rel=1e-12)
        idle = layer.dendrite_updates - layer.active_updates
        neurons = layer.active_updates * 72.8e-12 + idle * 51.2e-12 + layer.spikes * 69.3e-12
        assert layer.neuron_energy.value == pytest.approx(neurons, rel=1e-12)
    assert found.parts["packets"].value == pytest.approx(found.packets * 111e-12, rel=1e-12)


@pytest.mark.parametrize(("tiles", "us"), [(1, 0.6), (2, 1.0), (3, 1.0), (4, 1.4), (28, 1.4), (29, 1.8), (32, 1.8)])
def test_a_table_of_barriers_is_read_by_tiles_in_use(tiles: int, us: float) -> None:
    """The largest key that is not above them; and a core more on a tile in use changes nothing."""
    chip = with_profile(nd.load_target("loihi1"), "sanafe")
    sites = [4 * tile for tile in range(tiles)] + [1]
    mapping = Mapping({}, np.zeros(tiles + 1, np.int32), np.array(sites, np.int32))
    name, barrier = barrier_of(chip, mapping)
    assert (name, barrier.value) == ("barrier_tiles_s", pytest.approx(us * 1e-6, rel=1e-12))


def bands(found: Costs) -> dict[str, Band]:
    names = ("mesh_energy", "static_energy", "overhead_energy", "energy", "total_energy", "latency")
    return {n: getattr(found, n) for n in names} | {f"layer {x.name}": x.energy for x in found.layers}


def busy_network() -> tuple[nd.ChipNetwork, np.ndarray]:
    """Positive weights only, so that more input spikes give more of everything; and ever denser input."""
    rng = np.random.default_rng(2)
    net = nd.ChipNetwork()
    net.add_input("in", shape=20)
    net.add_population("a", shape=30, dv=400, vth=60, start=1, reset="none")
    net.add_population("b", shape=9, dv=400, vth=60, start=2, reset="none")
    net.connect("in", "a", rng.integers(0, 60, (30, 20)), sign_mode="excitatory")
    net.connect("a", "b", rng.integers(0, 60, (9, 30)), sign_mode="excitatory")
    return net, rng.random((3, 25, 20))


@pytest.mark.parametrize("target", nd.list_targets())
def test_bands_are_ordered_and_more_spikes_never_cost_less(target: str) -> None:
    net, noise = busy_network()
    program = program_of(net, target)
    before: dict[str, Band] = {}
    seen = []
    for density in (0.0, 0.02, 0.1, 0.4, 1.0):
        found = nd.estimate(nd.simulate(program, (noise < density).astype(np.uint8)), program)
        seen.append(found.spikes)
        for name, band in bands(found).items():
            assert 0 <= band.low <= band.value <= band.high, name
            last = before.get(name, Band(0, 0, 0))
            assert band.value >= last.value and band.low >= last.low and band.high >= last.high, (name, density)
        before = bands(found)
        parts = sum((layer.energy.value for layer in found.layers), 0.0)
        e, traffic = program.target.energy, found.mesh_energy.value - parts
        most = found.packets * e.within_tile_spike_j.value + found.hops * max(e.hop_x_j.value, e.hop_y_j.value)
        assert -1e-20 <= traffic <= most * (1 + 1e-9)
    assert seen == sorted(set(seen))


@pytest.mark.parametrize("target", nd.list_targets())
def test_more_cores_never_save_packets_or_power(target: str) -> None:
    """Energy may fall all the same: hops depend on the sites, and more cores finish sooner."""
    net, noise = busy_network()
    chip, spikes = nd.load_target(target), (noise < 0.2).astype(np.uint8)
    last: Costs | None = None
    cores = []
    for limit in (32, 15, 10, 5):
        program = program_of(net, target, map_network(net, chip, max_neurons_per_core=limit))
        found = nd.estimate(nd.simulate(program, spikes), program)
        cores.append(found.cores)
        if last is not None:
            assert found.packets >= last.packets
            power = [c.static_energy.value / c.latency.value for c in (last, found)]
            assert power[1] > power[0]
        last = found
    assert cores == sorted(set(cores)) and len(cores) == 4


def test_costs_are_plain_json() -> None:
    _, found = costs(placed([0, 0, 1]))
    fields = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert fields["kind"] == "estimate, not measured" and "congestion" in fields["not_included"]
    for name in ("mesh_energy", "static_energy", "overhead_energy", "energy", "total_energy"):
        assert fields[f"{name}_j"] == getattr(found, name).to_dict()
    assert fields["latency_s"] == found.latency.to_dict()
    assert [x["energy"] for x in fields["layers"]] == [x.energy.to_dict() for x in found.layers]
    assert fields["core_max"] == found.core_max and fields["hops"] == found.hops


def test_a_run_timed_with_other_constants_cannot_be_costed() -> None:
    program = placed([0, 0, 0])
    run = nd.simulate(program, SPIKES)
    with pytest.raises(SimulationError, match="another target, profile or mapping") as caught:
        nd.estimate(run, with_times(program, synop_s=1e-6))
    assert "neurodeploy estimate" in caught.value.remedy
    with pytest.raises(SimulationError, match="another target"):
        nd.estimate(run, placed([0, 0, 1]))  # its barrier is another


def test_a_run_without_cores_cannot_be_costed() -> None:
    program = placed([0, 0, 0])
    with pytest.raises(SimulationError, match="knows no cores") as caught:
        nd.estimate(nd.simulate(program.net, SPIKES), program)
    assert "simulate the Program" in caught.value.remedy


def test_a_run_of_another_program_cannot_be_costed() -> None:
    program = placed([0, 0, 0])
    net, noise = busy_network()
    other = program_of(net, "tiny")
    finer = program_of(net, "tiny", map_network(net, nd.load_target("tiny"), max_neurons_per_core=5))
    run = nd.simulate(other, (noise < 0.2).astype(np.uint8))
    for wrong in (program, finer):
        with pytest.raises(SimulationError, match="not of this program") as caught:
            nd.estimate(run, wrong)
        assert "that was simulated" in caught.value.remedy
    renamed = relay()
    renamed.populations["c"] = renamed.populations.pop("b")
    with pytest.raises(SimulationError, match="not of this program"):
        nd.estimate(nd.simulate(program, SPIKES), replace(program, net=renamed))
