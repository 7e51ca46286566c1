"""Connection kinds against explicit matrices, and composed maps against their chains."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurodeploy.compose import compose
from neurodeploy.connections import Connection, Conv2d, Dense, Sparse
from neurodeploy.connections.conv import conv_output_size
from neurodeploy.errors import ShapeMismatch


@st.composite
def convolutions(draw: st.DrawFn) -> Conv2d:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    c_in, c_out = groups * int(rng.integers(1, 3)), groups * int(rng.integers(1, 4))
    while True:
        h, w, kh, kw, sy, sx, dy, dx = (int(n) for n in rng.integers(1, (8, 8, 4, 4, 4, 4, 3, 3)))
        py, px = (int(n) for n in rng.integers(0, 3, 2))
        if conv_output_size(h, kh, sy, py, dy) > 0 and conv_output_size(w, kw, sx, px, dx) > 0:
            break
    weights = rng.integers(-9, 10, (c_out, c_in // groups, kh, kw))
    return Conv2d.build(
        weights, (c_in, h, w), stride=(sy, sx), padding=(py, px), dilation=(dy, dx), groups=groups, where="test"
    )


def direct_convolution(c: Conv2d, x: np.ndarray) -> np.ndarray:
    """Seven loops, no cleverness: what torch.nn.functional.conv2d defines."""
    c_out, in_group, kh, kw = c.weights.shape
    out = np.zeros((len(x), *c.target_shape), dtype=np.int64)
    for o, ky, kx, i, oy, ox in np.ndindex(c_out, kh, kw, in_group, *c.target_shape[1:]):
        y, z = (
            oy * c.stride[0] - c.padding[0] + ky * c.dilation[0],
            ox * c.stride[1] - c.padding[1] + kx * c.dilation[1],
        )
        channel = o // (c_out // c.groups) * in_group + i
        if 0 <= y < c.source_shape[1] and 0 <= z < c.source_shape[2]:
            out[:, o, oy, ox] += x[:, channel, y, z] * int(c.weights[o, i, ky, kx])
    return out.reshape(len(x), -1)


@settings(max_examples=60, deadline=None)
@given(convolutions(), st.integers(0, 99))
def test_convolution_and_its_matrix(c: Conv2d, seed: int) -> None:
    x = np.random.default_rng(seed).integers(0, 2, (2, *c.source_shape))
    expected = direct_convolution(c, x)
    flat = x.reshape(2, -1)
    np.testing.assert_array_equal(c.propagate(flat), expected)
    np.testing.assert_array_equal(c.to_csr() @ flat.T, expected.T)
    pattern = c.pattern()
    np.testing.assert_array_equal(c.fan_out(), pattern.toarray().sum(axis=0))
    assert c.synapses == pattern.sum()
    low, high = c.sum_bounds()
    assert np.all(low <= c.to_csr().minimum(0).sum(axis=1)) and np.all(high >= c.to_csr().maximum(0).sum(axis=1))


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**32 - 1), st.integers(1, 3), st.integers(1, 3), st.booleans(), st.integers(0, 2), st.integers(1, 2)
)
def test_pool_then_convolution_keeps_one_shared_kernel(
    seed: int, ph: int, pw: int, mean: bool, padding: int, stride: int
) -> None:
    rng = np.random.default_rng(seed)
    shape = (2, ph * int(rng.integers(2, 5)), pw * int(rng.integers(2, 5)))
    kernel = np.full((2, 1, ph, pw), 1 / (ph * pw) if mean else 1.0)
    pooling = Conv2d.build(kernel, shape, stride=(ph, pw), groups=2, where="pool")
    weights = rng.integers(-9, 10, (3, 2, 2, 2)).astype(float)
    conv = Conv2d.build(weights, pooling.target_shape, stride=(stride,) * 2, padding=(padding,) * 2, where="conv")
    joined = compose([pooling, conv])
    assert isinstance(joined, Conv2d)
    x = rng.integers(0, 2, (3, int(np.prod(shape)))).astype(float)
    np.testing.assert_allclose(joined.propagate(x), conv.propagate(pooling.propagate(x)), atol=1e-12)


def test_a_pool_that_does_not_tile_falls_back_to_a_sparse_map() -> None:
    rng = np.random.default_rng(0)
    pooling = Conv2d.build(np.ones((1, 1, 2, 2)), (1, 5, 5), stride=(2, 2), where="pool")
    conv = Conv2d.build(rng.normal(size=(2, 1, 2, 2)), (1, 2, 2), padding=(1, 1), where="conv")
    joined = compose([pooling, conv])
    assert isinstance(joined, Sparse)
    x = rng.integers(0, 2, (4, 25)).astype(float)
    np.testing.assert_allclose(joined.propagate(x), conv.propagate(pooling.propagate(x)), atol=1e-12)


@pytest.mark.parametrize("kind", [Dense, Sparse])
def test_dense_and_sparse_agree(kind: type) -> None:
    rng = np.random.default_rng(1)
    matrix = rng.integers(-9, 10, (7, 5)) * (rng.random((7, 5)) < 0.5)
    connection: Connection = Dense(matrix, (5,), (7,)) if kind is Dense else Sparse.from_matrix(matrix, (5,), (7,))
    x = rng.integers(0, 2, (3, 5))
    np.testing.assert_array_equal(connection.propagate(x), x @ matrix.T)
    np.testing.assert_array_equal(connection.to_csr().toarray(), matrix)
    np.testing.assert_array_equal(connection.sum_bounds()[0], np.minimum(matrix, 0).sum(axis=1))
    np.testing.assert_array_equal(connection.sum_bounds()[1], np.maximum(matrix, 0).sum(axis=1))
    stored = 35 if kind is Dense else np.count_nonzero(matrix)
    assert connection.synapses == connection.pattern().sum() == stored


def test_impossible_geometry_is_refused() -> None:
    with pytest.raises(ShapeMismatch, match="needs 2 input channels"):
        Conv2d.build(np.ones((1, 2, 3, 3)), (1, 8, 8), where="c")
    with pytest.raises(ShapeMismatch, match="leaves nothing"):
        Conv2d.build(np.ones((1, 1, 9, 9)), (1, 8, 8), where="c")
