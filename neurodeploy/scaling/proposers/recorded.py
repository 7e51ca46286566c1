"""What a proposer said, kept and said again: results can be repeated where no model is at hand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from neurodeploy.atomic import replacing
from neurodeploy.errors import UnreadableFile
from neurodeploy.scaling.proposers.base import Scored, Summary

FORMAT = "neurodeploy scaling proposals 1"


def write_record(path: str | Path, rounds: Sequence[Sequence[str]]) -> None:
    """Keep what was proposed in each round.

    Raises:
        UnwritableFile: See :func:`neurodeploy.atomic.replacing`.
    """
    facts = {"format": FORMAT, "rounds": [list(texts) for texts in rounds]}
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


class RecordedProposer:
    """Says what a file holds, round after round.

    Args:
        path: Written by :func:`write_record`.

    Raises:
        UnreadableFile: Missing, or of another kind.
    """

    def __init__(self, path: str | Path) -> None:
        remedy = "give a file that `neurodeploy scaling report --record` wrote"
        try:
            found = json.loads(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise UnreadableFile(f"no record: {error.strerror}", where=str(path), remedy=remedy) from error
        except ValueError as error:
            raise UnreadableFile(f"not JSON: {error}", where=str(path), remedy=remedy) from error
        rounds: Any = found.get("rounds") if isinstance(found, dict) and found.get("format") == FORMAT else None
        if not _are_texts(rounds):
            raise UnreadableFile("not a record of proposals", where=str(path), remedy=remedy)
        self._rounds: list[list[str]] = rounds
        self._next = 0

    def propose(self, summary: Summary, history: Sequence[Scored]) -> list[str]:
        """See :class:`neurodeploy.scaling.proposers.Proposer`."""
        if self._next == len(self._rounds):
            return []
        self._next += 1
        return list(self._rounds[self._next - 1])


def _are_texts(rounds: Any) -> bool:
    """Whether it is a list of lists of texts."""
    return isinstance(rounds, list) and all(
        isinstance(texts, list) and all(isinstance(text, str) for text in texts) for texts in rounds
    )
