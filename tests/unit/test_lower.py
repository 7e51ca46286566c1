"""From graph to Network: shapes, biases, depth, feedback, and refusals that name the remedy."""

from __future__ import annotations

from pathlib import Path

import nir
import numpy as np
import pytest
from graphs import DT_S, chain, conv, conv_net, cubalif, graph, lif, pool, write

from neurodeploy.errors import AmbiguousSemantics, ModelError, ShapeMismatch, UnsupportedNode
from neurodeploy.frontends import read_nir
from neurodeploy.graph import Graph, Node
from neurodeploy.lower import lower, resolve_semantics
from neurodeploy.network import Network
from neurodeploy.simulate.float_reference import simulate_float


def lowered(value: nir.NIRGraph, folder: Path, **options: object) -> Network:
    file = read_nir(write(value, folder))
    return lower(file, resolve_semantics(file, options))


def linear(*shape: int, seed: int = 0) -> nir.Linear:
    return nir.Linear(weight=np.random.default_rng(seed).normal(size=shape))


def test_conv_net(tmp_path: Path) -> None:
    net = lowered(conv_net(np.random.default_rng(0)), tmp_path)
    assert {n: p.shape for n, p in net.populations.items()} == {
        "lif1": (3, 8, 8),
        "lif2": (4, 4, 4),
        "rec": (20,),
        "out": (5,),
    }
    assert {n: p.depth for n, p in net.populations.items()} == {"lif1": 1, "lif2": 2, "rec": 3, "out": 4}
    found = {(p.source, p.target): (p.connection.kind, p.delay_steps, p.nodes) for p in net.projections}
    assert found == {
        ("input", "lif1"): ("conv2d", 0, ("conv1",)),
        ("lif1", "lif2"): ("conv2d", 0, ("pool1", "conv2")),
        ("lif2", "rec"): ("dense", 0, ("flat", "fc")),
        ("rec", "rec"): ("dense", 1, ("w_rec",)),
        ("rec", "out"): ("dense", 0, ("fc2",)),
    }
    assert net.outputs == {"output": "out"}


def test_float_reference_equals_the_layers_run_one_by_one(tmp_path: Path) -> None:
    """Against a plain loop over the graph's own nodes: unfused, with biases where they stand."""
    rng = np.random.default_rng(3)
    value = conv_net(rng)
    net = lowered(value, tmp_path)
    x = (rng.random((4, 20, 1, 8, 8)) < 0.3).astype(np.uint8)
    run = simulate_float(net, {"input": x})
    n = value.nodes
    s_rec = np.zeros((4, 20))
    state = {k: np.zeros((4, *n[k].v_threshold.shape)) for k in ("lif1", "lif2", "rec", "out")}
    current = np.zeros((4, 20))

    def conv2d(node: nir.Conv2d, maps: np.ndarray) -> np.ndarray:
        padded = np.pad(maps, ((0, 0), (0, 0), (1, 1), (1, 1)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
        return np.einsum("bchwyx,ocyx->bohw", windows, node.weight) + node.bias[:, None, None]

    def fire(name: str, drive: np.ndarray, beta: float) -> np.ndarray:
        v = beta * state[name] + drive
        spikes = (v > 1).astype(float)
        state[name] = np.where(spikes > 0, 0, v)
        return spikes

    for t in range(20):
        s1 = fire("lif1", conv2d(n["conv1"], x[:, t].astype(float)), 0.875)
        pooled = s1.reshape(4, 3, 4, 2, 4, 2).mean(axis=(3, 5))
        s2 = fire("lif2", conv2d(n["conv2"], pooled), 0.75)
        drive = s2.reshape(4, -1) @ n["fc"].weight.T + n["fc"].bias + s_rec @ n["w_rec"].weight.T
        current = 0.75 * current + drive
        s_rec = fire("rec", current, 0.875)
        s_out = fire("out", s_rec @ n["fc2"].weight.T, 0.875)
        for name, s in (("lif1", s1), ("lif2", s2), ("rec", s_rec), ("out", s_out)):
            np.testing.assert_array_equal(run.spikes[name][:, t], s.reshape(4, -1))
    assert all(run.spikes[k].any() for k in run.spikes)


def test_node_order_in_the_file_does_not_matter(tmp_path: Path) -> None:
    value = conv_net(np.random.default_rng(0))
    shuffled = nir.NIRGraph(
        dict(reversed(value.nodes.items())), list(reversed(value.edges)), metadata=value.metadata, type_check=False
    )
    x = (np.random.default_rng(1).random((2, 15, 1, 8, 8)) < 0.4).astype(np.uint8)
    runs = [simulate_float(lowered(g, tmp_path), {"input": x}) for g in (value, shuffled)]
    for name in runs[0].spikes:
        np.testing.assert_array_equal(runs[0].spikes[name], runs[1].spikes[name])


def test_bias_passes_through_later_layers(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    first = conv(rng.normal(size=(2, 1, 3, 3)), (4, 4), rng.normal(size=2), padding=1)
    nodes = {
        "conv": first,
        "pool": pool(nir.SumPool2d),
        "flat": nir.Flatten({"input": np.array([2, 2, 2])}, start_dim=0),
        "fc": nir.Affine(weight=rng.normal(size=(3, 8)), bias=rng.normal(size=3)),
        "lif": lif((3,), 0.5),
    }
    net = lowered(chain(nodes, source=(1, 4, 4), sink=(3,)), tmp_path)
    pooled = np.repeat(first.bias * 4, 4)
    np.testing.assert_allclose(net.populations["lif"].bias, nodes["fc"].weight @ pooled + nodes["fc"].bias)


def test_skip_connection_sets_depth(tmp_path: Path) -> None:
    nodes = {
        "w1": linear(4, 4),
        "a": lif((4,), 0.5),
        "w2": linear(4, 4),
        "b": lif((4,), 0.5),
        "w3": linear(4, 4),
        "skip": linear(4, 4, seed=1),
        "c": lif((4,), 0.5),
    }
    edges = [("input", "w1"), ("w1", "a"), ("a", "w2"), ("w2", "b"), ("b", "w3"), ("w3", "c")]
    edges += [("a", "skip"), ("skip", "c"), ("c", "output")]
    net = lowered(graph(nodes, edges, source=(4,), sink=(4,)), tmp_path)
    assert {n: p.depth for n, p in net.populations.items()} == {"a": 1, "b": 2, "c": 3}
    assert {(p.source, p.nodes) for p in net.incoming("c")} == {("b", ("w3",)), ("a", ("skip",))}


def test_network_that_ends_in_a_linear_layer_gets_a_passive_readout(tmp_path: Path) -> None:
    nodes = {"w1": linear(4, 3), "a": lif((4,), 0.5), "w2": linear(2, 4)}
    net = lowered(chain(nodes, source=(3,), sink=(2,)), tmp_path)
    assert net.outputs == {"output": "output"}
    x = np.ones((1, 5, 3), np.uint8)
    run = simulate_float(net, {"input": x}, membranes=("output",))
    np.testing.assert_allclose(run.membranes["output"][0], run.spikes["a"][0] @ nodes["w2"].weight.T)


def test_silence_about_semantics_is_an_error_that_lists_the_choices(tmp_path: Path) -> None:
    value = chain({"w": linear(2, 2), "a": lif((2,), 0.5)}, source=(2,), sink=(2,), dt_s=None, reset=None)
    with pytest.raises(AmbiguousSemantics) as caught:
        lowered(value, tmp_path)
    assert "dt_s, reset unknown" in caught.value.what
    for text in ("--dt-s", "--reset", "value, subtract, none"):
        assert text in caught.value.remedy
    assert lowered(value, tmp_path, dt_s=DT_S, reset="subtract").semantics.reset == "subtract"


def test_option_against_the_file_is_an_error(tmp_path: Path) -> None:
    value = chain({"w": linear(2, 2), "a": lif((2,), 0.5)}, source=(2,), sink=(2,))
    with pytest.raises(AmbiguousSemantics, match="the file records reset = 'value', the option says 'subtract'"):
        lowered(value, tmp_path, reset="subtract")
    for first, second in (("dt_s", "reset"), ("reset", "dt_s")):  # of several the first given, in every process
        wrong = {"dt_s": 9.0, "reset": "subtract"}
        with pytest.raises(AmbiguousSemantics, match=f"the file records {first} = "):
            lowered(value, tmp_path, **{first: wrong[first], second: wrong[second]})


@pytest.mark.parametrize(("r", "gain"), [(1.0, "unit"), (1 / DT_S, "unit")])
def test_if_gain_follows_from_unambiguous_files(tmp_path: Path, r: float, gain: str) -> None:
    node = nir.IF(r=np.full(2, r), v_threshold=np.ones(2), v_reset=np.zeros(2))
    assert lowered(chain({"w": linear(2, 2), "a": node}, source=(2,), sink=(2,)), tmp_path).semantics.if_gain == gain


def test_ambiguous_if_gain_is_an_error(tmp_path: Path) -> None:
    node = nir.IF(r=np.full(2, 7.0), v_threshold=np.ones(2), v_reset=np.zeros(2))
    value = chain({"w": linear(2, 2), "a": node}, source=(2,), sink=(2,))
    with pytest.raises(AmbiguousSemantics, match="--if-gain unit"):
        lowered(value, tmp_path)
    network = lowered(value, tmp_path, if_gain="r_dt")
    np.testing.assert_allclose(network.populations["a"].dynamics.k, 7 * DT_S)


def test_nonzero_reset_asks_for_the_initial_membrane(tmp_path: Path) -> None:
    value = chain({"w": linear(2, 2), "a": lif((2,), 0.5, v_reset=np.full(2, 0.25))}, source=(2,), sink=(2,))
    with pytest.raises(AmbiguousSemantics, match="--v-init"):
        lowered(value, tmp_path)
    network = lowered(value, tmp_path, v_init="v_reset")
    np.testing.assert_array_equal(network.populations["a"].dynamics.v0, 0.25)


@pytest.mark.parametrize(
    ("node", "error", "text"),
    [
        (lif((2,), 0.5, tau=np.full(2, DT_S / 2)), UnsupportedNode, "shorter than the time step"),
        (lif((2,), 0.5, tau=np.array([0.0, 1.0])), UnsupportedNode, "tau must be positive"),
        (lif((2,), 0.5, r=np.full(2, -1.0)), UnsupportedNode, "r and w_in must be positive"),
        (lif((2,), 0.5, v_threshold=np.zeros(2)), UnsupportedNode, "threshold is not above"),
        (lif((2,), 0.5, v_threshold=np.full(2, np.nan)), UnsupportedNode, "NaN"),
        (lif((3,), 0.5), ShapeMismatch, r"has shape \(3,\), the layers before make \(2,\)"),
        (cubalif((2,), 0.5, 0.5, w_in=np.zeros(2)), UnsupportedNode, "r and w_in must be positive"),
    ],
)
def test_unsupported_nodes_are_named(tmp_path: Path, node: nir.NIRNode, error: type[ModelError], text: str) -> None:
    value = chain({"w": linear(2, 2), "a": node}, source=(2,), sink=(2,))
    with pytest.raises(error, match=text) as caught:
        lowered(value, tmp_path)
    assert "'a'" in caught.value.where or "a" in caught.value.where
    assert caught.value.remedy


def test_a_loose_node_is_refused(tmp_path: Path) -> None:
    nodes = {"w": linear(2, 2), "a": lif((2,), 0.5), "loose": lif((2,), 0.5)}
    edges = [("input", "w"), ("w", "a"), ("a", "output")]
    value = graph(nodes, edges, source=(2,), sink=(2,))
    with pytest.raises(UnsupportedNode, match="not on a path from an Input to an Output"):
        lowered(value, tmp_path)


def test_metadata_in_single_precision_agrees_with_the_option(tmp_path: Path) -> None:
    value = chain({"w": linear(2, 2), "a": lif((2,), 0.5)}, source=(2,), sink=(2,), dt_s=np.float32(DT_S))
    assert lowered(value, tmp_path, dt_s=DT_S).semantics.dt_s == DT_S


def test_unknown_metadata_is_an_error(tmp_path: Path) -> None:
    value = chain({"w": linear(2, 2), "a": lif((2,), 0.5)}, source=(2,), sink=(2,), v_initt="zero", producer="me")
    with pytest.raises(AmbiguousSemantics, match=r"(?s)'v_initt', which means nothing.*did you mean 'v_init'"):
        lowered(value, tmp_path)


def test_a_bad_recorded_value_is_mended_in_the_file(tmp_path: Path) -> None:
    value = chain({"w": linear(2, 2), "a": lif((2,), 0.5)}, source=(2,), sink=(2,), decay="linear")
    with pytest.raises(AmbiguousSemantics, match="correct 'decay' in the file's metadata"):
        lowered(value, tmp_path)


def test_a_graphs_neighbours_are_the_callers_own() -> None:
    plain = Graph({n: Node(n, "Input", {}) for n in "ab"}, (("a", "b"),), {}, "here")
    plain.before("b").append("c")
    plain.after("a").pop()
    assert plain.before("b") == ["a"] and plain.after("a") == ["b"] and plain.before("a") == []
