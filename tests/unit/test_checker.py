"""The independent checker: it accepts a legal mapping and catches every fault planted in it."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from neurodeploy.chipmap import Mapping
from neurodeploy.chipnet import ChipNetwork
from neurodeploy.errors import MappingFault
from neurodeploy.mapping import check, check_mapping, check_reached, check_rows, map_network
from neurodeploy.mapping.check import check_routes, recount
from neurodeploy.mapping.check_reached import Reached, reached_cores
from neurodeploy.target import load_target
from neurodeploy.target_schema import Quantity, Target

TINY, LOIHI2 = load_target("tiny"), load_target("loihi2")
CHECKER = (check, check_reached, check_rows)


def edited(target: Target, table: str, **values: int) -> Target:
    facts = {name: Quantity(value, "example", "test") for name, value in values.items()}
    return msgspec.structs.replace(target, **{table: msgspec.structs.replace(getattr(target, table), **facts)})


@pytest.fixture(scope="module")
def net() -> ChipNetwork:
    """A convolution, a sparse recurrent layer with two thresholds, and a dense output, with differing formats."""
    rng = np.random.default_rng(0)
    net = ChipNetwork()
    net.add_input("in", shape=(1, 6, 6))
    net.add_population("conv", shape=(2, 4, 4))
    net.connect("in", "conv", rng.integers(-100, 100, (2, 1, 3, 3)), kind="conv2d")
    net.add_population("hidden", shape=20, vth=np.repeat([10, 20], 10))
    net.connect("conv", "hidden", rng.integers(1, 100, (20, 32)) * (rng.random((20, 32)) < 0.5), kind="sparse")
    net.connect("hidden", "hidden", np.eye(20, dtype=int) * 4, kind="sparse", delays=2)
    net.add_population("out", shape=5, du=7)
    net.connect("hidden", "out", rng.integers(-100, 100, (5, 20)) * 2)
    return net


@pytest.fixture(scope="module")
def mapping(net: ChipNetwork) -> Mapping:
    """Several cores on two chips."""
    found = map_network(net, TINY, max_neurons_per_core=6)
    assert found.cores > 8 and found.chips == 2
    return found


def _changed(values: Any, index: int, value: int) -> Any:
    copy = np.array(values)
    copy[index] = value
    return copy


def _moved(mapping: Mapping, core: int, chip: int, site: int) -> Mapping:
    return replace(
        mapping, chip_of=_changed(mapping.chip_of, core, chip), core_on_chip=_changed(mapping.core_on_chip, core, site)
    )


def _core_of(mapping: Mapping, name: str, values: Any) -> Mapping:
    return replace(mapping, core_of={**mapping.core_of, name: values})


FAULTS: dict[str, tuple[Callable[[Mapping], Mapping], str, str]] = {
    "neuron unassigned": (
        lambda m: _core_of(m, "conv", _changed(m.core_of["conv"], 3, -1)),
        r"neuron 3 is on core -1",
        "population 'conv', neuron 3",
    ),
    "core out of range": (
        lambda m: _core_of(m, "out", _changed(m.core_of["out"], 2, m.cores)),
        r"neuron 2 is on core \d+, of cores 0\.\.\d+",
        "population 'out', neuron 2",
    ),
    "too few core numbers": (
        lambda m: _core_of(m, "hidden", m.core_of["hidden"][:-1]),
        r"\(19,\) cores for 20 neurons",
        "population 'hidden'",
    ),
    "fractional core numbers": (
        lambda m: _core_of(m, "out", m.core_of["out"] + 0.5),
        "core numbers are float64",
        "population 'out'",
    ),
    "population forgotten": (
        lambda m: replace(m, core_of={k: v for k, v in m.core_of.items() if k != "out"}),
        r"populations without cores: \['out'\]",
        "core_of",
    ),
    "population unknown": (
        lambda m: _core_of(m, "ghost", m.core_of["out"]),
        r"cores for no population: \['ghost'\]",
        "core_of",
    ),
    "core without neurons": (
        lambda m: replace(m, chip_of=np.append(m.chip_of, 1), core_on_chip=np.append(m.core_on_chip, 6)),
        r"core \d+ holds 0 neurons",
        "logical core",
    ),
    "chips and sites differ in number": (
        lambda m: replace(m, core_on_chip=m.core_on_chip[:-1]),
        r"\d+ chips, but \d+ sites",
        "chip_of",
    ),
    "two cores on one site": (
        lambda m: _moved(m, 1, int(m.chip_of[0]), int(m.core_on_chip[0])),
        r"cores 0 and 1 share site \d of chip \d",
        "logical core 1",
    ),
    "site off the chip": (
        lambda m: replace(m, core_on_chip=_changed(m.core_on_chip, 2, 7)),
        r"core 2 is at site 7, of sites 0\.\.6",
        "logical core 2",
    ),
    "site negative": (
        lambda m: replace(m, core_on_chip=_changed(m.core_on_chip, 2, -1)),
        "core 2 is at site -1",
        "logical core 2",
    ),
    "chip that does not exist": (
        lambda m: replace(m, chip_of=_changed(m.chip_of, 0, 2)),
        r"core 0 is on chip 2, of chips 0\.\.1",
        "logical core 0",
    ),
    "everything on one core": (
        lambda m: Mapping({k: v * 0 for k, v in m.core_of.items()}, m.chip_of[:1], m.core_on_chip[:1]),
        "core 0 needs 57 neurons of 32",
        "logical core 0, resource neurons",
    ),
}


def test_a_legal_mapping_passes(net: ChipNetwork, mapping: Mapping) -> None:
    check_mapping(net, mapping, TINY)


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_fault_is_caught(net: ChipNetwork, mapping: Mapping, fault: str) -> None:
    plant, what, where = FAULTS[fault]
    with pytest.raises(MappingFault, match=what) as error:
        check_mapping(net, plant(mapping), TINY)
    assert where in error.value.where and error.value.remedy


def test_a_tile_outside_the_mesh_is_caught(net: ChipNetwork, mapping: Mapping) -> None:
    wide = edited(TINY, "mesh", cores_per_chip=9)
    moved = replace(mapping, core_on_chip=_changed(mapping.core_on_chip, 2, 8))
    with pytest.raises(MappingFault, match=r"core 2 is on tile \(0, 2\), of 2 x 2 tiles"):
        check_mapping(net, moved, wide)
    with pytest.raises(MappingFault, match="leaves the mesh"):
        check_routes(net, moved, wide, reached_cores(net, moved))


ROWS = (
    "neurons",
    "in_axons",
    "out_axon_slots",
    "synapse_words",
    "compartment_profiles",
    "vth_profiles",
    "synapse_formats",
)
POOL = ("neurons", "in_axons", "synapse_words", "neuron_groups", "axon_map_words", "axon_mem_words", "pool_words")


@pytest.mark.parametrize(
    ("target", "resource"),
    [(TINY, r) for r in ROWS] + [(LOIHI2, r) for r in POOL],
    ids=[*(f"tiny-{r}" for r in ROWS), *(f"loihi2-{r}" for r in POOL)],
)
def test_one_too_many_of_any_resource_is_caught(
    net: ChipNetwork, mapping: Mapping, target: Target, resource: str
) -> None:
    needed = recount(net, mapping, target, reached_cores(net, mapping))[resource]
    core, most = int(needed.argmax()), int(needed.max())
    assert most > 0
    check_mapping(net, mapping, edited(target, "core", **{resource: most}))
    with pytest.raises(MappingFault) as error:
        check_mapping(net, mapping, edited(target, "core", **{resource: most - 1}))
    assert error.value.what == f"core {core} needs {most:,} {resource} of {most - 1:,}"
    assert error.value.where == f"logical core {core}, resource {resource}"


def test_counts_of_a_mapping_made_by_hand() -> None:
    """Three sources onto two cores, counted on paper."""
    net = ChipNetwork()
    net.add_input("in", shape=2)
    net.add_population("a", shape=3, vth=[1, 2, 2])
    net.add_population("b", shape=2)
    net.connect("in", "a", [[2, 0], [2, 2], [0, 2]], kind="sparse")
    net.connect("a", "b", [[2, 2, 2], [2, 2, 2]])
    net.connect("a", "a", [[0, 0, 2], [0, 0, 0], [0, 0, 0]], kind="sparse", weight_exp=1)
    at = np.array([0, 1], np.int32)
    mapping = Mapping({"a": np.array([0, 0, 1]), "b": np.array([1, 0])}, at * 0, at)
    counted = recount(net, mapping, TINY, reached_cores(net, mapping))
    assert {name: counted[name].tolist() for name in ROWS} == {
        "neurons": [3, 2],
        "in_axons": [2 + 3, 1 + 3],
        "out_axon_slots": [4, 2],  # every neuron of a reaches both cores through b; its recurrence adds none
        "synapse_words": [2 + 3 + 1, 1 + 3],
        "compartment_profiles": [1, 1],
        "vth_profiles": [3, 2],  # 1, 2 and b's default 10; 2 and 10
        "synapse_formats": [2, 1],
    }


def test_reached_pairs_equal_a_matrix() -> None:
    rng = np.random.default_rng(0)
    for cores, neurons in ((1, 1), (5, 9), (30, 4)):
        core, neuron = rng.integers(0, cores, (2, 40)), rng.integers(0, neurons, (2, 40))
        some, more = (Reached.of_pairs(cores, neurons, c, n) for c, n in zip(core, neuron, strict=True))
        matrix = np.zeros((2, cores, neurons), bool)
        for k in range(2):
            matrix[k, core[k], neuron[k]] = True
        off = rng.random(cores) < 0.5
        np.testing.assert_array_equal(some.array(), matrix[0])
        np.testing.assert_array_equal(some.joined(more).array(), matrix.any(axis=0))
        np.testing.assert_array_equal(some.without(off).array(), matrix[0] & ~off[:, None])
        np.testing.assert_array_equal(some.without(off).core, np.nonzero(matrix[0] & ~off[:, None])[0])
        for at in range(cores):
            np.testing.assert_array_equal(some.on(at), np.flatnonzero(matrix[0, at]))


def test_the_checker_shares_no_code_with_the_passes() -> None:
    own = {module.__name__ for module in CHECKER}
    for module in CHECKER:
        tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
        imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert "numpy" not in imported and imported & {"neurodeploy.chipmap", "neurodeploy.target_schema"}
        assert not {name for name in imported if str(name).startswith("neurodeploy.mapping")} - own
        assert not {node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level}
