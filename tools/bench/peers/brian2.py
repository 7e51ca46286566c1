"""Brian2's C++ standalone mode in float32: generated and compiled once; its own clock of the run, without start-up."""

from __future__ import annotations

import atexit
import tempfile
from typing import Any

import brian2 as b
import numpy as np
from workloads import KEEP_U, KEEP_V

from peers import Prepared

PACKAGES = ("brian2", "numpy")
EXACT = False
BATCHES = False
WORKLOADS = ("W1", "W3", "W4")
UPDATE = f"u = {KEEP_U} * u + x\nv = {KEEP_V} * v + u + bias\nx = 0"


def prepare(workload: Any, threads: int) -> Prepared:
    """See :mod:`peers`."""
    project = tempfile.TemporaryDirectory(prefix="bench-brian2-")
    atexit.register(project.cleanup)
    folder = project.name
    b.set_device("cpp_standalone", build_on_run=False, directory=folder)
    b.prefs.core.default_float_dtype = np.float32
    b.prefs.devices.cpp_standalone.openmp_threads = 0 if threads == 1 else threads
    b.defaultclock.dt = b.ms
    network, groups = b.Network(), []
    if workload.spec.base == "W1":
        _dense(workload, network, groups)
    else:
        _recurrent(workload, network, groups)
    counters = [b.SpikeMonitor(group, record=False) for group in groups]
    network.add(counters)
    network.run(workload.spec.steps * b.ms)
    b.device.build(directory=folder, compile=True, run=False, with_output=False)

    def run() -> Any:
        b.device.run(directory=folder, with_output=False)
        return float(b.device._last_run_time)

    def counts(result: Any) -> Any:
        totals = np.array([[int(counter.num_spikes)] for counter in counters])
        return totals

    return Prepared(run, counts, seconds=lambda result: result, notes="float32; its own clock of the run")


def _group(network: Any, neurons: int, threshold: int) -> Any:
    model = "u : 1\nv : 1\nx : 1\nbias : 1 (constant)"
    group = b.NeuronGroup(neurons, model, threshold=f"v > {float(threshold)}", reset="v = 0", method="exact")
    group.run_regularly(UPDATE, when="groups")
    network.add(group)
    return group


def _synapses(network: Any, source: Any, target: Any, pre: Any, post: Any, weights: Any) -> None:
    synapses = b.Synapses(source, target, "w : 1", on_pre="x_post += w")
    synapses.connect(i=pre, j=post)
    synapses.w = weights.astype(np.float32)
    network.add(synapses)


def _dense(workload: Any, network: Any, groups: Any) -> None:
    steps, addresses = np.nonzero(np.asarray(workload["spikes"][0]))
    source = b.SpikeGeneratorGroup(784, addresses, steps * b.ms)
    network.add(source)
    for k in range(3):
        weights = np.array(workload[f"weights{k}"])
        group = _group(network, len(weights), int(workload["vth"][k]))
        pre, post = (axis.ravel() for axis in np.indices(weights.T.shape))  # by source, as Brian2 walks them
        _synapses(network, source, group, pre, post, weights.T.ravel())
        groups.append(group)
        source = group


def _recurrent(workload: Any, network: Any, groups: Any) -> None:
    neurons = len(workload["v0"])
    group = _group(network, neurons, int(workload["vth"][0]))
    for name, values in (("bias", "bias"), ("u", "u0"), ("v", "v0")):
        setattr(group, name, np.array(workload[values], dtype=np.float32) / 64)
    pre = np.repeat(np.arange(neurons, dtype=np.int32), np.diff(workload["indptr"]))
    _synapses(network, group, group, pre, np.array(workload["targets"]), np.array(workload["weights"]))
    groups.append(group)
