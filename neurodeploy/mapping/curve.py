"""A space-filling curve over the tiles of a chip: the start of placement (Jin et al., ASPLOS 2023)."""

from __future__ import annotations

from neurodeploy.target_schema import Target


def hilbert(side: int) -> list[tuple[int, int]]:
    """The points (x, y) of a square of ``side``, a power of two, along Hilbert's curve from (0, 0) to (side - 1, 0)."""
    if side == 1:
        return [(0, 0)]
    half = side // 2
    part = hilbert(half)
    first = [(y, x) for x, y in part]
    left = [(x, y + half) for x, y in part]
    right = [(x + half, y + half) for x, y in part]
    last = [(side - 1 - y, half - 1 - x) for x, y in part]
    return first + left + right + last


def tiles_along_curve(columns: int, rows: int) -> list[tuple[int, int]]:
    """All tiles (x, y) of a mesh, near ones near each other: Hilbert's curves in a row along the longer side.

    Tiles of a curve that stick out of the mesh are left out, so that some steps are longer than one hop.
    """
    if rows > columns:
        return [(x, y) for y, x in tiles_along_curve(rows, columns)]
    side = 1
    while side < rows:
        side *= 2
    curve = hilbert(side)
    points = [(start + x, y) for start in range(0, columns, side) for x, y in curve]
    return [(x, y) for x, y in points if x < columns and y < rows]


def sites_along_curve(target: Target) -> list[int]:
    """Core numbers of a chip along the curve, all cores of a tile together."""
    mesh = target.mesh
    columns, rows, per_tile = mesh.tiles_x.value, mesh.tiles_y.value, mesh.cores_per_tile.value
    found: list[int] = []
    for x, y in tiles_along_curve(columns, rows):
        tile = x * rows + y if mesh.tile_order.value == "column_major" else y * columns + x
        found += range(tile * per_tile, (tile + 1) * per_tile)
    return [site for site in found if site < mesh.cores_per_chip.value]
