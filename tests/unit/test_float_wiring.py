"""What lies between neurons in the float reference: delays, biases behind them, cycles, merges, all node types."""

from __future__ import annotations

import numpy as np
import pytest
from floats import affine, chain_of, linear, made, network, neurons
from hypothesis import given, settings
from hypothesis import strategies as st

from neurodeploy.errors import AmbiguousSemantics, ModelError, ShapeMismatch, SimulationError, UnsupportedNode
from neurodeploy.graph import Node
from neurodeploy.lower import resolve_semantics
from neurodeploy.semantics import Semantics
from neurodeploy.simulate.float_reference import simulate_float

STEPS = 12


def spikes(rng: np.random.Generator, *shape: int, rate: float = 0.4) -> np.ndarray:
    return (rng.random((2, STEPS, *shape)) < rate).astype(np.uint8)


def fire(v: np.ndarray, drive: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """An integrator of threshold 1 that resets to 0."""
    v = v + drive
    s = (v > 1).astype(float)
    return np.where(s > 0, 0.0, v), s


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    before=st.lists(st.integers(0, 4), min_size=5, max_size=5),
    after=st.lists(st.integers(0, 4), min_size=3, max_size=3),
)
def test_delays_per_element_on_both_sides_of_a_layer_with_bias(seed: int, before: list[int], after: list[int]) -> None:
    rng = np.random.default_rng(seed)
    w, b = rng.integers(-8, 9, (3, 5)) / 8, rng.integers(-4, 5, 3) / 8
    layers = [Node("d1", "Delay", {"delay": np.array(before) / 4}), affine("w", w, b)]
    layers += [Node("d2", "Delay", {"delay": np.array(after) / 4}), neurons("n", 3)]
    net = network(chain_of(*layers, shape=(5,)), dt_s=0.25)
    x = spikes(rng, 5)
    run = simulate_float(net, {"in": x}, membranes=("n",))
    v = np.zeros((2, 3))
    for t in range(STEPS):
        drive = np.zeros((2, 3))
        for o in range(3):
            if t >= after[o]:
                drive[:, o] = b[o]  # the layer's output exists from step 0 on, bias and all
                for i in range(5):
                    if t - after[o] - before[i] >= 0:
                        drive[:, o] += w[o, i] * x[:, t - after[o] - before[i], i]
        v, s = fire(v, drive)
        np.testing.assert_array_equal(run.spikes["n"][:, t], s)
        np.testing.assert_array_equal(run.membranes["n"][:, t], v)


@pytest.mark.parametrize(("delay", "text"), [(0.3, "1.2 time steps of 0.25"), (-0.25, "-1 time steps")])
def test_delays_that_are_no_steps_are_refused(delay: float, text: str) -> None:
    layers = (linear("w", [[1.0]]), Node("d", "Delay", {"delay": np.full(1, delay)}), neurons("n", 1))
    with pytest.raises(UnsupportedNode, match=text):
        network(chain_of(*layers, shape=(1,)), dt_s=0.25)


@pytest.mark.parametrize("first_step", [True, False])
def test_bias_of_a_feedback_path(first_step: bool) -> None:
    """snnTorch counts it in the first step, networks run by nirtorch do not."""
    rng = np.random.default_rng(1)
    w, w_rec, b_rec = rng.integers(-8, 9, (4, 3)) / 8, rng.integers(-8, 9, (4, 4)) / 8, np.array([2.0, 0.5, -1.0, 0.0])
    nodes = [linear("w", w), neurons("n", 4), affine("rec", w_rec, b_rec)]
    edges = [("in", "w"), ("w", "n"), ("n", "rec"), ("rec", "n"), ("n", "out")]
    net = network(made(nodes, edges, {"in": (3,)}), recurrent_bias_t0=first_step)
    x = spikes(rng, 3)
    run = simulate_float(net, {"in": x})
    v, s = np.zeros((2, 4)), np.zeros((2, 4))
    for t in range(STEPS):
        back = s @ w_rec.T + b_rec if t or first_step else 0.0
        v, s = fire(v, x[:, t] @ w.T + back)
        np.testing.assert_array_equal(run.spikes["n"][:, t], s)
    assert run.spikes["n"][:, 0].any() == first_step or run.spikes["n"].any()


def test_a_bias_that_also_lies_on_the_way_in_is_never_late() -> None:
    """Input and feedback meet before one layer: its bias is the input's, too."""
    edges = [("in", "w"), ("w", "n"), ("n", "w"), ("n", "out")]
    net = network(made([affine("w", [[0.0]], [2.0]), neurons("n", 1)], edges, {"in": (1,)}), recurrent_bias_t0=False)
    np.testing.assert_array_equal(
        simulate_float(net, {"in": np.zeros((1, 2, 1), np.uint8)}).spikes["n"].ravel(), [1, 1]
    )


def test_a_node_may_have_its_own_convention_for_that_bias() -> None:
    rec = affine("rec", [[0.0]], [2.0])
    for graph_says, node_says in ((True, False), (False, True)):
        node = neurons("n", 1, {"recurrent_bias_t0": node_says})
        edges = [("in", "w"), ("w", "n"), ("n", "rec"), ("rec", "n"), ("n", "out")]
        net = network(made([linear("w", [[0.0]]), node, rec], edges, {"in": (1,)}), recurrent_bias_t0=graph_says)
        run = simulate_float(net, {"in": np.zeros((1, 2, 1), np.uint8)})
        np.testing.assert_array_equal(run.spikes["n"].ravel(), [node_says, 1])


def test_a_cycle_over_two_layers_has_one_delay() -> None:
    rng = np.random.default_rng(2)
    w1, w2, back = (rng.integers(-8, 13, (4, 4)) / 8 for _ in range(3))
    nodes = [linear("w1", w1), neurons("a", 4), linear("w2", w2), neurons("b", 4), linear("back", back)]
    edges = [("in", "w1"), ("w1", "a"), ("a", "w2"), ("w2", "b"), ("b", "out"), ("b", "back"), ("back", "a")]
    net = network(made(nodes, edges, {"in": (4,)}))
    assert {(p.source, p.target): (p.delay_steps, p.feedback) for p in net.projections} == {
        ("in", "a"): (0, False),
        ("a", "b"): (0, False),
        ("b", "a"): (1, True),
    }
    x = spikes(rng, 4)
    run = simulate_float(net, {"in": x})
    va, vb, sb = np.zeros((2, 4)), np.zeros((2, 4)), np.zeros((2, 4))
    for t in range(STEPS):
        va, sa = fire(va, x[:, t] @ w1.T + sb @ back.T)
        vb, sb = fire(vb, sa @ w2.T)
        np.testing.assert_array_equal(run.spikes["a"][:, t], sa)
        np.testing.assert_array_equal(run.spikes["b"][:, t], sb)
    assert run.spikes["a"].any() and run.spikes["b"].any()


def test_a_cycle_with_a_delay_in_it_needs_no_other() -> None:
    nodes = [
        linear("w", [[2.0]]),
        neurons("n", 1),
        Node("d", "Delay", {"delay": np.full(1, 3.0)}),
        linear("b", [[2.0]]),
    ]
    edges = [("in", "w"), ("w", "n"), ("n", "d"), ("d", "b"), ("b", "n"), ("n", "out")]
    net = network(made(nodes, edges, {"in": (1,)}))
    assert [(p.delay_steps, p.feedback) for p in net.incoming("n") if p.source == "n"] == [(3, False)]
    x = np.zeros((1, 8, 1), np.uint8)
    x[0, 0] = 1
    np.testing.assert_array_equal(simulate_float(net, {"in": x}).spikes["n"].ravel(), [1, 0, 0, 1, 0, 0, 1, 0])


def test_a_cycle_with_a_short_cut_is_cut_once() -> None:
    """in -> a -> b -> c -> a, and in -> c: breadth-first order alone would cut b -> c, too."""
    names = ["a", "b", "c"]
    nodes = [neurons(n, 1) for n in names] + [linear(f"w{i}", [[1.0]]) for i in range(5)]
    pairs = [("in", "a"), ("a", "b"), ("b", "c"), ("c", "a"), ("in", "c")]
    edges = [e for i, (s, t) in enumerate(pairs) for e in ((s, f"w{i}"), (f"w{i}", t))]
    net = network(made(nodes, [*edges, ("c", "out")], {"in": (1,)}))
    assert {(p.source, p.target) for p in net.projections if p.feedback} == {("c", "a")}


def test_branches_merges_and_several_inputs_and_outputs() -> None:
    rng = np.random.default_rng(3)
    w1, w2, w3 = (rng.integers(-8, 13, (4, 4)) / 8 for _ in range(3))
    nodes = [linear("w1", w1), linear("w2", w2), neurons("a", 4), neurons("b", 4), linear("w3", w3)]
    edges = [("x", "w1"), ("y", "w2"), ("w1", "a"), ("w2", "a"), ("a", "b"), ("x", "b"), ("a", "w3"), ("w3", "sum")]
    edges += [("b", "sum"), ("b", "spikes")]
    net = network(made(nodes, edges, {"x": (4,), "y": (4,)}))
    assert net.outputs == {"sum": "sum", "spikes": "b"}
    x, y = spikes(rng, 4), spikes(rng, 4)
    run = simulate_float(net, {"x": x, "y": y}, membranes=("sum",))
    va, vb = np.zeros((2, 4)), np.zeros((2, 4))
    for t in range(STEPS):
        va, sa = fire(va, x[:, t] @ w1.T + y[:, t] @ w2.T)
        vb, sb = fire(vb, sa + x[:, t])
        np.testing.assert_array_equal(run.spikes["b"][:, t], sb)
        np.testing.assert_array_equal(run.membranes["sum"][:, t], sa @ w3.T + sb)


def test_integrators_without_threshold_send_real_values() -> None:
    """LI -> Linear -> I -> Scale -> Threshold: no spike before the end."""
    rng = np.random.default_rng(4)
    w, w2, scale = rng.normal(size=(3, 4)), rng.normal(size=(3, 3)), np.array([1.0, -2.0, 3.0])
    leaky = {"tau": np.array([2.0, 4.0, 8.0]), "r": np.array([1.0, 2.0, 3.0]), "v_leak": np.array([0.1, 0.0, -0.1])}
    nodes = [
        linear("w", w),
        Node("li", "LI", leaky),
        linear("w2", w2),
        Node("i", "I", {"r": np.array([0.5, 1.0, 2.0])}),
    ]
    nodes += [Node("s", "Scale", {"scale": scale}), Node("th", "Threshold", {"threshold": np.array([0.2, -0.5, 0.0])})]
    net = network(chain_of(*nodes, shape=(4,)), dt_s=0.5, v_init="v_leak")
    x = spikes(rng, 4)
    run = simulate_float(net, {"in": x}, membranes=("li", "i"))
    v = np.tile(leaky["v_leak"], (2, 1))
    u = np.zeros((2, 3))
    for t in range(STEPS):
        v = v + 0.5 / leaky["tau"] * (leaky["v_leak"] - v + leaky["r"] * (x[:, t] @ w.T))
        u = u + 0.5 * np.array([0.5, 1.0, 2.0]) * (v @ w2.T)
        np.testing.assert_allclose(run.membranes["li"][:, t], v, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(run.membranes["i"][:, t], u, rtol=1e-12, atol=1e-12)
        np.testing.assert_array_equal(run.spikes["th"][:, t], scale * u > np.array([0.2, -0.5, 0.0]))
    assert 0 < run.spikes["th"].mean() < 1


def test_threshold_is_strict_unless_told_otherwise() -> None:
    graph = chain_of(linear("w", [[1.0]]), Node("th", "Threshold", {"threshold": np.ones(1)}), shape=(1,))
    for spike, fired in (("gt", 0), ("ge", 1), ("multi_trunc", 0)):
        run = simulate_float(network(graph, spike=spike), {"in": np.ones((1, 2, 1), np.uint8)})
        np.testing.assert_array_equal(run.spikes["th"].ravel(), [fired, fired])


def test_exponential_decay_and_gains() -> None:
    params = {"tau_syn": 2.0, "tau_mem": 5.0, "r": 3.0, "v_leak": 0.5, "v_threshold": 99.0, "v_reset": 0.0, "w_in": 0.5}
    node = Node("n", "CubaLIF", {k: np.full(1, v) for k, v in params.items()})
    graph = chain_of(linear("w", [[1.0]]), node, shape=(1,))
    a, b = np.exp(-0.1 / 2), np.exp(-0.1 / 5)
    for gain, w, k in (("nir", 0.5 * (1 - a), 3 * (1 - b)), ("unit", 1.0, 1.0), ("decayed", a, 1.0)):
        net = network(graph, dt_s=0.1, decay="exp", input_gain=gain, v_init="v_leak")
        run = simulate_float(net, {"in": np.ones((1, 6, 1), np.uint8)}, membranes=("n",))
        current, v, expected = 0.0, 0.5, []
        for _ in range(6):
            current = a * current + w
            v = b * v + 0.5 * (1 - b) + k * current
            expected.append(v)
        np.testing.assert_allclose(run.membranes["n"].ravel(), expected, rtol=1e-12)


@pytest.mark.parametrize(("gain", "k"), [("nir", 3 * (1 - np.exp(-0.1))), ("unit", 1.0), ("decayed", np.exp(-0.1))])
def test_gains_of_integrators_without_threshold(gain: str, k: float) -> None:
    """Rockpool's decays together with its input, Sinabs's takes it as it is."""
    params = {"tau": np.full(1, 1.0), "r": np.full(1, 3.0), "v_leak": np.zeros(1)}
    net = network(
        chain_of(linear("w", [[1.0]]), Node("n", "LI", params), shape=(1,)), dt_s=0.1, decay="exp", input_gain=gain
    )
    run = simulate_float(net, {"in": np.ones((1, 2, 1), np.uint8)}, membranes=("n",))
    np.testing.assert_allclose(run.membranes["n"].ravel(), [k, k * np.exp(-0.1) + k], rtol=1e-12)


def test_impulses_have_unit_area_and_real_values_stay() -> None:
    leaky = {"tau": np.full(1, 2.0), "r": np.ones(1), "v_leak": np.zeros(1)}
    layers = [
        affine("w", [[3.0]], [0.5]),
        Node("li", "LI", leaky),
        linear("w2", [[2.0]]),
        Node("sum", "I", {"r": np.ones(1)}),
    ]
    net = network(chain_of(*layers, shape=(1,)), dt_s=0.5, input_amplitude="impulse")
    run = simulate_float(net, {"in": np.ones((1, 1, 1), np.uint8)}, membranes=("li", "sum"))
    li = 0.25 * (3.0 / 0.5 + 0.5)
    np.testing.assert_allclose([run.membranes[n].item() for n in ("li", "sum")], [li, 0.5 * 2 * li])


def test_latency_of_a_step() -> None:
    net = network(
        chain_of(linear("w", [[2.0]]), neurons("a", 1), linear("v", [[2.0]]), neurons("b", 1), shape=(1,)),
        latency_steps=1,
    )
    x = np.array([[[1], [0], [1], [0], [0]]], np.uint8)
    run = simulate_float(net, {"in": x})
    np.testing.assert_array_equal(run.spikes["a"].ravel(), [0, 1, 0, 1, 0])
    np.testing.assert_array_equal(run.spikes["b"].ravel(), [0, 0, 1, 0, 1])


def test_conv1d_and_matrices_of_several_dimensions() -> None:
    rng = np.random.default_rng(5)
    kernel, bias = rng.normal(size=(4, 1, 3)), rng.normal(size=4)
    geometry = {"stride": 2, "padding": 1, "dilation": 2, "groups": 2, "input_shape": 9}
    conv = Node("c", "Conv1d", {"weight": kernel, "bias": bias, **{k: np.asarray(v) for k, v in geometry.items()}})
    matrices, offset = rng.normal(size=(4, 2, 4)), rng.normal(size=(4, 2))
    total = Node("s", "I", {"r": np.ones(8)})
    flat = Node("f", "Flatten", {"start_dim": np.asarray(0), "end_dim": np.asarray(-1)})
    stack = Node("m", "Affine", {"weight": matrices, "bias": offset})
    net = network(chain_of(conv, stack, flat, total, shape=(2, 9)))
    x = spikes(rng, 2, 9)
    run = simulate_float(net, {"in": x}, membranes=("s",))
    made_by_hand = np.zeros((2, STEPS, 4, 4))
    padded = np.pad(x.astype(float), ((0, 0), (0, 0), (0, 0), (1, 1)))
    for o in range(4):
        for i in range(4):
            window = padded[:, :, o // 2, 2 * i : 2 * i + 5 : 2]
            made_by_hand[:, :, o, i] = window @ kernel[o, 0] + bias[o]
    expected = np.einsum("coi,btci->btco", matrices, made_by_hand) + offset
    np.testing.assert_allclose(run.membranes["s"], np.cumsum(expected.reshape(2, STEPS, 8), axis=1), atol=1e-12)


def test_scale_keeps_a_kernel_shared() -> None:
    rng = np.random.default_rng(6)
    kernel, gains = rng.normal(size=(3, 2, 3, 3)), np.array([2.0, -1.0, 0.5])
    conv = {"weight": kernel, "bias": rng.normal(size=3), "stride": np.asarray(1), "padding": np.asarray(1)}
    conv |= {"dilation": np.asarray(1), "groups": np.asarray(1)}
    first = np.broadcast_to(np.array([3.0, -2.0])[:, None, None], (2, 5, 5))
    second = np.broadcast_to(gains[:, None, None], (3, 5, 5))
    layers = [Node("s1", "Scale", {"scale": first}), Node("c", "Conv2d", conv), Node("s2", "Scale", {"scale": second})]
    net = network(chain_of(*layers, Node("i", "I", {"r": np.ones((3, 5, 5))}), shape=(2, 5, 5)))
    (p,) = net.projections
    assert p.connection.kind == "conv2d"
    np.testing.assert_allclose(
        p.connection.weights, kernel * np.array([3.0, -2.0])[:, None, None] * gains[:, None, None, None]
    )
    np.testing.assert_allclose(net.populations["i"].bias, np.repeat(conv["bias"] * gains, 25))


@pytest.mark.parametrize(
    ("profile", "given", "expected"),
    [
        ("snntorch", {}, {"dt_s": 1e-4, "reset": "subtract_late", "spike": "gt"}),
        ("snntorch", {"reset": "value"}, {"reset": "value", "profile": "snntorch"}),
        ("norse", {}, {"dt_s": 1e-3, "reset": "value", "v_init": "v_leak"}),
        ("spikingjelly", {}, {"spike": "ge", "v_init": "v_reset"}),
        ("sinabs", {"input_gain": "unit"}, {"dt_s": 1.0, "decay": "exp", "spike": "multi_trunc"}),
        ("rockpool", {}, {"decay": "exp", "input_gain": "decayed"}),
        ("spyx", {"reset": "subtract"}, {"latency_steps": 1, "input_gain": "unit"}),
    ],
)
def test_profiles_set_defaults(profile: str, given: dict[str, object], expected: dict[str, object]) -> None:
    found = leaky_semantics(profile=profile, **given)
    assert expected.items() <= found.to_dict().items() and found.profile == profile


@pytest.mark.parametrize(("profile", "lost"), [("sinabs", "input_gain"), ("spyx", "reset")])
def test_profiles_do_not_guess_what_the_framework_loses(profile: str, lost: str) -> None:
    with pytest.raises(AmbiguousSemantics, match=f"{lost} unknown"):
        leaky_semantics(profile=profile)


def test_profiles_are_never_applied_by_themselves() -> None:
    with pytest.raises(AmbiguousSemantics, match="dt_s, reset unknown"):
        leaky_semantics()
    with pytest.raises(AmbiguousSemantics, match="profile = 'snntorh' is not supported"):
        leaky_semantics(profile="snntorh")


def leaky_semantics(**options: object) -> Semantics:
    params = {"tau": 2.0, "r": 2.0, "v_leak": 0.0, "v_threshold": 1.0, "v_reset": 0.0}
    node = Node("n", "LIF", {k: np.full(1, v) for k, v in params.items()})
    return resolve_semantics(chain_of(linear("w", [[1.0]]), node, shape=(1,)), options)


@pytest.mark.parametrize(
    ("conventions", "exact", "error", "text"),
    [
        ({"reset": "soft"}, {}, AmbiguousSemantics, "reset = 'soft' means nothing"),
        ({"resett": "value"}, {}, AmbiguousSemantics, "resett = 'value' means nothing"),
        ({"readout": "count"}, {}, AmbiguousSemantics, "readout = 'count' means nothing"),
        ({"spike": np.ones(2)}, {}, AmbiguousSemantics, "means nothing"),
        ({"v_min": np.ones(3)}, {}, ShapeMismatch, "v_min has shape"),
        ({"max_spikes": -1}, {}, UnsupportedNode, "max_spikes"),
        ({}, {"beta": 0.5}, UnsupportedNode, r"no factors \['beta'\]"),
        ({}, {"b": np.nan}, UnsupportedNode, "factor b is not finite"),
        ({}, {"theta": 0.0}, UnsupportedNode, "threshold is not above"),
    ],
)
def test_conventions_and_factors_of_a_node_are_checked(
    conventions: dict[str, object], exact: dict[str, object], error: type[ModelError], text: str
) -> None:
    graph = chain_of(linear("w", np.ones((2, 2))), neurons("n", 2, conventions, **exact), shape=(2,))
    with pytest.raises(error, match=text) as caught:
        network(graph)
    assert "node 'n'" in caught.value.where and caught.value.remedy


def test_a_node_may_lack_the_graph_s_bound() -> None:
    nodes = [linear("w", [[-1.0]]), neurons("n", 1, {"v_min": None}), linear("v", [[1.0]]), neurons("m", 1)]
    net = network(chain_of(*nodes, shape=(1,)), v_min=-2.0)
    assert [p.dynamics.v_min.item() for p in net.populations.values()] == [-np.inf, -2.0]


def test_exact_factors_make_the_time_step_needless() -> None:
    params = {"tau": 2.0, "r": 2.0, "v_leak": 0.0, "v_threshold": 1.0, "v_reset": 0.0}
    exact = {"b": 0.9, "k": 1.0, "l": 0.0}
    node = Node("n", "LIF", {k: np.full(1, v) for k, v in params.items()}, {"reset": "none", "v_init": "zero"}, exact)
    graph = chain_of(linear("w", [[1.0]]), node, shape=(1,))
    assert network(graph, dt_s=None, reset=None).populations["n"].dynamics.b.item() == 0.9


@pytest.mark.parametrize(
    ("inputs", "forced"),
    [
        ({}, {}),
        ({"x": np.zeros((2, 3, 2))}, {}),
        ({"in": np.zeros((2, 3, 2)), "x": np.zeros((2, 3, 2))}, {}),
        ({"in": np.zeros((2, 3, 3))}, {}),
        ({"in": np.zeros((3, 2))}, {}),
        ({"in": np.zeros((2, 3, 2))}, {"n": np.zeros((2, 4, 2))}),
        ({"in": np.zeros((2, 3, 2))}, {"m": np.zeros((2, 3, 2))}),
    ],
)
def test_messages_that_do_not_fit_are_refused(inputs: dict[str, np.ndarray], forced: dict[str, np.ndarray]) -> None:
    net = network(chain_of(linear("w", np.eye(2)), neurons("n", 2), shape=(2,)))
    with pytest.raises(SimulationError, match="given messages|for a network with") as caught:
        simulate_float(net, inputs, forced=forced)
    assert caught.value.remedy


def test_too_many_chains_are_refused_quickly() -> None:
    nodes, edges = [linear("w", np.eye(2))], [("in", "w")]
    last = "w"
    for i in range(30):
        nodes += [linear(f"l{i}", np.eye(2)), linear(f"r{i}", np.eye(2)), linear(f"m{i}", np.eye(2))]
        edges += [(last, f"l{i}"), (last, f"r{i}"), (f"l{i}", f"m{i}"), (f"r{i}", f"m{i}")]
        last = f"m{i}"
    with pytest.raises(UnsupportedNode, match="chains of layers"):
        network(made([*nodes, neurons("n", 2)], [*edges, (last, "n"), ("n", "out")], {"in": (2,)}))
