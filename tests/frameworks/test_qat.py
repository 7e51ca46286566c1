"""Quantised modules in training: the chip's bits forward, the float network's gradients backward."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import neurodeploy as nd

pytest.importorskip("snntorch", reason="needs snntorch: python3 tools/test.py installs it")
pytest.importorskip("norse", reason="needs norse: python3 tools/test.py installs it")

import torch  # noqa: E402
from frameworks import qat_networks  # noqa: E402
from frameworks.qat_networks import NETWORKS  # noqa: E402

from neurodeploy.evaluate import run_program  # noqa: E402
from neurodeploy.train import qat  # noqa: E402

STEPS = 12


SAMPLES = 10
LABELS = np.arange(SAMPLES) % qat_networks.N_OUT


def spikes(shape: tuple[int, ...]) -> Any:
    """Samples that tell their class: every fifth input is busier."""
    places = np.arange(int(np.prod(shape))).reshape(shape) % qat_networks.N_OUT
    rates = np.stack([np.where(places == label, 0.8, 0.3) for label in LABELS])
    return (np.random.default_rng(3).random((SAMPLES, STEPS, *shape)) < rates[:, None]).astype(np.uint8)


def prepared(make: Callable[[], Any], target: str = "loihi2", **options: Any) -> tuple[Any, Any]:
    """A quantised module and an input."""
    torch.manual_seed(1)
    module, shape = make()
    x = spikes(shape)
    read = {"readout": "v_max"} if make is qat_networks.norse_membranes else {}
    return qat.prepare(module, target, sample=x, options=nd.Options(read), **options), x


def assert_exact(quantized: Any, x: Any) -> None:
    rows = quantized.check(x)
    assert [(r.mismatching, r.membranes_mismatching) for r in rows] == [(0, 0)] * len(rows), rows
    assert all(
        r.bits == r.membranes == x.shape[0] * x.shape[1] * n for r, n in zip(rows, sizes(quantized), strict=True)
    )
    fires = [quantized.compilation().network.populations[r.layer].spiking for r in rows]
    assert all(0 < r.spikes < r.bits for r, firing in zip(rows, fires, strict=True) if firing), rows


def sizes(quantized: Any) -> list[int]:
    return [p.size for p in quantized.compilation().network.populations.values()]


def same_network(a: Any, b: Any) -> bool:
    """Whether two chip networks hold the same numbers."""
    fields = all(
        p.fields.keys() == q.fields.keys()
        and all(np.array_equal(p.full(f), q.full(f)) for f in p.fields)
        and (p.reset, p.start) == (q.reset, q.start)
        for p, q in zip(a.populations.values(), b.populations.values(), strict=True)
    )
    wires = all(
        np.array_equal(p.connection.weights, q.connection.weights)
        and (p.source, p.target, p.weight_exp, p.num_weight_bits, p.delay)
        == (q.source, q.target, q.weight_exp, q.num_weight_bits, q.delay)
        for p, q in zip(a.projections, b.projections, strict=True)
    )
    return fields and wires


@pytest.mark.parametrize(("target", "bits"), [("loihi1", 8), ("loihi2", 3)])
@pytest.mark.parametrize("make", NETWORKS, ids=lambda make: make.__name__)
def test_forward_pass_is_the_chips_and_every_parameter_learns(make: Callable[[], Any], target: str, bits: int) -> None:
    quantized, x = prepared(make, target, bits=bits)
    assert_exact(quantized, x)
    torch.nn.functional.cross_entropy(quantized.scores(x), torch.from_numpy(LABELS)).backward()
    trained = {name: p for name, p in quantized.module.named_parameters() if p.requires_grad}
    assert trained
    for name, p in trained.items():
        assert p.grad is not None and bool(torch.isfinite(p.grad).all()), name
        assert float(p.grad.abs().max()) > 0, name


def test_the_result_is_read_as_the_program_is() -> None:
    quantized, x = prepared(qat_networks.norse_membranes)
    scores = quantized.scores(x).detach().numpy()
    _, expected = run_program(quantized.program(), x)
    np.testing.assert_array_equal(scores, expected)


def test_bits_by_layer() -> None:
    quantized, x = prepared(qat_networks.leaky_to_zero, bits={"1": 3, "*": 6})
    kinds = {p.target: len(np.unique(p.connection.weights)) for p in quantized.program().net.projections}
    assert kinds["1"] <= 8 < kinds["3"] <= 64
    assert qat.prepare(quantized.module, "loihi2", sample=x, options=nd.Options(bits=5)).options.bits == 5
    assert_exact(quantized, x)


def test_changed_parameters_are_quantised_anew() -> None:
    quantized, x = prepared(qat_networks.leaky_to_zero)
    before = quantized.compilation()
    assert quantized.compilation() is before
    quantized.module[0].weight.data.mul_(-1)  # raises no version counter
    inverted = quantized.compilation()
    assert not same_network(inverted.net, before.net)
    quantized.module[1].beta.fill_(0.25)  # no parameter, but it is deployed
    assert not same_network(quantized.compilation().net, inverted.net)
    assert_exact(quantized, x)


@pytest.mark.parametrize(
    "make",
    [qat_networks.leaky_late_subtraction, qat_networks.convolution, qat_networks.norse_recurrent],
    ids=lambda make: make.__name__,
)
def test_training_lowers_the_loss_and_compile_gives_what_was_trained(make: Callable[[], Any]) -> None:
    quantized, x = prepared(make, bits=3)
    seen: list[Any] = []
    told = qat.finetune(quantized, x, LABELS, epochs=8, batch=5, learning_rate=0.05, progress=seen.append)
    assert tuple(seen) == told and [e.number for e in told] == list(range(1, 9))
    assert told[-1].loss < 0.85 * told[0].loss
    assert_exact(quantized, x)
    program = nd.compile(quantized.module, "loihi2", nd.Options(bits=3), sample=x)
    assert same_network(program.net, quantized.compilation().net)


def test_seeds_make_it_reproducible() -> None:
    def trained(seed: int) -> list[Any]:
        quantized, x = prepared(qat_networks.leaky_to_zero, bits=4)
        noisy = lambda some, rng: some * (rng.random(some.shape) < 0.9).astype(np.uint8)  # noqa: E731
        qat.finetune(quantized, x, LABELS, epochs=2, batch=5, seed=seed, encode=noisy)
        return [p.detach().clone() for p in quantized.module.parameters()]

    first, again, other = trained(1), trained(1), trained(2)
    assert all(map(torch.equal, first, again))
    assert not all(map(torch.equal, first, other))


def test_an_own_loss() -> None:
    quantized, x = prepared(qat_networks.leaky_to_zero, bits=4)
    silent = lambda scores, labels: (scores**2).mean()  # noqa: E731
    told = qat.finetune(quantized, x, np.zeros(len(x), int), epochs=6, batch=5, learning_rate=2e-2, loss=silent)
    assert told[-1].loss < 0.5 * told[0].loss


def test_clipping_errs_less_than_the_largest_weight() -> None:
    from neurodeploy.train.qat.loop import best_clip, rounding_error

    weights = np.random.default_rng(0).normal(size=5000)
    weights[0] = 12.0
    assert rounding_error(weights, 12.0, 1) == pytest.approx(np.mean(weights[np.abs(weights) < 6] ** 2), rel=1e-3)
    for bits, steps in ((2, 1), (3, 3), (4, 7)):
        best = best_clip(weights, bits)
        assert rounding_error(weights, best, steps) < 0.5 * rounding_error(weights, 12.0, steps)
        assert all(
            rounding_error(weights, best, steps) <= rounding_error(weights, c, steps) for c in (0.8 * best, 12.0)
        )
    assert best_clip(np.array([-3.0, 3.0, 0.0]), 8) == 3.0
    assert best_clip(np.zeros(3), 8) == 0.0


def test_clipped_weights_stay_clipped() -> None:
    quantized, x = prepared(qat_networks.leaky_to_zero, bits=2)
    before = float(quantized.module[0].weight.detach().abs().max())
    limits = qat.clip_weights(quantized)
    assert set(limits) == {"0.weight", "2.weight"} and limits["0.weight"] < before
    qat.finetune(quantized, x, LABELS, epochs=1, learning_rate=0.1)
    for name, limit in limits.items():
        assert float(quantized.module.get_parameter(name).detach().abs().max()) <= limit + 1e-6
