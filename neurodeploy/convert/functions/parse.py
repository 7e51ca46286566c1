"""The expression language: ``count(x[0], 4) >= 3 & ~x[1]``, read without running it.

========================  ==========================================================================
``x[i]``                  input i, now
``prev(e, k)``            e, k ticks earlier
``a & b``, ``a | b``      both, either; ``a ^ b`` one of them alone; ``~e`` the opposite
``count(e, m) >= k``      e in k or more of the last m ticks; also ``> k``, ``< k``, ``<= k``, ``== k``
``within(a, b, k)``       a now, and b in any of the last k ticks
``seq(a, b, ...)``        a, then b a tick later, and so on; the last one now
``every(e, m)``           every m-th spike of e
``table(bits, m, ...)``   a truth table over the last m ticks of the expressions that follow, ``"0110"`` with f(0) first
========================  ==========================================================================

``&``, ``|``, ``^`` and ``~`` bind more loosely than a comparison with ``count``, unlike in Python.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable

from neurodeploy.convert.functions.expression import (
    CLOCK,
    All,
    Any,
    Count,
    Every,
    Expression,
    Input,
    Not,
    Of,
    Prev,
    Within,
    Xor,
    silent_at_rest,
)
from neurodeploy.convert.functions.table import Table
from neurodeploy.errors import ModelError, did_you_mean

MOST_TICKS = 4096
"""That a window or a delay may span."""


class Parser:
    """Reads expressions over ``inputs`` inputs, of which ``clock``, if any, spikes in every tick."""

    def __init__(self, inputs: int, clock: int | None) -> None:
        self._inputs, self._clock = inputs, clock

    def read(self, text: str) -> Expression:
        """The expression.

        Raises:
            ModelError: Says what is wrong, and at which character.
        """
        try:
            tree = ast.parse(tighter(text), mode="eval")
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise ModelError(
                f"'{text}' is no expression: {getattr(error, 'msg', None) or error}",
                where="expression",
                remedy="write for example 'count(x[0], 4) >= 3 & ~x[1]'",
            ) from error
        try:
            return self._node(tree.body)
        except RecursionError as error:
            raise ModelError("it is nested too deeply", where="expression", remedy="split it") from error

    def _node(self, node: ast.expr) -> Expression:
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == "x":
            return Input(self._number(node.slice, 0, self._inputs - 1, "an input"))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Invert):
            return Not(self._node(node.operand))
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.BitAnd, ast.BitOr)):
            kind: type[All | Any] = All if isinstance(node.op, ast.BitAnd) else Any
            parts: list[Expression] = []
            for side in (self._node(node.left), self._node(node.right)):
                parts += side.parts if isinstance(side, kind) else [side]
            return kind(tuple(parts))
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitXor):
            return _tree([self._node(operand) for operand in _operands(node)])
        if isinstance(node, ast.Compare):
            return self._compared(node)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
            return self._call(node.func.id, node.args, node)
        raise self._wrong(
            node, "this is not in the language", "use x[i], & | ^ ~, prev, count, within, seq, every, table"
        )

    def _compared(self, node: ast.Compare) -> Expression:
        left, op = node.left, node.ops[0]
        is_count = isinstance(left, ast.Call) and isinstance(left.func, ast.Name) and left.func.id == "count"
        if not is_count or len(node.ops) > 1 or len(left.args) != 2:  # type: ignore[attr-defined]
            raise self._wrong(node, "only a count can be compared, once", "write count(e, m) >= k")
        e, ticks = self._node(left.args[0]), self._number(left.args[1], 1, MOST_TICKS, "a number of ticks")  # type: ignore[attr-defined]
        k = self._number(node.comparators[0], 0, ticks, "a count")

        def least(number: int) -> Expression:
            if not 1 <= number <= ticks:
                raise self._wrong(
                    node, "this holds always, or never", f"compare with what {ticks} ticks can and need not hold"
                )
            return Count(e, ticks, number)

        if isinstance(op, ast.GtE):
            return least(k)
        if isinstance(op, ast.Gt):
            return least(k + 1)
        if isinstance(op, ast.Lt):
            return Not(least(k))
        if isinstance(op, ast.LtE):
            return Not(least(k + 1))
        if isinstance(op, ast.Eq):
            if k == ticks:
                return least(k)
            return All((least(k), Not(least(k + 1)))) if k else Not(least(1))
        raise self._wrong(node, "this comparison is not in the language", "use >=, >, <=, < or ==")

    def _call(self, name: str, args: list[ast.expr], node: ast.expr) -> Expression:
        calls: dict[str, tuple[int, Callable[[list[ast.expr]], Expression]]] = {
            "prev": (2, lambda a: Prev(self._node(a[0]), self._number(a[1], 0, MOST_TICKS, "a number of ticks"))),
            "within": (3, lambda a: Within(self._node(a[0]), self._node(a[1]), self._ticks(a[2]))),
            "every": (2, lambda a: self._every(a, node)),
            "count": (-1, lambda _: self._count_alone(node)),
            "seq": (-1, self._seq),
            "table": (-1, lambda a: self._table(a, node)),
        }
        if name not in calls:
            raise self._wrong(node, f"no function '{name}'", did_you_mean(name, list(calls)))
        arguments, make = calls[name]
        if arguments >= 0 and len(args) != arguments:
            raise self._wrong(node, f"{name} takes {arguments} arguments, not {len(args)}", f"give {arguments}")
        return make(args)

    def _count_alone(self, node: ast.expr) -> Expression:
        raise self._wrong(node, "a count is a number", "compare it: count(e, m) >= k")

    def _seq(self, args: list[ast.expr]) -> Expression:
        parts = [self._node(a) for a in args]
        if not parts:
            raise ModelError("seq of nothing", where="expression", remedy="give one expression or more")
        return All(tuple(Prev(e, len(parts) - 1 - i) if i < len(parts) - 1 else e for i, e in enumerate(parts)))

    def _every(self, args: list[ast.expr], node: ast.expr) -> Expression:
        e = silent_at_rest(self._node(args[0]), self._clock)
        if e is None:
            raise self._wrong(node, "every counts spikes that are there in silence", CLOCK)
        return Every(e, self._ticks(args[1]))

    def _table(self, args: list[ast.expr], node: ast.expr) -> Expression:
        if len(args) < 3 or not (isinstance(args[0], ast.Constant) and isinstance(args[0].value, str)):
            raise self._wrong(node, "table takes bits, ticks and expressions", 'write table("0110", 1, x[0], x[1])')
        parts = tuple(self._node(a) for a in args[2:])
        bits = args[0].value
        if set(bits) - set("01"):
            raise self._wrong(node, f"bits '{bits}'", "give 0 and 1")
        return Of(Table.of([int(b) for b in bits], len(parts), self._ticks(args[1])), parts)

    def _ticks(self, node: ast.expr) -> int:
        return self._number(node, 1, MOST_TICKS, "a number of ticks")

    def _number(self, node: ast.expr, low: int, high: int, what: str) -> int:
        value = node.value if isinstance(node, ast.Constant) else None
        if type(value) is not int or not low <= value <= high:
            raise self._wrong(node, f"'{ast.unparse(node)}' is not {what}", f"give a whole number in {low}..{high}")
        return value

    def _wrong(self, node: ast.expr, what: str, remedy: str) -> ModelError:
        return ModelError(what, where=f"expression, at '{ast.unparse(node)}'", remedy=remedy)


def _operands(node: ast.expr) -> list[ast.expr]:
    """Of ``a ^ b ^ ...``."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitXor):
        return [*_operands(node.left), *_operands(node.right)]
    return [node]


def _tree(parts: list[Expression]) -> Expression:
    """One of them after the other would take twice as many ticks as there are parts."""
    half = len(parts) // 2
    return parts[0] if len(parts) == 1 else Xor(_tree(parts[:half]), _tree(parts[half:]))


def tighter(text: str) -> str:
    """Puts ``count(...) >= k`` in parentheses, since Python's & | ^ bind tighter than its comparisons."""
    out, at = [], 0
    for found in re.finditer(r"\bcount\s*\(", text):
        if found.start() < at:
            continue
        end = _closing(text, found.end() - 1)
        compared = re.compile(r"\s*(>=|<=|==|>|<)\s*\d+").match(text, end + 1) if end is not None else None
        if end is None or compared is None:
            continue
        inner = text[found.end() : end]
        out += [text[at : found.start()], "(count(", tighter(inner), ")", compared.group(), ")"]
        at = compared.end()
    return "".join([*out, text[at:]])


def _closing(text: str, opening: int) -> int | None:
    depth = 0
    for k in range(opening, len(text)):
        depth += (text[k] == "(") - (text[k] == ")")
        if not depth:
            return k
    return None
