"""How good a placement is: hops, link loads, congestion, as Jin et al. (ASPLOS 2023) and HySMap (2026) define them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cache

import numpy as np

from neurodeploy.chipmap import Mapping
from neurodeploy.mapping.flows import Floats, Flows
from neurodeploy.mapping.links import Legs, multicast, unicast, unicast_legs
from neurodeploy.mapping.route import hops, sites
from neurodeploy.target_schema import Target


@dataclass(frozen=True)
class PlacementMetrics:
    """Of one placement, in packets per step where rates were given, else for one message of every axon.

    A packet is one message to one distinct core, the sender's own included; d is the Manhattan distance of tiles.

    Attributes:
        packets: All packets.
        remote_packets: Those to another core than the sender's, the host's included: connectivity, km1.
        spike_hops: Sum over packets of d, each packet a copy of its own.
        multicast_hops: Sum over messages of the tile links in the union of its XY routes.
        multicast_bound: What ``multicast_hops`` cannot go below: the distinct tiles that messages visit but start from.
        average_hops, max_hops: d of a packet.
        link_max, link_mean, link_variance: Packets over each directed tile link of the chips in use, copies.
        multicast_link_max: The same where a message crosses a link once.
        congestion_mean, congestion_max: Expected packets through a tile's router, if at every router between a packet
            went on along x or along y with probability 1/2; over the tiles of the chips in use.
        inter_chip_packets: Packets that leave their chip.
        inter_chip_crossings: Sum over packets of the links between chips.
        inter_chip_link_max: Packets over the busiest link between chips.
    """

    packets: float
    remote_packets: float
    spike_hops: float
    multicast_hops: float
    multicast_bound: float
    average_hops: float
    max_hops: int
    link_max: float
    link_mean: float
    link_variance: float
    multicast_link_max: float
    congestion_mean: float
    congestion_max: float
    inter_chip_packets: float
    inter_chip_crossings: float
    inter_chip_link_max: float

    def to_dict(self) -> dict[str, float]:
        """Plain values for JSON."""
        return asdict(self)


def placement_metrics(flows: Flows, mapping: Mapping, target: Target) -> PlacementMetrics:
    """Measure a placement.

    Raises:
        NoRoute: A core sits outside the mesh.
    """
    source, destination, packets = flows.pairs()
    way = hops(mapping, target, source, destination)
    length = way.x + way.y
    total, spike_hops = float(packets.sum()), float(packets @ length)
    copies, trees = unicast(flows, mapping, target), multicast(flows, mapping, target)
    loads = copies.on_chip
    routers = congestion(unicast_legs(flows, mapping, target), target)
    return PlacementMetrics(
        packets=total,
        remote_packets=float(packets[source != destination].sum()),
        spike_hops=spike_hops,
        multicast_hops=float(trees.on_chip.sum()),
        multicast_bound=_tiles_visited(flows, mapping, target),
        average_hops=spike_hops / total if total else 0.0,
        max_hops=int(length[packets > 0].max(initial=0)),
        link_max=float(loads.max(initial=0.0)),
        link_mean=float(loads.mean()) if loads.size else 0.0,
        link_variance=float(loads.var()) if loads.size else 0.0,
        multicast_link_max=float(trees.on_chip.max(initial=0.0)),
        congestion_mean=float(routers.mean()),
        congestion_max=float(routers.max()),
        inter_chip_packets=float(packets @ way.inter_chip),
        inter_chip_crossings=float(packets @ way.chip_links),
        inter_chip_link_max=float(copies.between.max(initial=0.0)),
    )


def congestion(legs: Legs, target: Target) -> Floats:
    """Expected packets through each router, (chips, tiles_y, tiles_x), over walks that turn by chance.

    Args:
        legs: Walks over tiles.
        target: The chip.
    """
    columns, rows = target.mesh.tiles_x.value, target.mesh.tiles_y.value
    chips, grid = np.unique(legs.grid, return_inverse=True)
    transits = np.zeros((max(1, len(chips)), rows, columns))
    dx, dy = legs.x1 - legs.x0, legs.y1 - legs.y0
    offsets, which = np.unique(np.stack([dx, dy]), axis=1, return_inverse=True)
    for k, (x, y) in enumerate(offsets.T.tolist()):
        own = np.flatnonzero(which.ravel() == k)
        for (j, i), chance in np.ndenumerate(_chances(abs(x), abs(y))):
            at = (grid.ravel()[own], legs.y0[own] + int(np.sign(y)) * j, legs.x0[own] + int(np.sign(x)) * i)
            np.add.at(transits, at, legs.packets[own] * chance)
    return transits


@cache
def _chances(x: int, y: int) -> Floats:
    """Chance that a walk of x and y steps passes each tile of its box, (y + 1, x + 1); 1 at both ends."""
    chance = np.zeros((y + 1, x + 1))
    chance[0, 0] = 1
    for j in range(y + 1):
        for i in range(x + 1):
            if i < x:
                chance[j, i + 1] += chance[j, i] * (0.5 if j < y else 1)
            if j < y:
                chance[j + 1, i] += chance[j, i] * (0.5 if i < x else 1)
    return chance


def _tiles_visited(flows: Flows, mapping: Mapping, target: Target) -> float:
    """Messages times the distinct tiles of the sender's chip, and of others, that they visit but do not start from.

    A tree that reaches n tiles other than its root has at least n links; on another chip its root is tile (0, 0).
    """
    at, bundle = sites(mapping, target), flows.bundle
    here, there = flows.source[bundle], flows.destination
    same = at.chip[here] == at.chip[there]
    x0, y0 = np.where(same, at.x[here], 0), np.where(same, at.y[here], 0)
    moved = (at.x[there] != x0) | (at.y[there] != y0)
    columns, rows = target.mesh.tiles_x.value, target.mesh.tiles_y.value
    tile = (at.chip[there] * rows + at.y[there]) * columns + at.x[there]
    tiles = (int(at.chip.max()) + 1) * rows * columns
    return float(flows.messages[np.unique((bundle * tiles + tile)[moved]) // tiles].sum())
