"""Codes against their definitions, in exact arithmetic; and what is refused."""

from __future__ import annotations

import hashlib
import math
import subprocess
import sys
import zipfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import neurodeploy as nd
from neurodeploy import encode
from neurodeploy.errors import SimulationError

FLOATS = [np.float16, np.float32, np.float64]
SHAPES = [(1, 1), (3, 5), (2, 1, 4, 4), (0, 3), (4, 0)]


def values(shape: tuple[int, ...], dtype: Any = np.float32, seed: int = 0) -> np.ndarray:
    """Random values with 0, 1 and halves among them."""
    x = np.random.default_rng(seed).random(shape).astype(dtype)
    x.ravel()[:3] = np.array([0, 1, 0.5], dtype)[: x.size]
    return x


def level(x: float) -> int:
    """Of 2^-24ths, from single precision, ties to even."""
    return round(Fraction(float(np.float32(x))) * 2**24)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", FLOATS)
def test_rate_passes_half_integers(shape: tuple[int, ...], dtype: Any) -> None:
    x = values(shape, dtype)
    spikes = nd.encode.rate(x, 13)
    assert spikes.shape == (shape[0], 13, *shape[1:]) and spikes.dtype == np.uint8
    sums = np.concatenate([np.zeros_like(spikes[:, :1], int), spikes.cumsum(axis=1, dtype=int)], axis=1)
    for index in np.ndindex(shape):
        exact = Fraction(level(x[index]), 2**24)
        expected = [math.floor(t * exact + Fraction(1, 2)) for t in range(14)]
        assert sums[(index[0], slice(None), *index[1:])].tolist() == expected


@given(st.floats(0, 1), st.integers(1, 300))
def test_rate_counts_are_the_rounded_sum(x: float, steps: int) -> None:
    spikes = nd.encode.rate([[x]], steps)[0, :, 0]
    assert abs(int(spikes.sum()) - steps * x) <= 0.5 + steps * 2**-24
    assert spikes.all() or x < 1
    gaps = np.diff(np.flatnonzero(spikes))
    assert len(gaps) == 0 or np.ptp(gaps) <= 1 + (x < 1e-3)  # evenly spread


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", FLOATS)
def test_latency_is_linear(shape: tuple[int, ...], dtype: Any) -> None:
    x = values(shape, dtype)
    for steps in (1, 2, 11):
        spikes = nd.encode.latency(x, steps)
        assert spikes.shape == (shape[0], steps, *shape[1:]) and spikes.dtype == np.uint8
        for index in np.ndindex(shape):
            late = (1 - Fraction(level(x[index]), 2**24)) * (steps - 1)
            expected = [] if level(x[index]) == 0 else [math.floor(late + Fraction(1, 2))]
            assert np.flatnonzero(spikes[(index[0], slice(None), *index[1:])]).tolist() == expected


def test_latency_threshold() -> None:
    x = np.array([[0, 0.25, 0.5, 1]])
    assert nd.encode.latency(x, 5).argmax(axis=1).tolist() == [[0, 3, 2, 0]]
    assert nd.encode.latency(x, 5).sum(axis=1).tolist() == [[0, 1, 1, 1]]
    assert nd.encode.latency(x, 5, threshold=-1).argmax(axis=1).tolist() == [[4, 3, 2, 0]]
    assert nd.encode.latency(x, 5, threshold=0.25).sum(axis=1).tolist() == [[0, 0, 1, 1]]
    assert not nd.encode.latency(x, 5, threshold=7).any()


def test_bernoulli_has_the_rate_and_no_pattern() -> None:
    x = np.linspace(0, 1, 9).reshape(1, 9).repeat(40, axis=0)
    spikes = nd.encode.bernoulli(x, 500, seed=7)
    assert spikes.dtype == np.uint8 and not spikes[..., 0].any() and spikes[..., -1].all()
    rates = spikes.mean(axis=(0, 1))
    deviation = np.sqrt(x[0] * (1 - x[0]) / (40 * 500))
    assert np.all(np.abs(rates - x[0]) <= 4 * deviation)
    middle = spikes[:, :, 4].astype(float) - 0.5
    for other in (spikes[:, :, 3], spikes[:, :, 5], np.roll(spikes[:, :, 4], 1, axis=1), spikes[::-1, :, 4]):
        assert abs(np.mean(middle * (other - other.mean()))) < 4 * 0.25 / math.sqrt(40 * 500)


def test_bernoulli_depends_on_the_sample_number_only() -> None:
    x = values((6, 3, 5))
    whole = nd.encode.bernoulli(x, 20, seed=3)
    order = [4, 1, 5]
    np.testing.assert_array_equal(nd.encode.bernoulli(x[order], 20, seed=3, samples=order), whole[order])
    np.testing.assert_array_equal(nd.encode.bernoulli(x, 9, seed=3), whole[:, :9])
    np.random.seed(1)
    np.testing.assert_array_equal(nd.encode.bernoulli(x, 20, seed=3), whole)
    assert np.any(nd.encode.bernoulli(x, 20, seed=4) != whole)
    assert np.any(nd.encode.bernoulli(x[:1], 20, seed=3, samples=[1]) != whole[:1])
    nd.encode.bernoulli(x[:1], 2, seed=2**64 - 1, samples=[2**64 - 1])


def test_bernoulli_draws_numbers_of_the_published_generator() -> None:
    """Philox 4x64-10 with the key (seed, sample) and counters from 1, each 64-bit word giving its low half first."""
    words = [philox((k, 0, 0, 0), (9, 2))[i] for k in (1, 2) for i in range(4)]
    halves = [half >> 8 for word in words for half in (word & 0xFFFFFFFF, word >> 32)]
    x = np.linspace(0.01, 0.99, 5)[None]
    expected = np.array(halves[:15]).reshape(3, 5) < np.array([level(v) for v in x[0]])
    np.testing.assert_array_equal(nd.encode.bernoulli(x, 3, seed=9, samples=[2])[0], expected)
    for more in (0, 1):  # a level spikes where the number is below it, not where it is equal
        spikes = nd.encode.bernoulli((np.array([halves[:5]]) + more) / 2**24, 1, seed=9, samples=[2])
        assert spikes.any() == spikes.all() == bool(more)


def philox(counter: tuple[int, ...], key: tuple[int, ...]) -> list[int]:
    """Salmon et al. 2011, Parallel random numbers: as easy as 1, 2, 3."""
    c, (k0, k1) = list(counter), key
    for _ in range(10):
        p0, p1 = c[0] * 0xD2E7470EE14C6C93, c[2] * 0xCA5A826395121157
        c = [(p1 >> 64) ^ c[1] ^ k0, p1 % 2**64, (p0 >> 64) ^ c[3] ^ k1, p0 % 2**64]
        k0, k1 = (k0 + 0x9E3779B97F4A7C15) % 2**64, (k1 + 0xBB67AE8584CAA73B) % 2**64
    return c


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16])
def test_delta_against_a_loop(dtype: Any) -> None:
    x = np.random.default_rng(5).integers(-20, 20, (3, 30, 2, 2)).astype(dtype)
    for reference in encode.REFERENCES:
        for start in (None, 2.0):
            spikes = nd.encode.delta(x, 7, reference=reference, start=start)
            assert spikes.shape == (3, 30, 2, 2, 2) and spikes.dtype == np.uint8
            for n, i, j in np.ndindex(3, 2, 2):
                held = float(x[n, 0, i, j]) if start is None else start
                for t in range(30):
                    change = float(x[n, t, i, j]) - held
                    assert spikes[n, t, :, i, j].tolist() == [change >= 7, change <= -7]
                    if reference == "previous" or abs(change) >= 7:
                        held = float(x[n, t, i, j])


def test_delta_sees_slow_drifts_unless_told_not_to() -> None:
    drift = np.arange(30, dtype=np.float32).reshape(1, 30, 1) / 4
    assert nd.encode.delta(drift, 1.0)[0, :, 0, 0].sum() == 7
    assert not nd.encode.delta(drift, 1.0, reference="previous").any()
    assert nd.encode.delta(drift, 0.25, reference="previous")[0, 1:, 0].all()  # at the threshold itself


def test_direct_is_the_rounded_value() -> None:
    x = np.array([[-1, -0.5, 0, 0.5 / 127, 1.5 / 127, 0.25, 1]], np.float32)
    messages = nd.encode.direct(x, 3)
    assert messages.dtype == np.int32 and messages.shape == (1, 3, 7)
    assert messages[0].tolist() == [[-127, -64, 0, 0, 2, 32, 127]] * 3
    assert nd.encode.direct(x, 1, bits=2)[0, 0].tolist() == [-1, 0, 0, 0, 0, 0, 1]
    assert nd.encode.direct(x, 1, bits=16).max() == 32767


def test_integers_and_booleans_are_values() -> None:
    image = np.array([[0, 1, 1]], np.uint8)
    np.testing.assert_array_equal(nd.encode.rate(image, 4), np.repeat(image[:, None], 4, axis=1))
    np.testing.assert_array_equal(nd.encode.rate(image.astype(bool), 4), np.repeat(image[:, None], 4, axis=1))


def test_double_precision_gives_the_spikes_of_single() -> None:
    """Also 1.5 levels less 2^-51, which single precision makes 1.5 and even rounding 2; without it, it would be 1."""
    x = np.random.default_rng(1).random((4, 400))
    x[0, 0] = 1.5 * 2.0**-24 - 2.0**-51
    for code in (nd.encode.rate, nd.encode.latency, nd.encode.direct):
        np.testing.assert_array_equal(code(x, 50), code(x.astype(np.float32), 50))
    assert nd.encode.latency(x, 2, threshold=2.0**-24)[0, :, 0].sum() == 1


def test_the_bits_stay_as_they_are() -> None:
    """Who trained on these spikes must meet them again in years."""
    x = values((5, 4, 4), seed=11)
    series = np.cumsum(np.random.default_rng(2).normal(0, 1, (3, 40, 6)), axis=1)
    made = {
        "rate": nd.encode.rate(x, 20),
        "bernoulli": nd.encode.bernoulli(x, 20, seed=1),
        "latency": nd.encode.latency(x, 20),
        "delta": nd.encode.delta(series, 1.5),
        "direct": nd.encode.direct(x, 2).astype("<i4"),
    }
    assert {name: hashlib.sha256(spikes.tobytes()).hexdigest()[:16] for name, spikes in made.items()} == DIGESTS


DIGESTS = {
    "rate": "89afd9162c7102a2",
    "bernoulli": "7c32aefd21f01a23",
    "latency": "26d344b8a471ea9b",
    "delta": "2f68f7db1b3127f0",
    "direct": "48190fedc81d3164",
}


BAD_VALUES = [
    ([[np.nan]], "NaN"),
    ([[0.5, np.inf]], "inf"),
    ([[1.0000001]], "1..1"),
    ([[-1e-9]], "-1e-09"),
    ([0.5], "shape"),
    (0.5, "shape"),
    ([["a"]], "U1"),
    ([[1j]], "complex"),
    (np.array([[255]], np.uint8), "255"),
    (np.array([[None]]), "object"),
]


@pytest.mark.parametrize(("wrong", "named"), BAD_VALUES)
@pytest.mark.parametrize("code", ["rate", "bernoulli", "latency"])
def test_values_that_are_none_are_refused(code: str, wrong: Any, named: str) -> None:
    options = {"seed": 1} if code == "bernoulli" else {}
    with pytest.raises(SimulationError, match=named) as caught:
        getattr(nd.encode, code)(wrong, 3, **options)
    assert caught.value.remedy and caught.value.where == f"encode.{code}"


@pytest.mark.parametrize("steps", [0, -1, 2.0, None, True, "3"])
@pytest.mark.parametrize("code", ["rate", "bernoulli", "latency", "direct"])
def test_steps_that_are_none_are_refused(code: str, steps: Any) -> None:
    with pytest.raises(SimulationError, match="steps"):
        getattr(nd.encode, code)([[0.5]], steps, **({"seed": 1} if code == "bernoulli" else {}))


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda x: nd.encode.bernoulli(x, 2, seed=-1), "seed"),
        (lambda x: nd.encode.bernoulli(x, 2, seed=2**64), "seed"),
        (lambda x: nd.encode.bernoulli(x, 2, seed=1.5), "seed"),  # type: ignore[arg-type]
        (lambda x: nd.encode.bernoulli(x, 2, seed=1, samples=[0]), "1 numbers for 2"),
        (lambda x: nd.encode.bernoulli(x, 2, seed=1, samples=[0, -1]), "number is -1"),
        (lambda x: nd.encode.latency(x, 2, threshold=math.nan), "threshold"),
        (lambda x: nd.encode.direct(x, 2, bits=1), "bits"),
        (lambda x: nd.encode.direct(x, 2, bits=17), "bits"),
        (lambda x: nd.encode.direct(x - 1.6, 2), "-1..1"),
        (lambda x: nd.encode.delta(x, 1), "shape"),
        (lambda x: nd.encode.delta(x[..., None], 0), "threshold"),
        (lambda x: nd.encode.delta(x[..., None], 1e-60), "threshold"),
        (lambda x: nd.encode.delta(x[..., None], 1, reference="sended"), "sent"),
        (lambda x: nd.encode.delta(x[..., None], 1, start=math.inf), "start"),
        (lambda x: nd.encode.delta(x[..., None] * math.nan, 1), "NaN"),
        (lambda x: nd.encode.delta(x[..., None] * 1e300, 1), "single precision"),
    ],
)
def test_illegal_options_are_refused(call: Any, named: str) -> None:
    with pytest.raises(SimulationError) as caught:
        call(np.full((2, 3), 0.5))
    assert named in str(caught.value)


def test_torch_is_not_imported() -> None:
    script = (
        "import sys, neurodeploy as nd; nd.encode.rate([[.5]], 9); nd.train.encode; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0


def test_stored_spikes_of_the_bundled_models_are_this_code(tmp_path: Path) -> None:
    """The digits' pixels are sixteenths; their training script spread them evenly with the same rule."""
    datasets = pytest.importorskip("sklearn.datasets", reason="needs scikit-learn: python3 tools/test.py installs it")
    images = datasets.load_digits().images / 16
    with zipfile.ZipFile(nd.load_model("digits-mlp").test) as archive:
        archive.extractall(tmp_path)
    stored = {s.tobytes() for s in np.load(tmp_path / "spikes.npy")}
    made = {s.tobytes() for s in nd.encode.rate(images.reshape(len(images), -1), 20)}
    assert len(stored) > 300 and stored <= made
