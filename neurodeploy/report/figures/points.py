"""Points over two axes, with bars of their intervals, and lines from point to point."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from neurodeploy.report.figures.scales import Scale, log_scale, round_scale
from neurodeploy.report.figures.svg import WIDTH, Drawing, number

LEFT, TOP, BOTTOM = 62.0, 22.0, 226.0
MARKERS = ("●", "■", "▲", "◆")
"""Shapes of points, one after the other: series differ in more than colour."""
AxisWords = tuple[str, bool, Callable[[float], str]]
"""Title, whether logarithmic, and how a value is written."""


@dataclass(frozen=True)
class Points:
    """A series: name, class of its colour, and (x, y, low, high) of each point, by x where they are joined."""

    name: str
    kind: str
    places: Sequence[tuple[float, float, float, float]]
    joined: bool = True


def points(groups: Sequence[Points], across: AxisWords, up: AxisWords) -> Drawing:
    """All series over common axes; a linear axis starts at 0 unless its values are far from it."""
    (x_title, x_log, x_label), (y_title, y_log, y_label) = across, up
    drawing = Drawing(BOTTOM + 38)
    x = _scale([p[0] for g in groups for p in g.places], LEFT + 8, WIDTH - 12, x_log)
    y = _scale([v for g in groups for p in g.places for v in p[1:]], BOTTOM - 6, TOP + 6, y_log)
    drawing.text(4, 14, y_title, "dim")
    for tick in y.ticks(6):
        drawing.line(LEFT, y(tick), WIDTH - 4, y(tick), "grid")
        drawing.text(LEFT - 6, y(tick) + 4, y_label(tick), "dim", "end")
    for tick in x.ticks(5):
        drawing.line(x(tick), TOP, x(tick), BOTTOM, "grid")
        drawing.text(x(tick), BOTTOM + 16, x_label(tick), "dim", "end" if x(tick) > WIDTH - 30 else "middle")
    drawing.line(LEFT, BOTTOM, WIDTH - 4, BOTTOM, "axis")
    drawing.text((LEFT + WIDTH) / 2, BOTTOM + 33, x_title, "dim", "middle")
    for k, group in enumerate(groups):
        at = [(x(a), y(b), y(low), y(high)) for a, b, low, high in group.places]
        if group.joined and len(at) > 1:
            drawing.path("M" + "L".join(f"{number(a)} {number(b)}" for a, b, _, _ in at), f"line {group.kind}")
        for (a, b, low, high), (left, value, lowest, highest) in zip(at, group.places, strict=True):
            tip = f"{group.name}, {x_label(left)}: {y_label(value)}"
            if lowest != highest:
                tip += f" ({y_label(lowest)} to {y_label(highest)})"
                drawing.path(_whisker(a, low, high), f"line {group.kind}")
            _marker(drawing, k, a, b, group.kind, tip)
    return drawing


def _scale(values: Sequence[float], start: float, end: float, log: bool) -> Scale:
    if log:
        return log_scale(list(values), start, end)
    low, high = min(values, default=0.0), max(values, default=1.0)
    if 0 <= low <= 0.6 * high:
        low = 0.0
    elif 0.6 * low <= high <= 0:
        high = 0.0
    return round_scale(low, high, start, end)


def _whisker(x: float, low: float, high: float) -> str:
    ends = "".join(f"M{number(x - 3)} {number(y)}h6" for y in (low, high))
    return f"M{number(x)} {number(low)}V{number(high)}{ends}"


def _marker(drawing: Drawing, shape: int, x: float, y: float, kind: str, tip: str) -> None:
    match MARKERS[shape % len(MARKERS)]:
        case "●":
            drawing.circle(x, y, 4, kind, tip)
        case "■":
            drawing.rect(x - 3.5, y - 3.5, 7, 7, kind, tip)
        case "▲":
            drawing.path(f"M{number(x)} {number(y - 4.5)}l4.5 8h-9z", kind, tip)
        case _:
            drawing.path(f"M{number(x)} {number(y - 5)}l4.5 5l-4.5 5l-4.5 -5z", kind, tip)
