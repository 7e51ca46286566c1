"""The float network in numpy, without the chip's layer latency: what the model computes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from neurodeploy.errors import SimulationError
from neurodeploy.network import Network, Population
from neurodeploy.neurons.float_step import float_step
from neurodeploy.neurons.model import FloatDynamics


@dataclass(frozen=True, eq=False)
class FloatRun:
    """Result of a float simulation.

    Attributes:
        spikes: (B, T, size) per population: uint8, or int32 where a step can have several spikes; 0 for neurons that
            never fire.
        membranes: Membrane after each step and its reset, as the chip's v, float (B, T, size), of the populations
            asked for. Neurons that never fire send it: it is their output.
        potentials: The same before the reset, which is what the threshold was compared with.
    """

    spikes: Mapping[str, NDArray[Any]]
    membranes: Mapping[str, NDArray[Any]]
    potentials: Mapping[str, NDArray[Any]] = field(default_factory=dict)


def simulate_float(
    network: Network,
    inputs: Mapping[str, NDArray[Any]],
    *,
    membranes: tuple[str, ...] = (),
    potentials: tuple[str, ...] = (),
    dtype: DTypeLike = np.float64,
    forced: Mapping[str, NDArray[Any]] | None = None,
) -> FloatRun:
    """Run a batch.

    Args:
        network: The float network.
        inputs: Messages (B, T, *shape) or (B, T, size) by input name.
        membranes: Populations whose membranes are kept.
        potentials: Populations whose membranes before the reset are kept.
        dtype: Floating point of all arithmetic, float64 or float32.
        forced: Spikes (B, T, size) by population that are sent and reset by, instead of those that the membranes say;
            the run then tells what every neuron would have done at each step after *that* past.

    Raises:
        SimulationError: Inputs or forced spikes that the network has not, or of other sizes.
    """
    _check_messages(network, inputs, forced or {})
    flat = {n: np.asarray(v).reshape(*np.shape(v)[:2], -1) for n, v in inputs.items()}
    imposed = {n: np.asarray(v).reshape(*np.shape(v)[:2], -1) for n, v in (forced or {}).items()}
    batch, steps = next(iter(flat.values())).shape[:2]
    latency = network.semantics.latency_steps
    spikes = {n: np.zeros((batch, steps, p.size), _kind(p)) for n, p in network.populations.items()}
    senders = {p.source for p in network.projections} & {n for n, p in network.populations.items() if not p.spiking}
    kept = {n: np.zeros((batch, steps, network.populations[n].size), dtype) for n in senders | set(membranes)}
    unreset = {n: np.zeros((batch, steps, network.populations[n].size), dtype) for n in potentials}
    sent: dict[str, NDArray[Any]] = {**flat, **spikes, **imposed, **{n: kept[n] for n in senders}}
    wires = [(p, p.connection.with_weights(p.connection.weights.astype(dtype))) for p in network.projections]
    dynamics = {n: _cast(p.dynamics, dtype) for n, p in network.populations.items()}
    current = {n: np.tile(d.i0, (batch, 1)) for n, d in dynamics.items()}
    v = {n: np.tile(d.v0, (batch, 1)) for n, d in dynamics.items()}
    for t in range(steps):
        for name, population in network.populations.items():
            x = np.tile(population.bias.astype(dtype), (batch, 1))
            for start, bias in population.late_bias.items():
                if t >= start:
                    x += bias.astype(dtype)
            for p, connection in wires:
                if p.target == name and t >= p.delay_steps:
                    x += connection.propagate(sent[p.source][:, t - p.delay_steps])
            arrival = t + latency
            fired, before = (
                imposed[name][:, at] if name in imposed and latency <= at < steps else None
                for at in (arrival, arrival - 1)
            )
            step = float_step(
                current[name], v[name], x, dynamics[name], population.rules, fired=fired, fired_before=before
            )
            current[name], v[name] = step.current, step.v
            if arrival < steps:
                spikes[name][:, arrival] = step.spikes
            if name in kept:
                kept[name][:, t] = step.v
            if name in unreset:
                unreset[name][:, t] = step.potential
    return FloatRun(spikes, {n: kept[n] for n in membranes}, unreset)


def _check_messages(network: Network, inputs: Mapping[str, NDArray[Any]], forced: Mapping[str, NDArray[Any]]) -> None:
    if inputs.keys() != network.inputs.keys():
        raise SimulationError(
            f"inputs {sorted(inputs)} for a network with {sorted(network.inputs)}",
            where="float reference",
            remedy="give spikes for every input by its name",
        )
    sizes = {n: math.prod(shape) for n, shape in network.inputs.items()}
    sizes |= {n: network.populations[n].size for n in forced if n in network.populations}
    runs = {np.shape(values)[:2] for values in inputs.values()}
    for name, values in {**inputs, **forced}.items():
        shape = np.shape(values)
        if name not in sizes or len(shape) < 3 or math.prod(shape[2:]) != sizes[name] or {shape[:2]} != runs:
            raise SimulationError(
                f"'{name}' is given messages of shape {shape}",
                where="float reference",
                remedy=f"give (samples, steps, {sizes.get(name, '...')}), as many samples and steps for each",
            )


def _kind(population: Population) -> DTypeLike:
    return np.int32 if population.rules.spike == "multi_trunc" else np.uint8


def _cast(dynamics: FloatDynamics, dtype: DTypeLike) -> FloatDynamics:
    return FloatDynamics(*(getattr(dynamics, f.name).astype(dtype) for f in fields(FloatDynamics)))
