"""What a sweep does, in plain values: the same protocol makes the same table."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from itertools import product
from typing import Any

from neurodeploy.errors import did_you_mean
from neurodeploy.scaling.errors import ScalingError
from neurodeploy.scaling.task import SpikePatternTask

NETWORKS = ("reservoir", "trained")
Cell = tuple[int, int, int, int]
"""N, S, K and seed."""


@dataclass(frozen=True)
class Protocol:
    """A full factorial sweep; the defaults are the specification's grid.

    Attributes:
        neurons: Levels of N, hidden neurons.
        channels: Levels of S, input channels.
        categories: Levels of K.
        seeds: Repetitions of each cell, 0 .. seeds - 1. Task and network of a cell are drawn from generators seeded
            with (purpose, seed, N, S, K), so that cells share no draws.
        network: ``reservoir`` or ``trained``.
        target: Chip that every network is also deployed on, or None.
        steps, rate, jitter, p_del, p_ins, n_per_class, shuffled: See :class:`SpikePatternTask`.
        epochs: Of training.
    """

    neurons: tuple[int, ...] = (10, 20, 40, 80)
    channels: tuple[int, ...] = (4, 8, 16)
    categories: tuple[int, ...] = (2, 3, 4, 6, 8, 12, 16, 24, 32)
    seeds: int = 3
    network: str = "reservoir"
    target: str | None = None
    steps: int = 30
    rate: float = 0.15
    jitter: int = 1
    p_del: float = 0.2
    p_ins: float = 0.03
    n_per_class: int = 24
    shuffled: bool = False
    epochs: int = 60

    def __post_init__(self) -> None:
        """ScalingError where a level or number cannot be."""
        for name in ("neurons", "channels", "categories"):
            levels = getattr(self, name)
            if not levels or len(set(levels)) < len(levels) or min(levels) < 1:
                raise ScalingError(
                    f"{name} = {levels}", where="sweep", remedy="give different whole numbers >= 1 (categories >= 2)"
                )
        for name in ("seeds", "epochs"):
            if getattr(self, name) < 1:
                raise ScalingError(f"{name} = {getattr(self, name)}", where="sweep", remedy="give at least 1")
        if self.network not in NETWORKS:
            raise ScalingError(
                f"no network '{self.network}'", where="sweep", remedy=did_you_mean(self.network, NETWORKS)
            )
        for channels, categories in product(self.channels, self.categories):
            self.task((self.neurons[0], channels, categories, 0))

    def cells(self) -> Iterator[Cell]:
        """All cells in the order of the table."""
        levels = (sorted(self.neurons), sorted(self.channels), sorted(self.categories), range(self.seeds))
        return product(*levels)

    def __len__(self) -> int:
        return len(self.neurons) * len(self.channels) * len(self.categories) * self.seeds

    def task(self, cell: Cell) -> SpikePatternTask:
        """Of a cell."""
        neurons, channels, categories, seed = cell
        shared = {f.name: getattr(self, f.name) for f in fields(SpikePatternTask) if hasattr(self, f.name)}
        own = {"categories": categories, "channels": channels, "seed": (0, seed, neurons, channels, categories)}
        return SpikePatternTask(**{**shared, **own})

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as JSON has them."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Protocol:
        """The protocol of :meth:`to_dict`; TypeError for unknown names."""
        fields: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
        return cls(**fields)

    @property
    def digest(self) -> str:
        """SHA-256 of its values."""
        return hashlib.sha256(json.dumps(self.to_dict(), sort_keys=True).encode()).hexdigest()
