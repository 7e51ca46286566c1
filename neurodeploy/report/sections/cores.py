"""Where the neurons sit, how full the cores are, and what binds."""

from __future__ import annotations

from collections import Counter

import numpy as np

from neurodeploy.report.evidence import Evidence, layer_legend
from neurodeploy.report.figures.bars import BarRow, bars
from neurodeploy.report.figures.matrix import matrix
from neurodeploy.report.figures.mesh import Site, mesh
from neurodeploy.report.figures.scales import spans
from neurodeploy.report.parts import Figure, Section, Table, percent, plural, words
from neurodeploy.report.record import core_rows, resource_rows

CHIPS = 4
"""Chips that are drawn."""
ROWS = 40
"""Cores that have a row of their own."""


def cores(e: Evidence) -> Section:
    """Utilisation and placement."""
    mapping, chip = e.program.mapping, e.program.target
    binding = resource_rows(e)[0]
    lead = (
        f"{plural(mapping.cores, 'core')} in use on {plural(mapping.chips, 'chip')} of "
        f"{chip.mesh.cores_per_chip.value} cores each. The fullest core uses {percent(binding['max_share'])} of its "
        f"{words(binding['resource'])}: this is what binds. The mapping was checked again for this report."
    )
    figures = placements(e)
    if mapping.cores > 1:
        figures.insert(0, _by_core(e))
    return Section("cores", "Cores and placement", lead, figures, (_table(e),))


def resources(e: Evidence, also: Evidence | None = None) -> Figure:
    """Use of each resource by the fullest core; its axis ends at 100 %, whatever ``also`` has."""
    rows = resource_rows(e)
    drawn = [
        BarRow(
            words(row["resource"]) + (" (binds)" if k == 0 else ""),
            f"{percent(row['max_share'])} of {row['limit']:,}",
            [("c1" if k == 0 else "c0", 100 * row["max_share"], f"core {row['core']}: {row['max']:,}")],
            100 * row["mean_share"],
            k == 0,
        )
        for k, row in enumerate(rows)
    ]
    said = "; ".join(f"{words(row['resource'])} {percent(row['max_share'])}" for row in rows)
    return Figure(
        "resources",
        "Use of each resource",
        "Bar: the core that needs most of it; tick: the mean of the cores in use. Beyond 100 % nothing fits.",
        bars(drawn, lambda v: f"{v:.0f} %", 100.0),
        f"Share of the limit that the fullest core needs, by resource: {said}.",
    )


def _by_core(e: Evidence) -> Figure:
    names = [row["resource"] for row in resource_rows(e)]
    shares = np.array([[c.needed[n] / c.limits[n] for n in names] for c in e.use.cores])
    groups = spans(len(shares), ROWS)
    values = np.array([shares[a:b].max(axis=0) for a, b in groups])
    labels = [f"core {a}" if b == a + 1 else f"{a} to {b - 1}" for a, b in groups]
    grouped = " Cores are taken together in groups, the fullest counts." if len(groups) < len(shares) else ""
    order = "; ".join(f"{chr(65 + k)} {words(name)}" for k, name in enumerate(names))
    return Figure(
        "by-core",
        "Use by core",
        f"Shade: share of the limit. Columns: {order}.{grouped}",
        matrix(values, labels, [chr(65 + k) for k in range(len(names))], lambda v: f"{100 * v:.0f}", most=1.0),
        f"{len(labels)} rows of cores by {len(names)} resources, in percent. The largest is {percent(shares.max())}.",
    )


def placements(e: Evidence) -> list[Figure]:
    """A map of each chip, some of them where there are many."""
    mapping, target = e.program.mapping, e.program.target
    column, row = mapping.tiles(target)
    busiest = [chip for chip, _ in Counter(mapping.chip_of.tolist()).most_common(CHIPS)]
    figures = []
    for chip in sorted(busiest):
        sites = []
        for core in np.flatnonzero(mapping.chip_of == chip):
            held = e.use.cores[core].populations
            total = sum(held.values()) or 1
            shares = [(e.colour(n), c / total) for n, c in sorted(held.items(), key=lambda item: -item[1])]
            what = f"core {core}: " + ", ".join(f"{n} {c:,}" for n, c in held.items())
            place = int(mapping.core_on_chip[core]) % target.mesh.cores_per_tile.value
            sites.append(Site(int(column[core]), int(row[core]), place, shares, what, str(core)))
        sites += _unused(e, int(chip))
        some = f" {CHIPS} of {mapping.chips} chips are drawn, those with most cores." if mapping.chips > CHIPS else ""
        figures.append(
            Figure(
                f"chip-{chip}",
                "Placement on the chip" if mapping.chips == 1 else f"Placement on chip {chip}",
                f"Each square is a core, {target.mesh.cores_per_tile.value} to a tile; its colours are its layers, "
                f"grey is free. The host feeds spikes in at the upper left tile.{some}",
                mesh(target.mesh.tiles_x.value, target.mesh.tiles_y.value, target.mesh.cores_per_tile.value, sites),
                f"Map of {target.mesh.tiles_x.value} by {target.mesh.tiles_y.value} tiles; "
                f"{int((mapping.chip_of == chip).sum())} of {target.mesh.cores_per_chip.value} cores in use.",
                legend=layer_legend(e, list(e.program.net.populations)),
            )
        )
    return figures


def _unused(e: Evidence, chip: int) -> list[Site]:
    mapping, mesh_of = e.program.mapping, e.program.target.mesh
    taken = set(mapping.core_on_chip[mapping.chip_of == chip].tolist())
    per_tile, free = mesh_of.cores_per_tile.value, []
    for core in range(mesh_of.cores_per_chip.value):
        if core not in taken:
            tile = core // per_tile
            by_column = mesh_of.tile_order.value == "column_major"
            x, y = divmod(tile, mesh_of.tiles_y.value) if by_column else divmod(tile, mesh_of.tiles_x.value)[::-1]
            free.append(Site(x, y, core % per_tile, (), "", ""))
    return free


def _table(e: Evidence) -> Table:
    rows = sorted(core_rows(e), key=lambda r: (-r["share"], r["core"]))[:ROWS]
    cells = [
        (
            f"core {row['core']}",
            str(row["chip"]),
            f"({row['tile_x']}, {row['tile_y']})",
            row["layers"],
            f"{row['neurons']:,}",
            words(row["binding"]),
            percent(row["share"]),
        )
        for row in rows
    ]
    some = f"The {ROWS} fullest of {len(e.use.cores):,} cores; cores.csv has all." if len(e.use.cores) > ROWS else ""
    heads = ("Core", "Chip", "Tile", "Holds", "Neurons", "Fullest resource", "Used")
    return Table("core-table", "Cores, the fullest first", heads, cells, frozenset({4, 6}), some)
