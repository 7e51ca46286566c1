"""Exact integers in numpy: rows of the neurons that spiked are summed; convolutions by one matrix product per layer.

Convolutions and dense layers run layer by layer over all steps, which is numpy's fastest order; the products of conv
layers are float32 and exact, for all sums stay below 2^24.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from peers import Prepared, Unavailable, counts, digest

PACKAGES = ("numpy",)
EXACT = True
BATCHES = True
WORKLOADS = ("W1", "W2", "W3", "W4")


def lif_step(u: Any, v: Any, x: Any, bias: Any, threshold: int) -> Any:
    """One step in place on int32 u and v of the input ``x << 6``; which neurons spike.

    Decays are 3/4 and 15/16 toward zero, written so that 27-bit values stay within int32.
    """
    scratch = u >> 31
    scratch &= 3
    u *= 3
    u += scratch
    u >>= 2
    u += x << 6
    np.right_shift(v, 31, out=scratch)
    scratch &= 15
    v *= 15
    v += scratch
    v >>= 4
    v += u
    if bias is not None:
        v += bias
    fired = v > threshold
    v[fired] = 0
    return fired


def run_layer(inputs: Any, threshold: int) -> Any:
    """Spikes (T, n) of a layer for the sums (T, n) of each step."""
    u, v = np.zeros((2, inputs.shape[1]), np.int32)
    return np.array([lif_step(u, v, x, None, threshold) for x in inputs])


def dense_inputs(spikes: Any, by_source: Any) -> Any:
    """Sums (T, n_target) of the rows of ``by_source`` (n_source, n_target) whose neuron spiked a step before."""
    sums = np.zeros((len(spikes), by_source.shape[1]), np.int32)
    for t in range(1, len(spikes)):
        np.take(by_source, np.flatnonzero(spikes[t - 1]), axis=0).sum(0, dtype=np.int32, out=sums[t])
    return sums


def conv_inputs(values: Any, kernel: Any) -> Any:
    """Sums (T, C_out, H, W) of a convolution over ``values`` (T, C_in, H, W) of the step before."""
    size = kernel.shape[-1]
    windows = np.lib.stride_tricks.sliding_window_view(values[:-1].astype(np.float32), (size, size), axis=(2, 3))
    sums = np.tensordot(windows, kernel.astype(np.float32), axes=((1, 4, 5), (1, 2, 3)))
    late = np.zeros((len(values), kernel.shape[0], *sums.shape[1:3]), np.int32)
    late[1:] = sums.transpose(0, 3, 1, 2)
    return late


def pool(values: Any) -> Any:
    """Sums of 2 x 2 of (T, C, H, W)."""
    steps, channels, height, width = values.shape
    return values.reshape(steps, channels, height // 2, 2, width // 2, 2).sum((3, 5), dtype=np.uint8)


class Recurrent:
    """W3 and W4, one step at a time."""

    def __init__(self, arrays: Any) -> None:
        self.indptr, self.targets, self.weights = arrays["indptr"], arrays["targets"], arrays["weights"]
        self.bias, self.threshold = np.asarray(arrays["bias"]), int(arrays["vth"][0]) << 6
        self.u, self.v = np.array(arrays["u0"]), np.array(arrays["v0"])
        self.spiking = np.zeros(0, np.int64)

    def step(self) -> Any:
        """The neurons that spike in this step, which :attr:`spiking` holds, too."""
        first, last = self.indptr[self.spiking], self.indptr[self.spiking + 1]
        lengths = last - first
        ends = np.cumsum(lengths)
        synapses = np.arange(ends[-1] if len(ends) else 0) + np.repeat(first - (ends - lengths), lengths)
        sums = np.bincount(self.targets[synapses], self.weights[synapses], len(self.v)).astype(np.int32)
        self.spiking = np.flatnonzero(lif_step(self.u, self.v, sums, self.bias, self.threshold))
        return self.spiking


def prepare(workload: Any, threads: int) -> Prepared:
    """See :mod:`peers`."""
    if threads != 1:
        raise Unavailable("this loop has no threads")
    if workload.spec.base == "W1":
        by_source = [np.ascontiguousarray(workload[f"weights{k}"].T).astype(np.int16) for k in range(3)]
        return Prepared(
            lambda: _samples(workload, lambda s: _run_dense(s, by_source, workload.thresholds)), counts, digest
        )
    if workload.spec.base == "W2":
        return Prepared(lambda: _samples(workload, lambda s: _run_conv(s, workload)), counts, digest)
    arrays = {name: np.array(values) for name, values in workload.arrays.items()}

    def run() -> Any:
        network = Recurrent(arrays)
        return [network.step() for _ in range(workload.spec.steps)]

    def raster(events: Any) -> Any:
        values = np.zeros((1, workload.spec.steps, len(arrays["v0"])), np.uint8)
        for t, spiking in enumerate(events):
            values[0, t, spiking] = 1
        return [values]

    return Prepared(run, lambda events: np.array([[len(e) for e in events]]), lambda events: digest(raster(events)))


def _samples(workload: Any, run_one: Any) -> Any:
    """The layers' rasters (B, T, n)."""
    layers = zip(*(run_one(sample) for sample in workload["spikes"]))  # noqa: B905 (Python 3.9)
    return [np.stack(layer) for layer in layers]


def _run_dense(spikes: Any, by_source: Any, thresholds: Any) -> Any:
    layers = []
    for matrix, threshold in zip(by_source, thresholds):  # noqa: B905
        spikes = run_layer(dense_inputs(spikes, matrix), threshold)
        layers.append(spikes)
    return layers


def _run_conv(spikes: Any, workload: Any) -> Any:
    steps, thresholds = len(spikes), workload.thresholds
    first = run_layer(conv_inputs(spikes, workload["weights0"]).reshape(steps, -1), thresholds[0])
    maps = pool(first.reshape(steps, 16, 24, 24))
    second = run_layer(conv_inputs(maps, workload["weights1"]).reshape(steps, -1), thresholds[1])
    pooled = pool(second.reshape(steps, 32, 10, 10)).reshape(steps, -1)
    sums = np.zeros((steps, 10), np.int32)
    sums[1:] = pooled[:-1].astype(np.float32) @ workload["weights2"].T.astype(np.float32)
    return [first, second, run_layer(sums, thresholds[2])]
