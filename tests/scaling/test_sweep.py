"""Tables: the same bytes however they came about, and fits from them without simulation."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from neurodeploy.errors import UnknownTarget, UnreadableFile, UnwritableFile
from neurodeploy.scaling import Protocol, ScalingError, analyse, cells_of, load_table, smallest, sweep
from neurodeploy.scaling.table import HEADER, MANIFEST, TABLE, line_of, read_rows

MODULE = import_module("neurodeploy.scaling.sweep")  # the package has the function under that name
SMALL = Protocol(neurons=(5, 10), channels=(3, 6), categories=(2, 3, 4), seeds=2, n_per_class=9, target="loihi2")


class Stop(Exception):
    """The machine went down."""


def stop_after(cells: int) -> Any:
    def progress(done: int, total: int) -> None:
        if done == cells:
            raise Stop

    return progress


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "sweep"
    sweep(SMALL, folder)
    return folder


def test_a_table_has_every_cell_and_what_its_manifest_says(whole: Path) -> None:
    table = load_table(whole)
    assert table.protocol == SMALL
    assert [(r["N"], r["S"], r["K"], r["seed"]) for r in table.rows] == list(SMALL.cells())
    for row in table.rows:
        assert row["error"] is None and row["n_test"] == 3 * row["K"]
        assert 0 <= row["acc"] <= 1 and 0 <= row["acc_int"] <= 1 and row["compared"] == row["n_test"] * 30 * row["N"]
        assert row["synops"] > 0 and row["energy_j"] > 0 and row["latency_s"] > 0 and row["cores"] >= 1
    manifest = json.loads((whole / MANIFEST).read_text())
    assert manifest["complete"] and manifest["table_sha256"] == table.sha256


def test_equal_protocols_give_equal_bytes(whole: Path, tmp_path: Path) -> None:
    few = Protocol(**{**SMALL.to_dict(), "neurons": (5,), "channels": (3,), "categories": (2, 3, 4)})
    sweep(few, tmp_path / "a")
    sweep(few, tmp_path / "b")
    assert (tmp_path / "a" / TABLE).read_bytes() == (tmp_path / "b" / TABLE).read_bytes()
    assert load_table(tmp_path / "a").rows == [r for r in load_table(whole).rows if r["N"] == 5 and r["S"] == 3]


@pytest.mark.parametrize("cut", [0, 7])
def test_an_interrupted_sweep_goes_on_and_loses_nothing(whole: Path, tmp_path: Path, cut: int) -> None:
    """Stopped twice, once in the middle of a row; what was there is not run again."""
    done: list[int] = []
    for stop in (5, 11):
        with pytest.raises(Stop):
            sweep(SMALL, tmp_path / "s", progress=stop_after(stop))
        contents = (tmp_path / "s" / TABLE).read_bytes()
        assert contents.count(b"\n") == stop + 1
        with pytest.raises(UnreadableFile, match="interrupted"):
            load_table(tmp_path / "s")
        if cut:
            (tmp_path / "s" / TABLE).write_bytes(contents + contents.splitlines()[1][:cut])
    sweep(SMALL, tmp_path / "s", progress=lambda d, total: done.append(d))
    assert done == list(range(11, len(SMALL) + 1))
    for name in (TABLE, MANIFEST):
        assert (tmp_path / "s" / name).read_bytes() == (whole / name).read_bytes()


def test_a_finished_sweep_runs_nothing_again(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MODULE, "run_cell", None)
    before = (whole / TABLE).read_bytes()
    sweep(SMALL, whole)
    assert (whole / TABLE).read_bytes() == before


def test_fits_and_sizes_need_no_simulation(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("run_program", "run_hidden", "train_hidden_lif"):
        monkeypatch.setattr(f"neurodeploy.scaling.cell.{name}", None)
    table = load_table(whole)
    found = analyse(table.rows, "acc_int", most_k=3).to_dict()
    assert found["cells"] == 12 and found["chosen"] in [row["form"] for row in found["forms"]]
    json.dumps(found, allow_nan=False)
    assert smallest(table, 0.6, categories=3, channels=6).cores["N"]["cores"] == 1


def test_what_a_folder_may_hold(whole: Path, tmp_path: Path) -> None:
    other = Protocol(**{**SMALL.to_dict(), "seeds": 3})
    with pytest.raises(ScalingError, match="seeds = 2, not 3"):
        sweep(other, whole)
    (tmp_path / TABLE).write_text("a,b\n1,2\n")
    with pytest.raises(UnreadableFile, match="manifest"):
        sweep(SMALL, tmp_path)
    with pytest.raises(UnreadableFile, match="no manifest"):
        load_table(tmp_path / "nothing")


def test_a_table_that_was_changed_is_refused(whole: Path, tmp_path: Path) -> None:
    for name in (TABLE, MANIFEST):
        (tmp_path / name).write_bytes((whole / name).read_bytes())
    text = (tmp_path / TABLE).read_text()
    (tmp_path / TABLE).write_text(text.replace(",2,0,", ",2,1,", 1))
    with pytest.raises(UnreadableFile, match="hash"):
        load_table(tmp_path)
    with pytest.raises(UnreadableFile, match="hash"):
        sweep(SMALL, tmp_path)
    (tmp_path / TABLE).write_text(text.splitlines(keepends=True)[0] + "1,2\n")
    with pytest.raises(UnreadableFile, match="line 2: 2 values"):
        load_table(tmp_path)
    (tmp_path / MANIFEST).write_text("{}")
    with pytest.raises(UnreadableFile, match="not a manifest"):
        load_table(tmp_path)


def test_two_sweeps_do_not_share_a_folder(tmp_path: Path) -> None:
    pytest.importorskip("fcntl", reason="only POSIX systems lock folders")
    with MODULE._alone(tmp_path), pytest.raises(UnwritableFile, match="another sweep"):
        sweep(SMALL, tmp_path)


def test_rows_are_read_back_to_the_same_bits(tmp_path: Path) -> None:
    row = dict.fromkeys(HEADER.strip().split(","))
    row |= {"N": 1, "S": 2, "K": 3, "seed": 0, "acc": 0.1 + 0.2, "n_test": 9, "energy_j": 1e-300, "error": 'a "b", c'}
    (tmp_path / TABLE).write_text(HEADER + line_of(row))
    assert read_rows(tmp_path / TABLE)[0] == [row]


def test_a_network_that_does_not_fit_is_a_row_with_its_reason(tmp_path: Path) -> None:
    large = Protocol(neurons=(5, 400), channels=(3,), categories=(2,), seeds=1, n_per_class=3, target="tiny")
    fits, fits_not = sweep(large, tmp_path / "s").rows
    assert fits["error"] is None and fits["cores"] >= 1
    assert fits_not["error"].startswith("DoesNotFit: ") and fits_not["acc_int"] is None and fits_not["acc"] is not None
    with pytest.raises(ScalingError, match="has no acc_int"):
        cells_of(load_table(tmp_path / "s").rows, "acc_int")
    unknown = Protocol(**{**SMALL.to_dict(), "target": "loihi9"})
    with pytest.raises(UnknownTarget):
        sweep(unknown, tmp_path / "t")
    assert not (tmp_path / "t").exists()
