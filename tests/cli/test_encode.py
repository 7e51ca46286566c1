"""``neurodeploy encode``: what it writes is what ``run`` takes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from commandline import Cli

import neurodeploy as nd
from neurodeploy.encode_job import CODES
from neurodeploy.evaluate import load_samples

OPTIONS = {
    "rate": {"steps": 7},
    "bernoulli": {"steps": 7, "seed": 3},
    "latency": {"steps": 7, "threshold": 0.25},
    "delta": {"threshold": 0.3, "reference": "previous", "start": 0.0},
    "direct": {"steps": 2, "bits": 5},
}


@pytest.fixture
def values(tmp_path: Path) -> Path:
    path = tmp_path / "values.npz"
    np.savez(path, values=np.random.default_rng(0).random((5, 6, 3)), labels=np.arange(5), other=np.zeros(2))
    return path


def words(options: dict[str, object]) -> list[str]:
    return [str(w) for name, value in options.items() for w in (f"--{name}", value)]


@pytest.mark.parametrize("code", CODES)
def test_every_code(cli: Cli, values: Path, tmp_path: Path, code: str) -> None:
    out = tmp_path / "data.npz"
    result = cli("encode", values, "--code", code, *words(OPTIONS[code]), "-o", out, "--json")
    assert result.code == 0 and result.err == ""
    facts, samples = json.loads(result.out), load_samples(out)
    with np.load(values) as data:
        expected = getattr(nd.encode, code)(data["values"], **OPTIONS[code])
    np.testing.assert_array_equal(samples.spikes, expected)
    assert samples.labels is not None and samples.labels.tolist() == list(range(5))
    assert facts["samples"] == 5 and facts["shape"] == list(expected.shape[1:])
    assert facts["nonzero"] == pytest.approx(np.count_nonzero(expected) / expected.size)
    assert cli("encode", values, "--code", code, *words(OPTIONS[code]), "-o", out).code == 0


def test_encoded_values_run(cli: Cli, work: Path) -> None:
    np.savez("pixels.npz", values=np.random.default_rng(1).random((4, 6)))
    assert cli("encode", "pixels.npz", "--code", "rate", "--steps", 9, "-o", "spikes.npz").code == 0
    facts = json.loads(cli("run", "program.ndp", "--input", "spikes.npz", "--json").out)
    assert facts["samples"] == 4 and facts["accuracy"] is None


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--code", "rate"), "--steps"),
        (("--code", "bernoulli", "--steps", "3"), "--seed"),
        (("--code", "delta", "--steps", "3", "--threshold", "1"), "--steps means nothing"),
        (("--code", "rate", "--steps", "3", "--bits", "4"), "--bits means nothing"),
        (("--code", "rate", "--steps", "0"), "steps"),
        (("--code", "rates", "--steps", "3"), "rate"),
        (("--code", "delta", "--threshold", "-1"), "threshold"),
        (("--code", "delta", "--threshold", "1", "--reference", "last"), "sent"),
    ],
)
def test_mistakes(cli: Cli, values: Path, tmp_path: Path, options: tuple[str, ...], named: str) -> None:
    result = cli("encode", values, *options, "-o", tmp_path / "data.npz")
    assert result.code in (2, 8) and named in result.err and not (tmp_path / "data.npz").exists()


@pytest.mark.parametrize(
    ("arrays", "named"),
    [
        ({"images": np.zeros((2, 3))}, "images"),
        ({"values": np.full((2, 3), 255.0)}, "0..1"),
        ({"values": np.zeros((0, 3))}, "at least one"),
        ({"values": np.zeros((2, 3)), "labels": np.zeros(3, int)}, "3 labels and 2 samples"),
        ({"values": np.zeros((2, 3)), "labels": np.zeros(2)}, "class number"),
        ({"values": np.array([["a"]])}, "real numbers"),
    ],
)
def test_wrong_files(cli: Cli, tmp_path: Path, arrays: dict[str, np.ndarray], named: str) -> None:
    np.savez(tmp_path / "wrong.npz", **arrays)
    result = cli("encode", tmp_path / "wrong.npz", "--code", "rate", "--steps", 3, "-o", tmp_path / "data.npz")
    assert result.code in (3, 8) and named in result.err and not (tmp_path / "data.npz").exists()


def test_the_input_is_not_overwritten(cli: Cli, values: Path) -> None:
    result = cli("encode", values, "--code", "rate", "--steps", 3, "-o", values)
    assert result.code == 3 and "overwrite" in result.err
    assert cli("encode", values.parent, "--code", "rate", "--steps", 3, "-o", values).code in (2, 3)
