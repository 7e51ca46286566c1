"""The frontier as a picture: cost across, loss up by its logarithm."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from neurodeploy.atomic import replacing
from neurodeploy.precision.choose import MixedPrecision
from neurodeploy.precision.measure import Point

WIDTH, HEIGHT = 640, 400
LEFT, RIGHT, TOP, BOTTOM = 72, 16, 40, 56
LABEL = 48
"""Room of a number below the axis."""
AXES = {"memory": "synapse memory, words", "energy": "energy of an inference (estimate), J", "cores": "cores"}
STYLE = (
    "text{font:12px sans-serif;fill:#333}.grid{stroke:#ddd}.front{fill:none;stroke:#1565c0;stroke-width:2}"
    ".limit{stroke:#c62828;stroke-dasharray:5 4}.any{fill:#bbb}.frontier{fill:#1565c0}.uniform{fill:none;"
    "stroke:#ef6c00;stroke-width:2}.chosen{fill:none;stroke:#c62828;stroke-width:2}"
)


def write_plot(found: MixedPrecision, path: Path) -> None:
    """Write the picture, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(draw(found), encoding="utf-8")


def draw(found: MixedPrecision) -> str:
    """SVG of every point measured, the frontier, the uniform settings, the budget and the choice."""
    resource = found.budget.resource
    across = _scale([p.cost(resource) for p in found.points] + [found.limit], LEFT, WIDTH - RIGHT)
    losses = [p.loss for p in found.points if p.loss > 0] or [1.0]
    decades = (math.floor(math.log10(min(losses))), math.ceil(math.log10(max(losses)) + 1e-9))
    up = _scale([*map(float, decades)], HEIGHT - BOTTOM, TOP)

    def at(point: Point) -> tuple[float, float]:
        loss = math.log10(point.loss) if point.loss > 0 else decades[0]  # no loss lies on the axis
        return across(point.cost(resource)), up(loss)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}">',
        f"<style>{STYLE}</style>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<text x="{LEFT}" y="20">{escape(_title(found))}</text>',
    ]
    for decade in range(decades[0], decades[1] + 1):
        y = up(decade)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">1e{decade}</text>')
    last = -math.inf
    for value in sorted({p.cost(resource) for p in found.frontier}):
        x = across(value)
        if x - last < LABEL:
            continue
        last = x
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{value:.4g}</text>')
    x = across(found.limit)
    parts.append(f'<line class="limit" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>')
    steps = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(at, found.frontier))
    parts.append(f'<polyline class="front" points="{steps}"/>')
    groups: Sequence[tuple[str, Sequence[Point], float]] = (
        ("any", found.points, 3),
        ("frontier", found.frontier, 4),
        ("uniform", found.uniform, 6),
        ("chosen", (found.chosen,), 9),
    )
    for kind, points, radius in groups:
        for point in points:
            x, y = at(point)
            parts.append(
                f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{radius}"><title>{escape(_tip(point))}</title>'
                "</circle>"
            )
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 18}" text-anchor="middle">{AXES[resource]}</text>')
    parts.append(f'<text transform="translate(16 {HEIGHT / 2}) rotate(-90)" text-anchor="middle">loss</text>')
    return "\n".join([*parts, "</svg>", ""])


def _title(found: MixedPrecision) -> str:
    rings = "orange: all layers alike, red: the choice"
    return f"loss ({found.metric}) under {found.budget}; blue: frontier, {rings}"


def _tip(point: Point) -> str:
    bits = ", ".join(f"{name}={n}" for name, n in point.bits.items())
    right = "" if point.accuracy is None else f", accuracy {100 * point.accuracy:.2f} %"
    return f"{bits}: {point.memory_words} words, loss {point.loss:.3g}{right}"


def _scale(values: Sequence[float], start: float, end: float) -> Callable[[float], float]:
    """Values to places, linear, with a little room at both ends."""
    low, high = min(values), max(values)
    room = 0.03 * (high - low) or 0.5
    return lambda value: start + (value - low + room) / (high - low + 2 * room) * (end - start)
