"""Horizontal bars, stacked where a row has several parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from neurodeploy.report.figures.scales import Scale, linear_scale
from neurodeploy.report.figures.svg import WIDTH, Drawing, shortened

ROW = 36.0
NAME = 36
"""Characters of a row's name that fit beside its value."""


@dataclass(frozen=True)
class BarRow:
    """One line.

    Attributes:
        name: Above the bar, left.
        text: Above the bar, right: what it amounts to.
        parts: (class, length, what it is), drawn one after the other.
        mark: Where to put a tick, or None.
        strong: Whether this row is the one to look at.
    """

    name: str
    text: str
    parts: Sequence[tuple[str, float, str]]
    mark: float | None = None
    strong: bool = False


def bars(
    rows: Sequence[BarRow], label: Callable[[float], str], most: float | None = None, at_least: float = 0.0
) -> Drawing:
    """Rows of bars over one linear axis from 0, to ``most``, or else to the longest and ``at_least``."""
    longest = max([at_least, *(sum(length for _, length, _ in row.parts) for row in rows)])
    bottom = ROW * len(rows) + 2
    scale = linear_scale(longest, 4, WIDTH - 4) if most is None else Scale(0, most, 4, WIDTH - 4)
    drawing = Drawing(bottom + 22)
    for tick in scale.ticks(5):
        x = scale(tick)
        drawing.line(x, 2, x, bottom, "grid")
        anchor = "start" if x < 30 else "end" if x > WIDTH - 30 else "middle"
        drawing.text(x, bottom + 15, label(tick), "dim", anchor)
    for k, row in enumerate(rows):
        top = ROW * k
        drawing.text(4, top + 14, shortened(row.name, NAME), "strong" if row.strong else "")
        drawing.text(WIDTH - 4, top + 14, row.text, "strong" if row.strong else "", "end")
        drawing.rect(4, top + 19, WIDTH - 8, 12, "track")
        at = 0.0
        for kind, length, what in row.parts:
            left, right = scale(at), scale(at + length)
            drawing.rect(left, top + 19, right - left, 12, kind, what)
            at += length
        if row.mark is not None:
            drawing.line(scale(row.mark), top + 16, scale(row.mark), top + 34, "mark")
    return drawing
