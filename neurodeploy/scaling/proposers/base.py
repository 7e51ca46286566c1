"""What a proposer is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

Summary = Mapping[str, Any]
"""What is to be explained, in plain values: ``value``, ``points`` (N, S, K, value each), ``levels`` by factor,
``language``, ``most_parameters`` and ``most_nodes``."""
Scored = Mapping[str, Any]
"""What came of an expression: ``expression``, ``bic``, ``cv_rmse``, ``nodes``, ``parameters``, and ``error``, which
says why it was refused and is None where it was not."""


class Proposer(Protocol):
    """Proposes expressions over N, S, K and p0..p5; asked again in every round."""

    def propose(self, summary: Summary, history: Sequence[Scored]) -> list[str]:
        """Expressions to try next; an empty list ends the search.

        Args:
            summary: What is to be explained.
            history: All that was tried so far, in order.
        """
        ...
