"""Node names that every tool can read."""

from __future__ import annotations

import re
from collections.abc import Iterable

LEGAL = re.compile(r"[^A-Za-z0-9_.-]")
NUMBER = re.compile(r"\d+")


def safe_names(names: Iterable[str]) -> dict[str, str]:
    """A name for each, of letters, digits, ``_``, ``.`` and ``-``, no two equal.

    nir hands nodes out in the order of the alphabet, with '10' before '9'. Numbers get leading zeros where that differs
    from the order of people.
    """
    given = list(names)
    width = max((len(n) for name in given for n in NUMBER.findall(name)), default=1)
    if sorted(given) == sorted(given, key=lambda name: _padded(name, width)):
        width = 1
    result: dict[str, str] = {}
    for name in given:
        clean = LEGAL.sub("_", _padded(name, width)) or "_"
        count, free = 1, clean
        while free in result.values():
            count, free = count + 1, f"{clean}-{count + 1}"
        result[name] = free
    return result


def _padded(name: str, width: int) -> str:
    return NUMBER.sub(lambda number: number.group().zfill(width), name)
