"""neurodeploy through its public API: one call of ``nd.simulate`` for all samples and steps.

W2's sum pooling is fused into the connection behind it. Exact: pooling 2 x 2 and then convolving with a kernel K equals
convolving with stride 2 and the kernel whose every tap is repeated 2 x 2 (3 x 3 becomes 6 x 6), since both give a spike
at (y, x) the weight K[y // 2 - i, x // 2 - j] at output (i, j), and the same number of synaptic events; and pooling
before a dense layer repeats its columns.
"""

from __future__ import annotations

import inspect
import os
from typing import Any

import numpy as np
from workloads import DU, DV

import neurodeploy as nd
from peers import Prepared, Unavailable, counts, digest

PACKAGES = ("neurodeploy-snn", "numpy", "scipy")
EXACT = True
BATCHES = True
WORKLOADS = ("W1", "W2", "W3", "W4")
LEVEL_VARIABLE = "NEURODEPLOY_ISA"
NINE_BITS = {"num_weight_bits": 9}
"""Mixed weights of 8 bits would lose their lowest bit."""


def network(workload: Any) -> Any:
    """The workload as a ChipNetwork."""
    return {"W1": _dense, "W2": _convolutional}.get(workload.spec.base, _recurrent)(workload)


def prepare(workload: Any, threads: int) -> Prepared:
    """See :mod:`peers`."""
    options = _options(threads)
    net, spikes = network(workload), np.array(workload["spikes"])

    def run() -> Any:
        return nd.simulate(net, spikes, steps=workload.spec.steps, **options)

    def rasters(result: Any) -> Any:
        if result.engine != "fast":
            raise Unavailable(f"the engine '{result.engine}' ran: the C kernels are missing")
        return rasters_of(workload, result)

    def work(result: Any) -> dict[str, int]:
        counted = result.counters
        return {"synaptic_events": counted.syn_ops, "neuron_updates": counted.neuron_updates}

    return Prepared(run, lambda r: counts(rasters(r)), lambda r: digest(rasters(r)), work, notes=_level())


def rasters_of(workload: Any, result: Any) -> Any:
    """The layers' spikes, each (B, T, n)."""
    return [np.asarray(s).reshape(workload.spec.samples, workload.spec.steps, -1) for s in result.spikes.values()]


def check(workload: Any, threads: int, samples: int, steps: int) -> dict[str, Any]:
    """Both engines on the first samples and steps: whole arrays, all counters; overflows would part us from peers."""
    net, spikes = network(workload), np.array(workload["spikes"][:samples, :steps])
    fast = nd.simulate(net, spikes, steps=steps, **_options(threads))
    slow = nd.simulate(net, spikes, steps=steps, engine="reference")
    equal = all(np.array_equal(fast.spikes[name], slow.spikes[name]) for name in net.populations)
    counted = fast.counters.populations
    return {
        "engine": fast.engine,
        "equal": bool(equal and counted == slow.counters.populations),
        "overflows": sum(c.wraps + c.saturations for c in counted.values()),
        "samples": samples,
        "steps": steps,
    }


def _options(threads: int) -> dict[str, Any]:
    if "threads" in inspect.signature(nd.simulate).parameters:
        return {"threads": threads}
    if threads > 1:
        raise Unavailable("this neurodeploy has no threads")
    return {}


def _level() -> str:
    from neurodeploy import kernels

    wanted = os.environ.get(LEVEL_VARIABLE)
    if not hasattr(kernels, "level"):
        if wanted:
            raise Unavailable("this neurodeploy has no instruction-set levels to choose from")
        return ""
    if wanted and kernels.level() != wanted:
        raise Unavailable(f"this machine or build has no kernels of level {wanted}")
    return f"kernels of level {kernels.level()}"


def _dense(workload: Any) -> Any:
    net = nd.ChipNetwork()
    net.add_input("in", shape=784)
    source = "in"
    for k, name in enumerate(("hidden1", "hidden2", "out")):
        weights = np.asarray(workload[f"weights{k}"])
        net.add_population(name, shape=len(weights), du=DU, dv=DV, vth=int(workload["vth"][k]))
        net.connect(source, name, weights, **NINE_BITS)
        source = name
    return net


def _convolutional(workload: Any) -> Any:
    first, second, third = (np.asarray(workload[f"weights{k}"]) for k in range(3))
    net = nd.ChipNetwork()
    net.add_input("in", shape=(1, 28, 28))
    for k, (name, shape) in enumerate((("conv1", (16, 24, 24)), ("conv2", (32, 10, 10)), ("out", (10,)))):
        net.add_population(name, shape=shape, du=DU, dv=DV, vth=int(workload["vth"][k]))
    net.connect("in", "conv1", first, kind="conv2d")
    net.connect("conv1", "conv2", _each_twice(second), kind="conv2d", stride=(2, 2))
    net.connect("conv2", "out", _each_twice(third.reshape(10, 32, 5, 5)).reshape(10, -1), **NINE_BITS)
    return net


def _each_twice(maps: Any) -> Any:
    """Every entry of (..., H, W) as 2 x 2 equal ones."""
    return maps.repeat(2, axis=2).repeat(2, axis=3)


def _recurrent(workload: Any) -> Any:
    from scipy.sparse import csc_array

    neurons = len(workload["v0"])
    weights, targets, indptr = (np.array(workload[name]) for name in ("weights", "targets", "indptr"))
    indptr = indptr.astype(np.int32)  # or scipy would make the targets 64 bits wide
    net = nd.ChipNetwork()
    net.add_input("none", shape=1)
    start = {name: np.array(workload[name]) for name in ("u0", "v0")}
    bias = {"bias_mant": np.array(workload["bias"])}
    net.add_population("neurons", shape=neurons, du=DU, dv=DV, vth=int(workload["vth"][0]), **bias, **start)
    matrix = csc_array((weights, targets, indptr), shape=(neurons, neurons))
    net.connect("neurons", "neurons", matrix, kind="sparse", **NINE_BITS)
    return net
