"""What a wrong rule is, for tools/mutations.py."""

from __future__ import annotations

from dataclasses import dataclass

Edits = tuple[tuple[str, str, str], ...]
"""File below neurodeploy/, what stands there once, what shall stand there."""


@dataclass(frozen=True)
class Variant:
    """One wrong rule, in each engine that holds it.

    Attributes:
        name: What is wrong.
        reference: In numpy; None: the rule is one of the fast engine alone.
        fast: In C, and in what prepares networks for it.
        tests: Which of the unit tests should see it, as pytest's ``-k``; tried before anything else.
    """

    name: str
    reference: Edits | None
    fast: Edits
    tests: str = ""


def both(name: str, *edits: tuple[str, str, str]) -> Variant:
    """A rule that both engines share."""
    return Variant(name, edits, edits)


def fast(name: str, tests: str, *edits: tuple[str, str, str]) -> Variant:
    """A rule of the fast engine alone."""
    return Variant(name, None, edits, tests)
