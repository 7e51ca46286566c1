"""The independent checker of axons and routes: it accepts what mapping makes and names every fault planted in it."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lava_case import Case
from strategies import cases

from neurodeploy.chipmap import Mapping
from neurodeploy.chipnet import ChipNetwork
from neurodeploy.errors import MappingFault
from neurodeploy.mapping import check_mapping
from neurodeploy.mapping.check import check_routes, check_sites
from neurodeploy.mapping.check_reached import reached_cores
from neurodeploy.mapping.check_routing import HOST, check_routing
from neurodeploy.mapping.route import Link
from neurodeploy.mapping.routing import Routing, routing
from neurodeploy.target import load_target
from neurodeploy.target_schema import Quantity, System, Target


def count(value: int) -> Quantity[int]:
    return Quantity(value, "example", "test")


def board(tiles: tuple[int, int], grid: tuple[int, int] | None, chips: int) -> Target:
    """Chips of one core a tile."""
    tiny = load_target("tiny")
    x, y = tiles
    mesh = msgspec.structs.replace(
        tiny.mesh, tiles_x=count(x), tiles_y=count(y), cores_per_tile=count(1), cores_per_chip=count(x * y)
    )
    system = None if grid is None else System(chips_x=count(grid[0]), chips_y=count(grid[1]))
    return msgspec.structs.replace(tiny, mesh=msgspec.structs.replace(mesh, chips=count(chips)), system=system)


BOARD = board((3, 3), (3, 2), 6)
NET = ChipNetwork()
NET.add_input("in", shape=3)
NET.add_population("a", shape=4)
NET.connect("in", "a", [[2, 0, 0], [2, 2, 0], [0, 0, 2], [0, 2, 0]], kind="sparse")
NET.connect("a", "a", [[0, 2, 0, 2], [0, 0, 2, 2], [2, 0, 0, 2], [0, 2, 0, 0]], kind="sparse")
# core 0 on tile (2, 2) of chip 0, 1 on (0, 1) of chip 0, 2 on (1, 2) of chip 5, 3 on (1, 1) of chip 2
MAPPING = Mapping(
    {"a": np.arange(4, dtype=np.int32)}, np.array([0, 0, 5, 2], np.int32), np.array([8, 3, 7, 4], np.int32)
)
RIGHT = routing(NET, MAPPING, BOARD)


def test_axons_and_routes_by_hand() -> None:
    assert [a.tolist() for a in RIGHT.axons["in"]] == [[0, 1], [1, 3], [2]]
    assert [a.tolist() for a in RIGHT.axons["a"]] == [[2], [0, 3], [1], [0, 1, 2]]
    assert RIGHT.routes[1, 0] == (
        ((0, 0, 1), (0, 1, 1)),
        ((0, 1, 1), (0, 2, 1)),
        ((0, 2, 1), (0, 2, 2)),
    )
    assert RIGHT.routes[0, 2][:5] == (
        ((0, 2, 2), (0, 1, 2)),
        ((0, 1, 2), (0, 0, 2)),
        ((0, 0, 2), (0, 0, 1)),
        ((0, 0, 1), (0, 0, 0)),
        ((0, 0, 0), (1, 0, 0)),  # chips 0, 1, 2, then down to 5
    )
    assert RIGHT.routes[0, 2][5:7] == (((1, 0, 0), (2, 0, 0)), ((2, 0, 0), (5, 0, 0)))
    assert RIGHT.routes[HOST, 1] == (((0, 0, 0), (0, 0, 1)),)
    check_routing(NET, MAPPING, BOARD, RIGHT)


def axon(source: str, neuron: int, cores: list[int]) -> Routing:
    rows = list(RIGHT.axons[source])
    rows[neuron] = np.array(cores, np.int64)
    return replace(RIGHT, axons={**RIGHT.axons, source: tuple(rows)})


def way(source: int, destination: int, edit: Callable[[list[Link]], list[Link]]) -> Routing:
    links = edit(list(RIGHT.routes[source, destination]))
    return replace(RIGHT, routes={**RIGHT.routes, (source, destination): tuple(links)})


def without(table: Any, key: Any) -> Any:
    return {k: v for k, v in table.items() if k != key}


def walk(*tiles: tuple[int, int, int]) -> list[Link]:
    return list(zip(tiles[:-1], tiles[1:], strict=True))


A, GATE = (0, 2, 2), (0, 0, 0)
OUT = [A, (0, 1, 2), (0, 0, 2), (0, 0, 1), GATE]
IN = [(5, 0, 0), (5, 1, 0), (5, 1, 1), (5, 1, 2)]
FAULTS: dict[str, tuple[Routing, str, str]] = {
    "axon missing": (axon("a", 3, [0, 2]), "no axon to core 1, which has synapses", "source 'a', neuron 3"),
    "axon without a synapse": (axon("a", 0, [1, 2]), "an axon to core 1, which has no synapse", "neuron 0"),
    "axon twice": (axon("in", 2, [2, 2]), "two axons to core 2", "source 'in', neuron 2"),
    "axon to no core": (axon("a", 1, [0, 3, 4]), "an axon to core 4, of cores 0..3", "source 'a', neuron 1"),
    "axon to a negative core": (axon("a", 1, [-1, 0, 3]), "an axon to core -1", "source 'a', neuron 1"),
    "axons of a neuron forgotten": (
        replace(RIGHT, axons={**RIGHT.axons, "a": RIGHT.axons["a"][:3]}),
        "axons of 3 neurons of 4",
        "source 'a'",
    ),
    "axons of a source forgotten": (
        replace(RIGHT, axons=without(RIGHT.axons, "in")),
        "axons of 0 neurons of 3",
        "source 'in'",
    ),
    "axons of nobody": (replace(RIGHT, axons={**RIGHT.axons, "b": ()}), "axons of 'b', which sends nothing", "axons"),
    "route missing": (
        replace(RIGHT, routes=without(RIGHT.routes, (HOST, 3))),
        "no route from the host to core 3",
        "routes",
    ),
    "route that nobody needs": (
        replace(RIGHT, routes={**RIGHT.routes, (0, 1): ()}),
        "a route from core 0 to core 1, which has no synapse",
        "routes",
    ),
    "route from another tile": (
        way(1, 0, lambda r: walk((0, 0, 0), (0, 1, 0), (0, 2, 0), (0, 2, 1), A)),
        r"a gap: it is at tile \(0, 1\) of chip 0 and goes on from tile \(0, 0\)",
        "route from core 1 to core 0",
    ),
    "route with a gap": (way(1, 0, lambda r: [r[0], r[2]]), "a gap", "route from core 1 to core 0"),
    "route that ends early": (
        way(1, 0, lambda r: r[:-1]),
        r"it ends at tile \(2, 1\) of chip 0, not at tile \(2, 2\)",
        "route from core 1 to core 0",
    ),
    "route to the wrong chip": (
        way(0, 2, lambda r: walk(*OUT, (1, 0, 0), (2, 0, 0), (2, 1, 0), (2, 1, 1), (2, 1, 2))),
        r"it ends at tile \(1, 2\) of chip 2, not at tile \(1, 2\) of chip 5",
        "route from core 0 to core 2",
    ),
    "route that jumps": (way(1, 0, lambda r: walk((0, 0, 1), (0, 2, 1), A)), "are no neighbours", "core 1 to core 0"),
    "route across a corner": (way(1, 0, lambda r: walk((0, 0, 1), (0, 1, 2), A)), "are no neighbours", "core 0"),
    "route off the mesh": (
        way(1, 0, lambda r: walk((0, 0, 1), (0, -1, 1), (0, 0, 1))),
        r"tile \(-1, 1\) of chip 0 does not exist",
        "core 1 to core 0",
    ),
    "route over a chip that is none": (
        way(0, 2, lambda r: walk(*OUT, (6, 0, 0), (5, 0, 0), *IN[1:])),
        r"tile \(0, 0\) of chip 6 does not exist",
        "core 0 to core 2",
    ),
    "route along y first": (
        way(1, 0, lambda r: walk((0, 0, 1), (0, 0, 2), (0, 1, 2), A)),
        r"it goes along y before x at tile \(0, 2\)",
        "core 1 to core 0",
    ),
    "route with a detour": (
        way(1, 0, lambda r: walk((0, 0, 1), (0, 1, 1), (0, 0, 1), *(b for _, b in r))),
        "a detour: 5 links, where 3 are enough",
        "core 1 to core 0",
    ),
    "route that leaves the chip anywhere": (
        way(0, 2, lambda r: walk(A, (5, 2, 2), (5, 1, 2))),
        r"it leaves its chip between tile \(2, 2\) of chip 0",
        "core 0 to core 2",
    ),
    "route between chips that are not joined": (
        way(0, 2, lambda r: walk(*OUT, *IN)),
        "chips 0 and 5 are not joined",
        "core 0 to core 2",
    ),
    "route along the chips' y first": (
        way(0, 2, lambda r: walk(*OUT, (3, 0, 0), (4, 0, 0), *IN)),
        "along y before x from chip to chip",
        "core 0 to core 2",
    ),
    "route with a detour over chips": (
        way(0, 2, lambda r: walk(*OUT, (1, 0, 0), GATE, (1, 0, 0), (2, 0, 0), *IN)),
        "a detour: 12 links, where 10 are enough",
        "core 0 to core 2",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_fault_is_caught(fault: str) -> None:
    table, what, where = FAULTS[fault]
    with pytest.raises(MappingFault, match=what) as error:
        check_routing(NET, MAPPING, BOARD, table)
    assert where in error.value.where and error.value.remedy


def test_chips_beyond_the_grid_are_off_every_route() -> None:
    wrong = board((3, 3), (3, 1), 6)  # three chips on the grid, and a core on chip 5
    with pytest.raises(MappingFault, match=r"a route to chip \(2, 1\) leaves the grid at \(\d, 1\)"):
        check_routes(NET, MAPPING, wrong, reached_cores(NET, MAPPING))
    check_routes(NET, MAPPING, BOARD, reached_cores(NET, MAPPING))
    check_sites(MAPPING, BOARD)
    check_mapping(NET, MAPPING, BOARD)


@settings(max_examples=40, deadline=None)
@given(cases(), st.integers(0, 2**32 - 1), st.sampled_from([None, (3, 2), (6, 1), (1, 6), (2, 3)]))
def test_what_mapping_routes_passes(case: Case, seed: int, grid: tuple[int, int] | None) -> None:
    rng, net, target = np.random.default_rng(seed), case.plan.net, board((2, 3), grid, 6)
    labels = {n: rng.integers(0, 8, p.size).astype(np.int32) for n, p in net.populations.items()}
    sites = rng.choice(36, 8, replace=False).astype(np.int32)
    mapping = Mapping(labels, sites // 6, sites % 6)
    check_routing(net, mapping, target, routing(net, mapping, target))


def test_the_checker_shares_no_code_with_the_passes() -> None:
    import neurodeploy.mapping.check_routing as module

    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {m for m in imported if str(m).startswith("neurodeploy.mapping")} == {"neurodeploy.mapping.check_reached"}
