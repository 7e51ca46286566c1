"""Which number of a module each number of the network read from it is.

Found by asking: the frontend reads copies of the module in which one parameter holds numbers that tell its elements
apart. So it holds for whatever a frontend does to weights on the way: transposing, slicing, pooling, folded gains.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from neurodeploy.errors import UnsupportedNode
from neurodeploy.frontends.tracing.run import fresh_copy
from neurodeploy.network import Network

Key = tuple[str, int | str]
"""``("weights", number of the projection)``, or a field's name and a population."""
Read = Callable[[Any], Network]
"""The frontend, the lowering, and what the chip's terms make of the resets: a module as a network."""

FACTORS = ("a", "b", "theta", "v0")
"""What can be trained of a neuron."""
FIXED = ("w", "k", "l", "v_reset", "i0", "v_min")
MOST = 2**22
"""Most elements of one parameter: 24 bits of float32 tell them apart in three ways."""
UNIT = 2.0**-23


@dataclass(frozen=True, eq=False)
class Origin:
    """One array of the network as a parameter: ``array.flat[k] = constant + factor[k] * parameter.flat[index[k]]``.

    Attributes:
        parameter: Its name in the module.
        index: (size,) of the network's array; 0 where the factor is 0.
        factor: (size,), 0 where the parameter plays no part.
    """

    parameter: str
    index: NDArray[np.int64]
    factor: NDArray[np.float64]

    def carry(self, values: torch.Tensor) -> torch.Tensor:
        """The array's part that comes of the parameter, flat, with its gradient."""
        flat = values.reshape(-1).cpu()
        if np.array_equal(self.index, np.arange(flat.numel())) and np.all(self.factor == 1):
            return flat
        return flat[torch.as_tensor(self.index)] * torch.as_tensor(self.factor)


def arrays_of(network: Network) -> dict[Key, NDArray[np.float64]]:
    """Every array of numbers in a network, flat; 0 stands for what is infinite, which nothing trains."""
    found: dict[Key, Any] = {("weights", i): p.connection.weights for i, p in enumerate(network.projections)}
    for name, p in network.populations.items():
        found["bias", name] = p.bias
        found |= {(f"bias from step {k}", name): v for k, v in p.late_bias.items()}
        found |= {(f, name): getattr(p.dynamics, f) for f in (*FACTORS, *FIXED)}
    flat = {key: np.asarray(values, np.float64).ravel() for key, values in found.items()}
    return {key: np.where(np.isfinite(values), values, 0.0) for key, values in flat.items()}


def find_origins(module: Any, read: Read, where: str) -> dict[Key, tuple[Origin, ...]]:
    """The parameters behind the network's arrays, of those parameters that want gradients.

    Raises:
        UnsupportedNode: A parameter that cannot be trained here, by name and reason.
    """
    network = read(module)
    original = arrays_of(network)
    resets: set[Key] = {("weights", i) for i, p in enumerate(network.projections) if p.is_reset}
    origins: dict[Key, tuple[Origin, ...]] = {}
    for name, values in module.named_parameters():
        if not values.requires_grad:
            continue
        found = _of_parameter(module, read, name, values, original, where)
        for key, origin in found.items():
            _check(key, origin, origins.get(key, ()), resets, where)
            origins[key] = (*origins.get(key, ()), origin)
    if not origins:
        raise UnsupportedNode(
            "no parameter wants a gradient", where=where, remedy="set requires_grad on the weights to be trained"
        )
    return origins


def _of_parameter(
    module: Any, read: Read, name: str, values: Any, original: Mapping[Key, NDArray[np.float64]], where: str
) -> dict[Key, Origin]:
    size = values.numel()
    if size > MOST:
        raise _refused(name, f"has {size:,} numbers (of {MOST:,} at most)", where)
    number = np.random.default_rng(0).permutation(size) + 1  # so that sums of several are no element's number
    marks = (number, number + MOST, 2 * number)
    first, moved, doubled = (_arrays_with(module, read, name, mark * UNIT) for mark in marks)
    if not first.keys() == moved.keys() == doubled.keys() == original.keys():
        raise _refused(name, "changes the network's structure by its values", where)
    element = np.empty(size + 1, np.int64)
    element[number] = np.arange(size)
    found = {}
    for key, start in original.items():
        if not len(first[key]) == len(moved[key]) == len(doubled[key]) == len(start):
            raise _refused(name, "holds zeros in a sparse layer, whose synapses they would remove", where)
        factor = (moved[key] - first[key]) / (MOST * UNIT)
        if not factor.any() and np.array_equal(doubled[key], first[key]):
            continue
        own = factor != 0
        marked = np.where(own, (doubled[key] - first[key]) / (np.where(own, factor, 1) * UNIT), 1)
        nearest = np.clip(np.rint(marked), 1, size).astype(np.int64)
        index = np.where(own, element[nearest], 0)
        exact = factor * values.detach().cpu().double().numpy().ravel()[index]
        constant = first[key] - factor * np.where(own, nearest, 0) * UNIT
        told = np.abs(marked - nearest) < 0.01
        same = np.isclose(start, constant + exact, rtol=1e-5, atol=1e-6 * max(1.0, float(np.abs(factor).max())))
        if not np.all(told & same):
            raise _refused(name, f"does not become {_say(key)} number by number (it is summed or bent)", where)
        found[key] = Origin(name, index, np.where(np.abs(factor - np.rint(factor)) < 1e-6, np.rint(factor), factor))
    if not found:
        raise _refused(name, "reaches nothing of the network", where)
    return found


def _arrays_with(module: Any, read: Read, name: str, marks: NDArray[np.float64]) -> dict[Key, NDArray[np.float64]]:
    copied = fresh_copy(module)
    copied.train(module.training)
    with torch.no_grad():
        target = copied.get_parameter(name)
        target.copy_(torch.as_tensor(marks).reshape(target.shape))
    return arrays_of(read(copied))


def _check(key: Key, origin: Origin, others: tuple[Origin, ...], sums: Collection[Key], where: str) -> None:
    if key[0] not in ("weights", "bias", *FACTORS):
        raise _refused(origin.parameter, f"changes {_say(key)}, which stays as it is here", where)
    shared = [o.parameter for o in others if np.any((o.factor != 0) & (origin.factor != 0))]
    if shared and key[0] != "bias" and key not in sums:
        raise _refused(origin.parameter, f"is multiplied with '{shared[0]}', without neurons between them", where)


def _refused(name: str, why: str, where: str) -> UnsupportedNode:
    return UnsupportedNode(
        f"quantisation-aware training cannot train '{name}': it {why}",
        where=where,
        remedy="freeze it (requires_grad_(False)), or train weights, biases, decays, thresholds and starts alone",
    )


def _say(key: Key) -> str:
    return f"the weights of projection {key[1]}" if key[0] == "weights" else f"'{key[0]}' of layer '{key[1]}'"
