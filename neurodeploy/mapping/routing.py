"""Out-axons and routes of a finished mapping, written out one by one: what a chip's routers would be loaded with."""

from __future__ import annotations

import collections.abc
from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from neurodeploy.chipmap import Mapping
from neurodeploy.chipnet import ChipNetwork
from neurodeploy.mapping.flows import HOST
from neurodeploy.mapping.reach import Reach, reach, union
from neurodeploy.mapping.route import Link, path_between, sites
from neurodeploy.mapping.rows import Ints
from neurodeploy.target_schema import Target


@dataclass(frozen=True, eq=False)
class Routing:
    """Where every message goes, and on which way.

    Attributes:
        axons: Per input, population and further output with a projection: for each of its neurons the cores that its
            messages go to, ascending.
        routes: The links from a core, or ``HOST``, to another, in order; none within a tile.
    """

    axons: collections.abc.Mapping[str, tuple[Ints, ...]]
    routes: collections.abc.Mapping[tuple[int, int], tuple[Link, ...]]


def routing(net: ChipNetwork, mapping: Mapping, target: Target) -> Routing:
    """Axons and routes of a mapping.

    Raises:
        NoRoute: A core sits outside the mesh.
    """
    by_source: dict[str, list[Reach]] = defaultdict(list)
    for p in net.projections:
        by_source[p.source].append(reach(p, mapping.core_of[p.target].astype(np.int64), mapping.cores, target))
    at, axons, routes = sites(mapping, target), {}, {}
    for name, reaches in by_source.items():
        together = union(reaches)
        full, rows = np.flatnonzero(together.full), together.pairs.T.tocsr()
        own = np.split(rows.indices, rows.indptr[1:-1])
        axons[name] = tuple(np.union1d(full, cores).astype(np.int64) for cores in own)
        sender = net.sender_of(name)
        senders = mapping.core_of.get(sender, np.full(net.size_of(name), HOST))
        for source, cores in zip(senders.tolist(), axons[name], strict=True):
            for core in cores.tolist():
                if (source, core) not in routes:
                    routes[source, core] = tuple(path_between(at, source, core))
    return Routing(axons, routes)
