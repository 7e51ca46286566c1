"""Calibration: never worse than the rule on its data, the same for the same seed, and each part against brute force."""

from __future__ import annotations

import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import nir
import numpy as np
import pytest
from floats import affine, chain_of, linear, made, network, neurons
from graphs import chain, conv, lif, write
from hypothesis import given, settings
from hypothesis import strategies as st

from neurodeploy import load_target, simulate
from neurodeploy.calibration import METHODS, CalibrationData, calibrate, choose, search
from neurodeploy.calibration.gauge import reference, registers, score
from neurodeploy.calibration.methods import by_percentile
from neurodeploy.calibration.moments import moments
from neurodeploy.calibration.ranges import largest_registers
from neurodeploy.chipnet import ChipNetwork
from neurodeploy.connections import Dense
from neurodeploy.errors import FieldOverflow, QuantizeError, SimulationError
from neurodeploy.frontends import read_nir
from neurodeploy.graph import Node
from neurodeploy.lower import lower, resolve_semantics
from neurodeploy.network import Network, Projection
from neurodeploy.quantize import quantize
from neurodeploy.quantize.choice import Choice
from neurodeploy.quantize.compensated import Moments, round_compensated
from neurodeploy.quantize.formats import format_of_bits
from neurodeploy.simulate.float_reference import simulate_float

LOIHI1, LOIHI2 = load_target("loihi1"), load_target("loihi2")


def lowered(value: nir.NIRGraph, folder: Path) -> Network:
    file = read_nir(write(value, folder))
    return lower(file, resolve_semantics(file, {}))


def leaky(name: str, n: int, b: float = 0.9, **exact: Any) -> Node:
    return neurons(name, n, b=np.full(n, b), theta=np.full(n, 1.0), **exact)


def feed_forward(rng: np.random.Generator) -> Network:
    nodes = [affine("w1", rng.normal(size=(14, 12)) * 0.4, rng.normal(size=14) * 0.1), leaky("a", 14)]
    nodes += [linear("w2", rng.standard_t(2, size=(5, 14)) * 0.4), leaky("b", 5)]
    return network(chain_of(*nodes, shape=(12,)))


def recurrent(rng: np.random.Generator) -> Network:
    nodes = [linear("w", rng.normal(size=(10, 12)) * 0.5), neurons("a", 10, a=np.full(10, 0.5), b=np.full(10, 0.8))]
    nodes += [linear("rec", rng.normal(size=(10, 10)) * 0.2), linear("w2", rng.normal(size=(4, 10))), leaky("b", 4)]
    edges = [("in", "w"), ("w", "a"), ("a", "rec"), ("rec", "a"), ("a", "w2"), ("w2", "b"), ("b", "out")]
    return network(made(nodes, edges, {"in": (12,)}))


def read_out_by_membrane(rng: np.random.Generator) -> Network:
    nodes = [linear("w1", rng.normal(size=(14, 12)) * 0.4), leaky("a", 14)]
    nodes += [linear("w2", rng.normal(size=(4, 14))), Node("b", "I", {"r": np.ones(4)})]
    return network(chain_of(*nodes, shape=(12,)), readout="v_last")


def whole_numbers(rng: np.random.Generator) -> Network:
    nodes = [linear("w1", rng.integers(-1, 2, (14, 12)) / 4), neurons("a", 14)]
    nodes += [linear("w2", rng.integers(-1, 2, (5, 14)) / 2), neurons("b", 5)]
    return network(chain_of(*nodes, shape=(12,)))


def silent(rng: np.random.Generator) -> Network:
    """Never fires in float: every spike is wrong."""
    return network(chain_of(linear("w1", -np.abs(rng.normal(size=(5, 12)))), leaky("a", 5), shape=(12,)))


NETWORKS = [feed_forward, recurrent, read_out_by_membrane, whole_numbers, silent]


def data(rng: np.random.Generator, classes: int | None, samples: int = 8) -> CalibrationData:
    spikes = (rng.random((samples, 25, 12)) < rng.uniform(0.05, 0.9)).astype(np.uint8)
    return CalibrationData(spikes, None if classes is None else rng.integers(0, classes, samples))


def same(a: ChipNetwork, b: ChipNetwork) -> bool:
    arrays = [(p.connection.weights, q.connection.weights) for p, q in zip(a.projections, b.projections, strict=True)]
    arrays += [(a.populations[n].fields[f], b.populations[n].fields[f]) for n in a.populations for f in ("vth", "dv")]
    exponents = all(p.weight_exp == q.weight_exp for p, q in zip(a.projections, b.projections, strict=True))
    return exponents and all(np.array_equal(x, y) for x, y in arrays)


@pytest.mark.parametrize("build", NETWORKS)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("labelled", [True, False])
def test_never_worse_than_the_rule(build: Any, method: str, labelled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also with labels that mean nothing, and where the search sees but two of the samples."""
    monkeypatch.setattr(search, "ROUNDS", 1)
    monkeypatch.setattr(search, "DRAWN", 3)
    for seed, seen in ((0, 200), (1, 2)):
        monkeypatch.setattr(choose, "SEARCHED", seen)
        rng = np.random.default_rng(seed)
        net = build(rng)
        (output,) = net.outputs.values()
        samples = data(rng, net.populations[output].size if labelled else None)
        truth = reference(net, samples)
        default = score(quantize(net, LOIHI1, bits=3)[0], truth)
        chip, report = calibrate(net, LOIHI1, samples, bits=3, method=method, seed=seed)
        reached = score(chip, truth)
        assert len(reached) == 1 + labelled and reached <= default
        assert report.calibration is not None
        assert [m["chosen"] for m in report.calibration["metric"].values()] == list(reached)  # type: ignore[attr-defined]


def test_a_method_that_chooses_badly_is_overruled(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    net, samples = feed_forward(rng), data(rng, None)
    bad = {n: Choice(clip=30.0, threshold=5.0) for n in net.populations}
    assert score(quantize(net, LOIHI1, choices=bad)[0], reference(net, samples)) > score(
        quantize(net, LOIHI1)[0], reference(net, samples)
    )
    monkeypatch.setattr(choose, "by_error", lambda *_: bad)
    monkeypatch.setattr(choose, "search", lambda *_args, **_kwargs: bad)
    for method in ("mse", "search"):
        chip, report = calibrate(net, LOIHI1, samples, method=method)
        assert same(chip, quantize(net, LOIHI1)[0])
        assert report.calibration is not None and report.calibration["choices"] == {"a": {}, "b": {}}


def test_the_rule_is_kept_where_nothing_is_gained() -> None:
    rng = np.random.default_rng(0)
    net, samples = whole_numbers(rng), data(rng, None)
    _, report = calibrate(net, LOIHI1, samples, method="percentile")
    assert report.calibration is not None and report.calibration["choices"] == {"a": {}, "b": {}}
    assert report.calibration["metric"] == {"mismatch": {"default": 0.0, "chosen": 0.0}}


def test_moments_round_the_weights_of_a_network() -> None:
    rng = np.random.default_rng(1)
    net = feed_forward(rng)
    inputs = rng.random((100, 12)) + rng.random((100, 1))
    known = {"in": Moments.of(inputs.T @ inputs)}
    chip, report = quantize(net, LOIHI1, bits=4, choices={"a": Choice(moments=known)})
    first, trained = chip.projections[0], net.projections[0].connection.weights
    unit = 64 * 2.0**first.weight_exp / float(chip.populations["a"].scale or 0)
    expected = round_compensated(trained, unit, format_of_bits(4, "mixed", LOIHI1), known["in"])
    np.testing.assert_array_equal(first.connection.weights, expected)
    assert report.projections[0].error_max_lsb > 0.5
    other = quantize(net, LOIHI1, bits=4, choices={"b": Choice(moments=known)})[0]
    assert same(other, quantize(net, LOIHI1, bits=4)[0])


def test_the_search_gains_and_is_reproducible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "ROUNDS", 1)
    rng = np.random.default_rng(4)
    net, samples = feed_forward(rng), data(rng, None, 20)
    truth = reference(net, samples)
    first, second, other = (calibrate(net, LOIHI1, samples, bits=3, seed=s)[0] for s in (3, 3, 4))
    assert same(first, second)
    by_rule, by_error = (calibrate(net, LOIHI1, samples, bits=3, method=m)[0] for m in ("bounds", "mse"))
    assert score(by_error, truth)[0] < 0.8 * score(by_rule, truth)[0]
    assert max(score(first, truth), score(other, truth)) < score(by_error, truth)


def test_a_score_counts_what_differs() -> None:
    rng = np.random.default_rng(2)
    net, samples = feed_forward(rng), data(rng, 5)
    chip, _ = quantize(net, LOIHI1, bits=3)
    run, floats = simulate(chip, samples.spikes), simulate_float(net, {"in": samples.spikes})
    shares = []
    for depth, name in enumerate("ab", start=1):
        wrong = run.spikes[name][:, depth : depth + 25] != floats.spikes[name]
        shares.append(np.count_nonzero(wrong) / np.count_nonzero(floats.spikes[name]))
    found = run.spikes["b"][:, 2:27].sum(axis=1).argmax(axis=1)
    assert score(chip, reference(net, samples)) == (1 - np.mean(found == samples.labels), np.mean(shares))


def test_ranges_of_u_and_v(monkeypatch: pytest.MonkeyPatch) -> None:
    """Against a network of floats by hand; whatever the data are cut into."""
    from neurodeploy.calibration import gauge

    rng = np.random.default_rng(6)
    net, samples = recurrent(rng), data(rng, None)
    spikes = simulate_float(net, {"in": samples.spikes}).spikes["a"].astype(float)
    forward, back = (p.connection.weights for p in net.projections if p.target == "a")
    u, v, largest_u, all_v = np.zeros((8, 10)), np.zeros((8, 10)), 0.0, []
    for t in range(25):
        u = 0.5 * u + samples.spikes[:, t] @ forward.T + (spikes[:, t - 1] @ back.T if t else 0)
        v = 0.8 * v + u
        largest_u = max(largest_u, np.abs(u).max())
        all_v.append(np.abs(v))
        v = np.where(v > 1, 0, v)
    expected = max(largest_u, float(np.percentile(all_v, 99.99)))
    assert expected > largest_u
    np.testing.assert_allclose(largest_registers(net, samples)["a"], expected)
    monkeypatch.setattr(gauge, "PART_BYTES", 1)
    np.testing.assert_allclose(largest_registers(net, samples)["a"], expected, rtol=0.05)


def test_the_largest_current_counts_its_decay() -> None:
    weights = np.array([[0.5, 0.25]])
    net = network(chain_of(linear("w", weights), neurons("a", 1, a=np.full(1, 0.75), b=np.zeros(1)), shape=(2,)))
    x = np.zeros((1, 6, 2), np.uint8)
    x[0, 1:4, 0] = 1
    found = largest_registers(net, CalibrationData(np.repeat(x, 3, axis=0)))
    np.testing.assert_allclose(found["a"], 0.5 * (1 + 0.75 + 0.75**2))


def test_v_is_looked_at_before_its_reset() -> None:
    net = network(chain_of(linear("w", [[0.7, 0.3]]), neurons("a", 1), shape=(2,)))
    chip, _ = quantize(net, LOIHI1)
    x = np.zeros((1, 4, 2), np.uint8)
    x[0, :2, 0] = 1
    ((_, u, v, run),) = registers(chip, CalibrationData(x), net)
    one = 64 * int(chip.projections[0].connection.weights[0, 0]) << chip.projections[0].weight_exp
    assert run.spikes["a"].sum() == 1 and u.ravel().tolist()[:3] == [one, one, 0]
    assert v.ravel().tolist()[:3] == [one, 2 * one, 0]


def test_the_search_returns_the_best_that_it_measured() -> None:
    """On a score that rises and falls without sense."""
    seen: list[tuple[float, ...]] = []

    def measure(choices: dict[str, Choice]) -> tuple[float, ...]:
        text = repr([(n, c.clip, c.exponent, c.per_channel, c.threshold, bool(c.moments)) for n, c in choices.items()])
        seen.append((zlib.crc32(text.encode()) / 2**32,))
        return seen[-1]

    base = dict.fromkeys("ab", Choice())
    known = {n: {"in": Moments.of(np.eye(2))} for n in base}
    best = search.search(base, [base], known, measure, np.random.default_rng(0), channels=True)
    assert len(seen) > 60
    assert min(seen) == measure(best)


def wide(rng: np.random.Generator) -> Network:
    """So many inputs that no exponent is proven, of which few ever spike at once."""
    nodes = [linear("w", rng.normal(size=(4, 12000))), neurons("a", 4, a=np.full(4, 0.9), b=np.full(4, 0.5))]
    return network(chain_of(*nodes, shape=(12000,)))


def test_observed_ranges_allow_what_is_not_proven() -> None:
    rng = np.random.default_rng(0)
    net = wide(rng)
    x = (rng.random((3, 30, 12000)) < 0.0005).astype(np.uint8)
    _, by_rule = quantize(net, LOIHI1)
    assert by_rule.populations[0].u_headroom == "open" and by_rule.populations[0].u_headroom_bits < 0
    choices = by_percentile(net, LOIHI1, {"a": 8}, reference(net, CalibrationData(x)), {"a": Choice()})
    chip, finer = quantize(net, LOIHI1, choices=choices)
    assert finer.projections[0].weight_exp > by_rule.projections[0].weight_exp
    run = simulate(chip, x, record={"a": ("u", "v")}, strict=True)
    assert 2**20 < np.abs(run.states["a"]["u"]).max() <= 2**22 * 1.01
    chip, report = calibrate(net, LOIHI1, x, method="percentile")
    (row,) = report.populations
    run = simulate(chip, x, record={"a": ("u", "v")}, strict=True)
    assert row.u_headroom == row.v_headroom == "observed"
    np.testing.assert_allclose(np.abs(run.states["a"]["u"]).max(), 2 ** (23 - row.u_headroom_bits))
    assert np.abs(run.states["a"]["v"]).max() <= 2 ** (23 - row.v_headroom_bits) * (1 + 1e-9)


def test_registers_that_overflow_are_said_to() -> None:
    net = wide(np.random.default_rng(0))
    weights = net.projections[0].connection.weights
    x = np.tile(weights[0] < 0, (1, 40, 1)).astype(np.uint8)
    _, report = calibrate(net, LOIHI1, x, method="bounds")
    assert report.populations[0].v_headroom == "exceeded" and report.populations[0].v_headroom_bits < 0


def test_what_the_rule_refuses_calibration_may_find() -> None:
    """Weights 1000 times the threshold, whose range is only seen in the data."""
    rng = np.random.default_rng(0)
    weights = 1000 * rng.normal(size=(4, 400))
    net = network(chain_of(linear("w", weights), leaky("a", 4), shape=(400,)))
    x = np.zeros((2, 50, 400), np.uint8)
    x[0, ::7, 3] = x[1, ::9, 5] = 1
    with pytest.raises(FieldOverflow, match="calibrate"):
        quantize(net, LOIHI1)
    with pytest.raises(FieldOverflow):
        calibrate(net, LOIHI1, x, method="bounds")
    chip, report = calibrate(net, LOIHI1, x, method="percentile")
    assert report.projections[0].weight_exp > 0
    assert report.calibration is not None and report.calibration["metric"]["mismatch"]["default"] is None  # type: ignore[index]
    assert score(chip, reference(net, CalibrationData(x)))[0] < 0.1


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([2, 3, 4, 8]), st.floats(1.0, 2.0))
def test_compensated_rounding(seed: int, bits: int, clip: float) -> None:
    """Legal integers; nearest ones where inputs have nothing in common; less error of sums where they have."""
    rng = np.random.default_rng(seed)
    weights, form = rng.normal(size=(20, 3, 4)), format_of_bits(bits, "mixed", LOIHI1)
    unit = float(np.abs(weights).max() / form.largest / clip)
    nearest = np.clip(np.rint(weights / unit / form.step) * form.step, form.smallest, form.largest)
    apart = Moments.of(np.diag(rng.uniform(0.1, 1, 12)))
    np.testing.assert_array_equal(round_compensated(weights, unit, form, apart), nearest)
    inputs = rng.random((200, 12)) + 2 * rng.random((200, 1))
    gram = inputs.T @ inputs / 200
    held = round_compensated(weights, unit, form, Moments.of(gram))
    assert not np.any(held % form.step) and form.smallest <= held.min() and held.max() <= form.largest

    def error(integers: np.ndarray) -> float:
        off = (integers * unit - weights).reshape(20, 12)
        return float(np.einsum("ij,jk,ik->", off, gram, off))

    assert error(held) < error(nearest)


def test_moments_by_hand() -> None:
    """Traces of spikes in a membrane, of a dense layer and of what a kernel sees."""
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(2, 1, 2, 2))
    geometry = {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": 1}
    conv = Node("c", "Conv2d", {"weight": kernel, "bias": np.zeros(2), "input_shape": (3, 3), **geometry})
    nodes = [conv, neurons("a", 8, a=np.full(8, 0.3), b=np.full(8, 0.6)), linear("w", rng.normal(size=(3, 8)))]
    a = Node("a", "IF", {k: v.reshape(2, 2, 2) for k, v in nodes[1].params.items()}, {}, {})
    flat = Node("f", "Flatten", {"start_dim": 0, "end_dim": -1, "input_shape": (2, 2, 2)})
    net = network(chain_of(conv, a, flat, nodes[2], leaky("b", 3, 0.7), shape=(1, 3, 3)))
    samples = CalibrationData((rng.random((4, 10, 1, 3, 3)) < 0.5).astype(np.uint8))
    truth = reference(net, samples)
    for name, b in (("a", 1.0), ("b", 0.7)):
        (p,) = net.incoming(name)
        fed = samples.spikes.reshape(4, 10, 9) if name == "a" else truth.spikes["a"]
        trace, seen = np.zeros((4, fed.shape[2])), []
        for t in range(10):
            trace = b * trace + fed[:, t]
            if name == "a":
                maps = trace.reshape(4, 3, 3)
                seen += [maps[:, y : y + 2, x : x + 2].reshape(4, 4) for y in range(2) for x in range(2)]
            else:
                seen.append(trace)
        rows = np.concatenate(seen)
        (found,) = moments(truth, net.populations[name], [p], rng).values()
        np.testing.assert_allclose(found.gram, rows.T @ rows / len(rows), rtol=1e-5)


@pytest.mark.parametrize("target", [LOIHI1, LOIHI2])
def test_scales_per_channel(target: Any) -> None:
    """Smaller errors, no more thresholds than the chip has profiles, and the float network's membranes."""
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(40, 30)) * 2.0 ** rng.uniform(-3, 0, (40, 1)) * 0.3
    net = network(chain_of(affine("w", weights, rng.normal(size=40) * 0.05), leaky("a", 40), shape=(30,)))
    _, common = quantize(net, target, bits=4)
    chip, report = quantize(net, target, bits=4, choices={"a": Choice(per_channel=True)})
    thresholds = np.unique(chip.populations["a"].fields["vth"])
    profiles = target.core.vth_profiles
    assert 1 < len(thresholds) <= (40 if profiles is None else profiles.value)
    assert report.populations[0].scales == len(thresholds)
    small = np.abs(weights).max(axis=1) < 0.3 * np.abs(weights).max()
    errors = []
    for made_net in (quantize(net, target, bits=4)[0], chip):
        scale = np.broadcast_to(made_net.populations["a"].scale, (40,))
        held = made_net.projections[0]
        own = held.connection.weights * 64 * 2.0**held.weight_exp / scale[:, None]
        errors.append(np.abs(own - weights)[small].mean())
    assert errors[1] < 0.5 * errors[0]
    x = (rng.random((5, 80, 30)) < 0.4).astype(np.uint8)
    truth = reference(net, CalibrationData(x))
    assert score(chip, truth)[0] < 0.8 * score(quantize(net, target, bits=4)[0], truth)[0]


def test_kernels_share_the_scale_of_their_channel(tmp_path: Path) -> None:
    """Also where other weights onto a map's neurons differ from place to place."""
    rng = np.random.default_rng(0)
    channel = 2.0 ** np.array([0, -1, -2, -3])
    spread = np.repeat(channel, 16)[:, None] * 2.0 ** rng.uniform(-1, 0, (64, 1))
    nodes = {
        "c": conv(rng.normal(size=(4, 1, 3, 3)) * channel.reshape(4, 1, 1, 1), (6, 6)),
        "a": lif((4, 4, 4), 0.5),
    }
    net = lowered(chain(nodes, source=(1, 6, 6), sink=(4, 4, 4)), tmp_path)
    loop = Dense(rng.normal(size=(64, 64)) * spread, (4, 4, 4), (4, 4, 4))
    net = replace(net, projections=(*net.projections, Projection("a", "a", loop, 1, ("rec",), feedback=True)))
    chip, _ = quantize(net, LOIHI2, choices={"a": Choice(per_channel=True)})
    scale = np.broadcast_to(chip.populations["a"].scale, (64,))
    maps = scale.reshape(4, 16)
    assert np.all(maps == maps[:, :1]) and len(np.unique(maps)) > 1
    for held, trained in zip(chip.projections, net.projections, strict=True):
        unit = 64 * 2.0**held.weight_exp / scale
        unit = unit[::16, None, None, None] if held.connection.kind == "conv2d" else unit[:, None]
        off = np.abs(held.connection.weights * unit - trained.connection.weights)
        assert np.all(off <= 1.0001 * unit)


@pytest.mark.parametrize(
    ("given_data", "match"),
    [
        (np.zeros((3, 5, 11)), r"spikes of shape \(3, 5, 11\)"),
        (np.zeros((0, 5, 12)), "at least one"),
        (np.zeros((3, 12)), r"shape \(3, 12\)"),
        (np.full((3, 5, 12), 2), "other than 0 and 1"),
        (CalibrationData(np.zeros((3, 5, 12)), np.zeros(2, int)), "labels of shape"),
        (CalibrationData(np.zeros((3, 5, 12)), np.array([0, 1, 5])), "label 5, but the output has 5"),
    ],
)
def test_data_that_do_not_fit(given_data: Any, match: str) -> None:
    with pytest.raises(SimulationError, match=match):
        calibrate(feed_forward(np.random.default_rng(0)), LOIHI1, given_data)


def test_a_method_that_does_not_exist() -> None:
    with pytest.raises(QuantizeError, match="no method 'serach'.*\n.*\n.*did you mean 'search'"):
        calibrate(feed_forward(np.random.default_rng(0)), LOIHI1, np.zeros((1, 1, 12)), method="serach")
