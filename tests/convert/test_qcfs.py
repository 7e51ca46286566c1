"""QCFS networks on the chip's integers: every train of every neuron, against a model that knows no neurons."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from fields import model_fields
from numpy.typing import NDArray
from qcfs_models import chain, in_float, residual

import neurodeploy as nd
from neurodeploy import ChipNetwork
from neurodeploy.connections import Dense
from neurodeploy.convert.qcfs import Branch, Coding, Layer, QcfsModel, QcfsNetwork
from neurodeploy.convert.qcfs.check import random_counts, trains
from neurodeploy.convert.qcfs.golden import mapped, qcfs
from neurodeploy.convert.qcfs.integers import quantised
from neurodeploy.errors import FieldOverflow, ModelError, QuantizeError, SimulationError, UnsupportedFeature
from neurodeploy.evaluate import run_program
from neurodeploy.simulate import simulate
from neurodeploy.target import Target

WAYS: dict[str, dict[str, Any]] = {
    "defer": {},
    "gates": {"gate": "neurons"},
    "pascal": {"mode": "pascal"},
    "thermometer": {"thermometer": True},
    "thermometer with gates": {"thermometer": True, "gate": "neurons"},
}


def neuron(mode: str, theta: int, biases: NDArray[Any], steps_in: int, steps_out: int) -> ChipNetwork:
    """One neuron for each bias; what it is sent arrives in the same step."""
    net = ChipNetwork(sample_steps=steps_in + max(steps_in, steps_out) + steps_out)
    net.add_input("in", shape=biases.shape, message_bits=24)
    v0 = ((theta // 2 + biases) << 6) + 1
    if mode == "pascal":
        fields = {"begin": 0, "steps_in": steps_in, "steps_out": steps_out}
        net.add_population("n", shape=biases.shape, model="pascal", vth=theta, v0=v0, **fields)
    else:
        window = (steps_in - 1, steps_in - 1 + steps_out)
        net.add_population("n", shape=biases.shape, du=4095, vth=theta, v0=v0, reset="subtract", window=window)
    net.connect("in", "n", kind="direct")
    return net


def assert_theorem(mode: str, theta: int, biases: NDArray[Any], currents: NDArray[Any], steps_out: int) -> int:
    """Trains of neurons that get currents (B, T1, n); how many cases."""
    steps_in = currents.shape[1]
    net = neuron(mode, theta, biases, steps_in, steps_out)
    sent = simulate(net, currents).spikes["n"]
    counts = qcfs(currents.sum(axis=1) + biases, theta, steps_out)
    opens = steps_in - 1 if mode == "defer" else steps_in + max(steps_in, steps_out) - 1
    expected = np.zeros_like(sent)
    expected[:, opens : opens + steps_out] = trains(counts, steps_out)
    np.testing.assert_array_equal(sent, expected)
    return int(counts.size)


@pytest.mark.parametrize("mode", ["defer", "pascal"])
def test_the_theorem_on_all_short_sequences(mode: str) -> None:
    """All currents in -2 theta .. 2 theta, all biases in -theta .. theta; T1 of 3 and 4 for theta = 2."""
    cases = 0
    small = [*product((2, 4, 6), (1, 2), (1, 2, 4, 5)), *product((2,), (3, 4), (1, 2, 3, 4))]
    for theta, steps_in, steps_out in small:
        biases = np.arange(-theta, theta + 1)
        sequences = np.array(list(product(range(-2 * theta, 2 * theta + 1), repeat=steps_in)), np.int32)
        currents = np.broadcast_to(sequences[:, :, None], (*sequences.shape, len(biases)))
        cases += assert_theorem(mode, theta, biases, currents, steps_out)
    assert cases == sum((2 * theta + 1) * (4 * theta + 1) ** steps_in for theta, steps_in, _ in small) == 192_416


@pytest.mark.parametrize("mode", ["defer", "pascal"])
def test_the_theorem_on_long_sequences(mode: str) -> None:
    rng = np.random.default_rng(2)
    for steps_in, steps_out in [*product((3, 4), (1, 2, 3, 4, 7)), *rng.integers(1, 33, (30, 2)).tolist()]:
        theta = 2 * int(rng.integers(1, 4 if steps_in < 5 else 500))
        biases = rng.integers(-theta, theta + 1, 40)
        width = max(1, int(theta * rng.choice([0.1, 0.5, 2])))
        assert_theorem(
            mode, theta, biases, rng.integers(-width, width + 1, (25, steps_in, 40)).astype(np.int32), steps_out
        )


def test_the_golden_model_is_its_formula() -> None:
    """Against matrices, and against the float network where nothing is rounded away."""
    rng = np.random.default_rng(0)
    for model in (chain(rng), residual(rng)):
        net = quantised(model)
        counts = random_counts(rng, 20, net)
        found = net.counts(counts)
        known = {"in": counts.reshape(20, -1)} | found
        for layer in net.layers:
            z = layer.bias + sum(known[b.source] @ b.connection.to_csr().toarray().T for b in layer.branches)
            expected = (
                z
                if not layer.levels
                else np.minimum(np.maximum((2 * z + layer.theta) // (2 * layer.theta), 0), layer.levels)
            )
            np.testing.assert_array_equal(found[layer.name], expected)
            assert layer.theta % 2 == 0
            assert max(int(abs(b.connection.weights).max()) for b in layer.branches) <= 127
        values = in_float(model, counts * model.coding.step)
        for layer, whole in zip(model.hidden, net.hidden, strict=True):
            assert np.mean(np.rint(values[layer.name] / layer.step) == found[layer.name]) > 0.8
            np.testing.assert_allclose(whole.theta / whole.scale, layer.step, rtol=1e-12)


def test_maps_of_the_golden_model() -> None:
    rng = np.random.default_rng(1)
    for layer in (layer for m in (chain(rng), residual(rng)) for layer in quantised(m).layers):
        for c in (b.connection for b in layer.branches):
            n = rng.integers(0, 9, (5, c.n_source))
            np.testing.assert_array_equal(mapped(c, n), n @ c.to_csr().toarray().T)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("make", [chain, residual])
def test_the_chip_equals_the_integers(way: str, make: Any) -> None:
    """Every spike of every neuron and every logit, spikes first or shuffled, on both engines."""
    rng = np.random.default_rng(3)
    made = nd.convert.qcfs(make(rng), samples=10, **WAYS[way])
    counts = random_counts(rng, 12, made.golden)
    golden = made.compare(counts)
    levels = {layer.name: layer.levels for layer in made.golden.hidden}
    assert all(0 < golden[name].mean() < most for name, most in levels.items())
    for engine in ("fast", "reference"):
        shuffled = trains(counts, made.coding.levels, rng)
        assert (shuffled != trains(counts, made.coding.levels)).any()
        made.compare(counts[:4], spikes=shuffled[:4], engine=engine)


@pytest.mark.parametrize("way", WAYS)
def test_many_chains(way: str) -> None:
    rng = np.random.default_rng(4)
    for _ in range(10):
        sizes = rng.integers(1, 12, rng.integers(3, 6))
        levels = rng.integers(1, 9, len(sizes) - 2)
        bits = int(rng.integers(4, 9))
        model = chain(rng, sizes.tolist(), levels.tolist(), inputs=int(rng.integers(1, 9)))
        try:
            made = nd.convert.qcfs(model, bits=bits, samples=20, seed=int(rng.integers(99)), **WAYS[way])
        except QuantizeError as refused:
            assert "has to be 2" in refused.what
        else:
            assert made.certificate.checked.startswith("20 random inputs")


def test_ticks_are_those_of_the_formulas() -> None:
    rng = np.random.default_rng(5)
    for levels, pascal, defer in (
        ((8, 8), 54, 32),
        ((4, 4), 42, 24),
        ((2, 2), 36, 20),
        ((4, 2), 40, 22),
        ((1, 1), 33, 18),
    ):
        model = chain(rng, (5, 6, 6, 3), levels, inputs=16)
        found = [nd.convert.qcfs(model, mode=mode, samples=2).certificate for mode in ("pascal", "defer")]
        assert [c.ticks for c in found] == [pascal, defer]
        assert [c.steps for c in found] == [pascal + 3, defer + 1]  # hops of pascal; the step that completes the logits


def with_window(made: QcfsNetwork, name: str, window: tuple[int, int]) -> QcfsNetwork:
    net = made.program.net
    changed = {**net.populations, name: replace(net.populations[name], window=window)}
    return replace(made, program=replace(made.program, net=replace(net, populations=changed)))


def saturated() -> QcfsModel:
    """More than L thresholds in a hidden layer that has to fall silent before the next one fires."""
    up = Dense(np.full((3, 4), 1.0), (4,), (3,))
    layers = (
        Layer("a", (3,), (Branch("in", up),), np.zeros(3), 2, 1.0),
        Layer("b", (3,), (Branch("a", Dense(np.eye(3), (3,), (3,))),), np.zeros(3), 4, 4.0),
        Layer("out", (3,), (Branch("b", Dense(np.eye(3), (3,), (3,))),), np.zeros(3)),
    )
    return QcfsModel((4,), Coding(4), layers)


def test_without_the_closing_gate_it_is_caught() -> None:
    made = nd.convert.qcfs(saturated())
    assert made.golden.layers[0].theta == 62, "64 would make a weight of 128"
    counts = np.full((1, 4), 4)
    assert made.compare(counts)["a"].tolist() == [[2, 2, 2]]
    opens, closes = made.certificate.phases["a"]
    with pytest.raises(SimulationError, match=r"layer 'a'"):
        with_window(made, "a", (opens, closes + 1)).compare(counts)
    with pytest.raises(SimulationError, match=r"layer 'a'"):
        with_window(made, "a", (opens - 1, closes)).compare(counts)


def test_without_a_closing_gate_neuron_it_is_caught() -> None:
    made = nd.convert.qcfs(saturated(), gate="neurons")
    counts = np.full((1, 4), 4)
    made.compare(counts)
    net = made.program.net
    gates = net.projections[next(k for k, p in enumerate(net.projections) if p.source == "a_gate")]
    (weights,) = (gates.connection.weights,)
    assert (weights > 0).any() and (weights < 0).any()
    for sign in (1, -1):
        left = net.with_weights("a_gate", "a", np.where(sign * weights > 0, weights, 0).astype(np.int64))
        with pytest.raises(SimulationError, match=r"layer 'a'"):
            replace(made, program=replace(made.program, net=left)).compare(counts)


@pytest.mark.parametrize("wrong", ["one less", "no one more"])
def test_wrong_threshold_encodings_are_caught(wrong: str) -> None:
    """A threshold register of theta - 1, or a membrane that starts without the 1."""
    rng = np.random.default_rng(6)
    caught = 0
    for _ in range(20):
        made = nd.convert.qcfs(chain(rng, (8, 12, 12, 4), (8, 8), inputs=8), bits=5, samples=0)
        net = made.program.net
        for layer in made.golden.hidden:
            p = net.populations[layer.name]
            fields = {"vth": p.fields["vth"] - 1} if wrong == "one less" else {"v0": p.fields["v0"] - 1}
            net = net.with_fields(layer.name, **fields)
        try:
            replace(made, program=replace(made.program, net=net)).compare(random_counts(rng, 50, made.golden))
        except SimulationError:
            caught += 1
    assert caught >= 15


def variant(name: str = "loihi2", **facts: Any) -> Target:
    """A target with other facts of its compartments, or of its weights (``weight_...``)."""
    target = nd.load_target(name)
    for key, value in facts.items():
        group, fact = ("weight", key.removeprefix("weight_")) if key.startswith("weight_") else ("compartment", key)
        old = getattr(target, group)
        changed = msgspec.structs.replace(getattr(old, fact), value=value)
        target = msgspec.structs.replace(target, **{group: msgspec.structs.replace(old, **{fact: changed})})
    return target


def test_hard_resets_are_refused_and_thermometers_are_not() -> None:
    model = residual(np.random.default_rng(7))
    with pytest.raises(UnsupportedFeature, match=r"(?s)loihi1.*resets the membrane to zero.*--thermometer"):
        nd.convert.qcfs(model, target="loihi1")
    with pytest.raises(UnsupportedFeature, match=r"(?s)no programmable neurons.*defer"):
        nd.convert.qcfs(model, target="loihi1", mode="pascal")
    made = nd.convert.qcfs(model, target="loihi1", thermometer=True)
    assert made.certificate.gate == "neurons" and made.certificate.mode == "thermometer"
    sizes = {layer.name: layer.size * layer.levels for layer in made.golden.hidden}
    assert {name: made.program.net.populations[name].size for name in sizes} == sizes


def test_gate_neurons_where_there_are_no_windows() -> None:
    model = chain(np.random.default_rng(8))
    plain = nd.convert.qcfs(model)
    gated = nd.convert.qcfs(model, target=variant(firing_window=False, fire_once=False))
    assert (plain.certificate.gate, gated.certificate.gate) == ("window", "neurons")
    assert gated.certificate.neurons == plain.certificate.neurons + 2 * len(gated.golden.hidden)
    counts = random_counts(np.random.default_rng(9), 8, gated.golden)
    runs = [simulate(made.program.net, trains(counts, 4)) for made in (plain, gated)]
    hidden = sum(layer.size for layer in plain.golden.hidden)
    assert runs[1].counters.syn_ops == runs[0].counters.syn_ops + 2 * hidden * len(counts)


def test_odd_weights_where_the_target_holds_them() -> None:
    made = nd.convert.qcfs(chain(np.random.default_rng(10)), target=variant(weight_legal_bits=(8, 9)), bits=9)
    weights = made.program.net.projections[0].connection.weights
    assert (weights % 2 == 1).any() and abs(weights).max() > 127
    assert made.program.net.populations["h0"].fields["vth"] == made.golden.layers[0].theta


def test_few_bits_are_stored_as_few() -> None:
    made = nd.convert.qcfs(chain(np.random.default_rng(11)), bits={"h0": 5, "*": 8})
    first, second, _ = made.program.net.projections
    assert (first.num_weight_bits, first.weight_exp, second.num_weight_bits, second.weight_exp) == (5, -3, 8, 0)
    assert abs(made.golden.layers[0].branches[0].connection.weights).max() <= 15


def broken(**changes: Any) -> QcfsModel:
    model = chain(np.random.default_rng(12))
    return replace(model, layers=(replace(model.layers[0], **changes), *model.layers[1:]))


WRONG: dict[str, tuple[Any, dict[str, Any], type[Exception], str]] = {
    "lambda 0": (lambda: broken(lam=0.0), {}, ModelError, r"(?s)lambda = 0.*layer 'h0'"),
    "lambda below 0": (lambda: broken(lam=-1.0), {}, ModelError, "lambda = -1"),
    "no levels": (lambda: broken(levels=0), {}, ModelError, "0 levels"),
    "nan": (lambda: broken(bias=np.full(9, np.nan)), {}, ModelError, "not finite"),
    "bias": (lambda: broken(bias=np.zeros(3)), {}, ModelError, "bias of shape"),
    "source": (lambda: broken(branches=()), {}, ModelError, "nothing leads to it"),
    "name": (lambda: broken(name="in"), {}, ModelError, "'in' is taken"),
    "small threshold": (lambda: broken(lam=1e-3), {}, QuantizeError, r"(?s)threshold.*has to be 2.*h0.*more bits"),
    "bits": (lambda: broken(), {"bits": 10}, QuantizeError, "10 bits"),
    "bits of nothing": (lambda: broken(), {"bits": {"h9": 8}}, QuantizeError, r"(?s)'h9'.*h0"),
    "mode": (lambda: broken(), {"mode": "deferred"}, ModelError, r"(?s)'deferred'.*defer"),
    "gate": (lambda: broken(), {"gate": "neuron"}, ModelError, r"(?s)'neuron'.*neurons"),
    "gate of pascal": (lambda: broken(), {"gate": "window", "mode": "pascal"}, ModelError, "keep their own time"),
    "two forms": (lambda: broken(), {"thermometer": True, "mode": "pascal"}, ModelError, "thermometers"),
    "window": (
        lambda: broken(),
        {"gate": "window", "target": variant(firing_window=False)},
        UnsupportedFeature,
        "window",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_mistakes(what: str) -> None:
    make, options, error, message = WRONG[what]
    with pytest.raises(error, match=message):
        nd.convert.qcfs(make(), **options)


def wide(inputs: int) -> QcfsModel:
    """A neuron that adds up all inputs, and one that subtracts them."""
    weights = Dense(np.repeat([[1.0], [-1.0]], inputs, axis=1), (inputs,), (2,))
    layers = (
        Layer("wide", (2,), (Branch("in", weights),), np.zeros(2), 4, float(inputs)),
        Layer("out", (1,), (Branch("wide", Dense(np.ones((1, 2)), (2,), (1,))),), np.zeros(1)),
    )
    return QcfsModel((inputs,), Coding(16), layers)


def test_a_membrane_that_could_overflow_is_refused() -> None:
    with pytest.raises(
        FieldOverflow, match=r"(?s)can reach 143,352 units of weight, and holds 131,071.*layer 'wide'.*7 bits"
    ):
        nd.convert.qcfs(wide(35))
    fits = nd.convert.qcfs(wide(35), bits={"wide": 7})
    assert fits.certificate.membrane_most < fits.certificate.membrane_limit == 131071
    fits.compare(np.full((1, 35), 16))
    with pytest.raises(FieldOverflow, match="'wide'"):
        nd.convert.qcfs(wide(30), gate="neurons")  # what holds it down needs room, too
    nd.convert.qcfs(wide(30))


def test_the_largest_membrane_is_that_of_the_bound() -> None:
    """The worst input makes exactly the value that is promised."""
    made = nd.convert.qcfs(wide(30))
    run = simulate(made.program.net, trains(np.full((1, 30), 16), 16), record={"wide": ("v",)})
    opens = made.certificate.phases["wide"][0]
    before = run.states["wide"]["v"][0, opens, 0] + (made.program.net.populations["wide"].fields["vth"] << 6)
    assert before == (made.certificate.membrane_most << 6) + 1


def test_inputs() -> None:
    coding = Coding(16, 1 / 16)
    assert coding.counts(np.array([0, 1 / 16, 0.5, 1])).tolist() == [0, 1, 8, 16]
    for wrong in (0.51, -1 / 16, 17 / 16, np.nan):
        with pytest.raises(ModelError, match=r"(?s)the input.*0\.\.16"):
            coding.counts(np.array([0, wrong]))
    analog = Coding(4, 0.5, rounds=True)
    assert analog.counts(np.array([-1, 0.2, 0.25, 0.8, 1.3, 9])).tolist() == [0, 0, 1, 2, 3, 4]


def test_a_program_runs_costs_and_reports(tmp_path: Path) -> None:
    """Saved and read again, it gives the logits in the float network's units at the end of each sample."""
    model = residual(np.random.default_rng(13))
    for way in ("defer", "pascal"):
        made = nd.convert.qcfs(model, **WAYS[way])
        values = random_counts(np.random.default_rng(14), 6, made.golden) * model.coding.step
        nd.save(made.program, tmp_path / "net.ndp")
        program = nd.load(tmp_path / "net.ndp")
        assert program.provenance["qcfs"] == made.certificate.to_dict()
        for engine in ("fast", "reference"):
            run, found = run_program(program, made.encode(values), engine=engine)
            expected = made.golden.logits(made.coding.counts(values)) / made.golden.layers[-1].scale
            np.testing.assert_allclose(found, expected, rtol=1e-12)
            assert run.steps == made.certificate.steps
        np.testing.assert_allclose(found, in_float(model, values)["out"], atol=0.5)
        assert nd.estimate(run, program).syn_ops > 0
        nd.report(program, made.encode(values), tmp_path / "page.html", labels=np.zeros(6, int))
        assert "<title>" in (tmp_path / "page.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("regime", ["small", "large", "extreme"])
def test_the_pascal_kernel_is_its_definition(regime: str) -> None:
    """All registers of both engines, saturation and wrapping included."""
    rng = np.random.default_rng(15)
    widest = {"small": 9, "large": 2**17, "extreme": 2**31 - 1}[regime]
    for _ in range(6):
        net = ChipNetwork()
        net.add_input("in", shape=(70,), message_bits=32)
        fields = model_fields("pascal", rng, regime, (70,))
        if regime == "small":
            fields["v0"] = rng.integers(-9, 10, 70) << 6  # so that membranes of 0 are met
        net.add_population("n", shape=(70,), model="pascal", **fields)
        net.connect("in", "n", kind="direct")
        currents = rng.integers(-widest, widest + 1, (3, 22, 70)).astype(np.int32)
        fast, slow = (simulate(net, currents, record={"n": ("v", "count")}, engine=e) for e in ("fast", "reference"))
        for register in ("v", "count"):
            np.testing.assert_array_equal(fast.states["n"][register], slow.states["n"][register])
        np.testing.assert_array_equal(fast.spikes["n"], slow.spikes["n"])
        assert fast.counters.populations["n"] == slow.counters.populations["n"]
        assert (slow.counters.populations["n"].saturations > 0) == (regime != "small")
