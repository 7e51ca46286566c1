"""Which of a layer's fields makes its errors: the float layer with one of them as the chip holds it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.chipnet import ChipNetwork, ChipPopulation
from neurodeploy.compare.sides import Rasters, chip_threshold, in_float_units
from neurodeploy.compare.teacher import TAUGHT, taught_projections
from neurodeploy.connections import Connection, Conv2d, Sparse
from neurodeploy.network import Network, Population
from neurodeploy.neurons import trained_model
from neurodeploy.neurons.lif import DECAY_ONE, INPUT_SHIFT, bias_of
from neurodeploy.simulate.float_reference import simulate_float


def causes(network: Network, net: ChipNetwork, layer: str, spikes: NDArray[Any], sent: Rasters) -> dict[str, int]:
    """Spikes of a layer, driven by the float network's spikes, that change with one kind of field as the chip holds it.

    Args:
        network: The float network.
        net: Its integers.
        layer: The layer.
        spikes: Of the network's only input, (B, T, *shape).
        sent: Of every float population, (B, T, n).

    Returns:
        Changed spikes by ``weights``, ``threshold``, ``decay`` and ``bias``. They need not add up to those that the
        layer makes wrong on the chip: errors hide each other, and registers hold whole numbers.
    """
    (name,) = network.inputs
    given = {**sent, name: spikes.reshape(*spikes.shape[:2], -1)}
    single = _alone(network, layer)
    messages = {port: given[port.removeprefix(TAUGHT)] for port in single.inputs}
    right = simulate_float(single, messages).spikes[layer]
    return {
        cause: int(np.count_nonzero(simulate_float(changed, messages).spikes[layer] != right))
        for cause, changed in _changed(single, network, net, layer)
    }


def _alone(network: Network, layer: str) -> Network:
    """The layer with its senders as inputs."""
    incoming = [replace(p, source=TAUGHT + p.source) for p in network.incoming(layer)]
    sizes = {p.source: p.connection.source_shape for p in incoming}
    return replace(
        network, inputs=sizes, populations={layer: network.populations[layer]}, projections=tuple(incoming), outputs={}
    )


def _changed(single: Network, network: Network, net: ChipNetwork, layer: str) -> Iterator[tuple[str, Network]]:
    population, chip = network.populations[layer], net.populations[layer]
    d = population.dynamics
    yield "weights", replace(single, projections=tuple(_as_stored(single, network, net, layer)))
    kinds = {
        "threshold": {"theta": _threshold(population, chip)},
        "decay": _decays(chip),
        "bias": _bias(population, chip),
    }
    for cause, values in kinds.items():
        full = {key: np.broadcast_to(value, d.theta.shape) for key, value in values.items()}
        yield cause, replace(single, populations={layer: replace(population, dynamics=replace(d, **full))})


def _as_stored(single: Network, network: Network, net: ChipNetwork, layer: str) -> Iterator[Any]:
    d, chip = network.populations[layer].dynamics, net.populations[layer]
    per_weight = np.broadcast_to(1.0 if chip.scale is None else chip.scale, d.k.shape) * d.k * d.w
    for p, stored in zip(single.projections, taught_projections(network, net, layer) or (), strict=True):
        steps = 2.0 ** (INPUT_SHIFT + stored.weight_exp) * stored.connection.weights.astype(np.float64)
        yield replace(p, connection=p.connection.with_weights(steps / _by_weight(p.connection, per_weight)))


def _by_weight(connection: Connection, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values of the receiving neurons, (n,), in a form that divides the weights."""
    if np.all(values == values[0]):
        return values[:1].reshape(())
    if isinstance(connection, Conv2d):
        return values.reshape(len(connection.weights), -1)[:, 0].reshape(-1, 1, 1, 1)
    if isinstance(connection, Sparse):
        return values[connection.indices] if connection.by_source else np.repeat(values, np.diff(connection.indptr))
    return values[:, None]


def _threshold(population: Population, chip: ChipPopulation) -> NDArray[np.float64]:
    """What the float neuron has to exceed, or to reach where it fires at equality, to fire as the chip does."""
    lowest_above = in_float_units(chip, (chip.full("vth") << INPUT_SHIFT) + 1)
    threshold = chip_threshold(chip)
    return np.where(np.isfinite(threshold), lowest_above, np.inf) if population.rules.spike == "ge" else threshold


def _decays(chip: ChipPopulation) -> dict[str, NDArray[np.float64]]:
    current, membrane = chip.full("du"), chip.full("dv")
    return {"a": (DECAY_ONE - 1 - current) / DECAY_ONE, "b": (DECAY_ONE - membrane) / DECAY_ONE}


def _bias(population: Population, chip: ChipPopulation) -> dict[str, NDArray[np.float64]]:
    """The rounding of the bias register, as a constant input of the membrane."""
    d = population.dynamics
    scale = np.ones(d.l.shape) if chip.scale is None else np.broadcast_to(chip.scale, d.l.shape)
    exact = trained_model(population.model).quantize(d, population.bias, scale, population.rules)["exact"]["bias"]
    return {"l": d.l + (bias_of(chip.fields) - exact) / scale}
