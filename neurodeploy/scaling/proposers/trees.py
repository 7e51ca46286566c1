"""Random expression trees, their canonical form, and a fingerprint of what they compute."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from neurodeploy.scaling.errors import InvalidExpression
from neurodeploy.scaling.expression import PARAMETER, PROPOSED_PARAMETERS, VARIABLES, Expression, Node, parse

COMMUTATIVE = ("+", "*", "max", "min")
_BINARY = ("+", "-", "*", "/", "**")
_UNARY = ("exp", "log", "sqrt", "tanh")
Place = tuple[int, ...]
"""Which argument to follow, from the root on."""


def random_tree(rng: np.random.Generator, depth: int) -> Node:
    """A tree of at most so many operators above each other."""
    if depth == 0 or rng.random() < 0.15:
        return _leaf(rng)
    if rng.random() < 0.2:
        return Node(str(rng.choice(_UNARY)), (random_tree(rng, depth - 1),))
    kind = str(rng.choice(_BINARY, p=(0.25, 0.1, 0.3, 0.15, 0.2)))
    return Node(kind, (random_tree(rng, depth - 1), random_tree(rng, depth - 1)))


def _leaf(rng: np.random.Generator) -> Node:
    draw = rng.random()
    if draw < 0.5:
        return Node("name", name=str(rng.choice(VARIABLES)))
    if draw < 0.92:
        return Node("name", name=f"p{rng.integers(PROPOSED_PARAMETERS)}")
    return Node("number", value=float(rng.integers(1, 3)))


def places(tree: Node) -> Iterator[Place]:
    """Of all nodes, the root's first."""
    yield ()
    for number, argument in enumerate(tree.arguments):
        yield from ((number, *place) for place in places(argument))


def at(tree: Node, place: Place) -> Node:
    """The node there."""
    for number in place:
        tree = tree.arguments[number]
    return tree


def put(tree: Node, place: Place, new: Node) -> Node:
    """The tree with another node there."""
    if not place:
        return new
    arguments = list(tree.arguments)
    arguments[place[0]] = put(arguments[place[0]], place[1:], new)
    return replace(tree, arguments=tuple(arguments))


def canonical(tree: Node) -> Node:
    """Operands of commutative operators in order, parameters numbered as they come."""
    numbers: dict[str, str] = {}

    def renamed(node: Node) -> Node:
        if node.kind == "name" and node.name not in VARIABLES:
            return replace(node, name=numbers.setdefault(node.name, f"p{len(numbers)}"))
        return replace(node, arguments=tuple(renamed(a) for a in node.arguments))

    return renamed(_ordered(tree))


def _ordered(node: Node) -> Node:
    arguments = tuple(_ordered(a) for a in node.arguments)
    if node.kind in COMMUTATIVE:
        arguments = tuple(sorted(arguments, key=lambda a: (a.size, PARAMETER.sub("p", str(a)))))  # whatever the numbers
    return replace(node, arguments=arguments)


def legal(tree: Node) -> Expression | None:
    """The canonical expression, or None where it is not legal, or has no parameter or no variable."""
    try:
        made = parse(str(canonical(tree)), most_parameters=PROPOSED_PARAMETERS)
    except InvalidExpression:
        return None
    return made if made.parameters and made.variables else None


def fingerprint(expression: Expression) -> str | None:
    """A hash of the values at fixed random points and parameters, to nine digits; None where any is not finite."""
    rng = np.random.default_rng(0)
    points = {name: rng.uniform(2, 40, 16) for name in VARIABLES}
    numbers = rng.uniform(0.2, 1.5, 10)[: len(expression.parameters)]
    values = expression(numbers, points)
    if not np.isfinite(values).all():
        return None
    return hashlib.sha256(" ".join(f"{v:.9g}" for v in values).encode()).hexdigest()
