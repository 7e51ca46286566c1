"""A number for each pair of names, shaded from the smallest to the largest."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from neurodeploy.report.figures.matrix import DARKEST
from neurodeploy.report.figures.svg import WIDTH, Drawing, number, shortened

TALL, CHARACTER = 26.0, 6.6
"""Height of a row, and width of a character of text, in units."""
MOST = 24
"""Characters of a row's name."""


def heat(
    values: Sequence[Sequence[float | None]],
    rows: Sequence[str],
    columns: Sequence[str],
    text: Callable[[float], str],
    across: str,
) -> Drawing:
    """Cells with their numbers; where a cell is too narrow, its number is what a mouse over it shows.

    Args:
        values: (rows, columns); None is drawn as a dash.
        rows: Their names.
        columns: Their names.
        text: What a cell says.
        across: Below the columns.
    """
    left = 10 + CHARACTER * min(MOST, max((len(name) for name in rows), default=0))
    wide = (WIDTH - left - 4) / max(1, len(columns))
    fit = max(2, int(wide / CHARACTER))
    bottom = 24 + TALL * len(rows)
    known = [v for row in values for v in row if v is not None]
    low, high = min(known, default=0.0), max(known, default=0.0)
    drawing = Drawing(bottom + (22 if across else 4))
    for c, name in enumerate(columns):
        drawing.text(left + wide * (c + 0.5), 16, shortened(name, fit), "dim", "middle")
    for r, (name, row) in enumerate(zip(rows, values, strict=True)):
        y = 24 + TALL * r
        drawing.text(left - 6, y + TALL / 2 + 4, shortened(name, MOST), "", "end")
        for c, value in enumerate(row):
            x, said = left + wide * c, "-" if value is None else text(value)
            share = 0.0 if value is None or high == low else (value - low) / (high - low)
            tip = f"{name}, {columns[c]}: {said}"
            drawing.rect(x, y, wide - 1, TALL - 1, "heat", tip, fill_opacity=number(0.03 + DARKEST * share))
            if len(said) <= fit:
                drawing.text(x + wide / 2, y + TALL / 2 + 4, said, "", "middle")
    drawing.rect(left, 24, WIDTH - left - 4, bottom - 24, "frame")
    if across:
        drawing.text((left + WIDTH) / 2, bottom + 16, across, "dim", "middle")
    return drawing
