"""Energy profiles: complete, sourced, told apart from one another, and refused where they are wrong."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

import neurodeploy as nd
from neurodeploy.energy_profile import EnergyProfile, list_profiles, load_profile, missing, with_profile
from neurodeploy.errors import InvalidTarget, UnknownTarget
from neurodeploy.estimate.baselines import MACHINES
from neurodeploy.target import bundled_folder
from neurodeploy.target_schema import Sourced

FILES = sorted(path.stem for path in (bundled_folder() / "energy").glob("*.toml"))


def facts(profile: EnergyProfile) -> dict[str, Sourced]:
    tables = [profile.energy, profile.latency, *([profile.ann] if profile.ann else [])]
    found = {key: getattr(table, key) for table in tables for key in table.__struct_fields__}
    return {key: fact for key, fact in found.items() if isinstance(fact, Sourced)}


def test_profiles_of_targets_and_of_files_are_listed() -> None:
    assert {"sanafe", "max-affine", "45nm", "cpu", "gpu", "arm", "spinnaker", "spinnaker2"} == set(FILES)
    assert set(list_profiles()) == {*FILES, "davies2018", "halapoint", "tiny"}


@pytest.mark.parametrize("name", FILES)
def test_every_constant_has_a_source_and_absent_ones_are_nothing(name: str) -> None:
    profile = load_profile(name)
    assert profile.energy.profile == name
    for key, fact in facts(profile).items():
        assert len(fact.source) > 10, key
        assert fact.status in ("published", "inferred", "absent")
        if fact.status == "absent":
            assert fact.band == (0, 0), key
    assert profile.energy.synop_j.value > 0


def test_sanafe_constants_are_those_of_its_architecture_file() -> None:
    e, t = load_profile("sanafe").energy, load_profile("sanafe").latency
    assert e.synop_dense_j and e.synop_sparse_j and e.synop_conv_j and e.spike_out_j
    assert [q.value for q in (e.synop_dense_j, e.synop_sparse_j, e.synop_conv_j)] == [35.5e-12, 33.6e-12, 24.0e-12]
    assert (e.neuron_inactive_j.value, e.spike_out_j.value, e.within_tile_spike_j.value) == (
        51.2e-12,
        69.3e-12,
        111e-12,
    )
    assert e.neuron_active_j.value - e.neuron_inactive_j.value == pytest.approx(21.6e-12, rel=1e-12)
    assert (e.hop_x_j.value, e.hop_y_j.value) == (3.0e-12, 4.2e-12)
    assert t.synop_dense_s and t.synop_sparse_s and t.synop_conv_s
    assert [q.value for q in (t.synop_dense_s, t.synop_sparse_s, t.synop_conv_s)] == [3.8e-9, 4.7e-9, 3.1e-9]
    assert t.spike_out_s and t.packet_in_s and t.packet_out_s and t.barrier_tiles_s
    assert (t.spike_out_s.value, t.packet_out_s.value, t.packet_in_s.value) == (30e-9, 5.1e-9, 16e-9)
    assert (t.neuron_inactive_s.value, t.neuron_active_s.value) == (6.0e-9, 9.7e-9)
    assert t.barrier_tiles_s.value == ((1, 0.6e-6), (2, 1.0e-6), (4, 1.4e-6), (29, 1.8e-6))


def test_a_profile_takes_the_place_of_a_target_s_own_and_leaves_its_limits() -> None:
    chip = nd.load_target("loihi2")
    other = with_profile(chip, "davies2018")
    loihi1 = nd.load_target("loihi1")
    assert (other.energy, other.latency) == (loihi1.energy, loihi1.latency)
    assert (other.core, other.mesh, other.name) == (chip.core, chip.mesh, chip.name)


def test_what_a_profile_has_not_is_said() -> None:
    chip = nd.load_target("loihi1")
    assert missing(chip) == ()
    assert {"static_core_w", "overhead_chip_w"} <= set(missing(with_profile(chip, "sanafe")))
    assert {"synop_s", "barrier_s", "hop_x_j"} <= set(missing(with_profile(chip, "gpu")))


def test_machines_of_the_baselines_have_dense_networks() -> None:
    for name in MACHINES:
        assert load_profile(name).ann is not None, name


def test_an_unknown_profile_is_refused_with_the_names() -> None:
    with pytest.raises(UnknownTarget, match="no energy profile 'sanafi'") as caught:
        load_profile("sanafi")
    assert "sanafe" in caught.value.remedy and "max-affine" in caught.value.remedy


def edited(folder: Path, old: str, new: str) -> str:
    text = (bundled_folder() / "energy" / "gpu.toml").read_text()
    assert text.count(old) == 1
    path = folder / "mine.toml"
    path.write_text(text.replace(old, new))
    return str(path)


def test_a_file_of_one_s_own_is_a_profile(tmp_path: Path) -> None:
    path = edited(tmp_path, 'profile = "gpu"', 'profile = "mine"')
    profile = load_profile(path)
    assert profile.energy.profile == "mine"
    assert msgspec.structs.replace(profile.energy, profile="gpu") == load_profile("gpu").energy


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("hop_x_j = { value = 0,", "hop_x_j = { value = 1e-12,", "hop_x_j is absent"),
        ("hop_x_j = {", "hop_z_j = {", "energy.hop_z_j: unknown key"),
        ("synop_j = { value = 0.3e-9,", "synop_j = { value = -1.0,", "energy.synop_j.value"),
        ("[latency]", "[latency", "(syntax)"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, old: str, new: str, says: str) -> None:
    with pytest.raises(InvalidTarget) as caught:
        load_profile(edited(tmp_path, old, new))
    assert says in str(caught.value) and "mine.toml" in caught.value.where


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownTarget):
        load_profile(str(tmp_path / "no.toml"))
