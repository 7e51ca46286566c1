"""Connection kinds against explicit matrices, and composed maps against their chains."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurodeploy.compose import compose
from neurodeploy.connections import Connection, Conv2d, Dense, Sparse, sparse
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


ROWS = np.array([[-3, 0, 5, 0, 0, 0], [0, 0, 0, 5, 0, 0], [0] * 6, [0, 0, 0, 0, 7, 0], [0] * 6])
"""What the following arrays mean: unsorted, a synapse in two parts, an explicit zero, empty rows also at the end."""
VALUES, COLUMNS, ENDS = [5, -3, 1, 4, 0, 7], [2, 0, 3, 3, 1, 4], [0, 2, 4, 4, 6, 6]


@pytest.mark.parametrize("order", ["csr", "csc"])
@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.float64])
def test_sparse_by_source_and_by_target_are_the_same_map(
    order: str, dtype: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    from scipy.sparse import csc_array, csr_array

    matrix, kind = (ROWS, csr_array) if order == "csr" else (ROWS.T, csc_array)
    ends = (matrix.shape[1],), (matrix.shape[0],)
    given = kind((np.array(VALUES, dtype), np.array(COLUMNS), np.array(ENDS)), shape=matrix.shape)
    before = [np.array(a) for a in (given.data, given.indices, given.indptr)]
    found, expected = Sparse.from_matrix(given, *ends), Sparse.from_matrix(matrix.astype(dtype), *ends)
    for kept, array in zip(before, (given.data, given.indices, given.indptr), strict=True):
        np.testing.assert_array_equal(kept, array)  # the caller's matrix is as it was
    assert found.by_source == (order == "csc") and not expected.by_source
    assert found.synapses == np.count_nonzero(matrix) and found.weights.dtype == dtype
    np.testing.assert_array_equal(found.fan_out(), np.count_nonzero(matrix, axis=0))
    for name, array in expected.arrays().items():
        other = found.arrays()[name]
        assert other.dtype == array.dtype
        np.testing.assert_array_equal(other, array)
    for at_once in (1, 3, 100):
        monkeypatch.setattr(sparse, "SYNAPSES_AT_ONCE", at_once)
        for bound, extreme in zip(found.sum_bounds(), (np.minimum, np.maximum), strict=True):
            np.testing.assert_array_equal(bound, extreme(matrix, 0).sum(axis=1))
    x = np.random.default_rng(4).integers(0, 2, (3, *ends[0]))
    np.testing.assert_array_equal(found.propagate(x), x @ matrix.T)
    for explicit in (found.to_csr(), found.to_csc(), found.by_target().to_csc(), found.by_target().to_csr()):
        np.testing.assert_array_equal(explicit.toarray(), matrix)
    np.testing.assert_array_equal(found.pattern().toarray(), matrix != 0)
    np.testing.assert_array_equal(found.subset(found.weights > 0).to_csr().toarray(), np.maximum(matrix, 0))


def test_a_matrix_by_source_is_not_turned_and_delays_find_their_synapses() -> None:
    from scipy.sparse import csc_array

    from neurodeploy import ChipNetwork, simulate

    rng = np.random.default_rng(5)
    weights = 2 * rng.integers(-60, 90, (7, 5)) * (rng.random((7, 5)) < 0.6)
    delays = rng.integers(0, 4, (7, 5))
    spikes = (rng.random((2, 30, 5)) < 0.4).astype(np.uint8)
    for late in (None, 2, delays):
        runs = []
        for matrix in (csc_array(weights), weights):
            net = ChipNetwork()
            net.add_input("in", shape=5)
            net.add_population("out", shape=7, du=900, dv=100, vth=120)
            net.connect("in", "out", matrix, kind="sparse", delays=late)
            runs += [simulate(net, spikes, record={"out": ("u", "v")}, engine=e) for e in ("fast", "reference")]
            connection = net.projections[0].connection
            by_source = not isinstance(matrix, np.ndarray) and late is not delays
            assert isinstance(connection, Sparse) and connection.by_source == by_source
        assert runs[0].spikes["out"].any()
        for run in runs[1:]:
            np.testing.assert_array_equal(run.spikes["out"], runs[0].spikes["out"])
            for name in ("u", "v"):
                np.testing.assert_array_equal(run.states["out"][name], runs[0].states["out"][name])
            assert run.counters.populations == runs[0].counters.populations


def test_a_matrix_by_source_is_stored_and_exported_as_any_other(tmp_path: Path) -> None:
    from programs import program_of
    from scipy.sparse import csc_array, csr_array

    from neurodeploy import ChipNetwork, load, save
    from neurodeploy.export.formats import export_file

    rng = np.random.default_rng(6)
    weights = 2 * rng.integers(-60, 90, (7, 5)) * (rng.random((7, 5)) < 0.6)
    written = []
    for kind in (csc_array, csr_array):
        folder = tmp_path / kind.__name__
        folder.mkdir()
        net = ChipNetwork()
        net.add_input("in", shape=5)
        net.add_population("out", shape=7, du=900, dv=100, vth=120)
        net.connect("in", "out", kind(weights), kind="sparse")
        save(program_of(net), folder / "p.ndp")
        again = load(folder / "p.ndp").net.projections[0].connection
        np.testing.assert_array_equal(again.to_csr().toarray(), weights)
        assert again.arrays().keys() == {"weights", "indices", "indptr"}
        export_file(folder / "p.ndp", "lava", folder / "lava")
        with np.load(next((folder / "lava").glob("*.npz"))) as arrays:
            written.append({name: arrays[name] for name in arrays.files})
    assert written[0].keys() == written[1].keys() and any("indptr" in name for name in written[0])
    for name, array in written[1].items():
        np.testing.assert_array_equal(written[0][name], array)


def test_impossible_geometry_is_refused() -> None:
    with pytest.raises(ShapeMismatch, match="needs 2 input channels"):
        Conv2d.build(np.ones((1, 2, 3, 3)), (1, 8, 8), where="c")
    with pytest.raises(ShapeMismatch, match="leaves nothing"):
        Conv2d.build(np.ones((1, 1, 9, 9)), (1, 8, 8), where="c")
