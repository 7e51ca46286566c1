"""Program files: the same program comes back, damage is noticed, and files are written whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
from pathlib import Path

import graphs
import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from lava_case import Case
from programs import assert_same_program, assert_same_run, program_of, rich_network
from strategies import cases

import neurodeploy as nd
from neurodeploy import storage
from neurodeploy.atomic import check_writable, replacing
from neurodeploy.errors import UnreadableFile, UnwritableFile


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(5)


@pytest.fixture
def stored(tmp_path: Path, rng: np.random.Generator) -> Path:
    """A file with a little of everything."""
    nd.save(program_of(rich_network(rng)), tmp_path / "p.ndp")
    return tmp_path / "p.ndp"


@pytest.fixture(scope="module")
def conv_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return graphs.write(graphs.conv_net(np.random.default_rng(1)), tmp_path_factory.mktemp("nir"))


def test_every_array_and_every_state_survives(stored: Path, rng: np.random.Generator) -> None:
    original, loaded = program_of(rich_network(np.random.default_rng(5))), nd.load(stored)
    assert_same_program(original, loaded)
    spikes = (rng.random((3, 20, 2, 7, 6)) < 0.4).astype(np.uint8)
    assert_same_run(original, loaded, spikes)
    assert_same_run(original, loaded, spikes, engine="fast")


def test_a_compiled_program_survives(conv_model: Path, tmp_path: Path, rng: np.random.Generator) -> None:
    original = nd.compile(conv_model, "loihi2")
    nd.save(original, tmp_path / "p.ndp")
    loaded = nd.load(tmp_path / "p.ndp")
    assert_same_program(original, loaded)
    assert_same_run(original, loaded, (rng.random((2, 15, 1, 8, 8)) < 0.5).astype(np.uint8), engine="fast")


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(case=cases())
def test_any_network_survives(case: Case, tmp_path: Path) -> None:
    original = program_of(case.plan.net)
    nd.save(original, tmp_path / "p.ndp")
    assert_same_program(original, nd.load(tmp_path / "p.ndp"))


def test_loaded_arrays_cannot_be_changed(stored: Path) -> None:
    loaded = nd.load(stored)
    arrays = [p.connection.weights for p in loaded.net.projections]
    arrays += [v for p in loaded.net.populations.values() for v in p.fields.values()]
    assert arrays and not any(a.flags.writeable for a in arrays)


def test_saving_what_was_loaded_gives_the_same_contents(stored: Path, tmp_path: Path) -> None:
    nd.save(nd.load(stored), tmp_path / "again.ndp")
    assert (tmp_path / "again.ndp").read_bytes() == stored.read_bytes()


def test_the_file_is_hdf5_and_nothing_in_it_needs_pickle(stored: Path) -> None:
    kinds = set()
    with h5py.File(stored) as file:
        file.visititems(lambda name, item: kinds.add(item.dtype.kind) if isinstance(item, h5py.Dataset) else None)
        assert json.loads(file["document"][()].tobytes())["readout"] == "count"
    assert kinds == {"i", "u", "f"}


def test_provenance_says_where_it_comes_from(conv_model: Path, tmp_path: Path) -> None:
    options = nd.Options({"readout": "count"}, bits=6, max_neurons_per_core=64)
    nd.save(nd.compile(conv_model, "loihi1", options), tmp_path / "p.ndp")
    loaded = nd.load(tmp_path / "p.ndp")
    target = nd.load_target("loihi1")
    expected = {
        "model": conv_model.name,
        "model_sha256": hashlib.sha256(conv_model.read_bytes()).hexdigest(),
        "target": "loihi1",
        "target_sha256": hashlib.sha256(Path(target.path).read_bytes()).hexdigest(),
        "bits": 6,
        "max_neurons_per_core": 64,
        "neurodeploy": nd.__version__,
    }
    assert expected.items() <= loaded.provenance.items()
    assert loaded.semantics["readout"] == "count" and loaded.semantics["dt_s"] == graphs.DT_S


# damage


def refused(path: Path, data: bytes) -> UnreadableFile:
    """The error for a file of these bytes."""
    path.write_bytes(data)
    with pytest.raises(UnreadableFile) as caught:
        nd.load(path)
    assert caught.value.where == str(path)
    return caught.value


def test_a_truncated_or_longer_file_is_refused(stored: Path) -> None:
    data = stored.read_bytes()
    for length in [0, 1, 7, 20, 21, 22, 511, 512, 513, *range(600, len(data), 97), len(data) - 1]:
        refused(stored, data[:length])
    assert "checksum" in refused(stored, data + b"\0").what
    assert "checksum" in refused(stored, data + data).what


def test_every_flipped_byte_is_refused(stored: Path) -> None:
    data = stored.read_bytes()
    for position in [*range(600), *range(600, len(data), 101), len(data) - 1]:
        for bits in (1, 0x80, 0xFF):
            damaged = bytearray(data)
            damaged[position] ^= bits
            refused(stored, damaged)


def test_damage_is_found_before_libhdf5_sees_it(stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One flipped byte in a header can crash libhdf5."""
    data = bytearray(stored.read_bytes())
    data[5000] ^= 0xFF
    monkeypatch.setattr(h5py, "File", lambda *args, **kwargs: pytest.fail("opened"))
    assert "checksum" in refused(stored, data).what and "again" in refused(stored, data).remedy


@pytest.mark.parametrize("version", [4, 17])
def test_a_newer_version_says_to_upgrade(stored: Path, version: int) -> None:
    assert storage.VERSION == 3
    data = stored.read_bytes()
    for contents in (data[storage.BLOCK :], b"whatever the future brings"):
        error = refused(stored, storage._block(version, contents) + contents)
        assert f"version {version}" in error.what and "pip install --upgrade neurodeploy-snn" in error.remedy


def test_a_valid_checksum_over_nonsense_is_refused(stored: Path, conv_model: Path) -> None:
    for contents in (b"", b"nonsense", conv_model.read_bytes()):
        error = refused(stored, storage._block(storage.VERSION, contents) + contents)
        assert "not a readable program" in error.what


def test_other_files_are_named_for_what_they_are(tmp_path: Path, conv_model: Path) -> None:
    (tmp_path / "text").write_text("not a program\n" * 100)
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    shutil.copy(conv_model, tmp_path / "nir")
    expected = {
        "text": "not a neurodeploy program",
        "empty": "not a neurodeploy program",
        "folder": "a folder",
        "nir": "HDF5 but not a neurodeploy program",
        "missing": "no such file",
    }
    for name, what in expected.items():
        with pytest.raises(UnreadableFile) as caught:
            nd.load(tmp_path / name)
        assert what in caught.value.what and caught.value.where == str(tmp_path / name)
        assert "compile" in caught.value.remedy


# writing


@pytest.mark.parametrize("fault", [OSError("disk full"), RuntimeError("a bug"), KeyboardInterrupt()])
def test_a_failed_save_leaves_the_old_file(stored: Path, fault: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    before, program, write = stored.read_bytes(), nd.load(stored), storage._write

    def fails(*args: object) -> None:
        write(*args)  # type: ignore[arg-type]
        raise fault

    monkeypatch.setattr(storage, "_write", fails)
    expected = UnwritableFile if isinstance(fault, OSError) else type(fault)
    with pytest.raises(expected):
        nd.save(program, stored)
    with pytest.raises(expected):
        nd.save(program, stored.with_name("new.ndp"))
    assert stored.read_bytes() == before
    assert [f.name for f in stored.parent.iterdir()] == [stored.name]


def test_saving_replaces_a_file_and_leaves_nothing_else(stored: Path) -> None:
    program = nd.load(stored)
    stored.write_text("old")
    nd.save(program, stored)
    assert_same_program(program, nd.load(stored))
    assert [f.name for f in stored.parent.iterdir()] == [stored.name]


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_a_new_file_has_the_permissions_of_any_new_file(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        (tmp_path / "plain").write_text("x")
        with replacing(tmp_path / "ours") as temporary:
            temporary.write_text("x")
        assert (tmp_path / "ours").stat().st_mode == (tmp_path / "plain").stat().st_mode
        assert os.umask(mask) == mask
    finally:
        os.umask(before)


def test_an_existing_file_keeps_its_permissions_and_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "real").chmod(0o600)
    (tmp_path / "link").symlink_to("real")
    with replacing(tmp_path / "link") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "real").read_text() == "new"
    assert stat.S_IMODE((tmp_path / "real").stat().st_mode) == 0o600


def test_what_is_not_a_file_is_never_replaced(tmp_path: Path, stored: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name in ("folder", "pipe"):
        with pytest.raises(UnwritableFile, match="not a file"):
            nd.save(nd.load(stored), tmp_path / name)
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode) and (tmp_path / "folder").is_dir()


def test_a_missing_folder_is_named(tmp_path: Path, stored: Path) -> None:
    with pytest.raises(UnwritableFile) as caught:
        nd.save(nd.load(stored), tmp_path / "none" / "p.ndp")
    assert str(tmp_path / "none") in caught.value.what and "create the folder" in caught.value.remedy


def test_an_unwritable_folder_is_refused(tmp_path: Path, stored: Path) -> None:
    program = nd.load(stored)
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o555)
    for parent in (tmp_path, *tmp_path.parents[:2]):
        parent.chmod(parent.stat().st_mode | 0o111)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)  # root may write anywhere
    try:
        with pytest.raises(UnwritableFile) as caught:
            nd.save(program, locked / "p.ndp")
    finally:
        if root:
            os.seteuid(0)
    assert "another folder" in caught.value.remedy and not list(locked.iterdir())


def test_an_input_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("x")
    (tmp_path / "link").symlink_to("data")
    for name in ("data", "link"):
        with pytest.raises(UnwritableFile, match="overwrite the input"):
            check_writable(tmp_path / name, keep=[tmp_path / "data"])
    assert check_writable(tmp_path / "other", keep=[tmp_path / "data"]) == tmp_path / "other"
