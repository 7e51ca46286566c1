"""Tables of numbers as shades: traffic between cores, resources of cores."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from neurodeploy.report.figures.svg import WIDTH, Drawing, number, shortened

LEFT = 76.0
DARKEST = 0.65
"""Opacity of the darkest shade: text must be legible on all of them."""
TIPS = 400
"""Most cells that say what they are to a mouse."""
CHARACTERS = 11
"""Of a row's name, in the space left of the cells."""


def matrix(
    values: NDArray[np.float64],
    rows: Sequence[str],
    columns: Sequence[str],
    text: Callable[[float], str],
    *,
    across: str = "",
    most: float | None = None,
) -> Drawing:
    """One cell for each value; its shade is the share of ``most`` (default: of the largest), by the square root.

    Cells of some size also hold their number. Names of columns are left out where they would not fit.

    Args:
        values: (rows, columns), not negative.
        rows: Their names.
        columns: Their names.
        text: What a cell says.
        across: What the columns are, below them.
        most: The value of the darkest shade.
    """
    count = max(1, values.shape[1])
    wide = (WIDTH - LEFT - 4) / count
    tall = min(26.0, max(6.0, wide)) if len(rows) <= 24 else 6.0
    top = 4.0
    bottom = top + tall * len(rows)
    named_columns = wide >= 7.2 * max((len(c) for c in columns), default=1)
    drawing = Drawing(bottom + 6 + (16 if named_columns else 0) + (18 if across else 0))
    full = float(values.max(initial=0.0)) if most is None else most
    every = max(1, -(-len(rows) * 13 // max(1, int(tall * len(rows)))))
    for r, name in enumerate(rows):
        if r % every == 0:
            middle = top + tall * (r + 0.5) + 4
            drawing.text(LEFT - 6, middle, shortened(name, CHARACTERS), "dim", "end")
        for c in range(values.shape[1]):
            value = float(values[r, c])
            share = min(1.0, max(0.0, value / full)) ** 0.5 if full > 0 else 0.0
            x, y = LEFT + wide * c, top + tall * r
            tip = f"{name}, {columns[c]}: {text(value)}" if values.size <= TIPS else ""
            shade = number(0.03 + DARKEST * share)
            if value > 0:
                drawing.rect(x, y, wide - 0.6, tall - 0.6, "heat", tip, fill_opacity=shade)
            if value > 0 and tall >= 15 and wide >= 7 * len(text(value)):
                drawing.text(x + wide / 2, y + tall / 2 + 4, text(value), "", "middle")
    drawing.rect(LEFT, top, WIDTH - LEFT - 4, bottom - top, "frame")
    if named_columns:
        for c, name in enumerate(columns):
            drawing.text(LEFT + wide * (c + 0.5), bottom + 14, name, "dim", "middle")
    if across:
        drawing.text(LEFT + (WIDTH - LEFT) / 2, drawing.height - 4, across, "dim", "middle")
    return drawing
