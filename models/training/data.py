"""The two real data sets, each with its fixed train/test split."""

import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

SPLIT_SEED = 20261121
DIGITS_TEST_SAMPLES = 360
AEON = "aeon==1.6.0"
VOWELS_MEMBER = "aeon/datasets/data/JapaneseVowels/JapaneseVowels_{part}.ts"
VOWELS_FRAMES = 29

DIGITS_CARD = {
    "name": "Optical Recognition of Handwritten Digits",
    "source": "sklearn.datasets.load_digits: a copy of the UCI set's test part, 1797 images of 8x8 pixels",
    "licence": "CC BY 4.0 (the data, as listed by UCI); scikit-learn, which ships the copy, is BSD-3-Clause",
    "citation": "E. Alpaydin, C. Kaynak (1998), Optical Recognition of Handwritten Digits, "
    "UCI Machine Learning Repository, doi:10.24432/C50P49",
    "split": f"stratified at random by seed {SPLIT_SEED}; hyperparameters chosen within the training part",
    "stored": "only the spike encoding of the test part",
}
VOWELS_CARD = {
    "name": "Japanese Vowels",
    "source": "JapaneseVowels_TRAIN.ts and _TEST.ts (12 LPC coefficients, 7..29 frames) in the aeon 1.6.0 wheel",
    "licence": "CC BY 4.0 (the data, as listed by UCI); aeon, whose wheel ships a copy, is BSD-3-Clause",
    "citation": "M. Kudo, J. Toyama, M. Shimbo (1999), Japanese Vowels, UCI Machine Learning Repository, "
    "doi:10.24432/C5NS47",
    "split": "the archive's own; hyperparameters chosen by cross-validation within the training part",
    "stored": "only the spike encoding of the test part",
}


@dataclass(frozen=True)
class Split:
    """Samples on the first axis of `x_*`; labels are int64 in 0..classes-1."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray

    def validation(self) -> "Split":
        """Hold back a stratified fifth of the training part in place of the test part."""
        x_fit, x_held, y_fit, y_held = train_test_split(
            self.x_train, self.y_train, test_size=0.2, stratify=self.y_train, random_state=SPLIT_SEED
        )
        return Split(x_fit, y_fit, x_held, y_held)


def digits() -> Split:
    """1797 images (8, 8), pixels in 0..1 (multiples of 1/16); stratified 1437 / 360 split."""
    bunch = load_digits()
    x_train, x_test, y_train, y_test = train_test_split(
        bunch.images / 16.0,
        bunch.target.astype(np.int64),
        test_size=DIGITS_TEST_SAMPLES,
        stratify=bunch.target,
        random_state=SPLIT_SEED,
    )
    return Split(x_train, y_train, x_test, y_test)


def vowels(wheel: Path | None) -> Split:
    """270 / 370 utterances (29 frames, 12 coefficients), NaN after the end; the archive's own split.

    Args:
      wheel: a downloaded aeon 1.6.0 wheel; None downloads it with pip. aeon is never imported.
    """
    if wheel is not None:
        return _read_vowels(wheel)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder, AEON]
        if subprocess.run(command).returncode != 0:
            raise SystemExit(f"could not fetch the data; run `pip download --no-deps {AEON}`, pass --wheel FILE")
        return _read_vowels(next(Path(folder).glob("aeon-*.whl")))


def _read_vowels(wheel: Path) -> Split:
    with zipfile.ZipFile(wheel) as archive:
        parts = [archive.read(VOWELS_MEMBER.format(part=part)).decode() for part in ("TRAIN", "TEST")]
    (x_train, y_train), (x_test, y_test) = (_parse_ts(text) for text in parts)
    return Split(x_train, y_train, x_test, y_test)


def _parse_ts(text: str) -> tuple[np.ndarray, np.ndarray]:
    """Read a .ts file: a line a sample, channels split by ':', values by ',', the label (1..9) last."""
    rows = text.split("@data", 1)[1].split("\n")
    samples, labels = [], []
    for row in filter(None, map(str.strip, rows)):
        *channels, label = row.split(":")
        series = np.array([[float(value) for value in channel.split(",")] for channel in channels]).T
        padded = np.full((VOWELS_FRAMES, series.shape[1]), np.nan)
        padded[: len(series)] = series
        samples.append(padded)
        labels.append(int(label) - 1)
    return np.stack(samples), np.array(labels, dtype=np.int64)


def shift_and_turn(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Augment images (N, 8, 8): shift up to 0.4 pixel, turn up to 7 degrees, scale up to 7 %."""
    count = len(images)
    angle = np.deg2rad(rng.uniform(-7.0, 7.0, count))
    scale = rng.uniform(0.93, 1.07, (2, count))
    shift = rng.uniform(-0.4, 0.4, (2, count)) / (images.shape[-1] / 2)
    rows = [
        [scale[0] * np.cos(angle), -np.sin(angle), shift[0]],
        [np.sin(angle), scale[1] * np.cos(angle), shift[1]],
    ]
    matrix = torch.from_numpy(np.moveaxis(np.array(rows), -1, 0))
    batch = torch.from_numpy(images[:, None])
    grid = nn.functional.affine_grid(matrix, list(batch.shape), align_corners=False)
    return nn.functional.grid_sample(batch, grid, align_corners=False)[:, 0].numpy()


def jitter(frames: np.ndarray, deviation: np.ndarray, amount: float, rng: np.random.Generator) -> np.ndarray:
    """Augment (N, F, channels): noise per frame, and an offset per sample, of `amount` deviations each."""
    per_frame = rng.normal(0.0, amount, frames.shape)
    per_sample = rng.normal(0.0, amount, (len(frames), 1, frames.shape[-1]))
    return frames + (per_frame + per_sample) * deviation
