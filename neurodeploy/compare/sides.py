"""What can be compared: a float network, or a Program with its latency taken out and its membranes in float units."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.chipnet import ChipNetwork, ChipPopulation
from neurodeploy.errors import ModelError, SimulationError, did_you_mean
from neurodeploy.network import Network
from neurodeploy.neurons.cuba import THRESHOLD_SHIFT
from neurodeploy.neurons.lif import membrane_step
from neurodeploy.program import Program
from neurodeploy.simulate import Run, simulate
from neurodeploy.simulate.float_reference import simulate_float

PART_BYTES = 256 * 2**20
"""Memory for the rasters and membranes of one part of a data set."""
BYTES_PER_VALUE = 80
"""Of one neuron at one step: spikes, registers and membranes of three runs, and their differences."""

Rasters = Mapping[str, NDArray[Any]]
"""(B, T, n) by layer."""


@dataclass(frozen=True, eq=False)
class Traces:
    """One run of one side.

    Attributes:
        spikes: (B, T, n) by layer.
        membranes: After each step and its reset, in float units, (B, T, n) by layer, as far as they are known.
        wraps: Registers and sums that wrapped, by layer.
        saturations: Values of v that were clipped, by layer.
    """

    spikes: Rasters
    membranes: Rasters
    wraps: Mapping[str, int] = field(default_factory=dict)
    saturations: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Side:
    """A model to be compared.

    Attributes:
        name: For messages and tables.
        kind: ``float`` or ``chip``.
        sizes: Neurons of every layer, layers that feed others first.
        inputs: Shape by input name.
        thresholds: In float units, (n,) by layer; infinite for neurons that never fire.
        output: The layer that is read out, where there is one.
        readout: How.
        run: Spikes and membranes of every layer.
        potentials: What one layer compared with its threshold, (B, T, n).
    """

    name: str
    kind: str
    sizes: Mapping[str, int]
    inputs: Mapping[str, tuple[int, ...]]
    thresholds: Mapping[str, NDArray[Any]]
    output: str | None
    readout: str
    run: Callable[[NDArray[Any]], Traces]
    potentials: Callable[[NDArray[Any], str], NDArray[Any]]


def float_side(network: Network, name: str) -> Side:
    """A float network, computed in float64."""
    layers = tuple(network.populations)

    def run(spikes: NDArray[Any]) -> Traces:
        made = simulate_float(network, {next(iter(network.inputs)): spikes}, membranes=layers)
        return Traces(made.spikes, made.membranes)

    def potentials(spikes: NDArray[Any], layer: str) -> NDArray[Any]:
        return simulate_float(network, {next(iter(network.inputs)): spikes}, potentials=(layer,)).potentials[layer]

    return Side(
        name,
        "float",
        {n: p.size for n, p in network.populations.items()},
        network.inputs,
        {n: p.dynamics.theta for n, p in network.populations.items()},
        _single(network.outputs),
        network.semantics.readout,
        run,
        potentials,
    )


def chip_side(program: Program, name: str) -> Side:
    """A Program on the fast engine; every layer is looked at from its first live step on."""
    net = program.net
    layers = tuple(net.populations)

    def run(spikes: NDArray[Any]) -> Traces:
        return chip_traces(net, spikes, layers, spikes.shape[1])

    def potentials(spikes: NDArray[Any], layer: str) -> NDArray[Any]:
        made = simulate(net, spikes, record={layer: ("u", "v")})
        return _potentials(net.populations[layer], made, spikes.shape[1])

    return Side(
        name,
        "chip",
        {n: p.size for n, p in net.populations.items()},
        {i.name: i.shape for i in net.inputs.values()},
        {n: chip_threshold(p) for n, p in net.populations.items() if p.scale is not None and "vth" in p.fields},
        _single(program.outputs),
        program.readout,
        run,
        potentials,
    )


def chip_traces(net: ChipNetwork, spikes: Any, layers: tuple[str, ...], steps: int) -> Traces:
    """Spikes and membranes of some layers of integers, each from its first live step on for ``steps`` steps."""
    record = {n: ("v",) for n in layers if net.populations[n].scale is not None}
    made = simulate(net, spikes, record=record, keep=layers, steps=steps + net.latency_steps)
    membranes = {}
    for layer in record:
        population = net.populations[layer]
        membranes[layer] = in_float_units(population, _window(population, made, made.states[layer]["v"], steps))
    counted = made.counters.populations
    return Traces(
        {n: _window(net.populations[n], made, made.spikes[n], steps) for n in layers},
        membranes,
        {n: counted[n].wraps for n in layers},
        {n: counted[n].saturations for n in layers},
    )


def in_float_units(population: ChipPopulation, registers: NDArray[Any]) -> NDArray[np.float64]:
    """Membranes that register values of v stand for."""
    scale = np.ones(()) if population.scale is None else population.scale
    return np.asarray(registers / scale + population.offset)


def chip_threshold(population: ChipPopulation) -> NDArray[np.float64]:
    """Thresholds in float units, (n,); infinite where the field holds what v never exceeds."""
    field_ = population.full("vth")
    values = in_float_units(population, field_ << THRESHOLD_SHIFT)
    return np.where(field_ << THRESHOLD_SHIFT >= 2**23, np.inf, np.broadcast_to(values, field_.shape))


def _window(population: ChipPopulation, made: Run, values: NDArray[Any], steps: int) -> NDArray[Any]:
    return values.reshape(-1, made.steps, population.size)[:, population.start : population.start + steps]


def _potentials(population: ChipPopulation, made: Run, steps: int) -> NDArray[np.float64]:
    """From the registers before and after: v of the step before, decayed, and u and bias; frozen neurons keep v."""
    u, v, spikes = (
        _window(population, made, values, steps)
        for values in (*(made.states[population.name][r] for r in ("u", "v")), made.spikes[population.name])
    )
    before = np.concatenate([np.broadcast_to(population.full("v0"), v[:, :1].shape), v[:, :-1]], axis=1)
    after, _ = membrane_step(before.astype(np.int64), u.astype(np.int64), population.fields)
    frozen = np.zeros(v.shape, bool)
    for lag in range(1, min(int(population.fields["refractory"].max()), spikes.shape[1] - 1) + 1):
        frozen[:, lag:] |= (spikes[:, :-lag] != 0) & (population.full("refractory") >= lag)
    return in_float_units(population, np.where(frozen, before, after))


def _single(outputs: Mapping[str, str]) -> str | None:
    names = list(outputs.values())
    return names[0] if len(names) == 1 else None


def samples_at_once(neurons: int, steps: int) -> int:
    """How many samples a comparison takes at a time."""
    return max(1, PART_BYTES // max(1, steps * neurons * BYTES_PER_VALUE))


def paired(first: Side, second: Side) -> dict[str, str]:
    """The second one's layer for each of the first one's that both have.

    Raises:
        ModelError: The two have no layer in common, or one of different sizes.
    """
    common = [n for n in first.sizes if n in second.sizes]
    if not common and list(first.sizes.values()) == list(second.sizes.values()):
        return dict(zip(first.sizes, second.sizes, strict=True))
    where = f"{first.name} and {second.name}"
    if not common:
        remedy = f"compare models of one network; {did_you_mean(next(iter(first.sizes)), second.sizes)}"
        raise ModelError("the two share neither names nor sizes of layers", where=where, remedy=remedy)
    for name in common:
        if first.sizes[name] != second.sizes[name]:
            raise ModelError(
                f"layer '{name}' has {first.sizes[name]} neurons in one and {second.sizes[name]} in the other",
                where=where,
                remedy="compare models of the same network",
            )
    return dict(zip(common, common, strict=True))


def check_data(side: Side, spikes: NDArray[Any]) -> None:
    """SimulationError unless the side has one input, and the data are samples of 0 and 1 for it."""
    if len(side.inputs) != 1:
        raise SimulationError(
            f"the model has {len(side.inputs)} inputs, a data set feeds one",
            where=side.name,
            remedy="call simulate_float and simulate from Python with a dict of spikes",
        )
    ((name, shape),) = side.inputs.items()
    if not len(spikes) or np.prod(spikes.shape[2:]) != np.prod(shape):
        raise SimulationError(
            f"the data have shape {spikes.shape}, the input takes (samples, steps, {', '.join(map(str, shape))})",
            where=f"{side.name}, input '{name}'",
            remedy="give spikes of that shape, one sample at least",
        )
    if not np.all((spikes == 0) | (spikes == 1)):
        raise SimulationError(
            "the data hold other values than 0 and 1",
            where=f"{side.name}, input '{name}'",
            remedy="encode real values into spikes",
        )
