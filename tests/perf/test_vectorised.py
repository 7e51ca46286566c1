"""The fast engine against an event-driven numpy loop: fails when a kernel silently stops vectorising.

Compilers drop vectorisation without a word, and results stay right. A ratio of two times taken in turns on one machine
shows it. Measured with gcc 12, 256-bit vectors / the same with 128 bits / without vectorisation: dense 29 / 7 / 8,
sparse 5.2 / 3.4 / 2.6 (its neurons only; synapses are scattered), convolution 11 / 9 / 6. So the bounds want a
processor with 256-bit vectors.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import csc_array, random_array

from neurodeploy import ChipNetwork, simulate
from neurodeploy.kernels import level

pytestmark = [
    pytest.mark.perf,
    pytest.mark.skipif(level() not in ("v3", "v4"), reason="this processor's vectors are shorter than the bounds want"),
]

DU, DV = 1023, 256
ROUNDS = 8


def lif_step(u: NDArray[Any], v: NDArray[Any], x: NDArray[Any], threshold: int) -> NDArray[Any]:
    """In place on int32; decays 3/4 and 15/16 toward zero, as du = 1023 and dv = 256. Which neurons spike."""
    u += (u << 1) + ((u >> 31) & 3)
    u >>= 2
    u += x << 6
    v *= 15
    v += (v >> 31) & 15
    v >>= 4
    v += u
    fired: NDArray[Any] = v > threshold
    v[fired] = 0
    return fired


def numpy_loop(
    spikes: NDArray[Any], size: int, arriving: Callable[[NDArray[Any]], NDArray[Any]], vth: int
) -> NDArray[Any]:
    """The spikes (T, size) of one layer; ``arriving`` sums what the sources that spiked a step before send."""
    u, v = np.zeros((2, size), np.int32)
    raster = np.zeros((len(spikes), size), np.uint8)
    x = np.zeros(size, np.int32)
    for t, now in enumerate(spikes):
        raster[t] = lif_step(u, v, x, vth << 6)
        x = arriving(now)
    return raster


def dense() -> tuple[ChipNetwork, NDArray[Any], Callable[[], NDArray[Any]]]:
    """1000 to 1000, 5 % of the sources spike."""
    rng = np.random.default_rng(1)
    weights = 2 * rng.integers(-64, 64, (1000, 1000))
    spikes = (rng.random((300, 1000)) < 0.05).astype(np.uint8)
    net = one_layer((1000,), (1000,), 2000)
    net.connect("in", "out", weights)
    rows = weights.T.astype(np.int16)
    return net, spikes, lambda: numpy_loop(spikes, 1000, lambda s: rows[np.flatnonzero(s)].sum(0, dtype=np.int32), 2000)


def sparse() -> tuple[ChipNetwork, NDArray[Any], Callable[[], NDArray[Any]]]:
    """20,000 to 20,000 with 50 synapses each, 2 % of the sources spike."""
    rng = np.random.default_rng(2)
    n = 20_000
    matrix = csc_array(
        random_array((n, n), density=50 / n, rng=rng, data_sampler=lambda size: rng.integers(1, 64, size))
    )
    matrix.data = (2 * matrix.data).astype(np.int64)
    spikes = (rng.random((50, n)) < 0.02).astype(np.uint8)
    net = one_layer((n,), (n,), 1500)
    net.connect("in", "out", matrix, kind="sparse")

    def arriving(now: NDArray[Any]) -> NDArray[Any]:
        sources = np.flatnonzero(now)
        first, many = matrix.indptr[sources], np.diff(matrix.indptr)[sources]
        synapses = np.arange(many.sum()) + np.repeat(first - (np.cumsum(many) - many), many)
        return np.bincount(matrix.indices[synapses], matrix.data[synapses], n).astype(np.int32)

    return net, spikes, lambda: numpy_loop(spikes, n, arriving, 1500)


def convolution() -> tuple[ChipNetwork, NDArray[Any], Callable[[], NDArray[Any]]]:
    """16 maps of 24 x 24 to 32 of 20 x 20, kernels of 5 x 5, 5 % of the sources spike."""
    rng = np.random.default_rng(3)
    kernel = rng.integers(-64, 64, (32, 16, 5, 5))
    spikes = (rng.random((40, 16, 24, 24)) < 0.05).astype(np.uint8)
    net = one_layer((16, 24, 24), (32, 20, 20), 3000)
    net.connect("in", "out", kernel, kind="conv2d")
    taps = kernel.transpose(1, 2, 3, 0)[:, ::-1, ::-1].astype(np.int32)

    def arriving(now: NDArray[Any]) -> NDArray[Any]:
        sums = np.zeros((28, 28, 32), np.int32)  # four more rows and columns on each side
        for c, y, x in zip(*np.nonzero(now), strict=True):
            sums[y : y + 5, x : x + 5] += taps[c]
        return sums[4:24, 4:24].transpose(2, 0, 1).ravel()

    return net, spikes, lambda: numpy_loop(spikes, 32 * 400, arriving, 3000)


def one_layer(source: tuple[int, ...], target: tuple[int, ...], vth: int) -> ChipNetwork:
    """Without synapses yet."""
    net = ChipNetwork()
    net.add_input("in", shape=source)
    net.add_population("out", shape=target, du=DU, dv=DV, vth=vth)
    return net


@pytest.mark.parametrize(("workload", "least"), [(dense, 12), (sparse, 3.5), (convolution, 7)])
def test_the_fast_engine_leaves_numpy_behind(workload: Any, least: float) -> None:
    net, spikes, in_numpy = workload()
    run = simulate(net, spikes, steps=len(spikes))
    assert run.engine == "fast"
    expected = in_numpy()
    assert expected.any()
    np.testing.assert_array_equal(run.spikes["out"].reshape(expected.shape), expected)

    times: dict[str, list[float]] = {"fast": [], "numpy": []}
    for _ in range(ROUNDS):  # in turns, so that a busy machine slows both
        times["fast"].append(min(seconds(lambda: simulate(net, spikes, steps=len(spikes))) for _ in range(5)))
        times["numpy"].append(seconds(in_numpy))
    ratio = min(times["numpy"]) / min(times["fast"])
    print(f"{workload.__name__}: {ratio:.1f}")
    assert ratio >= least, f"only {ratio:.1f} times faster than numpy: is the kernel still vectorised?"


def seconds(call: Callable[[], Any]) -> float:
    """Of one call."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began
