"""How far an integer network is from the float reference on given data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.calibration.data import CalibrationData
from neurodeploy.chipnet import ChipNetwork
from neurodeploy.errors import SimulationError
from neurodeploy.network import Network
from neurodeploy.semantics import MEMBRANE_READOUTS
from neurodeploy.simulate import Run, simulate
from neurodeploy.simulate.float_reference import simulate_float
from neurodeploy.simulate.readout import classify, scores

PART_BYTES = 128 * 2**20
"""Memory for the rasters of one part of the data."""

Score = tuple[float, ...]
"""Smaller is better, the first number first: the share of wrong classes where labels are known, then the mismatch."""


@dataclass(frozen=True, eq=False)
class Reference:
    """What the float network does on data.

    Attributes:
        network: The float network.
        data: The data.
        spikes: (N, T, n) by population.
        membranes: (N, T, n) of the populations that never fire.
        output: The population that labels are compared with; None without labels, or with several outputs.
    """

    network: Network
    data: CalibrationData
    spikes: Mapping[str, NDArray[Any]]
    membranes: Mapping[str, NDArray[Any]]
    output: str | None


def reference(network: Network, data: CalibrationData) -> Reference:
    """Run the float network.

    Raises:
        SimulationError: A label that is no neuron of the output.
    """
    (name,) = network.inputs
    silent = tuple(n for n, p in network.populations.items() if not p.spiking)
    runs = [simulate_float(network, {name: data.spikes[part]}, membranes=silent) for part in parts(network, data)]
    outputs = set(network.outputs.values())
    output = outputs.pop() if data.labels is not None and len(outputs) == 1 else None
    if output is not None and data.labels is not None and data.labels.max() >= network.populations[output].size:
        raise SimulationError(
            f"label {data.labels.max()}, but the output has {network.populations[output].size} neurons",
            where="calibration data",
            remedy="use class numbers counted from 0, or give no labels",
        )
    spikes = {n: np.concatenate([r.spikes[n] for r in runs]) for n in network.populations}
    return Reference(network, data, spikes, {n: np.concatenate([r.membranes[n] for r in runs]) for n in silent}, output)


def score(net: ChipNetwork, truth: Reference) -> Score:
    """How far ``net`` is from the reference.

    The mismatch is the mean over layers: of spikes that differ over the reference's spikes, and, of layers that never
    fire, of the RMS error of the membrane over its RMS.
    """
    network, data = truth.network, truth.data
    wrong = dict.fromkeys(network.populations, 0.0)
    hits = 0
    kind = network.semantics.readout
    read = {truth.output} if truth.output is not None and kind in MEMBRANE_READOUTS else set[str]()
    for part in parts(network, data):
        run = simulate(net, data.spikes[part], record=dict.fromkeys({*truth.membranes, *read}, ("v",)))
        membranes = {n: _window(run.states[n]["v"], net, n, run, data) for n in run.states}
        for name in network.populations:
            if name in truth.membranes:
                wrong[name] += float(np.square(_own(membranes[name], net, name) - truth.membranes[name][part]).sum())
            else:
                fired = _window(run.spikes[name], net, name, run, data)
                wrong[name] += int(np.count_nonzero(fired != truth.spikes[name][part]))
        if truth.output is not None and data.labels is not None:
            o = truth.output
            v = _own(membranes[o], net, o) if o in membranes else None
            made = scores(kind, None if v is not None else _window(run.spikes[o], net, o, run, data), v)
            hits += int(np.count_nonzero(classify(made) == data.labels[part]))
    shares = []
    for name, amount in wrong.items():
        if name in truth.membranes:
            power = float(np.square(truth.membranes[name]).sum())
            shares.append((amount / power) ** 0.5 if power else float(amount > 0))
        else:
            shares.append(amount / max(1, int(np.count_nonzero(truth.spikes[name]))))
    mismatch = float(np.mean(shares))
    return (mismatch,) if truth.output is None else (1 - hits / len(data.spikes), mismatch)


METRICS = {1: ("mismatch",), 2: ("error rate", "mismatch")}
"""What the numbers of a score are, by how many they are."""


def registers(net: ChipNetwork, data: CalibrationData, network: Network) -> Iterator[tuple[str, Any, Any, Run]]:
    """Magnitudes of u and of v before its reset, part of the data by part: population, u, v, and the run."""
    record = {n: ("u", "v") for n, p in net.populations.items() if p.model == "cuba"}
    for part in parts(network, data):
        run = simulate(net, data.spikes[part], record=record)
        for name in record:
            p = net.populations[name]
            u, after = (run.states[name][r].reshape(-1, run.steps, p.size) for r in ("u", "v"))
            before = np.concatenate([np.broadcast_to(p.full("v0"), after[:, :1].shape), after[:, :-1]], axis=1)
            bias = p.full("bias_mant") * 2.0 ** p.full("bias_exp")
            live = slice(p.start, None)
            v = np.abs(before * (1 - p.full("dv") / 4096) + u + bias)[:, live]
            yield name, np.abs(u)[:, live], v, run


def _window(values: NDArray[Any], net: ChipNetwork, name: str, run: Run, data: CalibrationData) -> NDArray[Any]:
    """Without the chip's latency, (B, T, n)."""
    start = net.populations[name].start
    return values.reshape(-1, run.steps, net.populations[name].size)[:, start : start + data.spikes.shape[1]]


def _own(v: NDArray[Any], net: ChipNetwork, name: str) -> NDArray[Any]:
    p = net.populations[name]
    return v / (1.0 if p.scale is None else p.scale) + p.offset


def parts(network: Network, data: CalibrationData) -> Iterator[slice]:
    """Samples whose rasters and registers fit in the memory set aside for them."""
    per_sample = data.spikes.shape[1] * network.neurons * 24
    size = max(1, PART_BYTES // per_sample)
    for start in range(0, len(data.spikes), size):
        yield slice(start, start + size)
