"""How far registers went, beside their threshold and their limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from neurodeploy.report.figures.scales import Scale
from neurodeploy.report.figures.svg import WIDTH, Drawing, shortened

ROW = 40.0


@dataclass(frozen=True)
class RangeRow:
    """A register of a layer, in bits of magnitude (log2).

    Attributes:
        name: Layer and register.
        reached: Of the largest magnitude seen.
        threshold: Of the largest threshold, or None.
        limit: Of the register.
    """

    name: str
    reached: float
    threshold: float | None
    limit: float


def ranges(rows: Sequence[RangeRow]) -> Drawing:
    """A bar as long as the bits used, a tick at the threshold; the frame ends at the register's limit."""
    longest = max((row.limit for row in rows), default=1.0)
    scale, bottom = Scale(0, longest, 4, WIDTH - 4), ROW * len(rows)
    drawing = Drawing(bottom + 36)
    for tick in scale.ticks(6):
        x = scale(tick)
        drawing.line(x, 4, x, bottom, "grid")
        drawing.text(x, bottom + 16, f"{tick:.0f}", "dim", "start" if x < 10 else "middle")
    drawing.text(WIDTH / 2, bottom + 32, "bits of magnitude", "dim", "middle")
    for k, row in enumerate(rows):
        top = ROW * k
        left = row.limit - row.reached
        drawing.text(4, top + 14, shortened(row.name, 30))
        drawing.text(WIDTH - 4, top + 14, f"{left:.1f} bits left", "strong" if left < 1 else "", "end")
        drawing.rect(4, top + 20, scale(row.limit) - 4, 12, "track")
        drawing.rect(4, top + 20, scale(row.reached) - 4, 12, "c1" if left < 1 else "c0", f"{row.reached:.1f} bits")
        if row.threshold is not None:
            drawing.line(scale(row.threshold), top + 17, scale(row.threshold), top + 35, "mark")
    return drawing
