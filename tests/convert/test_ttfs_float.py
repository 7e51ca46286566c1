"""First-spike networks in float: equal to the ReLU network that they were made of, and as large as promised."""

from __future__ import annotations

from itertools import chain, combinations
from typing import Any

import numpy as np
import pytest
from relu_nets import by_hand, inputs_of, random_net
from scipy.sparse import csr_array

from neurodeploy.convert.ttfs import ReluNet, spiking_net
from neurodeploy.convert.ttfs.events import crossings, taps
from neurodeploy.convert.ttfs.stages import MODES
from neurodeploy.errors import ModelError, NeurodeployError, SimulationError


def times(weights: Any, arrivals: Any, theta: float) -> np.ndarray:
    """When one neuron fires, for each row of arrivals."""
    rows = np.atleast_2d(np.asarray(arrivals, float))
    found, _ = crossings(taps(csr_array(np.atleast_2d(weights))), rows, np.zeros(rows.shape[1]), np.array([theta]))
    return found[:, 0]


@pytest.mark.parametrize("mode", MODES)
def test_equals_the_relu_network(mode: str) -> None:
    """110 networks, and again with windows that are calibrated on the same inputs."""
    rng = np.random.default_rng(0)
    worst = 0.0
    for _ in range(110):
        net = random_net(rng)
        x = inputs_of(net, rng, 12)
        expected = by_hand(net, x)
        assert abs(net(x) - expected).max() < 1e-12
        safe, tight = spiking_net(net, mode=mode), spiking_net(net, mode=mode, calibration=x)
        assert tight.t_out <= safe.t_out * 1.25 + len(net.layers)
        worst = max(worst, *(abs(spiking.run(x) - expected).max() for spiking in (safe, tight)))
    assert worst < 1e-9


@pytest.mark.parametrize("depth", [1, 2, 4])
@pytest.mark.parametrize("width", [1, 3, 8])
def test_counts_of_the_theorems(depth: int, width: int) -> None:
    net = random_net(np.random.default_rng(depth), (*[width] * depth, 1))
    relu, (paper, compact) = net.neurons, (spiking_net(net, mode=mode) for mode in ("paper", "compact"))
    assert relu == depth * width + 1
    assert paper.neurons == relu + depth * (2 * width + 3) - (2 * width + 2)
    assert compact.neurons == relu + depth * (width + 2) - (width + 1)
    assert (len(paper.stages), len(compact.stages)) == (3 * depth - 2, 2 * depth - 1)


def test_counts_of_unequal_widths() -> None:
    net = random_net(np.random.default_rng(0), (5, 7, 2, 3))
    assert spiking_net(net).neurons == (5 + 1) + 2 * (7 + 1) + 2 * (2 + 1) + 3


def test_a_jump_of_nine() -> None:
    """Signed weights: the spike time of one neuron is not continuous in that of its input."""
    x = np.array([0.5, 0.75, 0.5 - 1e-12, 0.25, -1.0])
    arrivals = np.column_stack([x, np.zeros(5), np.full(5, 5.0)])
    found = times([-3, 2, 2], arrivals, 1)
    np.testing.assert_allclose(found, [0.5, 0.5, 11 - 1.5, 11 - 0.75, 11 + 3], atol=1e-9)
    assert found[2] - found[0] == pytest.approx(9, abs=1e-9)


def test_positive_weights_are_a_minimum() -> None:
    """``t = min over non-empty S of (theta + sum_S w a) / sum_S w``."""
    rng = np.random.default_rng(1)
    for d in (1, 2, 3, 5):
        weights, arrivals, theta = rng.uniform(0.1, 2, d), rng.normal(size=(40, d)), rng.uniform(0.1, 3)
        subsets = chain.from_iterable(combinations(range(d), k) for k in range(1, d + 1))
        forms = [(theta + arrivals[:, s] @ weights[list(s)]) / weights[list(s)].sum() for s in map(list, subsets)]
        assert len(forms) == 2**d - 1
        np.testing.assert_allclose(times(weights, arrivals, theta), np.min(forms, axis=0), rtol=0, atol=1e-12)


def test_the_first_crossing_and_no_other() -> None:
    """Signed weights against the potential itself: theta there, below it before."""
    rng = np.random.default_rng(2)
    fired = 0
    for _ in range(200):
        d = rng.integers(1, 8)
        weights, arrivals, theta = rng.normal(size=d), rng.normal(size=d), rng.uniform(0.05, 2)
        (t,) = times(weights, arrivals, theta)
        before = np.linspace(arrivals.min(), min(t, 1e3), 300, endpoint=False)
        potential = np.maximum(0, before[:, None] - arrivals) @ weights
        assert np.all(potential < theta + 1e-9)
        if np.isfinite(t):
            fired += 1
            assert np.maximum(0, t - arrivals) @ weights == pytest.approx(theta, abs=1e-9)
        else:
            assert weights.sum() <= 0
    assert 60 < fired < 200


def test_an_input_that_never_spikes_is_no_input() -> None:
    arrivals = np.array([[np.inf, 1.0], [2.0, np.inf], [np.inf, np.inf]])
    np.testing.assert_array_equal(times([1.0, 2.0], arrivals, 4), [3, 6, np.inf])


@pytest.mark.parametrize("mode", MODES)
def test_exclusive_or(mode: str) -> None:
    """``|x - y|``, which no single neuron does."""
    net = ReluNet.of([([[1, -1], [-1, 1]], [0, 0]), ([[1, 1]], [0])], 0, 1)
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1], [0.25, 0.75]])
    np.testing.assert_allclose(spiking_net(net, mode=mode).run(x)[:, 0], [0, 1, 1, 0, 0.5], atol=1e-12)


def test_what_is_outside_is_refused() -> None:
    net = random_net(np.random.default_rng(3), (3, 4, 2))
    spiking = spiking_net(net)
    for wrong in (1.01, -2.0, np.nan):
        with pytest.raises(SimulationError, match="input 1 of sample 2 is .* outside -1.0..1.0"):
            spiking.run(np.array([[0, 0, 0], [1, 1, 1], [0, wrong, 0]]))
    with pytest.raises(SimulationError, match="outside"):
        spiking_net(net, calibration=np.full((2, 3), 3.0))


@pytest.mark.parametrize("mode", MODES)
def test_a_window_that_is_too_short_is_found_out(mode: str) -> None:
    """Calibrated near the origin: what comes out is right, or nothing does."""
    rng = np.random.default_rng(4)
    refused = 0
    for _ in range(30):
        net = random_net(rng, (6, 8, 5, 3))
        spiking = spiking_net(net, mode=mode, calibration=np.zeros((1, 6)))
        for x in inputs_of(net, rng, 12)[:, None]:
            try:
                found = spiking.run(x)
            except SimulationError as error:
                assert "before its last input had arrived" in error.what and error.remedy
                refused += 1
            else:
                assert abs(found - by_hand(net, x)).max() < 1e-9
    assert 60 < refused < 360


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: spiking_net(ReluNet.of([([[1.0]], 0)]), mode="papr"), "did you mean 'paper'"),
        (lambda: ReluNet.of([]), "no affine map"),
        (lambda: ReluNet.of([([[1.0]], 0), ([[1.0, 2.0]], 0)]), "1 values for a map of 2"),
        (lambda: ReluNet.of([([[np.inf]], 0)]), "not finite"),
        (lambda: ReluNet.of([([[1.0]], 0)], 1, 0), "no box"),
        (lambda: spiking_net(ReluNet.of([([[1.0]], 0)])).run(np.zeros((2, 3))), "give numbers (B, 1)"),
        (lambda: spiking_net(ReluNet.of([([[1.0]], 0)])).run(np.zeros((0, 1))), "at least one"),
        (lambda: spiking_net(ReluNet.of([([[1.0]], 0)])).run([["a"]]), "hold <U1"),
    ],
)
def test_mistakes(make: Any, said: str) -> None:
    with pytest.raises(NeurodeployError) as error:
        make()
    assert said in str(error.value) and error.value.remedy
    assert isinstance(error.value, ModelError | SimulationError)
