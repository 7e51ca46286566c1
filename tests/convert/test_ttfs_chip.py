"""First-spike networks on the chip's integers: equal to a golden network that knows no neurons."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from relu_nets import by_hand, inputs_of, random_net

import neurodeploy as nd
from neurodeploy.convert.ttfs import Code, ReluNet, Ttfs
from neurodeploy.convert.ttfs.chip import INPUT, OUTPUT
from neurodeploy.convert.ttfs.code import NEVER
from neurodeploy.convert.ttfs.guard import Guard
from neurodeploy.errors import FieldOverflow, NeurodeployError, SimulationError, UnsupportedFeature
from neurodeploy.estimate.model import costs_of


def golden_by_hand(made: Ttfs, ticks: np.ndarray, up: bool) -> list[list[int]]:
    """Python's own integers, one by one."""
    found = []
    for sample in ticks.tolist():
        values = sample
        for number, layer in enumerate(made.golden.layers):
            rows = zip(layer.matrix.toarray().tolist(), layer.bias.tolist(), strict=True)
            sums = [sum(m * k for m, k in zip(row, values, strict=True)) + b for row, b in rows]
            if number < len(made.golden.layers) - 1:
                values = [max(0, s // 2**made.golden.q) for s in sums]
            else:
                values = [-(-s // 2**made.golden.q) if up else s // 2**made.golden.q for s in sums]
        found.append(values)
    return found


def limited(section: str, field: str, value: Any) -> nd.Target:
    """Loihi 2 with less of something."""
    chip = nd.load_target("loihi2")
    facts = getattr(chip, section)
    fact = msgspec.structs.replace(getattr(facts, field), value=value)
    return msgspec.structs.replace(chip, **{section: msgspec.structs.replace(facts, **{field: fact})})


CHIP = nd.load_target("loihi2")


def made_of(seed: int, widths: tuple[int, ...] = (5, 7, 6, 4), **options: Any) -> tuple[Ttfs, np.ndarray]:
    rng = np.random.default_rng(seed)
    net = random_net(rng, widths)
    return nd.convert.ttfs(net, **{"ticks": 6, "fraction_bits": 4, "samples": 5, "target": CHIP} | options), inputs_of(
        net, rng, 60
    )


@pytest.mark.parametrize("once", ["feature", "synapse"])
@pytest.mark.parametrize("calibrated", [False, True])
def test_every_value_of_the_golden_network(once: str, calibrated: bool) -> None:
    """6 networks, 540 inputs, long horizon: every neuron spikes exactly once, each output when it should."""
    for seed in range(6):
        widths = ((5, 7, 6, 4), (3, 2), (4, 9, 3), (2, 5, 5, 5, 2), (6, 6, 6), (1, 8, 1))[seed]
        rng = np.random.default_rng(seed)
        net = random_net(rng, widths)
        x = inputs_of(net, rng, 90)
        options = {"readout": "values", "horizon": "long", "fire_once": once, "nearest": seed % 2 == 0}
        window = x if calibrated else None
        made = nd.convert.ttfs(net, ticks=6, fraction_bits=4, calibration=window, samples=0, target=CHIP, **options)
        ticks = made.code.ticks_of(x)
        expected = golden_by_hand(made, ticks, up=True)
        np.testing.assert_array_equal(made.golden.ceil(ticks), expected)
        for engine in ("fast", "reference") if calibrated and once == "feature" else ("fast",):
            np.testing.assert_array_equal(made.run(x, engine=engine).outputs, expected)
        run = nd.simulate(made.program.net, made.encode(x))
        assert all(np.all(sent.sum(axis=1) == 1) for sent in run.spikes.values())
        assert run.steps == made.code.horizon


@pytest.mark.parametrize("seed", range(6))
def test_classes_on_both_engines(seed: int) -> None:
    """The first spike is the largest floor; every neuron spikes at most once."""
    made, x = made_of(seed, (6, 9, 5))
    ticks = made.code.ticks_of(x)
    expected = np.array(golden_by_hand(made, ticks, up=False))
    fast, slow = made.run(x), made.run(x, engine="reference")
    np.testing.assert_array_equal(fast.outputs, slow.outputs)
    came = fast.outputs != -NEVER
    np.testing.assert_array_equal(fast.outputs[came], expected[came])
    assert came.any(axis=1).all()
    np.testing.assert_array_equal(fast.classes, expected.argmax(axis=1))
    np.testing.assert_array_equal(made.golden.classes(ticks), expected.argmax(axis=1))
    run = nd.simulate(made.program.net, made.encode(x), engine="reference", strict=True)
    assert all(np.all(sent.sum(axis=1) <= 1) for sent in run.spikes.values())


def test_ties_go_to_the_lowest_index() -> None:
    same = ReluNet.of([([[1.0, -1.0]] * 3, [0, 0.0, 0.0])], -1, 1)
    made = nd.convert.ttfs(same, ticks=8)
    x = np.random.default_rng(0).uniform(-1, 1, (20, 2))
    for result in (made.run(x), made.classify(x)):
        assert result.classes is not None and not result.classes.any()
    later = ReluNet.of([([[0.0], [1.0], [1.0]], [0, 0, 0])], -1, 1)
    found = nd.convert.ttfs(later, ticks=8).classify(np.array([[1.0], [-1.0], [0.01]]))
    np.testing.assert_array_equal(found.classes, [1, 0, 0])


def test_the_first_spike_ends_the_run_and_the_bill() -> None:
    made, x = made_of(3, (6, 9, 5))
    full, early = made.run(x), made.classify(x)
    np.testing.assert_array_equal(early.classes, full.classes)
    np.testing.assert_array_equal(early.classes, made.golden.classes(made.code.ticks_of(x)))
    best = made.golden.floor(made.code.ticks_of(x)).max(axis=1)
    np.testing.assert_array_equal(early.steps, made.code.t_out - best + 1)
    assert early.steps.max() < made.code.horizon == full.steps[0]
    spikes = made.encode(x)
    alone = [
        nd.simulate(made.program, s[None], steps=int(n)).counters for s, n in zip(spikes, early.steps, strict=True)
    ]
    for name in ("spikes", "syn_ops", "neuron_updates"):
        assert getattr(early.counters, name) == sum(getattr(c, name) for c in alone)
    assert early.counters.neuron_updates == made.program.net.neurons * early.steps.sum()
    costs = costs_of(early.counters, made.program)
    one_by_one = [costs_of(c, made.program) for c in alone]
    assert costs.energy.value == pytest.approx(np.mean([c.energy.value for c in one_by_one]))
    assert costs.latency.value == pytest.approx(np.mean([c.latency.value for c in one_by_one]))
    assert costs.energy.value < costs_of(full.counters, made.program).energy.value
    np.testing.assert_allclose(costs.per_core.energy_j, np.mean([c.per_core.energy_j for c in one_by_one], axis=0))


def test_a_loss_of_one_4096th_breaks_it() -> None:
    """15 networks, all exact without loss; with the decay that du = 0 still has, none."""
    exact = {-1: 0, 0: 0}
    for seed in range(15):
        made, x = made_of(seed, (8, 10, 6), ticks=16, samples=0)
        x = x[:16]
        expected = made.golden.floor(made.code.ticks_of(x))
        for du in exact:
            net = made.program.net
            for name in net.populations:
                net = net.with_fields(name, du=du)
            sent = nd.simulate(net, made.encode(x)).spikes[OUTPUT]
            fired, floors = sent.argmax(axis=1), made.code.t_out - expected
            came = floors < made.code.horizon
            exact[du] += bool(np.all(sent.any(axis=1) >= came) and np.all(fired[came] == floors[came]))
    assert exact == {-1: 15, 0: 0}


@pytest.mark.parametrize("target", ["loihi1", "tiny"])
def test_targets_without_ramps_are_refused(target: str) -> None:
    with pytest.raises(UnsupportedFeature, match="no ramp: its current loses 1/4096") as error:
        made_of(0, target=target)
    assert "loihi2" in error.value.remedy


def test_targets_without_fire_once_get_a_synapse() -> None:
    poor = limited("compartment", "fire_once", False)
    made, x = made_of(1, target=poor)
    assert made.certificate.fire_once == "synapse" and made_of(1)[0].certificate.fire_once == "feature"
    np.testing.assert_array_equal(made.run(x).outputs, made_of(1)[0].run(x).outputs)
    assert any(p.source == p.target for p in made.program.net.projections)
    with pytest.raises(UnsupportedFeature, match="has no fire_once"):
        made_of(1, target=poor, fire_once="feature")


@pytest.mark.parametrize("low", [-1.0, 0.0, 0.25])
def test_a_heavy_reference_is_shared_out(low: float) -> None:
    """Weights that add up to far below the sum they need: several reference neurons, each within eight bits."""
    rng = np.random.default_rng(5)
    layers = [(-rng.uniform(0.5, 1, (n, m)), rng.normal(size=n)) for m, n in ((12, 9), (9, 11), (11, 3))]
    net = ReluNet.of(layers, low, 1)
    made = nd.convert.ttfs(net, ticks=5, readout="values", horizon="long")
    assert made.certificate.largest_reference_weight > 127 and made.code.references > 1
    assert made.certificate.compartments > made.certificate.neurons - 13
    for p in made.program.net.projections:
        assert p.altered_weights == 0 and abs(p.connection.weights).max() <= 254
    x = inputs_of(net, rng, 50)
    np.testing.assert_array_equal(made.run(x).outputs, golden_by_hand(made, made.code.ticks_of(x), up=True))


def test_more_ticks_are_nearer_to_the_float_network() -> None:
    rng = np.random.default_rng(6)
    net = random_net(rng, (6, 8, 3))
    x, errors = inputs_of(net, rng, 60), []
    for ticks in (4, 16, 64):
        made = nd.convert.ttfs(net, ticks=ticks, fraction_bits=5, nearest=True, calibration=x, readout="values")
        errors.append(abs(made.run(x).outputs / ticks - by_hand(net, x)).mean())
    assert errors[0] > 2 * errors[1] > 3 * errors[2]


@pytest.mark.parametrize("readout", ["class", "values"])
def test_nothing_wrong_comes_out_of_windows_that_are_too_short(readout: str) -> None:
    """Calibrated near the origin, asked for corners: right, or an error that says so."""
    said: dict[str, int] = {"arrived": 0, "spiked within": 0, "right": 0}
    for seed in range(2):
        made, x = made_of(seed, calibration=np.zeros((1, 5)), readout=readout, samples=1)
        x = x[:30]
        ticks = made.code.ticks_of(x)
        for run in (made.run, made.classify) if readout == "class" else (made.run,):
            for k in range(len(x)):
                try:
                    found = run(x[k : k + 1])
                except SimulationError as error:
                    said["arrived" if "had arrived" in error.what else "spiked within"] += 1
                    assert "arrived" in error.what or "spiked within" in error.what
                    assert error.remedy
                    continue
                said["right"] += 1
                if readout == "class":
                    assert found.classes == made.golden.classes(ticks[k : k + 1])
                else:
                    np.testing.assert_array_equal(found.outputs, made.golden.ceil(ticks[k : k + 1]))
    assert said["arrived"] > 20 and said["right"] > 5


def test_a_spike_is_trusted_from_the_tick_of_the_last_arrival_on() -> None:
    """An input's spike of tick 5 arrives in tick 6."""
    made = nd.convert.ttfs(ReluNet.of([([[1.0]], 0.0)], 0, 1), ticks=8)
    guard, sent = Guard(made.program.net), np.array([[5, 0]])
    for own, until, trusted in ((6, 9, True), (5, 9, False), (4, 9, False), (NEVER, 6, True), (NEVER, 5, False)):
        fired = {INPUT: sent, OUTPUT: np.array([[own]])}
        if trusted:
            guard.check(fired, np.array([until]))
        else:
            with pytest.raises(SimulationError, match="in sample 3 .1 in all.") as error:
                guard.check(fired, np.array([until]), first=3)
            assert error.value.where == "layer 'out', neuron 0"


def test_inputs_out_of_range_are_refused() -> None:
    made, x = made_of(2)
    for wrong in (1.2, -1.2, np.nan, np.inf):
        x[7, 3] = wrong
        for use in (made.run, made.classify, made.encode):
            with pytest.raises(SimulationError, match="input 3 of sample 7 is .*, outside -1.0..1.0"):
                use(x)
    with pytest.raises(NeurodeployError, match="give numbers .B, 5."):
        made.run(x[:, :4])
    for use in (made.run, made.classify):
        with pytest.raises(NeurodeployError, match="at least one"):
            use(x[:0])


def test_registers_that_are_too_narrow() -> None:
    big = ReluNet.of([(np.full((2, 3), 3.0), 0), (np.full((2, 2), 3.0), 0)], -1, 1)
    with pytest.raises(FieldOverflow, match=r"a threshold [\d,]+ \(of 131,072\)") as error:
        nd.convert.ttfs(big, ticks=300)
    assert error.value.where == "ttfs, layer 'affine1'" and "calibrated" in error.value.remedy
    with pytest.raises(FieldOverflow, match=r"a weight 384 \(of 254\)") as error:
        nd.convert.ttfs(big, ticks=4, fraction_bits=6)
    assert error.value.where == "ttfs, layer 'affine1'"
    steep = ReluNet.of([([[3.9, -3.9] * 300], 0)], -1, 1)
    with pytest.raises(FieldOverflow, match=r"a membrane of minus [\d,]+ \(of 131,071\)"):
        nd.convert.ttfs(steep, ticks=4, calibration=np.tile([1.0, 0.0], 300)[None], readout="values")


def test_a_clipped_membrane_is_noticed() -> None:
    """Calibrated on silence, no register is too narrow; an input that asks for more is refused."""
    net = ReluNet.of([(np.full((1, 40), 3.9) * np.array([1, -1] * 20), 0.0)], -1, 1)
    made = nd.convert.ttfs(net, ticks=40, calibration=np.zeros((1, 40)), readout="values")
    with pytest.raises(SimulationError, match="[1-9][0-9]* saturations") as error:
        made.run(np.array([[1.0, -1.0] * 20]))
    assert error.value.where == "layer 'out'"


def test_a_stored_program_is_decoded_without_its_maker(tmp_path: Path) -> None:
    made, x = made_of(4)
    nd.save(made.program, tmp_path / "t.ndp")
    program = nd.load(tmp_path / "t.ndp")
    code = Code.from_dict(program.semantics)
    assert code == made.code and program.provenance["ttfs"] == made.certificate.to_dict()
    assert program.net.sample_steps == code.horizon
    again = Ttfs(program, made.golden, code, made.certificate)
    np.testing.assert_array_equal(again.run(x).outputs, made.run(x).outputs)
    np.testing.assert_array_equal(again.classify(x).classes, made.classify(x).classes)
    other = nd.convert.function("x[0]").program
    with pytest.raises(NeurodeployError, match="not a program of spike times"):
        Code.from_dict(other.semantics)


def test_counts_of_the_certificate() -> None:
    made, _ = made_of(0, (5, 7, 6, 4))
    c = made.certificate
    assert c.neurons == (5 + 1) + 2 * (7 + 1) + 2 * (6 + 1) + 4 and c.layers == 5
    net = made.program.net
    assert c.compartments == net.neurons and c.synapses == net.synapses
    assert list(net.populations) == ["affine1", "relu1", "affine2", "relu2", "out"]
    assert net.inputs[INPUT].size == 5 + made.code.references


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"readout": "clas"}, "did you mean 'class'"),
        ({"horizon": "lng"}, "did you mean 'long'"),
        ({"fire_once": "featur"}, "did you mean 'feature'"),
        ({"ticks": 0}, "positive numbers of ticks"),
        ({"input_ticks": np.inf}, "positive numbers of ticks"),
        ({"fraction_bits": 17}, "0..16 fraction bits"),
        ({"target": "loihi3"}, "did you mean"),
        ({"calibration": np.full((3, 5), 2.0)}, "outside -1.0..1.0"),
    ],
)
def test_mistakes(options: dict[str, Any], said: str) -> None:
    with pytest.raises(NeurodeployError) as error:
        made_of(0, **options)
    assert said in str(error.value) and error.value.remedy


def test_values_have_no_early_end() -> None:
    made, x = made_of(0, readout="values")
    with pytest.raises(SimulationError, match="says nothing of the others"):
        made.classify(x)
