"""Codes and read-outs for tensors: the bits of the numpy ones, whatever type, batch or seed; and their gradients."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import neurodeploy as nd
from neurodeploy.errors import SimulationError
from neurodeploy.semantics import CHOICES, MEMBRANE_READOUTS
from neurodeploy.simulate.readout import classify as classify_array
from neurodeploy.simulate.readout import scores as array_scores

torch = pytest.importorskip("torch", reason="needs torch: python3 tools/test.py installs it")

DTYPES = [torch.float16, torch.bfloat16, torch.float32, torch.float64]
SHAPES = [(1, 1), (3, 5), (7, 2, 4, 3), (0, 4), (2, 0)]
encode, readout = nd.train.encode, nd.train.readout
CODES = {
    "rate": {"steps": 33},
    "bernoulli": {"steps": 33, "seed": 5},
    "latency": {"steps": 33},
    "direct": {"steps": 2},
}


def values(shape: tuple[int, ...], dtype: Any, seed: int = 0) -> Any:
    """Random values with the ends, the middle and levels' edges among them."""
    x = torch.from_numpy(np.random.default_rng(seed).random(shape))
    special = torch.tensor([0, 1, 0.5, 2.0**-25, 3 * 2.0**-25, 1.5 * 2.0**-24 - 2.0**-51, 1 / 3], dtype=x.dtype)
    x.view(-1)[:7] = special[: x.numel()]
    return x.to(dtype)


def array_of(x: Any) -> np.ndarray:
    """The same values in numpy, which has no bfloat16."""
    return x.float().numpy() if x.dtype == torch.bfloat16 else x.numpy()


def assert_same(found: Any, expected: np.ndarray) -> None:
    assert found.dtype == torch.float32 and tuple(found.shape) == expected.shape
    np.testing.assert_array_equal(found.detach().numpy(), expected.astype(np.float32))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("code", CODES)
def test_codes_equal_numpys(code: str, dtype: Any, shape: tuple[int, ...]) -> None:
    x = values(shape, dtype)
    expected = getattr(nd.encode, code)(array_of(x), **CODES[code])
    assert_same(getattr(encode, code)(x, **CODES[code]), expected)
    assert_same(getattr(encode, code)(x.clone().requires_grad_(), **CODES[code]), expected)
    assert_same(getattr(encode, code)(x.transpose(0, -1).contiguous().transpose(0, -1), **CODES[code]), expected)


@pytest.mark.parametrize("seed", [0, 1, 2**64 - 1])
def test_bernoulli_of_a_shuffled_batch(seed: int) -> None:
    x = values((9, 4, 4), torch.float32)
    whole = nd.encode.bernoulli(x.numpy(), 12, seed=seed)
    order = torch.randperm(9)
    torch.manual_seed(0)
    assert_same(encode.bernoulli(x[order], 12, seed=seed, samples=order), whole[order.numpy()])
    torch.manual_seed(1)
    assert_same(encode.bernoulli(x[order[:4]], 12, seed=seed, samples=order[:4].tolist()), whole[order[:4].numpy()])


@pytest.mark.parametrize("threshold", [-1.0, 0.0, 0.3, 1.0])
def test_latency_thresholds(threshold: float) -> None:
    x = values((5, 60), torch.float64)
    assert_same(encode.latency(x, 7, threshold=threshold), nd.encode.latency(x.numpy(), 7, threshold=threshold))


@pytest.mark.parametrize("bits", [2, 8, 16])
def test_direct_of_signed_values(bits: int) -> None:
    x = torch.linspace(-1, 1, 4097).reshape(1, -1)
    expected = nd.encode.direct(x.numpy(), 3, bits=bits)
    assert expected.min() == -expected.max() == 1 - 2 ** (bits - 1)
    assert_same(encode.direct(x, 3, bits=bits), expected)


@pytest.mark.parametrize("dtype", [*DTYPES, torch.int32])
@pytest.mark.parametrize("shape", [(3, 40, 5), (2, 1, 3), (1, 0, 2), (0, 4, 2)])
@pytest.mark.parametrize("options", [{}, {"reference": "previous"}, {"start": 0.25}])
def test_delta_equals_numpys(options: dict[str, Any], shape: tuple[int, ...], dtype: Any) -> None:
    x = torch.from_numpy(np.cumsum(np.random.default_rng(1).normal(0, 1, shape), axis=1) * 3).to(dtype)
    expected = nd.encode.delta(array_of(x), 1.1, **options)
    assert expected.any() or x.shape[1] < 2 or not len(x)
    assert_same(encode.delta(x, 1.1, **options), expected)


def test_delta_at_the_threshold_itself() -> None:
    x = torch.tensor([[0.0, 2.0, 0.0, 1.0, -1.0]])[..., None]
    found = encode.delta(x, 2.0)
    assert_same(found, nd.encode.delta(x.numpy(), 2.0))
    assert found[0, :, :, 0].tolist() == [[0, 0], [1, 0], [0, 1], [0, 0], [0, 0]]


def test_gradients_pass_straight_through() -> None:
    for code, slope in (("rate", 33.0), ("bernoulli", 33.0), ("direct", 2 * 127.0)):
        x = values((2, 3), torch.float32).requires_grad_()
        getattr(encode, code)(x, **CODES[code]).sum().backward()
        np.testing.assert_array_equal(x.grad, np.full((2, 3), slope))
    x = values((2, 3, 2), torch.float32).requires_grad_()
    assert not encode.latency(x, 3).requires_grad and not encode.delta(x, 1).requires_grad


@pytest.mark.parametrize(
    "call",
    [
        lambda x: encode.rate(x * math.nan, 3),
        lambda x: encode.rate(x + 1, 3),
        lambda x: encode.latency(x - 1, 3),
        lambda x: encode.bernoulli(x, 3, seed=-1),
        lambda x: encode.bernoulli(x, 3, seed=0, samples=[1]),
        lambda x: encode.rate(x, 0),
        lambda x: encode.rate(x[0, 0], 3),
        lambda x: encode.rate(x.numpy(), 3),
        lambda x: encode.rate(x * 1j, 3),
        lambda x: encode.direct(x, 3, bits=40),
        lambda x: encode.delta(x, 1),
        lambda x: encode.delta(x[None] * math.inf, 1),
        lambda x: encode.delta(x[None], -1),
        lambda x: readout.scores("v_max", None, x[None] * math.nan),
        lambda x: readout.scores("count", None, x[None]),
        lambda x: readout.scores("count", x),
        lambda x: readout.scores("sum", x[None]),
    ],
)
def test_the_same_is_refused(call: Any) -> None:
    with pytest.raises(SimulationError) as caught:
        call(torch.full((2, 3), 0.5))
    assert caught.value.remedy


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.uint8, torch.bool])
@pytest.mark.parametrize("shape", [(6, 25, 4), (1, 1, 1), (3, 200, 1), (0, 2, 2)])
@pytest.mark.parametrize("kind", CHOICES["readout"])
def test_scores_equal_numpys(kind: str, shape: tuple[int, int, int], dtype: Any) -> None:
    rng = np.random.default_rng(3)
    spikes = torch.from_numpy((rng.random(shape) < 0.1).astype(np.float64)).to(dtype)
    floating = dtype if dtype.is_floating_point else torch.float32
    v = torch.from_numpy(rng.normal(0, 1, shape) * 10.0 ** rng.integers(-8, 9, shape)).to(floating)
    given = {"spikes": None, "membranes": v} if kind in MEMBRANE_READOUTS else {"spikes": spikes, "membranes": None}
    found = readout.scores(kind, **given)
    arrays = {name: None if x is None else x.numpy() for name, x in given.items()}
    expected = array_scores(kind, **arrays)
    assert found.dtype == torch.float64
    np.testing.assert_array_equal(found.numpy(), expected)
    np.testing.assert_array_equal(readout.classify(found).numpy(), classify_array(expected))


def test_ties_go_to_the_lowest_class_for_any_size() -> None:
    values = torch.from_numpy(np.random.default_rng(0).integers(0, 3, (500, 97)).astype(np.float64))
    np.testing.assert_array_equal(readout.classify(values), classify_array(values.numpy()))
    assert not readout.classify(torch.zeros(9, 40, dtype=torch.float64)).any()


def test_gradient_of_the_first_spike_is_the_number_of_steps_it_moves() -> None:
    """Derivatives of the polynomial equal the finite differences of the score, spike by spike."""
    spikes = torch.tensor([[0, 0, 1, 0, 1, 0], [0, 0, 0, 0, 0, 0], [1, 1, 0, 0, 0, 0]], dtype=torch.float64)
    x = spikes.T[None].clone().requires_grad_()
    readout.scores("first_spike", x).sum().backward()
    for t, n in np.ndindex(6, 3):
        flipped = x.detach().clone()
        flipped[0, t, n] = 1 - flipped[0, t, n]
        change = (readout.scores("first_spike", flipped) - readout.scores("first_spike", x.detach())).sum()
        assert x.grad[0, t, n] == (change if x[0, t, n] == 0 else -change), (t, n)


@pytest.mark.parametrize("kind", CHOICES["readout"])
def test_every_score_trains(kind: str) -> None:
    x = torch.zeros((2, 5, 3), requires_grad=True)
    readout.scores(kind, x, x).sum().backward()
    assert x.grad.dtype == torch.float32 and torch.isfinite(x.grad).all() and x.grad.any()
