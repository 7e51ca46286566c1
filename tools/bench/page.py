"""Puts generated text between two marks of a page that is otherwise written by hand."""

from __future__ import annotations

from pathlib import Path

END = "<!-- end -->\n"


def put(path: Path, name: str, text: str) -> None:
    """Replace what stands between ``<!-- name: ... -->`` and ``<!-- end -->``.

    Raises:
        ValueError: The page has no such marks.
    """
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    starts = [k for k, line in enumerate(lines) if line.startswith(f"<!-- {name}: ")]
    ends = [k for k, line in enumerate(lines) if line == END and starts and k > starts[0]]
    if len(starts) != 1 or not ends:
        raise ValueError(f"{path} needs a line '<!-- {name}: ... -->' and a line '{END.strip()}' after it")
    path.write_text("".join([*lines[: starts[0] + 1], text, *lines[ends[0] :]]), encoding="utf-8")
