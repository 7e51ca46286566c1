"""What a wrong rule is, for tools/mutations.py."""

from __future__ import annotations

from dataclasses import dataclass

Edits = tuple[tuple[str, str, str], ...]
"""File below neurodeploy/, what stands there once, what shall stand there."""


@dataclass(frozen=True)
class Variant:
    """One wrong rule, in each engine that holds it."""

    name: str
    reference: Edits
    fast: Edits


def both(name: str, *edits: tuple[str, str, str]) -> Variant:
    """A rule that both engines share."""
    return Variant(name, edits, edits)
