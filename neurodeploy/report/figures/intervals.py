"""Values with their intervals, as bars from 0 to either side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from neurodeploy.report.figures.scales import round_scale
from neurodeploy.report.figures.svg import WIDTH, Drawing, shortened

ROW = 36.0
NAME = 32
"""Characters of a row's name that fit beside its value."""


@dataclass(frozen=True)
class IntervalRow:
    """A name, a value and the ends of its interval, or None."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None


def intervals(rows: Sequence[IntervalRow], label: Callable[[float], str]) -> Drawing:
    """A bar from 0 to each value, and a line from low to high."""
    ends = [v for row in rows for v in (row.value, row.low, row.high) if v is not None]
    scale, bottom = round_scale(min([0.0, *ends]), max([0.0, *ends]), 8, WIDTH - 8), ROW * len(rows) + 2
    drawing = Drawing(bottom + 22)
    for tick in scale.ticks(5):
        x = scale(tick)
        drawing.line(x, 2, x, bottom, "axis" if tick == 0 else "grid")
        anchor = "start" if x < 40 else "end" if x > WIDTH - 40 else "middle"
        drawing.text(x, bottom + 15, label(tick), "dim", anchor)
    for k, row in enumerate(rows):
        top, said = ROW * k, label(row.value)
        left, right = sorted((scale(0), scale(row.value)))
        drawing.text(4, top + 14, shortened(row.name, NAME))
        drawing.text(WIDTH - 4, top + 14, said, "strong", "end")
        drawing.rect(left, top + 19, right - left, 12, "c0", f"{row.name}: {said}")
        if row.low is not None and row.high is not None:
            tip = f"{row.name}: {label(row.low)} to {label(row.high)}"
            drawing.line(scale(row.low), top + 25, scale(row.high), top + 25, "mark", tip)
            for end in (row.low, row.high):
                drawing.line(scale(end), top + 21, scale(end), top + 29, "mark")
    return drawing
