"""Rounding whose errors cancel in what a neuron sums, and the moments that it goes by."""

from __future__ import annotations

import numpy as np
from floats import chain_of, linear, network, neurons
from hypothesis import given, settings
from hypothesis import strategies as st

from neurodeploy import load_target
from neurodeploy.calibration import CalibrationData
from neurodeploy.calibration.gauge import reference
from neurodeploy.calibration.moments import moments
from neurodeploy.graph import Node
from neurodeploy.quantize import quantize
from neurodeploy.quantize.choice import Choice
from neurodeploy.quantize.compensated import Moments, round_compensated
from neurodeploy.quantize.formats import format_of_bits

LOIHI1, LOIHI2 = load_target("loihi1"), load_target("loihi2")


def leaky(name: str, n: int, b: float = 0.9) -> Node:
    return neurons(name, n, b=np.full(n, b), theta=np.full(n, 1.0))


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


def test_moments_round_the_weights_of_a_network() -> None:
    rng = np.random.default_rng(1)
    nodes = [
        linear("w1", rng.normal(size=(14, 12))),
        leaky("a", 14),
        linear("w2", rng.normal(size=(5, 14))),
        leaky("b", 5),
    ]
    net = network(chain_of(*nodes, shape=(12,)))
    inputs = rng.random((100, 12)) + rng.random((100, 1))
    known = {"in": Moments.of(inputs.T @ inputs)}
    chip, report = quantize(net, LOIHI1, bits=4, choices={"a": Choice(moments=known)})
    first, trained = chip.projections[0], net.projections[0].connection.weights
    unit = 64 * 2.0**first.weight_exp / float(chip.populations["a"].scale or 0)
    expected = round_compensated(trained, unit, format_of_bits(4, "mixed", LOIHI1), known["in"])
    np.testing.assert_array_equal(first.connection.weights, expected)
    assert report.projections[0].error_max_lsb > 0.5
    other = quantize(net, LOIHI1, bits=4, choices={"b": Choice(moments=known)})[0]
    for p, q in zip(other.projections, quantize(net, LOIHI1, bits=4)[0].projections, strict=True):
        np.testing.assert_array_equal(p.connection.weights, q.connection.weights)
