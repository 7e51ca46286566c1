"""One dot for each neuron: a quantity of it in two models."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from neurodeploy.report.figures.scales import linear_scale
from neurodeploy.report.figures.svg import Drawing, number

LEFT, BOTTOM = 52.0, 262.0


def scatter(groups: Sequence[tuple[str, NDArray[np.float64], NDArray[np.float64]]], across: str) -> Drawing:
    """Dots of (class, x, y) groups in a square from 0 with its diagonal."""
    top = max((float(max(x.max(initial=0), y.max(initial=0))) for _, x, y in groups), default=1.0)
    side = linear_scale(top, LEFT, LEFT + 256)
    up = linear_scale(top, BOTTOM, 6)
    drawing = Drawing(BOTTOM + 38)
    for tick in side.ticks(5):
        drawing.line(side(tick), 6, side(tick), BOTTOM, "grid")
        drawing.line(LEFT, up(tick), LEFT + 256, up(tick), "grid")
        drawing.text(side(tick), BOTTOM + 16, f"{tick:.3g}", "dim", "middle")
        drawing.text(LEFT - 6, up(tick) + 4, f"{tick:.3g}", "dim", "end")
    drawing.line(side(0), up(0), side(side.high), up(up.high), "axis")
    drawing.text(LEFT + 128, BOTTOM + 33, across, "dim", "middle")
    for kind, x, y in groups:
        # no length and round ends: a dot takes fewer characters than a circle
        dots = (f"M{number(side(float(a)))} {number(up(float(b)))}h0" for a, b in zip(x, y, strict=True))
        drawing.path("".join(dots), f"dots {kind}")
    return drawing
