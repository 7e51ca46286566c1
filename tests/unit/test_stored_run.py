"""A stored run costs what the run itself did, under any profile and mapping; other files are refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from programs import assert_same_counters, program_of, rich_network

import neurodeploy as nd
from neurodeploy.energy_profile import with_profile
from neurodeploy.errors import UnreadableFile
from neurodeploy.estimate.model import costs_of
from neurodeploy.mapping import map_network
from neurodeploy.stored_run import load_run, run_arrays

Arrays = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def case() -> tuple[nd.Program, np.ndarray, nd.Run]:
    rng = np.random.default_rng(4)
    program = program_of(rich_network(rng), "loihi1")
    spikes = (rng.random((3, 11, 2, 7, 6)) < 0.4).astype(np.uint8)
    return program, spikes, nd.simulate(program, spikes)


def stored(folder: Path, arrays: Arrays) -> Path:
    path = folder / "run.npz"
    np.savez(path, **arrays)
    return path


def test_costs_are_those_of_the_run(case: tuple[nd.Program, np.ndarray, nd.Run], tmp_path: Path) -> None:
    program, spikes, run = case
    found = load_run(stored(tmp_path, run_arrays(program, spikes, run)), program).counters()
    assert_same_counters(found, replace(run.counters, populations=dict(run.counters.populations)))
    assert costs_of(found, program).to_dict() == nd.estimate(run, program).to_dict()


def test_events_are_stored_as_the_array_of_them_is(case: tuple[nd.Program, np.ndarray, nd.Run], tmp_path: Path) -> None:
    program, spikes, run = case
    rows = np.argwhere(spikes.reshape(3, 11, -1))[::-1]
    events = nd.Events.from_rows(rows, steps=11, shape=(2, 7, 6), samples=3)
    one, two = run_arrays(program, spikes, run), run_arrays(program, events, run)
    assert one.keys() == two.keys()
    for name, values in one.items():
        np.testing.assert_array_equal(values, two[name], err_msg=name)
    shorter = nd.simulate(program, spikes, steps=8)
    found = load_run(stored(tmp_path, run_arrays(program, events, shorter)), program)
    assert found.sent["image"].shape == (3, 8, 84)
    np.testing.assert_array_equal(found.sent["image"], spikes[:, :8].reshape(3, 8, 84))


@pytest.mark.parametrize("profile", ["sanafe", "max-affine", "gpu"])
def test_another_profile_and_mapping_give_what_a_run_of_them_gives(
    case: tuple[nd.Program, np.ndarray, nd.Run], tmp_path: Path, profile: str
) -> None:
    program, spikes, run = case
    path = stored(tmp_path, run_arrays(program, spikes, run))
    finer = map_network(program.net, program.target, max_neurons_per_core=9)
    other = replace(program, mapping=finer, target=with_profile(program.target, profile))
    found = costs_of(load_run(path, other).counters(), other)
    assert found.to_dict() == nd.estimate(nd.simulate(other, spikes), other).to_dict()
    assert found.profile == profile
    for band in (found.mesh_energy, found.energy, found.total_energy, found.latency):
        assert 0 <= band.low <= band.value <= band.high
    assert (found.latency.value == 0) == (found.bound == "unknown") == (profile == "gpu")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda a: a.pop("counted"), "no array 'counted'"),
        (lambda a: a.pop("spikes_out"), "no array 'spikes_out'"),
        (lambda a: a.update(spikes_out=a["spikes_out"][:, :-1]), "'spikes_out' has shape"),
        (lambda a: a.update(spikes_out=a["spikes_out"][:2]), "has shape"),
        (lambda a: a.update(input_image=a["input_image"] + 10**6), "'input_image' does not list places"),
        (lambda a: a.update(input_image=a["input_image"].astype(float)), "'input_image' does not list places"),
        (lambda a: a.update(counted=np.array("{")), "'counted' is not what a run writes"),
        (lambda a: a.update(counted=np.array(json.dumps({"steps": 14}))), "'counted' is not what a run writes"),
    ],
)
def test_other_files_are_refused(
    case: tuple[nd.Program, np.ndarray, nd.Run], tmp_path: Path, change: object, says: str
) -> None:
    program, spikes, run = case
    arrays = run_arrays(program, spikes, run)
    change(arrays)  # type: ignore[operator]
    with pytest.raises(UnreadableFile) as caught:
        load_run(stored(tmp_path, arrays), program)
    assert says in str(caught.value) and caught.value.remedy


def test_a_run_of_another_network_is_refused(case: tuple[nd.Program, np.ndarray, nd.Run], tmp_path: Path) -> None:
    program, spikes, run = case
    net = nd.ChipNetwork()
    net.add_input("image", shape=(2, 7, 6))
    net.add_population("conv", shape=3)
    net.connect("image", "conv", np.full((3, 84), 2))
    with pytest.raises(UnreadableFile, match="'spikes_conv' has shape"):
        load_run(stored(tmp_path, run_arrays(program, spikes, run)), program_of(net, "loihi1"))
