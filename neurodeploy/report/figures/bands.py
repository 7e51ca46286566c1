"""Estimates with their ranges, on one logarithmic axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from neurodeploy.report.figures.scales import log_scale, quantity
from neurodeploy.report.figures.svg import WIDTH, Drawing

ROW = 42.0


@dataclass(frozen=True)
class BandRow:
    """One line: a name, and a value within low..high."""

    name: str
    value: float
    low: float
    high: float


def bands(rows: Sequence[BandRow], unit: str) -> Drawing:
    """A bar from low to high and a dot at the value, for each row."""
    drawing = Drawing(ROW * len(rows) + 26)
    scale = log_scale([v for row in rows for v in (row.low, row.value, row.high)], 12, WIDTH - 12)
    bottom = ROW * len(rows)
    for tick in scale.ticks(6):
        x = scale(tick)
        drawing.line(x, 4, x, bottom, "grid")
        anchor = "start" if x < 40 else "end" if x > WIDTH - 40 else "middle"
        drawing.text(x, bottom + 16, quantity(tick, unit), "dim", anchor)
    for k, row in enumerate(rows):
        top = ROW * k
        text = f"{quantity(row.low, unit)} to {quantity(row.high, unit)}"
        drawing.text(4, top + 14, row.name, "strong")
        drawing.text(WIDTH - 4, top + 14, quantity(row.value, unit), "strong", "end")
        left, right = scale(row.low), scale(row.high)
        drawing.rect(left, top + 21, max(2.0, right - left), 12, "band", f"{row.name}: {text}", rx=3)
        drawing.circle(scale(row.value), top + 27, 6, "dot", f"{row.name}: {quantity(row.value, unit)}")
    return drawing
