"""Spikes between cores: who sends to whom, and which links they take."""

from __future__ import annotations

import numpy as np

from neurodeploy.mapping.flows import Floats, Flows, flows
from neurodeploy.mapping.links import Links, unicast
from neurodeploy.report.evidence import Evidence
from neurodeploy.report.figures.matrix import matrix
from neurodeploy.report.figures.mesh import Link, link_map
from neurodeploy.report.figures.scales import spans
from neurodeploy.report.parts import Figure, Section, Table, counted

GROUPS = 32
"""Rows and columns of the heat map."""
CHIPS = 4
"""Chips whose links are drawn."""


def traffic(e: Evidence) -> Section:
    """Packets per inference."""
    total, mapping = e.costs, e.program.mapping
    sent = e.run.counters.traffic
    assert sent is not None  # a Program was run
    per = 1 / e.samples
    lead = (
        f"{counted(total.packets)} packets and {counted(total.hops)} tile hops per inference; "
        "a packet is one spike to one core that has a synapse of it."
    )
    if mapping.chips > 1:
        lead += f" {counted(sent.total.inter_chip * per)} packets leave their chip."
    pairs = flows_shown(e)
    links = unicast(pairs, mapping, e.program.target)
    figures = []
    if mapping.cores > 1:
        figures.append(heat(e, pairs.matrix().toarray() * e.run.steps))
    drawn = [
        chip
        for chip in links.chips[:CHIPS]
        if any(loads_of(links, int(np.flatnonzero(links.chips == chip)[0])).values())
    ]
    figures += [_links(e, links, int(chip)) for chip in drawn]
    if not figures:
        lead += " Everything sits on the tile at which the host feeds spikes in, so that no packet crosses a link."
    rows = [
        (
            name,
            counted(s.packets * per),
            counted((s.hops_x + s.hops_y) * per),
            f"{(s.hops_x + s.hops_y) / s.packets:.2f}" if s.packets else "-",
            counted(s.inter_chip * per),
        )
        for name, s in sent.sources.items()
    ]
    heads = ("Source", "Packets", "Tile hops", "Hops per packet", "Leave their chip")
    table = Table("traffic-table", "Packets per inference, by source", heads, rows, frozenset(range(1, 5)))
    return Section("traffic", "Traffic", lead, figures, (table,))


def flows_shown(e: Evidence) -> Flows:
    """Packets per step from core to core, in the samples shown; further outputs of a population fire with it."""
    net, mapping, rates = e.program.net, e.program.mapping, e.shown.rates()
    core_of = {name: labels.astype(np.int64) for name, labels in mapping.core_of.items()}
    sent = {p.source: rates[net.sender_of(p.source)] for p in net.projections}
    return flows(net, core_of, mapping.cores, e.program.target, sent)


def heat(e: Evidence, packets: Floats) -> Figure:
    """Packets per inference, (cores + 1, cores), the host's in the last row."""
    cores = packets.shape[1]
    groups = spans(cores, GROUPS)
    summed = np.array([[packets[a:b, c:d].sum() for c, d in groups] for a, b in groups])
    host = np.array([[packets[cores, c:d].sum() for c, d in groups]])
    values = np.concatenate([host, summed])
    names = [str(a) if b == a + 1 else f"{a}-{b - 1}" for a, b in groups]
    grouped = " Cores are taken together in groups." if len(groups) < cores else ""
    largest = np.unravel_index(values.argmax(), values.shape)
    rows = ["host", *(f"from {n}" for n in names)]
    return Figure(
        "heat",
        "Packets between cores",
        f"Per inference, from the core of the row to that of the column; mean of the samples shown.{grouped}",
        matrix(values, rows, names, counted, across="to core"),
        f"Most packets go from {rows[largest[0]].removeprefix('from ')} to core {names[largest[1]]}: "
        f"{counted(float(values.max()))} per inference.",
    )


def loads_of(links: Links, k: int) -> dict[Link, float]:
    """Packets per step on the links of one chip."""
    loads: dict[Link, float] = {}
    for (dx, dy), table in (((1, 0), links.east), ((0, 1), links.south)):
        for y, x in zip(*np.nonzero(table[k]), strict=True):
            loads[((int(x), int(y)), (int(x) + dx, int(y) + dy))] = float(table[k, y, x])
    for (dx, dy), table in (((1, 0), links.west), ((0, 1), links.north)):
        for y, x in zip(*np.nonzero(table[k]), strict=True):
            loads[((int(x) + dx, int(y) + dy), (int(x), int(y)))] = float(table[k, y, x])
    return loads


def _links(e: Evidence, links: Links, chip: int) -> Figure:
    target, mapping = e.program.target, e.program.mapping
    loads = {k: v * e.run.steps for k, v in loads_of(links, int(np.flatnonzero(links.chips == chip)[0])).items()}
    column, row = mapping.tiles(target)
    here = np.flatnonzero(mapping.chip_of == chip)
    used = {(int(column[c]), int(row[c])) for c in here}
    busiest = max(loads, key=lambda link: loads[link])
    some = f" {CHIPS} of {mapping.chips} chips are drawn." if mapping.chips > CHIPS else ""
    return Figure(
        f"links-{chip}",
        "Load of the links" if mapping.chips == 1 else f"Load of the links of chip {chip}",
        f"Packets per inference over each link between tiles; the wider, the more. Busiest: tile {busiest[0]} to "
        f"{busiest[1]}, {counted(loads[busiest])}. Routes go along x, then along y, a copy to each core; the host "
        f"feeds in at the upper left tile.{some}",
        link_map(target.mesh.tiles_x.value, target.mesh.tiles_y.value, loads, used, counted),
        f"{len(loads)} links carry packets; the busiest has {counted(loads[busiest])} per inference.",
    )
