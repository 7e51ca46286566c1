"""Random expressions of a grammar, no two of which compute the same."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neurodeploy.scaling.proposers.base import Scored, Summary
from neurodeploy.scaling.proposers.trees import fingerprint, legal, random_tree

ATTEMPTS = 200
"""Draws for each expression wanted, before the grammar counts as exhausted."""


class GrammarProposer:
    """Draws expression trees.

    Args:
        number: Expressions of a round.
        rounds: How often it proposes.
        depth: Operators above each other.
        seed: Of the draws.
    """

    def __init__(self, number: int = 40, rounds: int = 1, depth: int = 3, seed: int = 0) -> None:
        self._rng = np.random.default_rng(seed)
        self._number, self._left, self._depth = number, rounds, depth
        self._known: set[str] = set()

    def propose(self, summary: Summary, history: Sequence[Scored]) -> list[str]:
        """See :class:`neurodeploy.scaling.proposers.Proposer`."""
        if not self._left:
            return []
        self._left -= 1
        return self.draw(self._number)

    def draw(self, number: int) -> list[str]:
        """So many new expressions, or as many as could be found."""
        found: list[str] = []
        for _ in range(ATTEMPTS * number):
            if len(found) == number:
                break
            expression = legal(random_tree(self._rng, self._depth))
            mark = None if expression is None else fingerprint(expression)
            if expression is not None and mark is not None and mark not in self._known:
                self._known.add(mark)
                found.append(expression.text)
        return found
