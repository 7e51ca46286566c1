"""Rules of the float reference on the chip: the same spikes where the numbers allow, or a refusal that says why."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from floats import affine, aligned, chain_of, linear, made, network, neurons

from neurodeploy import load_target
from neurodeploy.errors import UnsupportedFeature
from neurodeploy.graph import Graph, Node
from neurodeploy.mapping import check_mapping, map_network
from neurodeploy.network import Network
from neurodeploy.quantize import quantize
from neurodeploy.quantize.expressible import expressible
from neurodeploy.quantize.features import check_features
from neurodeploy.simulate.float_reference import simulate_float

STEPS = 40


def dyadic(rng: np.random.Generator, *shape: int, top: int = 127) -> np.ndarray:
    """Multiples of 1/128, the largest of them 127/128, so that 8 bits hold them."""
    weights = rng.integers(-top // 2, top + 1, shape)
    weights.flat[0] = 127
    return weights / 128


def deployed(net: Network, chip: str, x: np.ndarray) -> tuple[Any, dict[str, np.ndarray], Any]:
    """Float spikes, the chip's, and what quantisation says."""
    target = load_target(chip)
    integers, report = quantize(net, target)
    check_features(integers, target)
    floats, spikes, _ = aligned(net, integers, x)
    return floats, spikes, report


def two_layers(rules: dict[str, Any], rng: np.random.Generator, **exact: Any) -> Network:
    layers = [linear("w1", dyadic(rng, 20, 10)), neurons("a", 20, rules, **exact)]
    layers += [linear("w2", dyadic(rng, 8, 20)), neurons("b", 8, rules, **exact)]
    return network(chain_of(*layers, shape=(10,)))


EXACT: dict[str, tuple[str, dict[str, Any]]] = {
    "zero_late": ("loihi1", {"reset": "zero_late"}),
    "subtract_late": ("loihi2", {"reset": "subtract_late"}),
    "subtract_late without subtraction": ("loihi1", {"reset": "subtract_late"}),
    "equality, value": ("loihi1", {"reset": "value", "spike": "ge"}),
    "equality, subtract": ("loihi2", {"reset": "subtract", "spike": "ge"}),
    "equality, late": ("loihi2", {"reset": "subtract_late", "spike": "ge"}),
    "subtract without subtraction": ("loihi1", {"reset": "subtract"}),
    "equality, subtract without subtraction": ("loihi1", {"reset": "subtract", "spike": "ge"}),
    "equality, zero_late": ("loihi1", {"reset": "zero_late", "spike": "ge"}),
    "equality, none": ("loihi2", {"reset": "none", "spike": "ge"}),
    "at most one": ("loihi2", {"reset": "subtract", "spike": "multi_trunc", "max_spikes": 1}),
    "start": ("loihi1", {"reset": "value", "v_init": np.float64(0.75)}),
}


@pytest.mark.parametrize("case", EXACT)
@pytest.mark.parametrize("seed", range(4))
def test_integrators_are_exact(case: str, seed: int) -> None:
    """No leak, dyadic weights: every spike of both layers, ties with the threshold included."""
    chip, rules = EXACT[case]
    rng = np.random.default_rng(seed)
    net = two_layers(rules, rng, theta=1.5)
    x = (rng.random((4, STEPS, 10)) < 0.3).astype(np.uint8)
    floats, spikes, _ = deployed(net, chip, x)
    for name in ("a", "b"):
        assert 0.02 < floats.spikes[name].mean() < 0.98
        np.testing.assert_array_equal(spikes[name], floats.spikes[name])


@pytest.mark.parametrize("rules", [{"reset": "value"}, {"reset": "subtract"}], ids=str)
def test_equality_matters(rules: dict[str, Any]) -> None:
    """The cases above meet the threshold exactly: a strict one gives other spikes."""
    x = (np.random.default_rng(0).random((4, STEPS, 10)) < 0.3).astype(np.uint8)
    runs = []
    for spike in ("gt", "ge"):
        net = two_layers({**rules, "spike": spike}, np.random.default_rng(0), theta=1.5)
        runs.append(simulate_float(net, {"in": x}).spikes["a"])
    assert (runs[0] != runs[1]).any()


@pytest.mark.parametrize("current", [0.0, 0.75])
@pytest.mark.parametrize(
    ("chip", "reset", "spike"),
    [
        ("loihi1", "subtract_late", "gt"),
        ("loihi2", "subtract_late", "gt"),
        ("loihi2", "subtract_late", "ge"),
        ("loihi1", "subtract", "gt"),
        ("loihi2", "subtract", "ge"),
    ],
)
def test_a_threshold_subtracted_with_leak_is_a_synapse_onto_itself(
    chip: str, reset: str, spike: str, current: float
) -> None:
    """snnTorch's default on both chips, resets by subtraction on a chip that lacks them, and at equality."""
    rng = np.random.default_rng(1)
    factors = {"a": current, "b": 0.875, "theta": 2.0 if current else 1.0}
    net = two_layers({"reset": reset, "spike": spike}, rng, **factors)
    x = (rng.random((8, STEPS, 10)) < 0.4).astype(np.uint8)
    floats, spikes, report = deployed(net, chip, x)
    for name in ("a", "b"):
        assert floats.spikes[name].mean() > 0.1
        assert np.mean(spikes[name] != floats.spikes[name]) < 0.02
    wrong = "subtract" if reset == "subtract_late" else "none"
    textbook = simulate_float(two_layers({"reset": wrong}, np.random.default_rng(1), **factors), {"in": x})
    assert np.mean(textbook.spikes["a"] != floats.spikes["a"]) > 0.03  # what an approximation would do
    assert [line.split(":")[0] for line in report.rewrites] == ["a", "b"]
    assert {(p.source, p.target) for p in report.projections} >= {("a", "a"), ("b", "b")}


def test_the_rewritten_network_is_the_same_network() -> None:
    """In float, without any rounding of the chip: the membranes differ by the threshold, the spikes not at all."""
    rng = np.random.default_rng(2)
    for chip, current, reset in itertools.product(("loihi1", "loihi2"), (0.0, 0.5), ("subtract_late", "subtract")):
        net = two_layers({"reset": reset}, rng, a=current, b=0.75, theta=1.25)
        x = (rng.random((4, 20, 10)) < 0.4).astype(np.uint8)
        rewritten, _ = expressible(net, load_target(chip))
        expected, found = (simulate_float(n, {"in": x}).spikes for n in (net, rewritten))
        for name in ("a", "b"):
            np.testing.assert_array_equal(found[name], expected[name])


@pytest.mark.parametrize(("a", "b"), [(0.0, 0.5), (0.0, 1.0), (0.5, 0.0), (0.75, 0.5)])
def test_a_late_bias_is_a_start_without_it(a: float, b: float) -> None:
    """In float: the same membranes from the first step on."""
    rng = np.random.default_rng(9)
    rec = affine("rec", dyadic(rng, 6, 6), rng.integers(-64, 65, 6) / 64)
    edges = [("in", "w"), ("w", "n"), ("n", "rec"), ("rec", "n"), ("n", "out")]
    nodes = [linear("w", dyadic(rng, 6, 5)), neurons("n", 6, a=a, b=b, i0=0.5, v0=0.25), rec]
    net = network(made(nodes, edges, {"in": (5,)}), recurrent_bias_t0=False)
    rewritten, _ = expressible(net, load_target("loihi2"))
    assert rewritten.populations["n"].late_bias == {}
    x = (rng.random((3, 20, 5)) < 0.4).astype(np.uint8)
    expected, found = (simulate_float(m, {"in": x}, membranes=("n",)) for m in (net, rewritten))
    assert expected.spikes["n"].any()
    np.testing.assert_array_equal(found.spikes["n"], expected.spikes["n"])
    np.testing.assert_allclose(found.membranes["n"], expected.membranes["n"], atol=1e-12)


@pytest.mark.parametrize("chip", ["loihi1", "loihi2"])
def test_delays_and_biases_behind_feedback_are_exact(chip: str) -> None:
    rng = np.random.default_rng(3)
    delays = Node("d", "Delay", {"delay": rng.integers(0, 6, 20).astype(float)})
    nodes = [linear("w1", dyadic(rng, 20, 10)), neurons("a", 20), delays, linear("w2", dyadic(rng, 8, 20))]
    nodes += [neurons("b", 8), affine("rec", dyadic(rng, 8, 8, top=20), rng.integers(-64, 65, 8) / 128)]
    edges = [("in", "w1"), ("w1", "a"), ("a", "d"), ("d", "w2"), ("w2", "b"), ("b", "rec"), ("rec", "b"), ("b", "out")]
    net = network(made(nodes, edges, {"in": (10,)}), recurrent_bias_t0=False)
    assert list(net.populations["b"].late_bias) == [1]
    x = (rng.random((4, STEPS, 10)) < 0.3).astype(np.uint8)
    floats, spikes, _ = deployed(net, chip, x)
    for name in ("a", "b"):
        assert floats.spikes[name].any()
        np.testing.assert_array_equal(spikes[name], floats.spikes[name])


def test_a_loop_over_two_layers_with_a_delay_is_exact() -> None:
    rng = np.random.default_rng(4)
    graph = looped(rng, Node("d", "Delay", {"delay": np.full(12, 2.0)}))
    net = network(graph)
    x = (rng.random((4, STEPS, 10)) < 0.3).astype(np.uint8)
    floats, spikes, _ = deployed(net, "loihi1", x)
    for name in ("a", "b"):
        assert floats.spikes[name].any()
        np.testing.assert_array_equal(spikes[name], floats.spikes[name])


def test_a_delay_between_layers_shortens_the_chip_s_lag() -> None:
    rng = np.random.default_rng(5)
    layers = [linear("w1", dyadic(rng, 6, 5)), neurons("a", 6), Node("d", "Delay", {"delay": np.full(6, 3.0)})]
    net = network(chain_of(*layers, linear("w2", dyadic(rng, 4, 6)), neurons("b", 4), shape=(5,)))
    assert {n: p.depth for n, p in net.populations.items()} == {"a": 1, "b": 1}
    x = (rng.random((3, STEPS, 5)) < 0.4).astype(np.uint8)
    floats, spikes, _ = deployed(net, "loihi1", x)
    assert floats.spikes["b"].any()
    np.testing.assert_array_equal(spikes["b"], floats.spikes["b"])


def test_gates_scales_and_identities_are_exact() -> None:
    """Threshold is a neuron without memory; a residual connection is an identity matrix."""
    rng = np.random.default_rng(6)
    gate = Node("gate", "Threshold", {"threshold": np.full(12, 0.5)})
    scale = Node("scale", "Scale", {"scale": np.array([127, -32, 64, 16] * 3) / 64})
    nodes = [linear("w1", dyadic(rng, 12, 10)), gate, scale, neurons("b", 12)]
    edges = [("in", "w1"), ("w1", "gate"), ("gate", "scale"), ("scale", "b"), ("gate", "b"), ("b", "out")]
    net = network(made(nodes, edges, {"in": (10,)}))
    x = (rng.random((4, STEPS, 10)) < 0.3).astype(np.uint8)
    floats, spikes, _ = deployed(net, "loihi2", x)
    for name in ("gate", "b"):
        assert floats.spikes[name].any()
        np.testing.assert_array_equal(spikes[name], floats.spikes[name])


def test_one_dimensional_convolutions_are_deployed() -> None:
    rng = np.random.default_rng(7)
    geometry = {k: np.asarray(v) for k, v in {"stride": 1, "padding": 1, "dilation": 1, "groups": 1}.items()}
    kernel = dyadic(rng, 4, 2, 3)
    conv = Node("c", "Conv1d", {"weight": kernel, "bias": np.zeros(4), **geometry})
    params = {"r": np.ones((4, 16)), "v_threshold": np.ones((4, 16)), "v_reset": np.zeros((4, 16))}
    net = network(chain_of(conv, Node("n", "IF", params), shape=(2, 16)))
    x = (rng.random((4, STEPS, 2, 16)) < 0.3).astype(np.uint8)
    floats, spikes, _ = deployed(net, "loihi1", x)
    assert floats.spikes["n"].any()
    np.testing.assert_array_equal(spikes["n"], floats.spikes["n"])
    target = load_target("loihi1")
    integers, _ = quantize(net, target)
    for most in (None, 20, 7):
        mapping = map_network(integers, target, max_neurons_per_core=most)
        check_mapping(integers, mapping, target)
        assert mapping.cores >= 64 / (most or 64)


def looped(rng: np.random.Generator, *between: Node) -> Graph:
    nodes = [linear("w1", dyadic(rng, 12, 10)), neurons("a", 12), linear("w2", dyadic(rng, 12, 12)), neurons("b", 12)]
    nodes += [*between, linear("back", dyadic(rng, 12, 12, top=30))]
    way = ["b", *(n.name for n in between), "back", "a"]
    edges = [("in", "w1"), ("w1", "a"), ("a", "w2"), ("w2", "b"), ("b", "out"), *zip(way, way[1:], strict=False)]
    return made(nodes, edges, {"in": (10,)})


def one_layer(conventions: dict[str, Any], **exact: Any) -> Graph:
    return chain_of(linear("w", [[0.5]]), neurons("n", 1, conventions, **exact), shape=(1,))


def behind_delay() -> Graph:
    layers = [affine("w", [[0.5]], [0.25]), Node("d", "Delay", {"delay": np.full(1, 2.0)}), neurons("n", 1)]
    return chain_of(*layers, shape=(1,))


def long_delay() -> Graph:
    layers = [linear("w", [[0.5]]), Node("d", "Delay", {"delay": np.full(1, 1000.0)}), neurons("n", 1)]
    return chain_of(*layers, shape=(1,))


def real_values() -> Graph:
    layers = [linear("w", [[0.5]]), Node("n", "I", {"r": np.ones(1)}), linear("v", [[1.0]]), neurons("m", 1)]
    return chain_of(*layers, shape=(1,))


REFUSED: dict[str, tuple[Graph, str, str, str, dict[str, Any]]] = {
    # graph, layer, what the chip lacks, alternative, options
    "gated": (one_layer({"reset": "subtract_gated"}), "n", "a threshold that doubles", "reset_delay=True", {}),
    "several": (one_layer({"spike": "multi_trunc"}), "n", "several spikes in one step", "SingleSpike", {}),
    "bounded": (one_layer({"v_min": -1.0}), "n", "a lower bound of the membrane", "min_v_mem=None", {}),
    "equality": (
        one_layer({"reset": "subtract", "spike": "ge"}, b=0.5),
        "n",
        "firing at equality together with",
        "read out spikes",
        {"readout": "v_last"},
    ),
    "late, start": (one_layer({"reset": "subtract_late"}, v0=2.0), "n", "a start above", "below it", {}),
    "growing": (one_layer({}, b=1.5), "n", "grows or alternates", "between 0 and 1", {}),
    "alternating": (one_layer({}, a=-0.5), "n", "grows or alternates", "between 0 and 1", {}),
    "late bias": (behind_delay(), "n", "a bias that begins at step 2", "without bias", {}),
    "long delay": (long_delay(), "n", "a delay of 1000 steps", "shorten", {}),
    "real values": (real_values(), "n", "real values sent", "spiking neurons", {}),
    "loop": (looped(np.random.default_rng(0)), "a", "spans 2 neuron layers", "1 more steps", {}),
    "latency": (one_layer({}), "n", "leave a step late", "without that latency", {"latency_steps": 1}),
    "membrane": (one_layer({"reset": "zero_late"}), "n", "a membrane that is kept", "spikes", {"readout": "v_last"}),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("chip", ["loihi1", "loihi2"])
def test_what_no_chip_has_is_refused_by_name(chip: str, case: str) -> None:
    graph, layer, what, remedy, options = REFUSED[case]
    net = network(graph, **options)  # the float reference computes all of them
    assert simulate_float(net, {"in": np.ones((1, 5, *net.inputs["in"]), np.uint8)}).spikes
    with pytest.raises(UnsupportedFeature) as caught:
        quantize(net, load_target(chip))
    assert f"layer '{layer}'" in caught.value.where
    assert what in caught.value.what and remedy in caught.value.remedy


def test_all_refusals_at_once() -> None:
    layers = [linear("w", [[0.5]]), neurons("a", 1, {"v_min": -1.0}), linear("v", [[0.5]])]
    graph = chain_of(*layers, neurons("b", 1, {"spike": "multi_trunc"}), shape=(1,))
    with pytest.raises(UnsupportedFeature) as caught:
        quantize(network(graph), load_target("loihi2"))
    assert "and 1 more" in caught.value.where
    assert "- a: a lower bound" in caught.value.what and "- b: several spikes" in caught.value.what


def test_late_subtraction_with_a_membrane_read_out_keeps_that_membrane() -> None:
    """The rewriting by subtraction would store another one."""
    rng = np.random.default_rng(8)
    graph = chain_of(linear("w", dyadic(rng, 6, 5)), neurons("n", 6, {"reset": "subtract_late"}), shape=(5,))
    for readout, reset in (("count", "subtract"), ("v_last", "none")):
        rewritten, _ = expressible(network(graph, readout=readout), load_target("loihi2"))
        assert rewritten.populations["n"].rules.reset == reset


@pytest.mark.parametrize("chip", ["loihi1", "loihi2"])
def test_a_start_current_is_preloaded(chip: str) -> None:
    rng = np.random.default_rng(10)
    layers = [affine("w", dyadic(rng, 6, 5), np.full(6, 0.125)), neurons("n", 6, a=0.75, b=0.875, theta=2.0, i0=0.5)]
    net = network(chain_of(*layers, shape=(5,)))
    integers, _ = quantize(net, load_target(chip))
    floats, spikes, v = aligned(net, integers, (rng.random((3, STEPS, 5)) < 0.1).astype(np.uint8))
    quiet = np.cumsum(floats.spikes["n"] + spikes["n"], axis=1) == 0
    assert quiet[:, :3].mean() > 0.5
    np.testing.assert_allclose(v["n"][quiet], floats.membranes["n"][quiet], atol=2e-2)
