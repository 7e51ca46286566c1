"""A float network beside its Program: nets made to err in one way, whole arrays against plain loops, the findings."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from floats import affine, chain_of, linear, made, network, neurons
from graphs import conv_net, write
from programs import program_of

from neurodeploy import Options, Program
from neurodeploy.calibration import calibrate
from neurodeploy.compare import Comparison, LayerComparison, Sums, compare_program, sides
from neurodeploy.compare.causes import causes
from neurodeploy.compare.sides import chip_side, float_side
from neurodeploy.compare.teacher import taught_run
from neurodeploy.errors import SimulationError
from neurodeploy.network import Network
from neurodeploy.pipeline import finish, run_passes
from neurodeploy.quantize import Bits, quantize
from neurodeploy.simulate.float_reference import simulate_float
from neurodeploy.target import load_target

RNG = np.random.default_rng(0)
SPIKES = (RNG.random((6, 25, 8)) < 0.4).astype(np.uint8)
START = RNG.bit_generator.state


@pytest.fixture(autouse=True)
def the_same_numbers_for_every_test() -> None:
    RNG.bit_generator.state = START


def exact(weight: Any) -> Any:
    """Multiples of 1/64 whose largest is 127/64: 8 bits hold them."""
    rounded = np.clip(np.rint(np.asarray(weight) * 64), -127, 126)
    rounded.flat[0] = 127
    return rounded / 64


def deployed(net: Network, bits: Bits = 8, target: str = "loihi2") -> Program:
    chip = load_target(target)
    integers, _ = quantize(net, chip, bits=bits)
    return program_of(integers, target, readout=net.semantics.readout)


def compared(net: Network, spikes: Any, bits: Bits = 8, **options: Any) -> Comparison:
    return compare_program(net, deployed(net, bits), spikes, **options)


def kinds(comparison: Comparison) -> set[tuple[str, str]]:
    return {(f.layer, f.kind) for f in comparison.findings}


def finding(comparison: Comparison, layer: str, kind: str) -> Any:
    (found,) = [f for f in comparison.findings if (f.layer, f.kind) == (layer, kind)]
    return found


def three_layers(**factors: Any) -> Network:
    """Layers 'a', 'b' and 'c' whose weights 8 bits hold."""
    sizes, names = (8, 12, 10, 4), "abc"
    nodes = []
    for name, before, after in zip(names, sizes, sizes[1:], strict=False):
        nodes += [linear(f"w{name}", exact(RNG.normal(0.15, 0.5, (after, before)))), neurons(name, after, **factors)]
    return network(chain_of(*nodes, shape=(8,)))


def integrate(weights: Any, vth: int, exponent: int, spikes: Any) -> tuple[Any, Any]:
    """Integrators of integers that reset to zero, as a plain loop: spikes, and membranes after the reset."""
    v = np.zeros((len(spikes), len(weights)), np.int64)
    fired, kept = [], []
    for t in range(spikes.shape[1]):
        v = v + ((spikes[:, t].astype(np.int64) @ weights.T) * 2**exponent) * 64
        fired.append(v > vth * 64)
        v = np.where(fired[-1], 0, v)
        kept.append(v)
    return np.stack(fired, 1), np.stack(kept, 1)


def test_an_error_made_in_the_second_layer_alone() -> None:
    net = three_layers()
    odd = RNG.normal(0.15, 0.5, (10, 12))
    parts = [replace(p, connection=p.connection.with_weights(odd)) if p.target == "b" else p for p in net.projections]
    net = replace(net, projections=tuple(parts))
    program = deployed(net, {"b": 4})
    found = compare_program(net, program, SPIKES)
    a, b, c = found.layers
    assert (a.mismatching, a.made_here, c.made_here) == (0, 0, 0) and c.mismatching > 0

    floats = simulate_float(net, {"in": SPIKES}, membranes=("b",))
    stored, chip = next(program.net.incoming("b")), program.net.populations["b"]
    vth = int(chip.fields["vth"])
    fired, v = integrate(stored.connection.weights, vth, stored.weight_exp, floats.spikes["a"])
    differ, apart = fired != floats.spikes["b"], (v / chip.scale - floats.membranes["b"]) ** 2
    for sums, axes in ((b.per_step, (0, 2)), (b.per_neuron, (0, 1))):
        for key in ("mismatching", "made_here"):  # the layer before makes none, so both are the same
            np.testing.assert_array_equal(getattr(sums, key), differ.sum(axis=axes))
        np.testing.assert_array_equal(sums.spikes_first, floats.spikes["b"].sum(axis=axes))
        np.testing.assert_array_equal(sums.spikes_second, fired.sum(axis=axes))
        for power in (sums.error_power, sums.error_power_made_here):
            np.testing.assert_allclose(power, apart.sum(axis=axes), rtol=1e-9)
    assert b.membrane_rms == pytest.approx(apart.mean() ** 0.5)
    np.testing.assert_allclose(b.rate_errors, (fired.mean((0, 1)) - floats.spikes["b"].mean((0, 1))))

    made = finding(found, "b", "made_here")
    assert {("b", "made_here"), ("c", "inherited")} <= kinds(found) and ("a", "made_here") not in kinds(found)
    assert "mend layer 'b' first" in finding(found, "c", "inherited").remedy
    assert [t.change for t in made.tried] == ["--calibrate 'b'", "5-bit weights into 'b'", "8-bit weights into 'b'"]
    best = made.tried[-1]
    assert best.made_here_before == b.made_here and best.mismatching_before == b.mismatching + c.mismatching
    wider = compare_program(net, deployed(net), SPIKES)
    assert best.made_here == wider.layers[1].made_here < b.made_here / 2
    assert best.mismatching == sum(layer.mismatching for layer in wider.layers)
    assert "8-bit weights into 'b' (tried" in made.remedy
    counts = causes(net, program.net, "b", SPIKES, floats.spikes)
    assert counts == {"weights": b.made_here, "threshold": 0, "decay": 0, "bias": 0}


def test_the_first_divergence_at_a_known_step() -> None:
    """0.0995 is stored as 26/254: ten of them pass the threshold, a step before eleven of 0.0995 do."""
    net = network(chain_of(linear("w", [[0.0995, 0], [-1, 1]]), neurons("n", 2), shape=(2,)))
    spikes = np.zeros((3, 20, 2), np.uint8)
    spikes[2, :, 0] = 1
    d = compared(net, spikes).first_divergence
    assert d is not None and (d.layer, d.sample, d.step, d.neuron, d.found, d.expected) == ("n", 2, 9, 0, 0, 1)
    assert d.membrane_found == pytest.approx(0.995) and d.membrane_expected == pytest.approx(260 / 254)
    assert (d.threshold, d.threshold_expected) == (1, 1)


def test_neurons_silenced_by_their_small_weights_and_dead_ones() -> None:
    """Beside a weight of 1, 3 bits round 0.1 to 0; the last neuron fires nowhere."""
    net = network(chain_of(linear("w", [[1, 1], [0.1, 0.1], [-1, -1]]), neurons("n", 3), shape=(2,)))
    spikes = np.ones((2, 40, 2), np.uint8)
    found = compared(net, spikes, 3)
    (layer,) = found.layers
    assert (layer.silenced.tolist(), layer.dead.tolist(), layer.woken.tolist()) == ([1], [2], [])
    silenced = finding(found, "n", "silenced")
    assert "1 of 3 neurons (1) fire in float" in silenced.what
    assert silenced.remedy == "8-bit weights into 'n' (tried: on 2 samples, 0 neurons are silenced there, not 1)"
    assert [(t.silenced_before, t.silenced) for t in silenced.tried][1:] == [(1, 0), (1, 0)]
    assert "1 of 3 neurons (2) fire in neither" in finding(found, "n", "dead").what
    assert compared(net, spikes).layers[0].silenced.size == 0


def test_saturated_neurons() -> None:
    """With 3 bits beside 1.9, 0.99 becomes 1.27: above the threshold at every step, where float needs two."""
    net = network(chain_of(linear("w", [[1.9], [0.99], [0.2]]), neurons("n", 3), shape=(1,)))
    found = compared(net, np.ones((2, 30, 1), np.uint8), 3)
    (layer,) = found.layers
    assert (layer.saturated_first.tolist(), layer.saturated_second.tolist()) == ([0], [0, 1])
    alone = finding(found, "n", "saturated")
    assert "1 of 3 neurons (1) fire in every step on the chip alone" in alone.what and alone.tried
    both = compared(net, np.ones((2, 30, 1), np.uint8))
    assert both.layers[0].saturated_second.tolist() == [0]
    assert "in float as well" in finding(both, "n", "saturated").what
    silent = SPIKES[:2, :, :1].copy()
    assert not any(kind == "saturated" for _, kind in kinds(compared(net, silent)))


def test_registers_that_overflow() -> None:
    weights = RNG.uniform(0.9, 1, (2, 600))
    weights[:, 0] = -1
    net = network(chain_of(linear("w", weights), neurons("n", 2, theta=np.full(2, 300.0)), shape=(600,)))
    spikes = np.zeros((2, 5, 600), np.uint8)
    spikes[1, 3] = 1
    found = compared(net, spikes)
    assert (found.layers[0].wraps, found.layers[0].saturations) == (2, 0)
    assert "wrapped 2 times" in finding(found, "n", "overflow").what
    assert found.layers[0].silenced.tolist() == [0, 1]
    spikes[1, 3, 400:] = 0
    assert compared(net, spikes).layers[0].wraps == 0


def test_a_layer_that_fires_less() -> None:
    net = network(chain_of(linear("w", [[1.0, 0.4], [-0.4, 0.4]]), neurons("n", 2), shape=(2,)))
    spikes = np.zeros((1, 60, 2), np.uint8)
    spikes[..., 1] = 1
    found = compared(net, spikes, 3)  # 0.4 becomes 1/3: a spike in 4 steps, not in 3
    first, second = found.layers[0].rates
    assert (first, second) == (pytest.approx(1 / 3), pytest.approx(1 / 4))
    assert "fires 25.0 % less than in float" in finding(found, "n", "rate").what


def recurrent(**factors: Any) -> Network:
    """Two layers, feedback within the second one, and the input also straight to the second."""
    nodes = [
        linear("w", exact(RNG.normal(0.15, 0.5, (9, 8)))),
        neurons("a", 9, **factors),
        linear("w2", exact(RNG.normal(0.15, 0.5, (6, 9)))),
        linear("skip", exact(RNG.normal(0.0, 0.5, (6, 8)))),
        linear("back", exact(RNG.normal(-0.1, 0.5, (6, 6)))),
        neurons("b", 6, **factors),
    ]
    edges = [("in", "w"), ("w", "a"), ("a", "w2"), ("w2", "b"), ("in", "skip"), ("skip", "b"), ("b", "back")]
    return network(made(nodes, [*edges, ("back", "b"), ("b", "out")], {"in": (8,)}))


def test_a_taught_layer_repeats_the_float_network_where_it_is_exact() -> None:
    """Feedback and skips, which arrive with other delays, included; and a wrong teacher would be seen."""
    net = recurrent()
    program = deployed(net)
    floats = simulate_float(net, {"in": SPIKES})
    for layer in ("a", "b"):
        run = taught_run(net, program.net, layer, SPIKES, floats.spikes)
        np.testing.assert_array_equal(run.spikes[layer], floats.spikes[layer])
        assert 0.05 < floats.spikes[layer].mean() < 0.95
    for source in ("a", "b"):
        late = {**floats.spikes, source: np.roll(floats.spikes[source], 1, axis=1)}
        assert (taught_run(net, program.net, "b", SPIKES, late).spikes["b"] != floats.spikes["b"]).any()
    assert compare_program(net, program, SPIKES).findings == () or kinds(compare_program(net, program, SPIKES)) <= {
        ("a", "dead"),
        ("b", "dead"),
    }


def test_own_resets_stay_a_layers_own() -> None:
    """subtract_late is a synapse of each neuron onto itself; it is not taught."""
    net = recurrent(b=np.array(0.875))
    late = {n: replace(p, rules=replace(p.rules, reset="subtract_late")) for n, p in net.populations.items()}
    net = replace(net, populations=late)
    found = compare_program(net, deployed(net, 4), SPIKES)
    a = found.layers[0]
    assert a.mismatching > 0 and a.made_here == a.mismatching  # nothing is before it
    np.testing.assert_array_equal(a.per_step.made_here, a.per_step.mismatching)
    np.testing.assert_allclose(a.per_step.error_power_made_here, a.per_step.error_power)


def test_parts_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    net = recurrent(b=np.array(0.9))
    whole = compared(net, SPIKES, 4)
    monkeypatch.setattr(sides, "PART_BYTES", 1)
    told: list[tuple[int, int]] = []
    parts = compared(net, SPIKES, 4, progress=lambda *done: told.append(done))
    assert told == [(i, 6) for i in range(1, 7)]
    for one, other in zip(whole.layers, parts.layers, strict=True):
        same(one, other)
    assert whole.first_divergence == parts.first_divergence
    assert whole.decisions is not None and parts.decisions is not None
    np.testing.assert_array_equal(whole.decisions.second, parts.decisions.second)


def same(one: LayerComparison, other: LayerComparison) -> None:
    for sums in ("per_step", "per_neuron"):
        for f in fields(Sums):
            a, b = (getattr(getattr(layer, sums), f.name) for layer in (one, other))
            np.testing.assert_allclose(a, b, rtol=1e-12)
    assert (one.samples, one.wraps, one.saturations) == (other.samples, other.wraps, other.saturations)


def test_membranes_are_in_float_units_where_registers_count_from_the_reset() -> None:
    net = recurrent(v_reset=np.array(-0.5))
    found = compare_program(net, deployed(net), SPIKES)
    assert found.equal and not any(layer.void for layer in found.layers)
    assert all(layer.membrane_rms is not None and layer.membrane_rms < 1e-9 for layer in found.layers)


@pytest.mark.parametrize("reset", ["value", "subtract", "subtract_late", "zero_late"])
@pytest.mark.parametrize("spike", ["gt", "ge"])
def test_potentials_are_what_the_threshold_decides_on(reset: str, spike: str) -> None:
    net = recurrent(b=np.array(0.875), a=np.array(0.5))
    rules = {n: replace(p, rules=replace(p.rules, reset=reset, spike=spike)) for n, p in net.populations.items()}
    net = replace(net, populations=rules)
    program = deployed(net)
    for side in (float_side(net, "float"), chip_side(program, "chip")):
        traces = side.run(SPIKES)
        for layer in net.populations:
            potentials, threshold = side.potentials(SPIKES, layer), side.thresholds[layer]
            above = potentials >= threshold if side.kind == "float" and spike == "ge" else potentials > threshold
            np.testing.assert_array_equal(above, traces.spikes[layer] != 0)
            assert traces.spikes[layer].any()


@pytest.mark.parametrize(
    ("cause", "factors", "bias"),
    [
        ("decay", {"b": np.array(1 - 0.49 / 4096)}, 0.0),
        ("threshold", {"theta": np.array(1 + 0.49 / 254)}, 0.0),
        ("bias", {}, 0.4 / 16256),
    ],
)
def test_the_field_to_blame(cause: str, factors: dict[str, Any], bias: float) -> None:
    """Weights of 1/254 that 8 bits hold; one field a little off its grid, by what becomes a step of the chip's."""
    weights = np.rint(np.abs(RNG.normal(0, 0.03, (40, 8))) * 127) / 127
    weights[0, 0] = 1
    full = {key: np.full(40, value) for key, value in factors.items()}
    net = network(chain_of(affine("w", weights, np.full(40, bias)), neurons("n", 40, **full), shape=(8,)))
    spikes = (RNG.random((3, 400, 8)) < 0.5).astype(np.uint8)
    program = deployed(net)
    floats = simulate_float(net, {"in": spikes})
    counts = causes(net, program.net, "n", spikes, floats.spikes)
    assert counts[cause] > 0 and max(counts, key=lambda key: counts[key]) == cause


def test_a_model_with_convolutions_and_feedback(tmp_path: Any) -> None:
    state = run_passes(write(conv_net(RNG), tmp_path), "loihi2", Options(bits={"*": 8, "rec": 4}))
    net, program = state.network, finish(state)
    assert net is not None
    spikes = (RNG.random((4, 15, 1, 8, 8)) < 0.4).astype(np.uint8)
    found = compare_program(net, program, spikes, labels=np.arange(4))
    by_name = {layer.layer: layer for layer in found.layers}
    assert all(not layer.void and layer.made_here is not None for layer in found.layers)
    assert by_name["rec"].made_here > 3 * by_name["lif2"].made_here  # type: ignore[operator]
    assert by_name["rec"].made_here < by_name["rec"].mismatching + 50  # type: ignore[operator]
    assert "weights" in finding(found, "rec", "made_here").what
    facts = found.to_dict()
    assert [row["layer"] for row in facts["layers"]] == ["lif1", "lif2", "rec", "out"]
    assert len(facts["layers"][0]["per_step"]["made_here"]) == 15


def test_decisions() -> None:
    weights = RNG.normal(0.1, 0.4, (4, 8))
    net = network(chain_of(linear("w", weights), neurons("c", 4), shape=(8,)))
    labels = np.array([0, 1, 2, 3, 0, 1])
    found = compared(net, SPIKES, 2, labels=labels)
    decided = found.decisions
    assert decided is not None
    floats = simulate_float(net, {"in": SPIKES}).spikes["c"].sum(axis=1).argmax(axis=1)
    chip = chip_side(deployed(net, 2), "chip").run(SPIKES).spikes["c"].sum(axis=1).argmax(axis=1)
    np.testing.assert_array_equal(decided.first, floats)
    np.testing.assert_array_equal(decided.second, chip)
    np.testing.assert_array_equal(decided.flips, np.flatnonzero(floats != chip))
    facts = decided.to_dict()
    assert facts["flips"] == len(facts["first_flips"]) > 0
    assert facts["accuracy_first"] == np.mean(floats == labels) and facts["accuracy_second"] == np.mean(chip == labels)
    assert facts["became_right"] - facts["became_wrong"] == (chip == labels).sum() - (floats == labels).sum()
    assert "begin with layer" in finding(found, "decision", "flips").remedy
    with pytest.raises(SimulationError, match="label 11"):
        compared(net, SPIKES, labels=labels + 8)


def test_without_trials_findings_keep_a_remedy() -> None:
    found = compared(three_layers(), SPIKES, 3, try_remedies=False)
    assert found.findings and all(f.remedy and not f.tried for f in found.findings)


def test_calibration_is_tried_and_not_advised_twice() -> None:
    net = network(chain_of(linear("w", RNG.standard_t(2, (12, 8)) * 0.3 + 0.1), neurons("n", 12), shape=(8,)))
    by_rule = compared(net, SPIKES, 3)
    trial = finding(by_rule, "n", "made_here").tried[0]
    integers, report = calibrate(net, load_target("loihi2"), SPIKES, bits=3, method="mse")
    program = program_of(integers, readout="count", quantization=report.to_dict())
    calibrated = compare_program(net, program, SPIKES)
    assert trial.change == "--calibrate 'n'" and trial.made_here == calibrated.layers[0].made_here
    assert trial.made_here < trial.made_here_before == by_rule.layers[0].made_here
    assert calibrated.findings and not any("--calibrate" in f.remedy for f in calibrated.findings)
    assert not any(t.change.startswith("--calibrate") for f in calibrated.findings for t in f.tried)


def test_a_program_of_another_net_is_compared_without_a_teacher() -> None:
    net = recurrent()
    other = replace(net, projections=tuple(p for p in net.projections if not p.feedback))
    found = compare_program(net, deployed(other), SPIKES)
    assert all(layer.made_here is None for layer in found.layers) and found.layers[1].mismatching > 0
