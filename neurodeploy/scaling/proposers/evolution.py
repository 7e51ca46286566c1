"""Expressions bred from those that did best: mutation and crossover, under BIC's penalty for parameters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neurodeploy.scaling.expression import Node, parse
from neurodeploy.scaling.proposers.base import Scored, Summary
from neurodeploy.scaling.proposers.grammar import GrammarProposer
from neurodeploy.scaling.proposers.trees import at, fingerprint, legal, places, put, random_tree

PARENTS = 10
NODE_PRICE = 0.5
"""In units of BIC, for each node: of two equal laws the shorter one has children."""
MOST_SIZE = 40


class EvolutionProposer:
    """Starts from random trees, then breeds.

    Args:
        number: Expressions of a round.
        rounds: Generations, the random one included.
        depth: Of random trees.
        seed: Of all draws.
    """

    def __init__(self, number: int = 30, rounds: int = 6, depth: int = 3, seed: int = 0) -> None:
        self._rng = np.random.default_rng(seed)
        self._random = GrammarProposer(number, 1, depth, seed=int(self._rng.integers(2**31)))
        self._number, self._left, self._depth = number, rounds, depth

    def propose(self, summary: Summary, history: Sequence[Scored]) -> list[str]:
        """See :class:`neurodeploy.scaling.proposers.Proposer`."""
        if not self._left:
            return []
        self._left -= 1
        parents = _fittest(history)
        if len(parents) < 2:
            return self._random.draw(self._number)
        known = {fingerprint(parse(str(s["expression"]))) for s in history if s["error"] is None}
        children: list[str] = []
        for _ in range(50 * self._number):
            if len(children) == self._number:
                break
            child = self._child(parents)
            expression = legal(child) if child.size <= MOST_SIZE else None
            mark = None if expression is None else fingerprint(expression)
            if expression is not None and mark is not None and mark not in known:
                known.add(mark)
                children.append(expression.text)
        return children

    def _child(self, parents: Sequence[Node]) -> Node:
        mother = self._one(parents)
        place = self._place(mother)
        if self._rng.random() < 0.5:
            father = self._one(parents)
            return put(mother, place, at(father, self._place(father)))
        new = random_tree(self._rng, int(self._rng.integers(1, self._depth)))
        if self._rng.random() < 0.4:  # keeps what is there, within something new
            kind = str(self._rng.choice(("+", "*", "/")))
            new = Node(kind, (at(mother, place), new))
        return put(mother, place, new)

    def _one(self, parents: Sequence[Node]) -> Node:
        """The better of two, which are listed best first."""
        return parents[int(self._rng.integers(len(parents), size=2).min())]

    def _place(self, tree: Node) -> tuple[int, ...]:
        known = list(places(tree))
        return known[int(self._rng.integers(len(known)))]


def _fittest(history: Sequence[Scored]) -> list[Node]:
    scored = [s for s in history if s["error"] is None]
    scored.sort(key=lambda s: float(s["bic"]) + NODE_PRICE * int(s["nodes"]))
    return [parse(str(s["expression"])).tree for s in scored[:PARENTS]]


def pareto_front(history: Sequence[Scored]) -> list[Scored]:
    """Those that no other beats both in nodes and in cross-validated RMSE, the smallest first."""
    front: list[Scored] = []
    usable = [s for s in history if s["error"] is None]
    for scored in sorted(usable, key=lambda s: (int(s["nodes"]), float(s["cv_rmse"]))):
        if not front or float(scored["cv_rmse"]) < float(front[-1]["cv_rmse"]):
            front.append(scored)
    return front
