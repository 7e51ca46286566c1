"""Maps of a chip: cores where the mapping has them, links with the packets that take them."""

from __future__ import annotations

import re

import numpy as np
import pytest
from programs import program_of

from neurodeploy import ChipNetwork
from neurodeploy.chipmap import Mapping
from neurodeploy.evaluate import Samples
from neurodeploy.mapping.links import unicast
from neurodeploy.mapping.route import HOST, link_loads
from neurodeploy.report.evidence import Evidence, gather
from neurodeploy.report.figures.mesh import GAP
from neurodeploy.report.sections.cores import placements
from neurodeploy.report.sections.traffic import flows_shown, heat, loads_of


@pytest.fixture(scope="module")
def spread() -> Evidence:
    """Three layers of four neurons on twelve cores, scattered over two chips of loihi1."""
    rng, net, last = np.random.default_rng(2), ChipNetwork(), "in"
    net.add_input("in", shape=(5,))
    for k in range(3):
        net.add_population(f"l{k}", shape=(4,), du=4095, dv=1000, vth=5, start=k)
        net.connect(last, f"l{k}", rng.integers(1, 100, (4, 5 if k == 0 else 4)) * 2)
        last = f"l{k}"
    core_of = {f"l{k}": np.arange(4 * k, 4 * k + 4, dtype=np.int32) for k in range(3)}
    site = rng.permutation(128)[:12].astype(np.int32)
    program = program_of(net, "loihi1", Mapping(core_of, (np.arange(12) % 2).astype(np.int32), site))
    return gather(program, Samples((rng.random((3, 9, 5)) < 0.6).astype(np.uint8), None))


def test_every_core_is_drawn_at_its_tile_in_its_layers_colour(spread: Evidence) -> None:
    mapping, target = spread.program.mapping, spread.program.target
    column, row = mapping.tiles(target)
    tile = (400 - 8 - GAP * 7) / 8
    size = (tile - 4) / 2
    seen = set()
    for chip, figure in enumerate(placements(spread)):
        found = re.findall(r'<rect x="([\d.]+)" y="([\d.]+)"[^>]*class="(c\d)"><title>core (\d+): (l\d) 1<', figure.svg)
        for x, y, colour, core, layer in found:
            k = int(core)
            assert mapping.chip_of[k] == chip and layer == f"l{k // 4}" and colour == spread.colour(layer)
            assert int((float(x) - 4) // (tile + GAP)) == column[k]
            assert int((float(y) - 4) // (tile + GAP)) == row[k]
            place = mapping.core_on_chip[k] % 4
            left, top = 4 + column[k] * (tile + GAP) + 2, 4 + row[k] * (tile + GAP) + 2
            expected = (left + size * (place % 2) + 1, top + size * (place // 2) + 1)
            assert (float(x), float(y)) == pytest.approx(expected, abs=0.02)
            seen.add(k)
        free = re.findall(r'<rect x="([\d.]+)" y="([\d.]+)"[^>]*class="unused"', figure.svg)
        assert len(set(free)) == len(free) == 128 - 6
        assert not set(free) & {(x, y) for x, y, *_ in found}
    assert seen == set(range(12))


def test_links_carry_what_the_routes_say(spread: Evidence) -> None:
    """Against :func:`link_loads`, which walks route by route."""
    mapping, target = spread.program.mapping, spread.program.target
    pairs = flows_shown(spread)
    matrix = pairs.matrix().toarray()
    packets = {
        (HOST if s == mapping.cores else s, d): float(matrix[s, d]) for s, d in zip(*np.nonzero(matrix), strict=True)
    }
    expected = link_loads(mapping, target, packets)
    links = unicast(pairs, mapping, target)
    total = 0
    for k, chip in enumerate(links.chips):
        loads = loads_of(links, k)
        own = {(a[1:], b[1:]): n for (a, b), n in expected.items() if a[0] == b[0] == chip}
        assert loads.keys() == own.keys()
        assert list(loads.values()) == pytest.approx([own[link] for link in loads])
        total += len(own)
    assert total > 20


def test_the_heat_map_is_the_matrix(spread: Evidence) -> None:
    packets = flows_shown(spread).matrix().toarray() * spread.run.steps
    svg = str(heat(spread, packets).svg)
    tips = dict(re.findall(r"<title>((?:host|from \d+), \d+): ([\d.,]+)<", svg))
    assert len(tips) == np.count_nonzero(packets)
    for s, d in zip(*np.nonzero(packets), strict=True):
        name = f"{'host' if s == 12 else f'from {s}'}, {d}"
        assert float(tips[name].replace(",", "")) == pytest.approx(packets[s, d], rel=6e-3)


def test_a_heat_map_of_many_cores_is_summed(spread: Evidence) -> None:
    rng = np.random.default_rng(0)
    packets = rng.random((101, 100))
    svg = str(heat(spread, packets).svg)
    assert "Cores are taken together" in heat(spread, packets).caption
    assert len(re.findall('class="heat"', svg)) == 32 * 33
