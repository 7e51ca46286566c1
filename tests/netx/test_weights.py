"""What netx makes of weight matrices, and where that is not what the file says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from netx_files import matrix

from neurodeploy.frontends.netx.weights import exact_scale, netx_scale

# weights, scale k, bits, what Lava's synapse computes with; all measured with lava-dl 0.6.0 on Lava 0.10.0
MEASURED = [
    ([-98, 130, 2], 0, 8, [-98, 130, 2]),
    ([3, -5], 5, 4, [3, -5]),
    ([127, -128], 1, 8, [127, -128]),
    ([-255, 3, 254], 0, 9, [-255, 3, 254]),
    ([255, 3], 0, 8, [255, 3]),
    ([1, 0], 7, 1, [1, 0]),
    ([-3, -5, 0], 5, 4, [-3, -5, 0]),
    ([-200, 0, -6], 0, 8, [-200, 0, -6]),
    ([-255, -3, -1], 0, 8, [-255, -3, -1]),
    ([-8, -2, -4], 5, 2, [-6, -2, -4]),
    ([-128, -3, -1], 1, 7, [-127, -3, -1]),
    ([-256, -4, 0], 0, 7, [-254, -4, 0]),
    ([-1, -1], 8, 0, [0, 0]),
    ([-255, -3, 0], 0, 9, [0, 0, 0]),
    ([-129, 0, -7], 0, 9, [0, 0, 0]),
    ([300, 2, 4], -1, 8, [0, 0, 0]),
    ([-300, -2, -4], -1, 8, [0, 0, 0]),
    ([-300, 4, 5], 0, 9, [-256, 4, 5]),
    ([300, -3, 5], 0, 9, [254, -3, 5]),
]


@pytest.mark.parametrize(("weights", "k", "bits", "acts"), MEASURED)
def test_scale_bits_and_effect(weights: list[int], k: int, bits: int, acts: list[int]) -> None:
    scaled = netx_scale(np.array([weights]))
    assert scaled is not None
    assert (-scaled.weight_exp, scaled.num_weight_bits) == (k, bits)
    assert (scaled.held * 2.0**scaled.weight_exp).tolist() == [acts]
    assert scaled.holds(np.array([weights])) == (weights == acts)


def test_all_zero_matrices_do_not_load() -> None:
    assert netx_scale(np.zeros((2, 2), np.int64)) is None


@pytest.mark.parametrize(
    ("weights", "exponent"),
    [([-8, -2, -4], -4), ([-1, -1], -7), ([-256, -4, 0], 1), ([300, 2, 4], 1), ([-255, -3, 0], 0), ([-300, -2, -4], 1)],
)
def test_another_scale_holds_what_netx_would_change(weights: list[int], exponent: int) -> None:
    exact = exact_scale(np.array([weights]))
    assert exact is not None
    assert exact.weight_exp == exponent
    assert (exact.held * 2.0**exponent).tolist() == [weights]


@pytest.mark.parametrize("weights", [[-257, 0], [-256, -3], [301, 2], [-300, 5]])
def test_some_matrices_no_scale_holds(weights: list[int]) -> None:
    assert exact_scale(np.array([weights])) is None


def test_the_rule_is_that_of_netx(worker: Callable[..., dict[str, Any]]) -> None:
    """Scaled weights, exponent and bits of netx's own function, on 600 matrices."""
    rng = np.random.default_rng(0)
    matrices = [matrix(rng, (3, int(rng.integers(1, 6)))) for _ in range(300)]
    for _ in range(300):
        low, high = np.sort(rng.integers(-310, 310, 2))
        weights = rng.integers(low, high + 1, (2, 3)) // 2 ** int(rng.integers(0, 8)) * int(rng.choice([1, 1, 2, 8]))
        matrices.append(weights if weights.any() else weights + 1)
    found = worker({f"matrix{k}": m for k, m in enumerate(matrices)})
    for k, weights in enumerate(matrices):
        scaled = netx_scale(weights)
        assert scaled is not None
        exponent, bits = found[f"s{k}"].tolist()
        assert (scaled.weight_exp, scaled.num_weight_bits) == (exponent, bits), weights
        np.testing.assert_array_equal(scaled.weights, found[f"m{k}"], err_msg=str(weights))
