"""Expressions over N, S, K and parameters p0..p9, read without ``eval``.

Legal are numbers, the names, ``+ - * / **``, ``exp log sqrt tanh`` of one and ``max min`` of two values. A text is
parsed by Python's own parser, and its tree is translated node by node into ours; whatever is not listed here is
refused, so that no text from anybody's proposer can reach an attribute, a call, a subscript or a string. All arithmetic
is numpy's in double precision: it can yield infinity, and never a number that fills the memory.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.scaling.errors import InvalidExpression

Floats = NDArray[np.float64]

VARIABLES = ("N", "S", "K")
PARAMETER = re.compile(r"p[0-9]")
PROPOSED_PARAMETERS = 6
"""Proposers may use p0..p5."""
MOST_NODES = 80
"""Of a tree; the full quadratic has 49."""
MOST_CHARACTERS = 600
LARGEST_EXPONENT = 8.0
"""Of a constant power."""
LARGEST_CONSTANT = 1e6

BINARY: dict[str, Callable[..., Any]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "**": np.power,
    "max": np.maximum,
    "min": np.minimum,
}
UNARY: dict[str, Callable[..., Any]] = {
    "neg": np.negative,
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "tanh": np.tanh,
}
_OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Pow: "**",
}
REMEDY = "use N, S, K, p0..p5, numbers, + - * / **, exp, log, sqrt, tanh of one and max, min of two values"


@dataclass(frozen=True)
class Node:
    """A tree.

    Attributes:
        kind: An operator or function, ``name`` or ``number``.
        arguments: Its operands.
        name: Of a ``name``.
        value: Of a ``number``.
    """

    kind: str
    arguments: tuple[Node, ...] = ()
    name: str = ""
    value: float = 0.0

    @property
    def size(self) -> int:
        """Number of nodes."""
        return 1 + sum(a.size for a in self.arguments)

    @property
    def names(self) -> frozenset[str]:
        """Variables and parameters in it."""
        return frozenset({self.name} - {""}).union(*(a.names for a in self.arguments))

    def __str__(self) -> str:
        """Text that :func:`parse` reads as this tree."""
        if self.kind == "name":
            return self.name
        if self.kind == "number":
            return f"{self.value:g}" if float(f"{self.value:g}") == self.value else repr(self.value)
        if self.kind == "neg":
            return f"(-{self.arguments[0]})"
        inside = [str(a) for a in self.arguments]
        if self.kind in UNARY or self.kind in ("max", "min"):
            return f"{self.kind}({', '.join(inside)})"
        return f"({inside[0]} {self.kind} {inside[1]})"

    def evaluate(self, values: Mapping[str, Any]) -> Any:
        """Value where names have ``values``; infinite or NaN where it has none."""
        if self.kind == "name":
            return values[self.name]
        if self.kind == "number":
            return np.float64(self.value)
        arguments = [a.evaluate(values) for a in self.arguments]
        return (UNARY if self.kind in UNARY else BINARY)[self.kind](*arguments)


@dataclass(frozen=True)
class Expression:
    """A function of N, S, K and ``parameters``.

    Attributes:
        text: As given.
        tree: As read.
        parameters: Names in the order of the numbers that :meth:`__call__` takes.
    """

    text: str
    tree: Node
    parameters: tuple[str, ...]

    @property
    def variables(self) -> frozenset[str]:
        """Which of N, S, K it depends on."""
        return self.tree.names & frozenset(VARIABLES)

    def __call__(self, numbers: Sequence[float] | Floats, points: Mapping[str, Floats]) -> Floats:
        """Values (n,) at ``points``: N, S and K, (n,) each; or (m, n) for m sets of numbers (m, k)."""
        columns = np.moveaxis(np.asarray(numbers, dtype=np.float64), -1, 0)
        values = dict(points) | {p: column[..., None] for p, column in zip(self.parameters, columns, strict=True)}
        with np.errstate(all="ignore"):
            values_there: Floats = self.tree.evaluate(values) + np.zeros((*columns.shape[1:], len(points["K"])))
        return values_there


def parse(text: str, *, most_parameters: int = 10) -> Expression:
    """Read an expression.

    Args:
        text: At most 600 characters and 80 nodes.
        most_parameters: Parameters p0.. that it may use.

    Raises:
        InvalidExpression: Names what is not legal in it.
    """
    if not isinstance(text, str) or not text.strip() or len(text) > MOST_CHARACTERS:
        raise _refused(str(text)[:60], f"not a text of 1..{MOST_CHARACTERS} characters")
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise _refused(text, f"it cannot be read ({type(error).__name__})") from error
    if sum(not isinstance(n, (ast.operator, ast.unaryop, ast.expr_context)) for n in ast.walk(tree)) > 2 * MOST_NODES:
        raise _refused(text, f"more than {MOST_NODES} nodes")
    found = _translate(tree.body, text)
    if found.size > MOST_NODES:
        raise _refused(text, f"{found.size} nodes, more than {MOST_NODES}")
    parameters = sorted(found.names - set(VARIABLES))
    if any(int(p[1:]) >= most_parameters for p in parameters):
        raise _refused(text, f"parameter {parameters[-1]}, but at most p0..p{most_parameters - 1}")
    return Expression(text, found, tuple(parameters))


def _translate(node: ast.AST, text: str) -> Node:
    if isinstance(node, ast.Constant):
        return _number(node.value, text)
    if isinstance(node, ast.Name):
        if node.id not in VARIABLES and not PARAMETER.fullmatch(node.id):
            raise _refused(text, f"the name '{node.id}'")
        return Node("name", name=node.id)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        inner = _translate(node.operand, text)
        return inner if isinstance(node.op, ast.UAdd) else Node("neg", (inner,))
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        made = Node(_OPERATORS[type(node.op)], (_translate(node.left, text), _translate(node.right, text)))
        return _legal_power(made, text) if made.kind == "**" else made
    if isinstance(node, ast.Call):
        return _call(node, text)
    raise _refused(text, f"{type(node).__name__} is not part of the language")


def _number(value: object, text: str) -> Node:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= LARGEST_CONSTANT:
        raise _refused(text, f"the constant {str(value)[:20]}, not a number of at most {LARGEST_CONSTANT:g}")
    return Node("number", value=float(value))


def _call(node: ast.Call, text: str) -> Node:
    if not isinstance(node.func, ast.Name):
        raise _refused(text, f"a call of {type(node.func).__name__}")
    name = node.func.id
    wanted = 2 if name in ("max", "min") else 1 if name in UNARY and name != "neg" else 0
    if not wanted or node.keywords or len(node.args) != wanted:
        raise _refused(text, f"the call {name}(...) with {len(node.args) + len(node.keywords)} arguments")
    return Node(name, tuple(_translate(a, text) for a in node.args))


def _legal_power(made: Node, text: str) -> Node:
    """Refuses powers of powers, and constant exponents above a limit, also where they are sums or products."""
    exponent = made.arguments[1]
    if _has_power(exponent):
        raise _refused(text, "a power in an exponent")
    if not exponent.names:
        with np.errstate(all="ignore"):
            value = float(exponent.evaluate({}))
        if not math.isfinite(value) or abs(value) > LARGEST_EXPONENT:
            raise _refused(text, f"the exponent {value:g}, beyond {LARGEST_EXPONENT:g}")
    return made


def _has_power(node: Node) -> bool:
    return node.kind == "**" or any(_has_power(a) for a in node.arguments)


def _refused(text: str, why: str) -> InvalidExpression:
    shown = text if len(text) <= 80 else text[:77] + "..."
    return InvalidExpression(f"not a legal expression: {why}", where=repr(shown), remedy=REMEDY)
