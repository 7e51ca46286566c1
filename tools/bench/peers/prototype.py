"""The throw-away C++ prototype that the engine's targets come from, compiled here; its path is an option.

It is told spikes as lists, made beforehand, and keeps spikes as bit masks (W1) or only counts per step (others).
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

from peers import Prepared, Unavailable, digest

PACKAGES = ("numpy",)
EXACT = True
BATCHES = True
WORKLOADS = ("W1", "W2", "W3", "W4")
SOURCE, CACHE, COMPILER = "BENCH_PROTOTYPE", "BENCH_CACHE", "CXX"
"""Environment variables that the benchmark sets."""
FLAGS = ("-O3", "-march=native", "-std=c++17", "-shared", "-fPIC", "-pthread")
KEEP_U, KEEP_V = 3072, 3840
COLUMNS = 256


def prepare(workload: Any, threads: int) -> Prepared:
    """See :mod:`peers`."""
    library = _library()
    run = {"W1": _dense, "W2": _convolutional}.get(workload.spec.base, _recurrent)
    return run(library, workload, threads)


def _library() -> Any:
    source, compiler = Path(os.environ.get(SOURCE, "")), os.environ.get(COMPILER, "g++")
    if not source.is_file():
        raise Unavailable("its source is not here (give --prototype)")
    if shutil.which(compiler) is None:
        raise Unavailable(f"no C++ compiler '{compiler}' (set {COMPILER})")
    if "avx512vbmi" not in Path("/proc/cpuinfo").read_text():
        raise Unavailable("it needs AVX-512")
    what = hashlib.sha256(source.read_bytes() + " ".join((compiler, *FLAGS)).encode()).hexdigest()[:16]
    built = Path(os.environ[CACHE]) / f"prototype-{what}.so"
    partial = built.with_suffix(f".{os.getpid()}")
    if not built.exists():
        done = subprocess.run([compiler, *FLAGS, "-o", partial, source], capture_output=True, text=True)
        if done.returncode:
            raise Unavailable(f"it does not compile: {done.stderr[-300:]}")
        partial.rename(built)
    return ctypes.CDLL(str(built))


def _aligned(values: Any, dtype: Any) -> Any:
    """A copy that starts at a cache line."""
    values = np.ascontiguousarray(values, dtype)
    room = np.zeros(values.nbytes + 64, np.uint8)
    start = -room.ctypes.data % 64
    copy = room[start : start + values.nbytes].view(dtype).reshape(values.shape)
    copy[...] = values
    return copy


def _lists(spikes: Any) -> tuple[Any, Any]:
    """Spikes (rows, n) as first entries per row and addresses."""
    flat = spikes.reshape(-1, spikes[0, 0].size)
    ends = np.concatenate([[0], np.cumsum(flat.sum(1, dtype=np.int64))])
    return ends, np.nonzero(flat)[1].astype(np.int32)


def _at(array: Any) -> Any:
    return ctypes.c_void_p(array.ctypes.data)


def _ints(*values: int) -> list[Any]:
    return [ctypes.c_int(v) for v in values]


def _dense(library: Any, workload: Any, threads: int) -> Prepared:
    samples, steps = workload.spec.samples, workload.spec.steps
    rows, layers = samples * steps, []
    for k, threshold in enumerate(workload.thresholds):
        n_out, n_in = workload[f"weights{k}"].shape
        tile = COLUMNS if n_out > COLUMNS else 64
        width = -(-n_out // tile) * tile
        padded = np.zeros((n_in, width), np.int8)
        padded[:, :n_out] = workload[f"weights{k}"].T
        masks = _aligned(np.zeros((rows, width // 64)), np.uint64)
        lists = np.zeros(rows + 1, np.int64), np.zeros(rows * n_out // 2 + 64, np.int32)
        layers.append((_aligned(padded, np.int8), n_in, n_out, width, tile, threshold, masks, lists))
    first = _lists(np.asarray(workload["spikes"]))
    library.mask_list2.restype = ctypes.c_int64

    def run() -> Any:
        ends, addresses = first
        for weights, n_in, n_out, width, tile, threshold, masks, (out_ends, out_addresses) in layers:
            sizes = ctypes.c_int64(n_in), ctypes.c_int64(width)
            numbers = _ints(KEEP_U, KEEP_V, threshold, 6)
            library.dense2(
                _at(weights), *sizes, *_ints(samples, steps), _at(ends), _at(addresses), *numbers, _at(masks),
                *_ints(tile, threads),
            )  # fmt: skip
            shape = ctypes.c_int64(rows), ctypes.c_int64(width // 64), ctypes.c_int64(n_out)
            library.mask_list2(_at(masks), *shape, _at(out_ends), _at(out_addresses))
            ends, addresses = out_ends, out_addresses

    def rasters(result: Any) -> Any:
        bits = [np.unpackbits(layer[6].view(np.uint8), axis=1, bitorder="little")[:, : layer[2]] for layer in layers]
        return [b.reshape(samples, steps, -1) for b in bits]

    def counts(result: Any) -> Any:
        return np.array([r.sum((0, 2), dtype=np.int64) for r in rasters(result)])

    return Prepared(run, counts, lambda result: digest(rasters(result)), notes="inputs given as lists of spikes")


def _convolutional(library: Any, workload: Any, threads: int) -> Prepared:
    samples, steps = workload.spec.samples, workload.spec.steps
    first, second, third = (np.asarray(workload[f"weights{k}"]) for k in range(3))
    taps1 = _aligned(first[:, 0, :, ::-1].transpose(1, 2, 0), np.int16)
    taps2 = _aligned(second[:, :, :, ::-1].transpose(1, 2, 3, 0), np.int16)
    dense = np.zeros((25, 32, 16), np.int8)
    dense[:, :, :10] = third.reshape(10, 32, 25).transpose(2, 1, 0)
    dense, thresholds = _aligned(dense, np.int8), np.array(workload.thresholds, np.int32)
    ends, addresses = _lists(np.asarray(workload["spikes"]))
    counts = np.zeros((samples, steps, 3), np.int32)

    def run() -> Any:
        library.conv2(
            _at(taps1), _at(taps2), _at(dense), _at(thresholds), *_ints(samples, steps), _at(ends), _at(addresses),
            *_ints(KEEP_U, KEEP_V, 6), _at(counts), *_ints(threads),
        )  # fmt: skip

    return Prepared(run, lambda result: counts.sum(0, dtype=np.int64).T, notes="only counts spikes")


def _recurrent(library: Any, workload: Any, threads: int) -> Prepared:
    steps, neurons = workload.spec.steps, len(workload["v0"])
    bounds = np.array([0, neurons] if threads == 1 else [0, neurons // 2 // 64 * 64, neurons], np.int64)
    packed = neurons > 65536
    parts = [_part(workload, low, high, packed) for low, high in zip(bounds[:-1], bounds[1:])]  # noqa: B905
    tables = [(ctypes.c_void_p * len(parts))(*(p[k].ctypes.data for p in parts)) for k in range(3)]
    bias, u0, v0 = (np.array(workload[name]) for name in ("bias", "u0", "v0"))
    u, v = _aligned(u0, np.int32), _aligned(v0, np.int32)
    counts = np.zeros(steps, np.int32)

    def run() -> Any:
        u[:], v[:] = u0, v0
        library.rec2(
            *_ints(int(packed), threads, len(parts)), _at(bounds), *tables, _at(bias), _at(v), _at(u),
            *_ints(steps, KEEP_U, KEEP_V, workload.thresholds[0], 6), _at(counts), None,
        )  # fmt: skip
        return parts

    return Prepared(run, lambda result: counts[None].astype(np.int64), notes="only counts spikes")


def _part(workload: Any, low: int, high: int, packed: bool) -> tuple[Any, Any, Any]:
    """Synapses onto the neurons low..high by source: first entries, targets counted from ``low``, weights."""
    targets, weights, indptr = (np.asarray(workload[name]) for name in ("targets", "weights", "indptr"))
    if (low, high) == (0, len(indptr) - 1):
        ends = indptr
    else:
        inside = (targets >= low) & (targets < high)
        ends = np.concatenate([[0], np.cumsum(inside)])[indptr]
        targets, weights = targets[inside], weights[inside]
    ends, local = ends.astype(np.uint32), targets - np.int32(low)
    if packed:
        return ends, local.astype(np.uint32) << 8 | weights.view(np.uint8), np.zeros(1, np.int8)
    return ends, local.astype(np.uint16), np.ascontiguousarray(weights)
