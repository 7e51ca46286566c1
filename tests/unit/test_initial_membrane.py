"""Initial potentials: rounded on their side of the threshold, loaded for every sample, held until input comes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import nir
import numpy as np
import pytest
from floats import affine, chain_of, linear, network, neurons
from graphs import chain, lif, write
from layerwise import layer_synchronous, on_the_chip
from neuron_patterns import closed_forms, constant_trains, pattern_mappings
from numpy.typing import NDArray

import neurodeploy as nd
from neurodeploy import load_target, simulate
from neurodeploy.chipnet import ChipNetwork
from neurodeploy.errors import AmbiguousSemantics, ShapeMismatch, UnsupportedFeature
from neurodeploy.export.nir import LossyExport, write_nir
from neurodeploy.frontends import read_nir
from neurodeploy.graph import Graph
from neurodeploy.lower import lower, resolve_semantics
from neurodeploy.neurons.float_step import spikes_of
from neurodeploy.quantize import quantize
from neurodeploy.quantize.features import check_features
from neurodeploy.quantize.preload import by_synapses
from neurodeploy.simulate.float_reference import simulate_float
from neurodeploy.target import Target

STEPS, SAMPLES = 9, 20


def spikes(size: int, seed: int = 0, density: float = 0.4) -> NDArray[np.uint8]:
    return (np.random.default_rng(seed).random((SAMPLES, STEPS, size)) < density).astype(np.uint8)


def starting(size: int, v0: Any, seed: int = 0, **conventions: str) -> Graph:
    """One layer of neurons behind weights."""
    weights = np.random.default_rng(seed).normal(0, 0.6, (size, 6))
    return chain_of(linear("w", weights), neurons("n", size, conventions, v0=np.asarray(v0)), shape=(6,))


def two_layers(reset: str, seed: int = 0, beta: float = 0.8) -> Graph:
    """Leak, bias and initial potentials in both layers."""
    rng = np.random.default_rng(seed)
    parts = []
    for name, size, before in (("a", 12, 8), ("b", 10, 12)):
        parts.append(affine(f"w{name}", rng.normal(0, 0.7, (size, before)), rng.normal(0.1, 0.2, size)))
        parts.append(neurons(name, size, {"reset": reset}, b=beta, v0=rng.uniform(-1.5, 1.5, size)))
    return chain_of(*parts, shape=(8,))


def quantised(graph: Graph, chip: str = "loihi2", **options: Any) -> ChipNetwork:
    return quantize(network(graph, **options), load_target(chip))[0]


def recorded(net: ChipNetwork, x: NDArray[Any], engine: str = "fast") -> Any:
    return simulate(net, x, record=dict.fromkeys(net.populations, ("v",)), engine=engine)


@pytest.mark.parametrize("spike", ["gt", "ge"])
@pytest.mark.parametrize("reset", ["value", "subtract", "none"])
def test_rounding_never_crosses_the_threshold(reset: str, spike: str) -> None:
    """Around the threshold, where rounding alone would put a third of them on the other side."""
    near = 1 + np.linspace(-3e-3, 3e-3, 201)
    v0 = np.unique(np.concatenate([near, [1.0, -2.0, 0.0, 3.0]]))
    graph = starting(len(v0), v0, reset=reset, spike=spike)
    population = network(graph).populations["n"]
    chip = quantised(graph).populations["n"]
    threshold = chip.full("vth").astype(np.int64) << 6
    fires = spikes_of(population.dynamics.v0, population.dynamics, population.rules) > 0
    assert 0 < fires.sum() < len(v0)
    np.testing.assert_array_equal(chip.full("v0") > threshold, fires)
    far = np.abs(v0 - 1) > 0.5
    exact = (v0 - chip.offset) * chip.scale
    assert np.abs(chip.full("v0") - exact)[far].max() <= 0.5
    plain = np.rint(exact) > threshold
    assert (plain != fires).any(), "rounding alone would do, and the test proves nothing"


def test_a_start_beyond_the_register_stays_at_its_end() -> None:
    chip = quantised(starting(3, [1e9, -1e9, 0.5])).populations["n"]
    np.testing.assert_array_equal(chip.full("v0")[:2], [2**23 - 1, 1 - 2**23])


def leaky(v0: float) -> Graph:
    return chain_of(linear("w", np.full((4, 6), 0.3)), neurons("n", 4, b=0.5, v0=np.full(4, v0)), shape=(6,))


def test_the_scale_leaves_room_for_the_start() -> None:
    small, large = (quantize(network(leaky(v0)), load_target("loihi2"))[0] for v0 in (0.5, 50.0))
    exponents = [next(iter(net.projections)).weight_exp for net in (small, large)]
    assert exponents[1] < exponents[0]
    assert 0 < large.populations["n"].full("v0")[0] < 2**23 - 1


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("reset", ["value", "subtract"])
@pytest.mark.parametrize("engine", ["fast", "reference"])
def test_equals_the_layers_alone(reset: str, seed: int, engine: str) -> None:
    """Every spike and v of every layer's own steps; and not without the late starts."""
    net, x = quantised(two_layers(reset, seed)), spikes(8, seed)
    golden = layer_synchronous(net, x)
    found = on_the_chip(net, recorded(net, x, engine), STEPS)
    for name, (sent, v) in golden.items():
        assert 0.05 < sent.mean() < 0.95
        np.testing.assert_array_equal(found[name][0], sent)
        np.testing.assert_array_equal(found[name][1], v)
    early = ChipNetwork(net.inputs, {n: replace(p, start=0) for n, p in net.populations.items()}, net.projections)
    run = simulate(early, x, steps=STEPS + 2, record=dict.fromkeys(net.populations, ("v",)), engine=engine)
    apart = on_the_chip(early, run, STEPS)
    assert all((apart[name][0] != sent).any() for name, (sent, _) in golden.items())


def test_exact_numbers_give_the_float_networks_spikes() -> None:
    """Dyadic weights and potentials and no leak: nothing is rounded."""
    rng = np.random.default_rng(3)
    weights = rng.integers(-127, 128, (16, 8)) / 128
    weights.flat[0] = 127 / 128
    v0 = rng.integers(-256, 256, 16) / 128
    graph = chain_of(linear("w", weights), neurons("n", 16, {"reset": "subtract"}, v0=v0), shape=(8,))
    x, float_network = spikes(8), network(graph)
    expected = simulate_float(float_network, {"in": x}).spikes["n"]
    found = on_the_chip(net := quantised(graph), recorded(net, x), STEPS)["n"][0]
    np.testing.assert_array_equal(found, expected)
    from_zero = simulate_float(
        network(chain_of(linear("w", weights), neurons("n", 16, {"reset": "subtract"}), shape=(8,))), {"in": x}
    ).spikes["n"]
    assert (from_zero != expected).mean() > 0.02


def test_loaded_anew_for_every_sample() -> None:
    net, x = quantised(two_layers("value")), spikes(8)
    run, order = recorded(net, x), np.random.default_rng(1).permutation(SAMPLES)
    shuffled = recorded(net, x[order])
    session = nd.Session(net)
    for name in net.populations:
        np.testing.assert_array_equal(shuffled.spikes[name], run.spikes[name][order])
        np.testing.assert_array_equal(shuffled.states[name]["v"], run.states[name]["v"][order])
    for k in range(3):
        alone = recorded(net, x[k])
        session.restart()
        for t in range(STEPS):
            sent = session.step(x[k, t])
            for name in net.populations:
                np.testing.assert_array_equal(alone.spikes[name][t], run.spikes[name][k, t])
                np.testing.assert_array_equal(sent[name], run.spikes[name][k, t])


def without_preload(chip: str = "loihi2") -> Target:
    """The chip, but that its membranes cannot be loaded."""
    target = load_target(chip)
    lacking = msgspec.structs.replace(target.compartment.v0_preload, value=False)
    return msgspec.structs.replace(target, compartment=msgspec.structs.replace(target.compartment, v0_preload=lacking))


@pytest.mark.parametrize("reset", ["value", "subtract"])
@pytest.mark.parametrize("beta", [1.0, 0.8, 0.03])
def test_a_chip_that_cannot_preload_is_given_it_in_the_first_step(beta: float, reset: str) -> None:
    """Every spike and v is that of a chip that loads the same registers; which lie near the wanted ones."""
    graph, chip, x = two_layers(reset, beta=beta), without_preload(), spikes(8)
    net = quantize(network(graph), chip)[0]
    other = by_synapses(net, chip)
    with pytest.raises(UnsupportedFeature, match="a: an initial membrane"):
        check_features(net, chip)
    check_features(other, chip)
    assert set(other.populations) - set(net.populations) == {"starter"}
    expected, found = recorded(net, x), recorded(other, x)
    exact = quantised(graph)
    for name, p in net.populations.items():
        assert np.any(p.full("v0")) and not np.any(other.populations[name].full("v0"))
        live = slice(p.start, p.start + STEPS)
        np.testing.assert_array_equal(found.spikes[name][:, live], expected.spikes[name][:, live])
        np.testing.assert_array_equal(found.states[name]["v"][:, live], expected.states[name]["v"][:, live])
        wanted, threshold = exact.populations[name].full("v0"), p.full("vth").astype(np.int64) << 6
        left, given = (beta * v for v in (wanted, p.full("v0")))
        assert np.abs(left - given).max() <= 1.01 * 128 * 2 ** next(other.incoming(name)).weight_exp + 1
        if beta == 1:
            np.testing.assert_array_equal(p.full("v0") > threshold, wanted > threshold)
    assert by_synapses(exact, load_target("loihi2")) is exact


def test_refused_where_a_chip_cannot_preload() -> None:
    """And no synapse can: behind a current that lasts, off the weights' grid, or too many layers deep."""
    chip = without_preload()
    lasting = neurons("n", 2, a=0.5, w=0.5, v0=np.array([0.5, 0.0]))
    net = quantize(network(chain_of(linear("w", np.ones((2, 6))), lasting, shape=(6,))), chip)[0]
    with pytest.raises(UnsupportedFeature, match="n: an initial membrane"):
        check_features(by_synapses(net, chip), chip)
    for fields in ({"v0": 129, "start": 1}, {"v0": 128, "start": 63}):
        deep = ChipNetwork()
        deep.add_input("in", shape=1)
        deep.add_population("n", shape=1, **fields)
        deep.connect("in", "n", np.full((1, 1), 2))
        with pytest.raises(UnsupportedFeature, match="n: an initial membrane"):
            check_features(by_synapses(deep, chip), chip)
    check_features(quantised(starting(4, np.zeros(4))), load_target("tiny"))


def test_refused_where_a_late_reset_would_act_on_it() -> None:
    for reset in ("subtract_late", "zero_late"):
        quantised(starting(2, [0.9, 0], reset=reset))
        with pytest.raises(UnsupportedFeature, match="a start above the threshold"):
            quantised(starting(2, [1.1, 0], reset=reset))


def file_with(folder: Path, own: dict[str, Any], shape: tuple[int, ...] = (3,), **semantics: Any) -> Path:
    neuron = lif(shape, 0.5, metadata={"neurodeploy": own})
    weight: Any = nir.Linear(np.ones((3, 2))) if len(shape) == 1 else nir.Scale(np.ones(shape))
    return write(
        chain({"w": weight, "n": neuron}, source=(2,) if len(shape) == 1 else shape, sink=shape, **semantics), folder
    )


def dynamics(path: Path) -> Any:
    graph = read_nir(path)
    return lower(graph, resolve_semantics(graph, {})).populations["n"]


def test_read_from_a_nodes_metadata(tmp_path: Path) -> None:
    own = {"v0": np.array([0.5, -1, 0]), "v0_granularity": "neuron", "reset": "subtract"}
    population = dynamics(file_with(tmp_path, own, requires="v0,layer_start", schema=1, T=4))
    np.testing.assert_array_equal(population.dynamics.v0, own["v0"])
    assert population.rules.reset == "subtract"
    maps = dynamics(file_with(tmp_path, {"v0": np.array([1.0, 2.0]), "v0_granularity": "channel"}, (2, 2, 2)))
    np.testing.assert_array_equal(maps.dynamics.v0, [1] * 4 + [2] * 4)


@pytest.mark.parametrize(
    ("own", "semantics", "error", "what"),
    [
        ({}, {"requires": "v0,telepathy"}, AmbiguousSemantics, "'telepathy'"),
        ({}, {"schema": 2}, AmbiguousSemantics, "schema 2"),
        ({}, {"T": 0}, AmbiguousSemantics, "T = 0"),
        ({"v0": "much"}, {}, AmbiguousSemantics, "holds no numbers"),
        ({"v0": np.ones(4)}, {}, ShapeMismatch, "v0"),
        ({"v0": np.ones(3), "exact": {"v0": np.zeros(3)}}, {}, AmbiguousSemantics, "say twice"),
        ({"reset": "value", "conventions": {"reset": "subtract"}}, {}, AmbiguousSemantics, "say twice"),
        ({"v0": np.ones(3), "reset": "sometimes"}, {}, AmbiguousSemantics, "'sometimes'"),
    ],
)
def test_metadata_that_cannot_be_meant(
    own: dict[str, Any], semantics: dict[str, Any], error: type[Exception], what: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=what):
        dynamics(file_with(tmp_path, own, **semantics))


@pytest.mark.parametrize("v0", [0.25, [0.5, -1.0, 0.0]])
def test_written_and_read_again(v0: Any, tmp_path: Path) -> None:
    graph = starting(3, v0, reset="value")
    with pytest.raises(LossyExport) as refused:
        write_nir(graph, network(graph), tmp_path / "a.nir")
    assert [line.split(":")[0] for line in refused.value.lost] == ["n"] and "start" in refused.value.lost[0]
    with pytest.warns(UserWarning, match="membrane at the start"):
        write_nir(graph, network(graph), tmp_path / "a.nir", allow_lossy=True, steps=STEPS)
    own = nir.read(tmp_path / "a.nir").nodes["n"].metadata["neurodeploy"]
    np.testing.assert_array_equal(own["v0"], v0)
    assert own["v0_granularity"] == ("layer" if np.ndim(v0) == 0 else "neuron") and own["reset"] == "value"
    again = read_nir(tmp_path / "a.nir")
    assert again.metadata["requires"] == "v0,layer_start" and again.metadata["T"] == STEPS
    np.testing.assert_array_equal(
        lower(again, resolve_semantics(again, {})).populations["n"].dynamics.v0,
        network(graph).populations["n"].dynamics.v0,
    )


def test_zeros_are_written_without_a_word(tmp_path: Path) -> None:
    graph = starting(3, np.zeros(3), reset="value")
    facts = write_nir(graph, network(graph), tmp_path / "a.nir", steps=STEPS)
    assert facts["losses"] == [] and "requires" not in read_nir(tmp_path / "a.nir").metadata


def test_what_a_start_adds_to_a_neuron() -> None:
    """Figures of the literature's experiment, and the lengths of Farey sequences and numbers of balanced words."""
    assert pattern_mappings("subtract") == (53, 108)
    assert pattern_mappings("zero") == (48, 91)
    assert [closed_forms(steps) for steps in (4, 6, 8, 10)] == [(7, 14), (13, 36), (23, 76), (33, 136)]
    for steps in range(1, 11):
        assert constant_trains(steps) == closed_forms(steps)
