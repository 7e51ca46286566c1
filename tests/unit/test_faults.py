"""Faults of weights, neurons, thresholds, delays and cores: exactly the intended bits, whole arrays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from programs import assert_same_array, assert_same_program, program_of, rich_network

import neurodeploy as nd
from neurodeploy.chipnet import ChipProjection
from neurodeploy.errors import InvalidFault
from neurodeploy.faults import FAULTS, inject
from neurodeploy.faults.thresholds import DRIFT_LIMITS
from neurodeploy.mapping import map_network
from neurodeploy.weights import prepare

SPIKES = (np.random.default_rng(8).random((3, 12, 2, 7, 6)) < 0.4).astype(np.uint8)
SEVERE = {
    **{"weight_gain": 1.4, "weight_noise": 9.0, "threshold_scale": 1.6, "threshold_drift": 0.5},
    **{"delay_jitter": 2.0, "lost_cores": 1.0, "input_noise": 0.4},
}
"""Severities at which something changes in the test network; 0.4 for the others."""
NETWORK_FAULTS = [name for name in FAULTS if not name.startswith("input")]


@pytest.fixture(scope="module")
def program() -> nd.Program:
    """Every kind of connection, sign mode, width, reset; on several cores."""
    net = rich_network(np.random.default_rng(3))
    chip = nd.load_target("loihi2")
    return program_of(net, mapping=map_network(net, chip, max_neurons_per_core=6))


def parts(net: nd.ChipNetwork) -> Iterator[tuple[str, Any]]:
    """Every array of a network by name."""
    for name, p in net.populations.items():
        yield from ((f"{name}.{field}", p.full(field)) for field in p.fields)
    for k, q in enumerate(net.projections):
        for name, values in q.connection.arrays().items():
            yield f"{k}.{name}", values
        targets = q.connection.by_target() if hasattr(q.connection, "by_target") else q.connection
        yield f"{k}.delays", np.broadcast_to(q.delay if q.delays is None else q.delays, targets.weights.shape)


def differing(a: nd.ChipNetwork, b: nd.ChipNetwork) -> dict[str, Any]:
    """Masks of what differs, by name of the array."""
    assert list(a.populations) == list(b.populations) and len(a.projections) == len(b.projections)
    masks = {name: x != y for (name, x), (_, y) in zip(parts(a), parts(b), strict=True)}
    return {name: mask for name, mask in masks.items() if mask.any()}


def text_of(name: str) -> str:
    return f"{name}={SEVERE.get(name, 0.4)}"


@pytest.mark.parametrize("name", NETWORK_FAULTS)
def test_the_manifest_names_exactly_what_changed(program: nd.Program, name: str) -> None:
    """No array differs anywhere else than at the indices of the manifest, and there it does."""
    faulty, manifest = inject(program, text_of(name), seed=2)
    found = differing(program.net, faulty.net)
    columns = {"weights": ("weights",), "delays": ("delays",), "thresholds": ("vth",)}
    columns["neurons"] = ("vth", "refractory", "dv")
    where = {f"{q.source} -> {q.target}": str(k) for k, q in enumerate(program.net.projections)}
    seen: dict[str, Any] = {}
    for h in manifest.hits:
        assert set(h.changed) <= set(h.chosen)
        masks = [
            found[f"{where.get(h.where, h.where)}.{c}"]
            for c in columns.get(h.unit, ())
            if f"{where.get(h.where, h.where)}.{c}" in found
        ]
        seen |= {f"{where.get(h.where, h.where)}.{c}": None for c in columns.get(h.unit, ())}
        if h.unit != "cores" and not (h.unit == "delays" and h.size == 1):
            union = np.any([m.ravel() for m in masks], axis=0) if masks else np.zeros(h.size, bool)
            np.testing.assert_array_equal(np.flatnonzero(union), h.changed)
    assert found.keys() <= seen.keys()
    assert found, f"{name} changed nothing"


@pytest.mark.parametrize("name", FAULTS)
def test_at_its_neutral_severity_a_fault_changes_nothing(program: nd.Program, name: str) -> None:
    faulty, manifest = inject(program, f"{name}={FAULTS[name].neutral}", seed=5)
    assert not differing(program.net, faulty.net)
    assert_same_program(replace(faulty, provenance=program.provenance), program)
    assert all(len(h.changed) == 0 for h in manifest.hits)
    assert_same_array(inject(program, f"{name}={FAULTS[name].neutral}", seed=5).spikes(SPIKES), SPIKES)


@pytest.mark.parametrize("name", FAULTS)
def test_same_seed_same_bits(program: nd.Program, name: str) -> None:
    one, two, other = (inject(program, text_of(name), seed=s) for s in (7, 7, 8))
    assert not differing(one.net, two.net)
    assert_same_array(one.spikes(SPIKES), two.spikes(SPIKES))
    assert one.manifest.to_dict() == two.manifest.to_dict()
    drawn = name not in ("weight_gain", "threshold_scale")
    same_input = np.array_equal(one.spikes(SPIKES), other.spikes(SPIKES))
    assert (bool(differing(one.net, other.net)) or not same_input) == drawn


def test_a_fault_free_network_is_the_very_same_objects(program: nd.Program) -> None:
    faulty = inject(program.net, "weight_loss=0", seed=1).image
    assert all(x is y for x, y in zip(faulty.projections, program.net.projections, strict=True))
    assert all(faulty.populations[n] is p for n, p in program.net.populations.items())


def test_lost_weights_are_zero_and_more_severe_faults_hit_more_of_the_same(program: nd.Program) -> None:
    mild, severe = (inject(program, f"weight_loss={p}", 3) for p in (0.2, 0.6))
    for one, two, k in zip(mild.manifest.hits, severe.manifest.hits, range(99), strict=False):
        assert set(one.chosen) < set(two.chosen)
        old, new = (net.projections[k].connection.weights.ravel() for net in (program.net, severe.net))
        np.testing.assert_array_equal(new, np.where(np.isin(np.arange(len(old)), two.chosen), 0, old))


def test_a_faulty_network_is_one_that_the_builder_makes_without_altering_a_weight(program: nd.Program) -> None:
    """Even and clipped weights stay so: what is stored is what the target would store."""
    for name in ("weight_loss", "weight_gain", "weight_noise", "bit_flip", "stuck_at"):
        faulty = inject(program, text_of(name), 6).net
        for p in faulty.projections:
            np.testing.assert_array_equal(
                prepare(p.connection.weights, p.sign_mode, p.num_weight_bits), p.connection.weights
            )
            assert not p.connection.weights.flags.writeable


# ---- neurons ----------------------------------------------------------------------------------------------------


def lively(reset: str, **fields: Any) -> nd.ChipNetwork:
    rng = np.random.default_rng(0)
    net = nd.ChipNetwork()
    net.add_input("in", shape=(6,))
    net.add_population("a", shape=(8,), vth=30, dv=200, reset=reset, start=1, **fields)
    net.connect("in", "a", rng.integers(-10, 50, (8, 6)) * 2)
    net.add_population("out", shape=(4,), vth=150, dv=900, reset=reset, start=2)
    net.connect("a", "out", rng.integers(-30, 60, (4, 8)) * 2)
    return net


@pytest.mark.parametrize("reset", ["zero", "subtract", "none"])
@pytest.mark.parametrize("engine", ["fast", "reference"])
def test_dead_neurons_are_silent_and_the_others_of_their_layer_as_before(reset: str, engine: str) -> None:
    net, spikes = lively(reset), (np.random.default_rng(1).random((4, 20, 6)) < 0.5).astype(np.uint8)
    faulty = inject(net, "dead:which=1/4/6@a").image
    healthy, ill = (nd.simulate(n, spikes, engine=engine).spikes for n in (net, faulty))
    alive = np.isin(np.arange(8), (1, 4, 6), invert=True)
    assert healthy["a"][..., ~alive].any(axis=(0, 1)).all()
    np.testing.assert_array_equal(ill["a"], healthy["a"] * alive)
    assert not np.array_equal(ill["out"], healthy["out"])


@pytest.mark.parametrize("reset", ["zero", "subtract", "none"])
@pytest.mark.parametrize("engine", ["fast", "reference"])
@pytest.mark.parametrize("level", [0.0, 0.5])
def test_stuck_on_neurons_fire_in_every_live_step(reset: str, engine: str, level: float) -> None:
    net, spikes = lively(reset, refractory=2), (np.random.default_rng(1).random((4, 20, 6)) < level).astype(np.uint8)
    faulty = inject(net, "stuck_on:which=0/5@a").image
    run = nd.simulate(faulty, spikes, engine=engine, record={"a": ("v",)}, strict=True)
    others = np.isin(np.arange(8), (0, 5), invert=True)
    expected = nd.simulate(net, spikes, engine=engine).spikes["a"] * others
    expected[:, 1:21, ~others] = 1  # live from its start on, for as many steps as the input has
    np.testing.assert_array_equal(run.spikes["a"], expected)


@pytest.mark.parametrize("engine", ["fast", "reference"])
def test_stuck_on_neurons_fill_their_firing_window_also_where_healthy_ones_fire_once(engine: str) -> None:
    spikes = np.zeros((2, 12, 1), np.uint8)
    for once in (False, True):
        net = nd.ChipNetwork()
        net.add_input("in", shape=(1,))
        net.add_population("a", shape=(3,), vth=9, window=(3, 6), fire_once=once)
        net.connect("in", "a", np.full((3, 1), 2))
        run = nd.simulate(inject(net, "stuck_on:which=1").image, spikes, engine=engine)
        fired = run.spikes["a"].any(axis=0)
        assert np.flatnonzero(fired[:, 1]).tolist() == [3, 4, 5] and not fired[:, [0, 2]].any()


def test_a_dead_neuron_that_is_read_by_its_membrane_stays_at_zero() -> None:
    net = lively("zero")
    net.add_population("read", shape=(3,), vth=131072, bias_mant=[5, 6, 7], v0=9, start=2)
    net.connect("a", "read", np.random.default_rng(4).integers(-90, 90, (3, 8)))
    faulty, manifest = inject(net, "dead:which=0/2@read")
    spikes = np.ones((2, 15, 6), np.uint8)
    v, healthy = (nd.simulate(n, spikes, record={"read": ("v",)}).states["read"]["v"] for n in (faulty, net))
    np.testing.assert_array_equal(v, healthy * np.array([0, 1, 0]))
    assert manifest.hits[0].changed.tolist() == [0, 2] and healthy[..., [0, 2]].any()


def test_a_dead_neuron_read_by_its_membrane_behind_a_shared_kernel_is_refused() -> None:
    net = nd.ChipNetwork()
    net.add_input("in", shape=(1, 3, 3))
    net.add_population("l", shape=(1, 2, 2), vth=40)
    net.connect("in", "l", np.full((1, 1, 2, 2), 30), kind="conv2d")
    assert len(inject(program_of(net), "dead=1").manifest.hits[0].changed) == 4
    with pytest.raises(InvalidFault, match="share the weights"):
        inject(program_of(net, readout="v_last"), "dead=1")


def test_models_without_a_threshold_of_each_neuron_are_refused_and_can_be_left_out() -> None:
    net = lively("zero")
    net.add_population("sd", shape=(8,), model="sigma_delta", vth=64)
    net.connect("a", "sd", np.eye(8, dtype=np.int64) * 4)
    with pytest.raises(InvalidFault, match="sigma_delta") as error:
        inject(net, "dead=0.9")
    assert "dead=0.1@LAYER" in error.value.remedy
    assert inject(net, "dead=0.9@a/out").manifest.changed("neurons") > 5
    (hit,) = inject(net, "threshold_drift=0.3@sd", 1).manifest.hits  # one register, one factor
    assert hit.effective["std_factor"] == 0 and len(hit.changed) == 8


# ---- thresholds -------------------------------------------------------------------------------------------------


def test_thresholds_are_scaled_rounded_and_kept_below_never() -> None:
    net = nd.ChipNetwork()
    net.add_input("in", shape=(1,))
    net.add_population("l", shape=(5,), vth=[10, 11, 100000, 131072, -4])
    net.connect("in", "l", np.ones((5, 1), np.int64) * 2)
    faulty, manifest = inject(net, "threshold_scale=1.5")
    assert faulty.populations["l"].full("vth").tolist() == [15, 16, 131071, 131072, -6]
    (hit,) = manifest.hits
    assert hit.chosen.tolist() == [0, 1, 2, 4] and hit.effective["saturated"] == 1
    small = replace(program_of(net), target=_limited(nd.load_target("loihi2"), 12))
    assert inject(small, "threshold_scale=1.5").net.populations["l"].full("vth").tolist() == [12, 12, 12, 131072, -6]


def _limited(target: nd.Target, most: int) -> nd.Target:
    import msgspec

    compartment = target.compartment
    vth = msgspec.structs.replace(compartment.vth_mantissa_max, value=most)
    return msgspec.structs.replace(target, compartment=msgspec.structs.replace(compartment, vth_mantissa_max=vth))


def test_drifted_thresholds_are_normal_and_clipped() -> None:
    net = nd.ChipNetwork()
    net.add_input("in", shape=(1,))
    net.add_population("l", shape=(4000,), vth=1000)
    net.connect("in", "l", np.ones((4000, 1), np.int64) * 2)
    faulty = inject(net, "threshold_drift=0.4", 2).image.populations["l"].full("vth")
    drawn = np.random.default_rng([2, 0, 0]).standard_normal(4000)
    np.testing.assert_array_equal(faulty, np.rint(1000 * np.clip(1 + 0.4 * drawn, 0.3, 3)))
    assert faulty.min() == 300 and DRIFT_LIMITS == (0.3, 3.0)


# ---- delays -----------------------------------------------------------------------------------------------------


def test_jittered_delays_are_those_of_a_network_built_with_them() -> None:
    """Dense and sparse, both ways of storing; the runs are equal in every spike."""
    from scipy.sparse import csc_array, csr_array

    rng = np.random.default_rng(2)
    matrix = rng.integers(-60, 120, (8, 6)) * (rng.random((8, 6)) < 0.6)
    spikes = (rng.random((3, 20, 6)) < 0.5).astype(np.uint8)
    for stored, kind in ((matrix, "dense"), (csr_array(matrix), "sparse"), (csc_array(matrix), "sparse")):
        net, built = nd.ChipNetwork(), nd.ChipNetwork()
        for n in (net, built):
            n.add_input("in", shape=(6,))
            n.add_population("a", shape=(8,), vth=30, dv=200)
        net.connect("in", "a", stored, kind=kind, delays=1)
        faulty, manifest = inject(net, "delay_jitter=2", 3)
        (p,), (hit,) = faulty.projections, manifest.hits
        delays = np.zeros((8, 6), np.int64)
        places = np.nonzero(matrix) if kind == "sparse" else np.nonzero(np.ones_like(matrix))
        delays[places] = p.delays.ravel()
        assert set(p.delays.ravel()) == {0, 1, 2, 3} and hit.effective["saturated"] > 0
        assert np.count_nonzero(p.delays != 1) == len(hit.changed)
        built.connect("in", "a", stored, kind=kind, delays=delays)
        assert (p.delay, p.products_wrap) == (built.projections[0].delay, built.projections[0].products_wrap)
        for engine in ("fast", "reference"):
            one, two = (nd.simulate(n, spikes, engine=engine).spikes["a"] for n in (faulty, built))
            np.testing.assert_array_equal(one, two)
            assert one.any() and not np.array_equal(one, nd.simulate(net, spikes, engine=engine).spikes["a"])


def test_no_delay_exceeds_the_target(program: nd.Program) -> None:
    import msgspec

    compartment = program.target.compartment
    short = msgspec.structs.replace(compartment.delay_max, value=3)
    target = msgspec.structs.replace(program.target, compartment=msgspec.structs.replace(compartment, delay_max=short))
    faulty = inject(replace(program, target=target), "delay_jitter=40", 1).net
    assert program.net.projections[0].connection.kind == "conv2d"  # one draw, which may be less
    assert [p.delay for p in faulty.projections[1:]] == [3, 3, 3, 3] and faulty.projections[0].delay <= 3
    assert max(p.delay for p in inject(program.net, "delay_jitter=40", 1).net.projections) > 35


# ---- cores ------------------------------------------------------------------------------------------------------


def test_a_lost_core_kills_exactly_its_neurons(program: nd.Program) -> None:
    mapping = program.mapping
    assert mapping.cores > 4
    for core in range(mapping.cores):
        faulty, manifest = inject(program, f"core_loss:which={core}")
        for name, cores in mapping.core_of.items():
            old, new = (n.populations[name].full("vth") for n in (program.net, faulty.net))
            np.testing.assert_array_equal(new, np.where(cores == core, 131072, old))
        assert manifest.hits[0].chosen.tolist() == [core]
        assert manifest.changed("neurons") == sum(int((c == core).sum()) for c in mapping.core_of.values())
        assert set(differing(program.net, faulty.net)) <= {f"{n}.vth" for n in mapping.core_of}
        assert faulty.mapping is mapping


def test_cores_are_lost_at_random_by_number_or_by_chance(program: nd.Program) -> None:
    cores = program.mapping.cores
    lost = [inject(program, "lost_cores=2", s).manifest.hits[0].chosen.tolist() for s in range(30)]
    assert all(len(c) == 2 for c in lost) and {i for c in lost for i in c} == set(range(cores))
    counts = [len(inject(program, "core_loss=0.5", s).manifest.hits[0].chosen) for s in range(40)]
    assert 0.4 < np.mean(counts) / cores < 0.6 and len(set(counts)) > 2
    silent = inject(program, f"lost_cores={cores}").image
    assert not any(s.any() for s in nd.simulate(silent, SPIKES).spikes.values())


# ---- several, stored, refused -----------------------------------------------------------------------------------


def test_a_layer_is_hit_the_same_alone_and_among_others(program: nd.Program) -> None:
    for name in ("weight_noise", "dead", "threshold_drift", "delay_jitter"):
        every = inject(program, text_of(name), 4).manifest.hits
        alone = inject(program, text_of(name) + "@dense", 4).manifest.hits
        assert [h.where for h in alone] == [h.where for h in every if h.where in {*(a.where for a in alone)}]
        for a in alone:
            (e,) = (h for h in every if h.where == a.where)
            assert_same_array(a.changed, e.changed)
        assert len(alone) < len(every)
        assert set(differing(program.net, inject(program, text_of(name) + "@dense", 4).net)) <= {
            *("1.weights", "2.weights", "1.delays", "2.delays", "dense.vth")
        }


def test_a_faulty_program_is_stored_with_its_faults(program: nd.Program, tmp_path: Path) -> None:
    faulty = inject(program, "weight_loss=0.3,dead=0.2,delay_jitter=1", 11).image
    nd.save(faulty, tmp_path / "p.ndp")
    again = nd.load(tmp_path / "p.ndp")
    assert_same_program(again, faulty)
    assert again.provenance["faults"] == {"spec": "weight_loss=0.3,dead=0.2,delay_jitter=1", "seed": 11}
    assert "faults" not in program.provenance


@pytest.mark.parametrize("name", NETWORK_FAULTS)
def test_both_engines_run_a_faulty_program_alike(program: nd.Program, name: str) -> None:
    faulty = inject(program, text_of(name), 3).image
    record = {n: ("u", "v") for n in faulty.net.populations}
    one, two = (nd.simulate(faulty, SPIKES, engine=e, record=record) for e in ("fast", "reference"))
    for n in faulty.net.populations:
        assert_same_array(one.spikes[n], two.spikes[n])
        for register in ("u", "v"):
            assert_same_array(one.states[n][register], two.states[n][register])


def test_networks_that_cannot_have_a_fault_say_why(program: nd.Program) -> None:
    silent = nd.ChipNetwork()
    silent.add_input("in", shape=(2,))
    silent.add_population("l", shape=(2,), vth=131072)
    silent.connect("in", "l", kind="direct")
    cases: list[tuple[Any, str, str]] = [
        (program, "dead=0.1@nobody", "not a population"),
        (program, "input_noise=0.1@dense", "not an input"),
        (program, "core_loss=0.1@dense", "no layer"),
        (program.net, "core_loss=0.1", "sits on no cores"),
        (program, "lost_cores=99", r"has \d+ cores"),
        (program, "core_loss:which=99", "no number 99"),
        (program, "dead:which=5@dense", "no number 5"),
        (program, "bit_flip=0.5:bit=8", "no bit 8"),
        (silent, "weight_loss=0.5", "no weights"),
        (silent, "delay_jitter=1", "no synapses"),
        (silent, "threshold_scale=2", "never fires"),
    ]
    for image, text, message in cases:
        with pytest.raises(InvalidFault, match=message) as error:
            inject(image, text)
        assert error.value.remedy and text.split("=")[0].split(":")[0] in error.value.where
    for seed in (-1, 1.5, True):
        with pytest.raises(InvalidFault, match="seed"):
            inject(program, "dead=0.1", seed)  # type: ignore[arg-type]


def test_projections_are_what_they_were_in_all_else(program: nd.Program) -> None:
    """Exponents, sign modes, widths, ports: no fault touches them."""

    def rest(p: ChipProjection) -> tuple[Any, ...]:
        return p.source, p.target, p.weight_exp, p.num_weight_bits, p.sign_mode, p.message_bits, p.port

    everything = ",".join(text_of(n) for n in NETWORK_FAULTS)
    faulty = inject(program, everything, 1).net
    assert [rest(p) for p in faulty.projections] == [rest(p) for p in program.net.projections]
    assert [p.shape for p in faulty.populations.values()] == [p.shape for p in program.net.populations.values()]
