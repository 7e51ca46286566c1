"""What a fault is: a change of the integers of a network, or of what its inputs send, drawn from a seed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from neurodeploy.chipmap import Mapping as ChipMapping
from neurodeploy.chipnet import ChipNetwork, ChipPopulation
from neurodeploy.connections.base import frozen
from neurodeploy.errors import InvalidFault, did_you_mean
from neurodeploy.faults.manifest import Hit
from neurodeploy.target import Target

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Image:
    """What faults act on.

    Attributes:
        net: The integers.
        mapping: Where they sit, or None where nobody has said.
        target: The chip, likewise.
        membranes: Populations that are read by their membranes.
    """

    net: ChipNetwork
    mapping: ChipMapping | None = None
    target: Target | None = None
    membranes: frozenset[str] = frozenset()

    def with_populations(self, changed: dict[str, ChipPopulation]) -> Image:
        """The same with other populations of the same names."""
        return replace(self, net=replace(self.net, populations={**self.net.populations, **changed}))


@dataclass(frozen=True)
class Draw:
    """Random numbers of one fault; every part of a network has a stream of its own.

    So the same neurons and weights are hit whether or not others are, and the stream does not depend on the severity:
    of two severities with the same seed the larger one hits all that the smaller one hits, and more.
    """

    seed: int
    position: int

    def stream(self, *part: int) -> np.random.Generator:
        """The generator of a part."""
        return np.random.default_rng([self.seed, self.position, *part])


@dataclass(frozen=True)
class Fault(ABC):
    """One kind of fault at one severity.

    Attributes:
        severity: See ``meaning``; at ``neutral`` nothing changes.
        layers: Only these; all by default. Faults of weights and delays are those of the synapses *into* a layer;
            faults of inputs take names of inputs.
        name: In text.
        meaning: What the severity is, for messages and tables.
    """

    severity: float
    layers: tuple[str, ...] = ()

    name: ClassVar[str]
    meaning: ClassVar[str]
    neutral: ClassVar[float] = 0.0
    lowest: ClassVar[float] = 0.0
    highest: ClassVar[float] = float("inf")
    whole: ClassVar[bool] = False

    def __post_init__(self) -> None:
        value = self.severity
        numeric = isinstance(value, (int, float, np.number)) and np.isfinite(value)
        legal = numeric and self.lowest <= value <= self.highest and (not self.whole or value == int(value))
        if not legal:
            raise InvalidFault(
                f"{value!r} is not a severity of {self.name}",
                where=f"fault '{self.name}'",
                remedy=f"give {self.meaning}",
            )

    @abstractmethod
    def strike(self, image: Image, draw: Draw) -> tuple[Image, list[Hit]]:
        """The image with the fault, and what it hit; unchanged parts are the same objects."""

    @property
    def is_drawn(self) -> bool:
        """Whether another seed hits something else."""
        return self.severity != self.neutral

    def concerns(self, layer: str) -> bool:
        """Whether the layer is among those that it may hit."""
        return not self.layers or layer in self.layers

    def check_layers(self, known: Any, what: str) -> None:
        """InvalidFault for a layer that is none of ``known``."""
        for layer in self.layers:
            if layer not in known:
                raise InvalidFault(
                    f"'{layer}' is not {what}", where=f"fault '{self}'", remedy=did_you_mean(layer, known)
                )

    def hit(self, where: str, unit: str, size: int, chosen: Any, changed: Any, **effective: float) -> Hit:
        """A line of the manifest; ``chosen`` and ``changed`` are masks."""
        hit, differ = (frozen(np.flatnonzero(mask).astype(np.int64)) for mask in (chosen, changed))
        return Hit(str(self), where, unit, size, hit, differ, effective)

    def options(self) -> Iterator[tuple[str, Any]]:
        """Further options that are not at their defaults, by name."""
        for f in fields(self):
            if f.name not in ("severity", "layers") and getattr(self, f.name) != f.default:
                yield f.name, getattr(self, f.name)

    def __str__(self) -> str:
        options = dict(self.options())
        severity = "" if "which" in options else f"={number(self.severity)}"
        words = [f":{k}={'/'.join(map(str, v)) if isinstance(v, tuple) else v}" for k, v in options.items()]
        return self.name + severity + "".join(words) + ("@" + "/".join(self.layers) if self.layers else "")


class Chance(Fault):
    """A fault whose severity is the probability with which each part is hit."""

    meaning = "a probability in 0..1"
    highest = 1.0

    @property
    def is_drawn(self) -> bool:
        return 0 < self.severity < 1

    def drawn(self, rng: np.random.Generator, shape: int | tuple[int, ...]) -> NDArray[np.bool_]:
        """Which parts are hit."""
        return np.asarray(rng.random(shape) < self.severity)


@dataclass(frozen=True)
class ChosenOrChance(Chance):
    """A fault of each part with a probability, or of exactly those listed.

    Attributes:
        which: Their numbers, counted from 0, instead of a severity.
    """

    severity: float = 0.0
    which: tuple[int, ...] | None = field(default=None, kw_only=True)

    @property
    def is_drawn(self) -> bool:
        return self.which is None and super().is_drawn

    def chosen(self, rng: np.random.Generator, size: int, where: str) -> NDArray[np.bool_]:
        """Which of ``size`` parts are hit; InvalidFault for numbers beyond them."""
        if self.which is None:
            return self.drawn(rng, size)
        if wrong := [i for i in self.which if not 0 <= i < size]:
            raise InvalidFault(
                f"there is no number {wrong[0]} in {where}, which has {size}",
                where=f"fault '{self}'",
                remedy=f"count from 0 to {size - 1}",
            )
        mask = np.zeros(size, bool)
        mask[list(self.which)] = True
        return mask


def number(value: float) -> str:
    """The shortest text that means this number."""
    return str(int(value)) if value == int(value) else repr(float(value))


def with_field(population: ChipPopulation, name: str, values: Ints) -> ChipPopulation:
    """The population with another field; itself where no value differs."""
    if np.array_equal(population.full(name), np.broadcast_to(values, (population.size,))):
        return population
    return replace(population, fields={**population.fields, name: frozen(np.asarray(values, np.int64))})
