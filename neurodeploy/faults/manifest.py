"""What was hit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from neurodeploy.faults.fault import Fault


@dataclass(frozen=True, eq=False)
class Hit:
    """What one fault did to one part of a network.

    Attributes:
        fault: Its text.
        where: A projection ``source -> target``, a population, an input, or ``mapping``.
        unit: What is counted: ``weights``, ``neurons``, ``thresholds``, ``delays``, ``channels``, ``cores``.
        size: How many of them there are.
        chosen: Those that the fault hit, flat indices in stored order (C order; of a sparse connection the order of its
            values).
        changed: Those of them that it left different.
        effective: What survived the chip's own rules, by name.
    """

    fault: str
    where: str
    unit: str
    size: int
    chosen: NDArray[np.int64]
    changed: NDArray[np.int64]
    effective: Mapping[str, float]

    def to_dict(self, *, indices: bool = True) -> dict[str, Any]:
        """Plain values; numbers of hits instead of their indices on request."""
        listed = {"chosen": self.chosen, "changed": self.changed}
        counts = {k: v.tolist() if indices else len(v) for k, v in listed.items()}
        head = {"fault": self.fault, "where": self.where, "unit": self.unit, "size": self.size}
        return head | counts | {"effective": {k: None if np.isnan(v) else v for k, v in self.effective.items()}}


@dataclass(frozen=True, eq=False)
class Manifest:
    """Everything that :func:`neurodeploy.faults.inject` hit.

    Attributes:
        spec: The faults, in the order in which they were applied.
        seed: Of the draws.
        hits: One for each fault and part, in that order.
    """

    spec: tuple[Fault, ...]
    seed: int
    hits: tuple[Hit, ...]

    @property
    def text(self) -> str:
        """The faults as text, which :func:`neurodeploy.faults.parse` reads back."""
        return ",".join(map(str, self.spec))

    def to_dict(self, *, indices: bool = True) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"spec": self.text, "seed": self.seed, "hits": [h.to_dict(indices=indices) for h in self.hits]}

    def changed(self, unit: str) -> int:
        """How many of a unit differ now."""
        return sum(len(h.changed) for h in self.hits if h.unit == unit)
