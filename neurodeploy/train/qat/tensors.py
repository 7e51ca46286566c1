"""A compiled network's integers as tensors, with the gradients of the parameters behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from neurodeploy.compilation import Compilation, made
from neurodeploy.network import Population, Projection
from neurodeploy.train.qat.origins import FACTORS, Key, Origin
from neurodeploy.train.qat.registers import Compartments, Surrogate, compartments, straight
from neurodeploy.train.qat.synapses import Synapses, synapses

Tensor = torch.Tensor


def tensors_of(
    state: Compilation,
    projections: Sequence[tuple[int, Projection]],
    origins: Mapping[Key, tuple[Origin, ...]],
    values: Mapping[str, Tensor],
    surrogates: Mapping[str, Surrogate],
) -> tuple[dict[str, Compartments], list[Synapses]]:
    """Populations and, in the chip's order, projections.

    Args:
        state: Quantised.
        projections: In that order, the float ones with their numbers among the keys of ``origins``.
        origins: Which parameters the network's arrays are.
        values: The parameters by name.
        surrogates: Of the populations that fire.
    """
    net, network = made(state.net), made(state.network)

    def carrier(key: Key) -> Tensor | None:
        parts = [origin.carry(values[origin.parameter]) for origin in origins.get(key, ())]
        return sum(parts[1:], parts[0]) if parts else None

    populations, per_weight = {}, {}
    for name, p in net.populations.items():
        float_one = network.populations[name]
        scale = np.array(np.broadcast_to(1.0 if p.scale is None else p.scale, (p.size,)))
        per_weight[name] = scale * float_one.dynamics.k * float_one.dynamics.w
        found = {field: carrier((field, name)) for field in (*FACTORS, "bias")}
        known = {field: value for field, value in found.items() if value is not None}
        populations[name] = compartments(p, _in_registers(known, float_one, scale), surrogates.get(name))
    wires = []
    for projection, (number, origin) in zip(net.projections, projections, strict=True):
        weights = carrier(("weights", number))
        shaped = None if weights is None else weights.reshape(projection.connection.weights.shape)
        surrogate = surrogates.get(projection.source)
        late = origin.is_reset and surrogate is not None and not surrogate.through_reset
        wires.append(synapses(projection, shaped, per_weight[projection.target], detached=late))
    return populations, wires


def _in_registers(found: Mapping[str, Tensor], population: Population, scale: NDArray[np.float64]) -> dict[str, Tensor]:
    """Float parameters as what the chip's registers hold of them; decay factors stay as they are."""
    d = population.dynamics
    result = dict(found)

    def now(field: str, values: NDArray[np.float64]) -> Tensor:
        fixed = torch.from_numpy(np.array(values))
        return straight(fixed, found[field]) if field in found else fixed

    for field in found.keys() & {"theta", "v0"}:
        result[field] = found[field] * torch.from_numpy(scale)
    with_current = d.a != 0
    if "bias" in found or ("a" in found and bool(np.any(population.bias))):
        steady = now("bias", population.bias) / (1 - now("a", d.a)) * torch.from_numpy(d.k * d.w * scale)
        result["bias"] = steady
        if with_current.any():
            result["u0"] = -steady * torch.from_numpy(with_current)
    return result
