"""What a command of the command line did."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


def strict_json(text: str) -> Any:
    """Exactly one JSON value, without NaN and infinity."""

    def refuse(name: str) -> None:
        raise ValueError(f"{name} is not JSON")

    return json.loads(text, parse_constant=refuse)


@dataclass(frozen=True)
class Outcome:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, which holds nothing but JSON."""
        return strict_json(self.out)


Cli = Callable[..., Outcome]
