"""The tiles of a chip: which layer sits where, and how busy the links between tiles are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from neurodeploy.report.figures.svg import WIDTH, Drawing, number

GAP = 14.0
"""Between tiles, where the links run."""


@dataclass(frozen=True)
class Site:
    """A core of a chip.

    Attributes:
        column: Of its tile.
        row: Of its tile, 0 at the top.
        place: Number within its tile.
        layers: Colour class of each layer on it and its share of the core's neurons, largest first; empty: not in use.
        what: Shown by a mouse.
        name: Written into it where it fits.
    """

    column: int
    row: int
    place: int
    layers: Sequence[tuple[str, float]]
    what: str
    name: str


Link = tuple[tuple[int, int], tuple[int, int]]
"""From tile (column, row) to its neighbour."""


def mesh(columns: int, rows: int, per_tile: int, sites: Sequence[Site]) -> Drawing:
    """One chip: a square for each core, filled with the colours of the layers on it."""
    drawing, tile, corner = _tiles(columns, rows)
    side = 1
    while side * side < per_tile:
        side += 1
    size = (tile - 4) / side
    for site in sites:
        left, top = corner(site.column, site.row)
        x, y = left + 2 + size * (site.place % side), top + 2 + size * (site.place // side)
        if not site.layers:
            drawing.rect(x + 1, y + 1, size - 2, size - 2, "unused")
            continue
        at = x + 1
        for kind, share in site.layers:
            drawing.rect(at, y + 1, (size - 2) * share, size - 2, kind, site.what)
            at += (size - 2) * share
        drawing.rect(x + 1, y + 1, size - 2, size - 2, "edge")
        if size >= 8 * len(site.name):
            drawing.text(x + size / 2, y + size / 2 + 4, site.name, "on-colour", "middle")
    return drawing


def link_map(
    columns: int, rows: int, loads: Mapping[Link, float], used: set[tuple[int, int]], text: Callable[[float], str]
) -> Drawing:
    """One chip: a line for each link in use, the wider the busier; the two directions side by side."""
    drawing, tile, corner = _tiles(columns, rows)
    for column in range(columns):
        for row in range(rows):
            x, y = corner(column, row)
            drawing.rect(x, y, tile, tile, "tile used" if (column, row) in used else "tile")
    busiest = max(loads.values(), default=0.0)
    for ((c1, r1), (c2, r2)), load in sorted(loads.items()):
        if load <= 0:
            continue
        share = load / busiest
        width = 1.5 + 4.5 * share
        (x1, y1), (x2, y2) = corner(c1, r1), corner(c2, r2)
        half, aside = tile / 2, 4.0 if (c2 - c1) + (r2 - r1) > 0 else -4.0
        along_x = r1 == r2
        if along_x:
            a, b = (min(x1, x2) + tile, y1 + half + aside), (max(x1, x2), y1 + half + aside)
        else:
            a, b = (x1 + half + aside, min(y1, y2) + tile), (x1 + half + aside, max(y1, y2))
        kind = "link hot" if share == 1 else "link"
        tip = f"tile ({c1}, {r1}) to ({c2}, {r2}): {text(load)}"
        drawing.line(*a, *b, kind, tip, stroke_width=number(width), stroke_opacity=number(0.35 + 0.65 * share))
    return drawing


def _tiles(columns: int, rows: int) -> tuple[Drawing, float, Callable[[int, int], tuple[float, float]]]:
    tile = min(64.0, (WIDTH - 8 - GAP * (columns - 1)) / columns)
    left = (WIDTH - tile * columns - GAP * (columns - 1)) / 2
    drawing = Drawing(rows * (tile + GAP) - GAP + 8)

    def corner(column: int, row: int) -> tuple[float, float]:
        x, y = left + column * (tile + GAP), 4 + row * (tile + GAP)
        return x, y

    for column in range(columns):
        for row in range(rows):
            drawing.rect(*corner(column, row), tile, tile, "tile")
    return drawing, tile, corner
