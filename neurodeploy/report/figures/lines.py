"""Values over the steps of an inference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurodeploy.report.figures.scales import Scale, linear_scale, round_steps
from neurodeploy.report.figures.svg import WIDTH, Drawing, number

LEFT, HEIGHT = 58.0, 170.0
MOST = 300
"""Steps drawn; longer runs are the largest value of equal stretches."""


@dataclass(frozen=True)
class Series:
    """A line: its name, its class, and a value for each step."""

    name: str
    kind: str
    values: NDArray[np.float64]


def lines(series: Sequence[Series], label: Callable[[float], str], at_least: float = 0.0) -> Drawing:
    """Lines over a common axis from 0, to the largest value and ``at_least``."""
    drawing, x, y = _axes(series, max([at_least, *(float(s.values.max(initial=0)) for s in series)]), label)
    for one in series:
        places = [f"{number(x(k))} {number(y(float(v)))}" for k, v in enumerate(one.values)]
        drawing.path("M" + "L".join(places), f"line {one.kind}")
        if len(places) <= 40:
            for k, v in enumerate(one.values):
                drawing.circle(x(k), y(float(v)), 2.2, one.kind, f"{one.name}, step {k}: {label(float(v))}")
    return drawing


def stacked(series: Sequence[Series], label: Callable[[float], str], at_least: float = 0.0) -> Drawing:
    """Columns, one for each step, of the series on top of each other; the axis as that of :func:`lines`."""
    total = np.sum([s.values for s in series], axis=0)
    drawing, x, y = _axes(series, float(total.max(initial=at_least)), label)
    steps = len(total)
    wide = (WIDTH - LEFT - 8) / max(1, steps)
    below = np.zeros(steps)
    for one in series:
        for k, v in enumerate(one.values):
            low, high = y(float(below[k])), y(float(below[k] + v))
            if v > 0:
                tip = f"step {k}, {one.name}: {label(float(v))}" if steps <= 80 else ""
                drawing.rect(x(k) - wide / 2, high, max(0.8, wide - 0.6), low - high, one.kind, tip)
        below = below + one.values
    return drawing


def _axes(series: Sequence[Series], top: float, label: Callable[[float], str]) -> tuple[Drawing, Scale, Scale]:
    steps = max((len(s.values) for s in series), default=1)
    half = (WIDTH - LEFT - 8) / max(1, steps) / 2
    x = Scale(0, max(1, steps - 1), LEFT + half, WIDTH - 8 - half) if steps > 1 else Scale(0, 1, LEFT + half, WIDTH - 8)
    y = linear_scale(top, HEIGHT, 8)
    drawing = Drawing(HEIGHT + 38)
    for tick in y.ticks(5):
        drawing.line(LEFT, y(tick), WIDTH - 4, y(tick), "grid")
        drawing.text(LEFT - 6, y(tick) + 4, label(tick), "dim", "end")
    for tick in round_steps(0, steps - 1, 6) if steps > 1 else [0.0]:
        if tick == int(tick):
            drawing.text(x(tick), HEIGHT + 16, f"{tick:.0f}", "dim", "middle")
    drawing.line(LEFT, HEIGHT, WIDTH - 4, HEIGHT, "axis")
    drawing.text((LEFT + WIDTH) / 2, HEIGHT + 33, "step", "dim", "middle")
    return drawing, x, y


def thinned(values: NDArray[np.float64], most: int = MOST) -> NDArray[np.float64]:
    """At most ``most`` values: the largest of equal stretches."""
    edges = np.unique(np.linspace(0, len(values), min(len(values), most) + 1).round().astype(np.int64))
    return np.maximum.reduceat(values, edges[:-1]) if len(values) else values
