"""An independent proof that a mapping is legal.

It recounts everything from the finished mapping, neuron by neuron and synapse by synapse, and shares no code with the
passes that made it: only the network, the target and numpy. Where the passes use closed forms, this enumerates.
"""

from __future__ import annotations

from math import ceil

import numpy as np
from numpy.typing import NDArray

from neurodeploy.chipmap import Mapping
from neurodeploy.chipnet import ChipNetwork, ChipProjection
from neurodeploy.connections import Conv2d
from neurodeploy.errors import MappingFault
from neurodeploy.mapping.check_reached import Reached, reached_cores
from neurodeploy.mapping.check_rows import held_rows
from neurodeploy.target_schema import Target

Ints = NDArray[np.int64]


def check_mapping(net: ChipNetwork, mapping: Mapping, target: Target) -> None:
    """Prove that a mapping is legal on its target.

    Raises:
        MappingFault: Names the core, the resource and the numbers of the first fault found.
    """
    check_assignment(net, mapping)
    check_sites(mapping, target)
    reached = reached_cores(net, mapping)
    for resource, needed in recount(net, mapping, target, reached).items():
        limit = getattr(target.core, resource)
        if limit is None:
            continue
        for core, number in enumerate(needed):
            if number > limit.value:
                raise _fault(
                    f"core {core} needs {number:,} {resource} of {limit.value:,}",
                    f"logical core {core}, resource {resource}",
                )
    check_routes(net, mapping, target, reached)


def check_assignment(net: ChipNetwork, mapping: Mapping) -> None:
    """Every neuron of every population sits on exactly one existing core, and no core is empty."""
    missing = sorted(net.populations.keys() - mapping.core_of.keys())
    unknown = sorted(mapping.core_of.keys() - net.populations.keys())
    if missing or unknown:
        raise _fault(f"populations without cores: {missing}; cores for no population: {unknown}", "core_of")
    if len(mapping.chip_of) != len(mapping.core_on_chip):
        raise _fault(f"{len(mapping.chip_of)} chips, but {len(mapping.core_on_chip)} sites", "chip_of, core_on_chip")
    cores = len(mapping.chip_of)
    occupied = np.zeros(cores, bool)
    for name, population in net.populations.items():
        core_of = np.asarray(mapping.core_of[name])
        if core_of.shape != (population.size,):
            raise _fault(f"{core_of.shape} cores for {population.size} neurons", f"population '{name}'")
        if not np.issubdtype(core_of.dtype, np.integer):
            raise _fault(f"core numbers are {core_of.dtype}", f"population '{name}'")
        for neuron in np.flatnonzero((core_of < 0) | (core_of >= cores))[:1]:
            raise _fault(
                f"neuron {neuron} is on core {core_of[neuron]}, of cores 0..{cores - 1}",
                f"population '{name}', neuron {neuron}",
            )
        occupied[core_of] = True
    for core in np.flatnonzero(~occupied)[:1]:
        raise _fault(f"core {core} holds 0 neurons", f"logical core {core}")


def check_sites(mapping: Mapping, target: Target) -> None:
    """Every core has a site of its own, on a chip and at a place in the mesh that exist."""
    mesh = target.mesh
    taken: dict[tuple[int, int], int] = {}
    for core, (chip, site) in enumerate(zip(mapping.chip_of, mapping.core_on_chip, strict=True)):
        where = f"logical core {core}"
        if not 0 <= chip < mesh.chips.value:
            raise _fault(f"core {core} is on chip {chip}, of chips 0..{mesh.chips.value - 1}", where)
        if not 0 <= site < mesh.cores_per_chip.value:
            raise _fault(f"core {core} is at site {site}, of sites 0..{mesh.cores_per_chip.value - 1}", where)
        x, y = _tile(int(site), target)
        if not (0 <= x < mesh.tiles_x.value and 0 <= y < mesh.tiles_y.value):
            raise _fault(
                f"core {core} is on tile ({x}, {y}), of {mesh.tiles_x.value} x {mesh.tiles_y.value} tiles", where
            )
        if (chip, site) in taken:
            raise _fault(f"cores {taken[chip, site]} and {core} share site {site} of chip {chip}", where)
        taken[chip, site] = core


def recount(net: ChipNetwork, mapping: Mapping, target: Target, reached: list[Reached]) -> dict[str, Ints]:
    """Need per core, (cores,), of each resource a target can limit; named as in the target file."""
    cores = len(mapping.chip_of)
    core, axon = target.core, target.axon
    none = np.zeros(cores, np.int64)
    neurons, axons_in, slots, words, convolutions = (none.copy() for _ in range(5))
    for core_of in mapping.core_of.values():
        np.add.at(neurons, core_of, 1)
    on_core: dict[str, list[set[object]]] = {k: [set() for _ in none] for k in ("profile", "vth", "format", "group")}
    for name, population in net.populations.items():
        fixed = [k for k in sorted(population.fields) if k not in ("vth", "bias_mant", "u0", "v0")]
        columns = [population.full(k) for k in (*fixed, "vth") if k in population.fields]
        rows = np.unique(np.stack([mapping.core_of[name], *columns]), axis=1).T.tolist()
        for at, *values in rows:
            threshold = values.pop() if "vth" in population.fields else 0
            on_core["profile"][at].add((population.model, population.reset, *values))
            on_core["vth"][at].add(threshold)
            on_core["group"][at].add(name)
    discrete: dict[str, Reached] = {}
    delay, wide = none.copy(), next((k.value for k in (axon.pop32_slots, axon.discrete_slots) if k is not None), 1)
    for p, seen in zip(net.projections, reached, strict=True):
        present = np.diff(seen.start) > 0
        delay[present] = np.maximum(delay[present], p.delay)
        shared = np.zeros(cores, bool)
        for at, held in held_rows(p, mapping.core_of[p.target].astype(np.int64), _payload(p, target), target).items():
            words[at] += held.words
            if present[at]:
                shared[at] = held.shared
                settings = (*_payload(p, target), p.weight_exp, p.sign_mode)
                on_core["format"][at].add((held.shared, held.index_bits, *settings))
        convolutions += shared
        sender = net.sender_of(p.source)
        for at in np.flatnonzero(shared).tolist():
            channels, pixels = np.divmod(seen.on(at), _pixels(p))
            charge = core.conv_axon_in_words
            axons_in[at] += len(set(pixels.tolist())) if charge is None else charge.value
            if sender in net.populations:
                senders = mapping.core_of[sender][channels * _pixels(p) + pixels]
                np.add.at(slots, np.unique(np.stack([senders, pixels]), axis=1)[0], wide)
        own = seen.without(shared)
        discrete[p.source] = discrete[p.source].joined(own) if p.source in discrete else own
    for source, seen in discrete.items():
        axons_in += np.diff(seen.start)
        if net.sender_of(source) in net.populations:
            each = axon.discrete_slots.value if axon.discrete_slots is not None else 1
            np.add.at(
                slots, mapping.core_of[net.sender_of(source)], each * np.bincount(seen.neuron, minlength=seen.neurons)
            )
    free = target.compartment.delay_default_max
    longest = [_power_of_two(d) if d > (0 if free is None else free.value) else 0 for d in delay.tolist()]
    axon_map = neurons * (core.axon_map_neuron_words.value if core.axon_map_neuron_words is not None else 0)
    axon_mem = convolutions * (core.conv_axon_mem_words.value if core.conv_axon_mem_words is not None else 0)
    compartments = neurons * (core.neuron_words.value if core.neuron_words is not None else 0)
    sizes = {k: np.array([len(found) for found in v], np.int64) for k, v in on_core.items()}
    return {
        "neurons": neurons,
        "in_axons": axons_in,
        "out_axon_slots": slots,
        "synapse_words": words,
        "delay_slots": neurons * np.array(longest, np.int64),
        "compartment_profiles": sizes["profile"],
        "vth_profiles": sizes["vth"],
        "synapse_formats": sizes["format"],
        "neuron_groups": sizes["group"],
        "axon_map_words": axon_map,
        "axon_mem_words": axon_mem,
        "pool_words": axons_in + compartments + words + axon_map + axon_mem,
    }


def check_routes(net: ChipNetwork, mapping: Mapping, target: Target, reached: list[Reached]) -> None:
    """Every pair of cores that must talk is joined by a walk over tiles of the mesh, x first, then y.

    Between chips the walk passes tile (0, 0) of both, and where chips form a grid also chips between them, likewise;
    host spikes start at tile (0, 0) of chip 0.
    """
    where = [(int(chip), *_tile(int(s), target)) for chip, s in zip(mapping.chip_of, mapping.core_on_chip, strict=True)]
    tiles, tile = np.unique(np.array([*where, (0, 0, 0)]), axis=0, return_inverse=True)
    tile = tile.ravel()  # of each core, and at the end of the host
    walks = np.zeros((len(tiles), len(tiles)), bool)
    for p, seen in zip(net.projections, reached, strict=True):
        if (sender := net.sender_of(p.source)) in net.populations:
            walks[tile[mapping.core_of[sender]][seen.neuron], tile[seen.core]] = True
        else:
            walks[tile[-1], tile[np.unique(seen.core)]] = True
    legs, crossings = set(), set()
    for start, ends in zip(tiles, walks, strict=True):
        chip, x, y = start.tolist()
        same = tiles[ends & (tiles[:, 0] == chip)]
        legs |= {(x, y, *end) for end in same[:, 1:].tolist()}
        others = tiles[ends & (tiles[:, 0] != chip)]
        if len(others):
            legs |= {(x, y, 0, 0)} | {(0, 0, *end) for end in np.unique(others[:, 1:], axis=0).tolist()}
        if target.system is not None and target.system.chips_x is not None:
            columns = target.system.chips_x.value
            crossings |= {
                (chip % columns, chip // columns, o % columns, o // columns) for o in np.unique(others[:, 0]).tolist()
            }
    _walk(legs, target.mesh.tiles_x.value, target.mesh.tiles_y.value, "tile", "mesh")
    if target.system is not None and target.system.chips_x is not None and target.system.chips_y is not None:
        _walk(crossings, target.system.chips_x.value, target.system.chips_y.value, "chip", "grid")


def _walk(legs: set[tuple[int, int, int, int]], columns: int, rows: int, kind: str, grid: str) -> None:
    """Walk from (x, y) to (x, y) over a grid of tiles or chips."""
    for x, y, end_x, end_y in sorted(legs, key=lambda leg: leg[2:], reverse=True):  # the same fault every time
        steps = 0
        while (x, y) != (end_x, end_y):
            x, y = (x + np.sign(end_x - x), y) if x != end_x else (x, y + np.sign(end_y - y))
            steps += 1
            if not (0 <= x < columns and 0 <= y < rows) or steps > columns + rows:
                raise _fault(f"a route to {kind} ({end_x}, {end_y}) leaves the {grid} at ({x}, {y})", "routes")


def _tile(site: int, target: Target) -> tuple[int, int]:
    mesh = target.mesh
    number = site // mesh.cores_per_tile.value
    if mesh.tile_order.value == "column_major":
        return number // mesh.tiles_y.value, number % mesh.tiles_y.value
    return number % mesh.tiles_x.value, number // mesh.tiles_x.value


def _pixels(p: ChipProjection) -> int:
    assert isinstance(p.connection, Conv2d)
    return p.connection.source_shape[1] * p.connection.source_shape[2]


def _payload(p: ChipProjection, target: Target) -> tuple[int, int]:
    """Bits of a weight and of a delay."""
    wanted = 8 if isinstance(p.connection, Conv2d) else p.num_weight_bits
    legal = [b for b in target.weight.legal_bits.value if b >= wanted]
    delay = ceil(np.log2(p.delay + 1))
    return min(legal) if legal else wanted, min(delay, target.axon.delay_bits.value)


def _power_of_two(steps: int) -> int:
    power = 1
    while power < steps:
        power *= 2
    return power


def _fault(what: str, where: str) -> MappingFault:
    return MappingFault(what, where=where, remedy="map the network again, or correct the hand-made mapping")
