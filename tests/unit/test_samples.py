"""Reading data sets: spikes or events, and labels; everything else is refused with its place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from neurodeploy.errors import UnreadableFile
from neurodeploy.evaluate import load_samples

SPIKES = (np.random.default_rng(0).random((5, 7, 2, 3)) < 0.4).astype(np.uint8)
LABELS = np.array([0, 2, 1, 0, 2])
EVENTS = np.argwhere(SPIKES.reshape(5, 7, 6))
SPACE = {"shape": np.array([2, 3]), "steps": 7}


def written(folder: Path, **arrays: object) -> Path:
    np.savez_compressed(folder / "data.npz", **arrays)  # type: ignore[arg-type]
    return folder / "data.npz"


@pytest.mark.parametrize("dtype", [np.uint8, bool, np.int64, np.float32])
def test_spikes_and_labels(tmp_path: Path, dtype: type) -> None:
    found = load_samples(written(tmp_path, spikes=SPIKES.astype(dtype), labels=LABELS.astype(np.uint16)))
    assert found.spikes.dtype == np.uint8 and found.labels is not None and found.labels.dtype == np.int64
    np.testing.assert_array_equal(found.spikes, SPIKES)
    np.testing.assert_array_equal(found.labels, LABELS)


def test_labels_are_optional_and_other_arrays_are_not_read(tmp_path: Path) -> None:
    names = np.array([{"class": 0}], dtype=object)
    found = load_samples(written(tmp_path, spikes=SPIKES, names=names))
    assert found.labels is None
    np.testing.assert_array_equal(found.spikes, SPIKES)


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.uint16, np.uint64, np.int32])
def test_events_give_the_same_spikes(tmp_path: Path, dtype: type) -> None:
    order = np.random.default_rng(1).permutation(len(EVENTS))
    events = np.concatenate([EVENTS[order], EVENTS[:1]]).astype(dtype)  # any order; coinciding events are one spike
    for more in ({"labels": LABELS}, {}):
        found = load_samples(written(tmp_path, events=events, **SPACE, **more))
        np.testing.assert_array_equal(found.spikes, SPIKES)
        assert found.spikes.dtype == np.uint8


def test_labels_tell_of_silent_samples(tmp_path: Path) -> None:
    silent = EVENTS[EVENTS[:, 0] < 3]
    found = load_samples(written(tmp_path, events=silent, labels=LABELS, **SPACE))
    assert found.spikes.shape == SPIKES.shape and not found.spikes[3:].any()
    np.testing.assert_array_equal(found.spikes[:3], SPIKES[:3])
    assert len(load_samples(written(tmp_path, events=silent, **SPACE)).spikes) == 3
    none = load_samples(written(tmp_path, events=EVENTS[:0], labels=LABELS, **SPACE))
    assert none.spikes.shape == SPIKES.shape and not none.spikes.any()


def with_value(value: object) -> np.ndarray:
    changed = SPIKES.astype(np.array(value).dtype)
    changed[3, 2, 1, 0] = value
    return changed


def event(*row: int) -> np.ndarray:
    return np.concatenate([EVENTS, [row]])


LABELLED = {"labels": LABELS, **SPACE}
WRONG = {
    "no arrays": ({}, "found []", "spikes=..., labels=..."),
    "no spikes": ({"spike": SPIKES}, "found ['spike']", "spikes=..., labels=..."),
    "both kinds": ({"spikes": SPIKES, "events": EVENTS, **SPACE}, "one array 'spikes' or 'events'", "savez"),
    "one sample": ({"spikes": SPIKES[0, 0]}, "shape (2, 3)", "(N, T, *shape)"),
    "no samples": ({"spikes": SPIKES[:0]}, "shape (0, 7, 2, 3)", "at least one"),
    "no steps": ({"spikes": SPIKES[:, :0]}, "shape (5, 0, 2, 3)", "at least one"),
    "half": ({"spikes": with_value(0.5)}, "spikes hold 0.5 at (3, 2, 1, 0)", "encode"),
    "too large": ({"spikes": with_value(2**31)}, "spikes hold 2147483648 at (3, 2, 1, 0)", "encode"),
    "fraction": ({"spikes": with_value(0.25)}, "spikes hold 0.25 at (3, 2, 1, 0)", "encode"),
    "NaN": ({"spikes": with_value(np.nan)}, "spikes hold nan at (3, 2, 1, 0)", "encode"),
    "complex": ({"spikes": SPIKES.astype(complex)}, "complex128", "uint8"),
    "text": ({"spikes": SPIKES.astype(str)}, "<U", "uint8"),
    "objects": ({"spikes": SPIKES.astype(object)}, "Object arrays cannot be loaded", "savez"),
    "labels short": ({"spikes": SPIKES, "labels": LABELS[:4]}, "4 labels and 5 samples", "per sample"),
    "labels fraction": ({"spikes": SPIKES, "labels": LABELS * 0.5}, "float64", "integers"),
    "labels text": ({"spikes": SPIKES, "labels": LABELS.astype(str)}, "<U", "integers"),
    "labels negative": ({"spikes": SPIKES, "labels": LABELS - 1}, ">= 0", "counted from 0"),
    "labels one-hot": ({"spikes": SPIKES, "labels": np.eye(5, dtype=int)}, "shape (5, 5)", "counted from 0"),
    "labels scalar": ({"events": EVENTS, **SPACE, "labels": 3}, "shape ()", "counted from 0"),
    "events alone": ({"events": EVENTS}, "'shape' and 'steps'", "all three"),
    "events without steps": ({"events": EVENTS, "shape": SPACE["shape"]}, "'shape' and 'steps'", "all three"),
    "events of four": ({"events": np.c_[EVENTS, EVENTS[:, 0]], **SPACE}, "(sample, t, address)", "C order"),
    "events of floats": ({"events": EVENTS * 1.0, **SPACE}, "integer rows", "C order"),
    "steps of two": ({"events": EVENTS, "shape": [2, 3], "steps": [7, 7]}, "'steps'", "all three"),
    "no room": ({"events": EVENTS, "shape": [2, 0], "steps": 7}, "shape (2, 0)", "at least one"),
    "no events": ({"events": EVENTS[:0], **SPACE}, "0 samples", "at least one"),
    "negative steps": ({"events": EVENTS, "shape": [2, 3], "steps": -7}, "-7 steps", "at least one"),
    "late sample": ({"events": event(5, 0, 0), **LABELLED}, f"event {len(EVENTS)} has sample 5, of 0..4", "columns"),
    "late step": ({"events": event(4, 7, 0), **LABELLED}, f"event {len(EVENTS)} has t 7, of 0..6", "'steps'"),
    "far address": ({"events": event(4, 0, 6), **LABELLED}, f"event {len(EVENTS)} has address 6, of 0..5", "'shape'"),
    "early step": ({"events": event(4, -1, 0), **LABELLED}, f"event {len(EVENTS)} has t -1", "columns"),
    "huge": ({"events": EVENTS, "shape": [2**40, 2**40], "steps": 2**40}, "do not fit in memory", "fewer samples"),
    "large": ({"events": EVENTS, "shape": [2, 3], "steps": 10**15}, "do not fit in memory", "fewer samples"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_arrays_are_refused(tmp_path: Path, case: str) -> None:
    arrays, what, remedy = WRONG[case]
    path = written(tmp_path, **arrays)
    with pytest.raises(UnreadableFile) as caught:
        load_samples(path)
    assert what in caught.value.what and remedy in caught.value.remedy
    assert caught.value.where == str(path)


def npy(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, SPIKES)


def damaged(path: Path) -> None:
    data = bytearray(written(path.parent, spikes=SPIKES).read_bytes())
    data[60] ^= 0xFF
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda path: None, "no such file"),
        (Path.mkdir, "a folder"),
        (Path.touch, "not an .npz file"),
        (lambda path: path.write_text("spikes"), "not an .npz file"),
        (npy, "not an .npz file"),
        (damaged, "not a readable .npz file"),
        (lambda path: path.write_bytes(written(path.parent, spikes=SPIKES).read_bytes()[:-30]), "not an .npz file"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, make: Callable[[Path], object], what: str) -> None:
    make(tmp_path / "given")
    with pytest.raises(UnreadableFile, match=what) as caught:
        load_samples(tmp_path / "given")
    assert caught.value.where == str(tmp_path / "given") and caught.value.remedy
