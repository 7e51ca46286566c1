"""What is written for SANA-FE holds the counts of the run: counted in the file itself, without SANA-FE.

``tools/sanafe_check.py`` runs SANA-FE on it.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from programs import program_of, rich_network

import neurodeploy as nd
from neurodeploy.chipmap import Mapping
from neurodeploy.errors import ModelError, UnreadableFile
from neurodeploy.export.errors import CannotExport
from neurodeploy.export.formats import export_file
from neurodeploy.export.sanafe import export_sanafe
from neurodeploy.export.sanafe.arch import core_numbers, host_core
from neurodeploy.storage import save
from neurodeploy.stored_run import run_arrays

HEIGHT, PER_TILE = 4, 4
"""Tiles of a column of Loihi 1, and cores of a tile."""


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> tuple[nd.Program, nd.Run, Path, dict[str, Any]]:
    """Neurons scattered over five cores; the folder that was written and its network."""
    folder = tmp_path_factory.mktemp("sanafe")
    rng = np.random.default_rng(7)
    net = rich_network(rng)
    labels = {n: rng.integers(0, 5, p.size).astype(np.int32) for n, p in net.populations.items()}
    mapping = Mapping(labels, np.zeros(5, np.int32), np.array([0, 8, 33, 2, 124], np.int32))
    program = program_of(net, "loihi1", mapping)
    spikes = (rng.random((2, 9, 2, 7, 6)) < 0.4).astype(np.uint8)
    run = nd.simulate(program, spikes)
    np.savez(folder / "run.npz", **run_arrays(program, spikes, run))
    save(program, folder / "p.ndp")
    facts = export_sanafe(program, folder / "out", folder / "run.npz")
    assert {path.name for path in (folder / "out").iterdir()} == set(facts["files"])
    return program, run, folder, json.loads((folder / "out" / "network.json").read_text())


def position(core: int) -> tuple[int, int]:
    """Column and row of a core of SANA-FE's list, whose first tile has one more."""
    tile = 0 if core <= PER_TILE else (core - 1) // PER_TILE
    return divmod(tile, HEIGHT)


def test_the_file_holds_the_counts_of_the_run(case: tuple[nd.Program, nd.Run, Path, dict[str, Any]]) -> None:
    program, run, _, network = case
    groups = {group["name"]: group for group in network["groups"]}
    reached: dict[tuple[str, int], set[int]] = {}
    syn_ops = packets = hops = 0
    for joined in network["connections"]:
        source, target = groups[joined["source"]], groups[joined["target"]]
        assert source["unit"] == "axon" and "trains" not in target
        for s, t in joined["pairs"]:
            syn_ops += source["trains"][s].count("1")
            reached.setdefault((joined["source"], s), set()).add(target["cores"][t])
    for (name, s), cores in reached.items():
        fired = groups[name]["trains"][s].count("1")
        packets += fired * len(cores)
        start = position(groups[name]["cores"][s])
        ends = [position(core) for core in cores]
        hops += fired * sum(abs(start[0] - x) + abs(start[1] - y) for x, y in ends)
    traffic = run.counters.traffic
    assert traffic is not None
    assert syn_ops == run.counters.syn_ops > 0
    assert (packets, hops) == (traffic.total.packets, traffic.total.hops_x + traffic.total.hops_y)
    assert network["steps"] == run.steps * 2


def test_compartments_and_their_spikes_sit_where_they_were_mapped(
    case: tuple[nd.Program, nd.Run, Path, dict[str, Any]],
) -> None:
    program, run, _, network = case
    groups = {group["name"]: group for group in network["groups"]}
    numbers = core_numbers(program.mapping, program.target)
    for name, cores in program.mapping.core_of.items():
        paid = [g for g in groups.values() if g["name"].startswith(f"{name} ") and g["unit"] == "compartment"]
        assert len(paid) == 1 and paid[0]["cores"] == numbers[cores].tolist()
        spikes = (run.spikes[name] != 0).reshape(2 * run.steps, -1)
        fired = np.flatnonzero(spikes.any(axis=0))
        texts = ["".join("01"[int(bit)] for bit in column) for column in spikes[:, fired].T]
        assert groups[f"{name} fire"]["trains"] == texts
        assert groups[f"{name} fire"]["cores"] == numbers[cores[fired]].tolist()
    for group in groups.values():
        if group["name"].startswith("image axon"):
            assert set(group["cores"]) == {host_core(program.target)}


def test_every_input_unit_has_one_train_and_is_described(
    case: tuple[nd.Program, nd.Run, Path, dict[str, Any]],
) -> None:
    """SANA-FE keeps one train per unit, so that two neurons on one would lose the first's silently."""
    *_, folder, network = case
    taken = [
        (core, group["unit"], unit)
        for group in network["groups"]
        if "trains" in group
        for core, unit in zip(group["cores"], group["units"], strict=True)
    ]
    assert len(taken) == len(set(taken)) > 0
    text = (folder / "out" / "arch.yaml").read_text()
    for core in {core for core, *_ in taken}:
        for unit in ("fire", "axon"):
            most = max((number for c, u, number in taken if (c, u) == (core, unit)), default=None)
            assert most is None or f'"{unit}[0..{most}]"' in text
    order = ["trains" in group for group in network["groups"]]
    assert order == sorted(order)  # compartments first: SANA-FE holds the state of 1024


def test_the_architecture_has_the_constants_of_the_profile(
    case: tuple[nd.Program, nd.Run, Path, dict[str, Any]],
) -> None:
    *_, folder, _ = case
    text = (folder / "out" / "arch.yaml").read_text()
    for constant in (
        "energy_process_spike: 3.55e-11, latency_process_spike: 3.8e-09",
        "energy_process_spike: 3.36e-11, latency_process_spike: 4.7e-09",
        "energy_process_spike: 2.4e-11, latency_process_spike: 3.1e-09",
        "energy_access_neuron: 5.12e-11, energy_update_neuron: 2.16e-11, energy_spike_out: 0.0",
        "energy_spike_out: 6.93e-11",
        "energy_message_out: 1.11e-10, latency_message_out: 5.1e-09",
        "latency_message_in: 1.6e-08",
        "latency_sync: {1: 6.0e-07, 2: 1.0e-06, 4: 1.4e-06, 29: 1.8e-06}",
        "width: 8, height: 4",
    ):
        assert constant in text, constant
    assert text.count("name: tile") == 32 and text.count("- name: core") == 128 and text.count("- name: host") == 1


def test_several_chips_are_refused(case: tuple[nd.Program, nd.Run, Path, dict[str, Any]], tmp_path: Path) -> None:
    program, _, folder, _ = case
    two = replace(program.mapping, chip_of=np.array([0, 0, 0, 0, 1], np.int32))
    with pytest.raises(CannotExport, match="2 chips"):
        export_sanafe(replace(program, mapping=two), tmp_path / "out", folder / "run.npz")
    assert not (tmp_path / "out").exists()


def test_a_run_is_needed_and_only_here(case: tuple[nd.Program, nd.Run, Path, dict[str, Any]], tmp_path: Path) -> None:
    program, _, folder, _ = case
    with pytest.raises(ModelError, match="needs the spikes of a run") as caught:
        export_file(str(folder / "p.ndp"), "sanafe", tmp_path / "out")
    assert "--run" in caught.value.remedy
    with pytest.raises(ModelError, match="holds no spikes"):
        export_file(str(folder / "p.ndp"), "netx", tmp_path / "a.net", run=folder / "run.npz")
    with pytest.raises(UnreadableFile):
        export_file(str(folder / "p.ndp"), "sanafe", tmp_path / "out", run=folder / "p.ndp")
    assert not (tmp_path / "out").exists()
    facts = export_file(str(folder / "p.ndp"), "sanafe", tmp_path / "out", run=folder / "run.npz")
    assert facts["format"] == "sanafe" and (tmp_path / "out" / "replay.py").is_file()
    text = (tmp_path / "out" / "replay.py").read_text()
    assert "neurodeploy" not in text.replace("nothing of neurodeploy", "")
