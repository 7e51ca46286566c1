"""An independent proof of axons and routes: every synapse has its axon, every axon its route, every route its way."""

from __future__ import annotations

import collections.abc
from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from neurodeploy.chipmap import Mapping
from neurodeploy.chipnet import ChipNetwork
from neurodeploy.errors import MappingFault
from neurodeploy.mapping.check_reached import Ints, reached_cores
from neurodeploy.target_schema import Target

HOST = -1
Pairs = NDArray[np.bool_]
Tile = tuple[int, int, int]
Link = tuple[Tile, Tile]


class Table(Protocol):
    """Axons and routes, as :class:`neurodeploy.mapping.routing.Routing` describes them."""

    @property
    def axons(self) -> collections.abc.Mapping[str, tuple[Ints, ...]]: ...
    @property
    def routes(self) -> collections.abc.Mapping[tuple[int, int], tuple[Link, ...]]: ...


def check_routing(net: ChipNetwork, mapping: Mapping, target: Target, table: Table) -> None:
    """Prove axons and routes of a mapping that :func:`neurodeploy.mapping.check_mapping` has passed.

    Raises:
        MappingFault: Names the axon or the route of the first fault found, and what is wrong with it.
    """
    needed = set()
    for name, pairs in _reached_by_source(net, mapping).items():
        _check_axons(name, pairs, table.axons.get(name))
        sender = net.sender_of(name)
        source = mapping.core_of[sender] if sender in net.populations else np.full(pairs.shape[1], HOST)
        cores, neurons = np.nonzero(pairs)
        needed |= set(zip(source[neurons].tolist(), cores.tolist(), strict=True))
    for name in sorted(table.axons.keys() - {p.source for p in net.projections}):
        raise _fault(f"axons of '{name}', which sends nothing", "axons")
    for pair in sorted(needed - table.routes.keys()):
        raise _fault(f"no route from {_core(pair[0])} to {_core(pair[1])}, which has synapses of it", "routes")
    for pair in sorted(table.routes.keys() - needed):
        raise _fault(f"a route from {_core(pair[0])} to {_core(pair[1])}, which has no synapse of it", "routes")
    for pair, route in table.routes.items():
        _check_route(pair, route, mapping, target)


def _reached_by_source(net: ChipNetwork, mapping: Mapping) -> dict[str, Pairs]:
    found: dict[str, Pairs] = {}
    for p, seen in zip(net.projections, reached_cores(net, mapping), strict=True):
        found[p.source] = found[p.source] | seen.array() if p.source in found else seen.array()
    return found


def _check_axons(name: str, pairs: Pairs, axons: tuple[Ints, ...] | None) -> None:
    """Exactly one axon from each neuron to each core that has a synapse of it."""
    cores, neurons = pairs.shape
    if axons is None or len(axons) != neurons:
        raise _fault(f"axons of {0 if axons is None else len(axons)} neurons of {neurons}", f"source '{name}'")
    for neuron, given in enumerate(axons):
        where, seen = f"source '{name}', neuron {neuron}", set()
        for core in np.asarray(given).tolist():
            if not 0 <= core < cores:
                raise _fault(f"an axon to core {core}, of cores 0..{cores - 1}", where)
            if core in seen:
                raise _fault(f"two axons to core {core}", where)
            if not pairs[core, neuron]:
                raise _fault(f"an axon to core {core}, which has no synapse of it", where)
            seen.add(core)
        for core in np.flatnonzero(pairs[:, neuron]).tolist():
            if core not in seen:
                raise _fault(f"no axon to core {core}, which has synapses of it", where)


def _check_route(pair: tuple[int, int], route: tuple[Link, ...], mapping: Mapping, target: Target) -> None:
    """Links that exist, one after the other, from the one tile to the other, x first and without a detour."""
    where = f"route from {_core(pair[0])} to {_core(pair[1])}"
    start, end = (0, 0, 0) if pair[0] == HOST else _tile(pair[0], mapping, target), _tile(pair[1], mapping, target)
    at, turned = start, False
    for a, b in route:
        if a != at:
            raise _fault(f"a gap: it is at {_shown(at)} and goes on from {_shown(a)}", where)
        for tile in (a, b):
            if not _exists(tile, target):
                raise _fault(f"{_shown(tile)} does not exist", where)
        if a[0] != b[0]:
            if a[1:] != (0, 0) or b[1:] != (0, 0):
                raise _fault(f"it leaves its chip between {_shown(a)} and {_shown(b)}, not at tile (0, 0)", where)
            if not _joined(a[0], b[0], target):
                raise _fault(f"chips {a[0]} and {b[0]} are not joined", where)
            turned = False
        else:
            if abs(a[1] - b[1]) + abs(a[2] - b[2]) != 1:
                raise _fault(f"{_shown(a)} and {_shown(b)} are no neighbours", where)
            if turned and a[1] != b[1]:
                raise _fault(f"it goes along y before x at {_shown(a)}", where)
            turned = a[2] != b[2]
        at = b
    if at != end:
        raise _fault(f"it ends at {_shown(at)}, not at {_shown(end)}", where)
    shortest = sum(abs(p - q) + abs(r - s) for p, q, r, s in _legs(start, end, target))
    if len(route) != shortest:
        raise _fault(f"a detour: {len(route)} links, where {shortest} are enough", where)
    chips = [(a[0], b[0]) for a, b in route if a[0] != b[0]]
    columns = _columns(target)
    along_y = [columns > 0 and abs(a - b) >= columns and a % columns == b % columns for a, b in chips]
    if along_y != sorted(along_y) and columns > 1:
        raise _fault("it goes along y before x from chip to chip", where)


def _legs(start: Tile, end: Tile, target: Target) -> Iterator[tuple[int, int, int, int]]:
    """Coordinates (x, x, y, y) between which a shortest route walks: over tiles, and between chips over chips."""
    if start[0] == end[0]:
        yield start[1], end[1], start[2], end[2]
        return
    yield start[1], 0, start[2], 0
    yield 0, end[1], 0, end[2]
    if columns := _columns(target):
        yield start[0] % columns, end[0] % columns, start[0] // columns, end[0] // columns
    else:
        yield 0, 1, 0, 0


def _columns(target: Target) -> int:
    """Columns of the grid of chips, 0 where any two are joined."""
    return 0 if target.system is None or target.system.chips_x is None else target.system.chips_x.value


def _joined(a: int, b: int, target: Target) -> bool:
    columns = _columns(target)
    return not columns or abs(a % columns - b % columns) + abs(a // columns - b // columns) == 1


def _exists(tile: Tile, target: Target) -> bool:
    mesh = target.mesh
    sizes = (mesh.chips.value, mesh.tiles_x.value, mesh.tiles_y.value)
    return all(0 <= k < size for k, size in zip(tile, sizes, strict=True))


def _tile(core: int, mapping: Mapping, target: Target) -> Tile:
    mesh, number = target.mesh, int(mapping.core_on_chip[core]) // target.mesh.cores_per_tile.value
    columns, rows = mesh.tiles_x.value, mesh.tiles_y.value
    x, y = divmod(number, rows) if mesh.tile_order.value == "column_major" else divmod(number, columns)[::-1]
    return int(mapping.chip_of[core]), x, y


def _core(core: int) -> str:
    return "the host" if core == HOST else f"core {core}"


def _shown(tile: Tile) -> str:
    return f"tile ({tile[1]}, {tile[2]}) of chip {tile[0]}"


def _fault(what: str, where: str) -> MappingFault:
    return MappingFault(what, where=where, remedy="map the network again, or correct the hand-made routes")
