"""Losses over the time steps of a read-out, and the predictions that go with them.

``sdt`` trains the mean over time; ``tet`` every step (Deng et al. 2022, "Temporal Efficient Training of Spiking Neural
Network via Gradient Re-weighting"); ``tet_smooth`` and ``lts`` are those of Shen et al. 2024, "Rethinking the Membrane
Dynamics and Optimization Objectives of Spiking Neural Networks", as its released code has them.

Each takes ``outputs`` (B, T, K), the read-out of every step, and ``labels`` (B,), class numbers; each is a scalar, the
mean over the batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neurodeploy.errors import ShapeMismatch, SimulationError

if TYPE_CHECKING:
    from torch import Tensor

READOUTS = {"sdt": "v_sum", "tet": "v_sum", "tet_smooth": "v_sum", "lts": "v_last"}
"""The read-out, as of ``compile``, whose class is the prediction under each loss; the mean and the sum rank alike."""


def sdt(outputs: Tensor, labels: Tensor) -> Tensor:
    """Cross entropy of the mean over time, ``CE(mean_t o_t, y)``."""
    from torch.nn import functional

    _check(outputs, labels, "sdt")
    return functional.cross_entropy(outputs.mean(dim=1), labels)


def tet(outputs: Tensor, labels: Tensor, *, lam: float = 0.0, phi: float = 1.0) -> Tensor:
    """``(1 - lam) mean_t CE(o_t, y) + lam MSE(o, phi)``.

    Args:
        outputs: (B, T, K).
        labels: (B,).
        lam: Share of the second term, 0..1; the paper has 0.05 on CIFAR, SpikingJelly 0.
        phi: Value that the second term draws every output to.
    """
    from torch.nn import functional

    _check(outputs, labels, "tet")
    _check_share(lam, "lam", "tet")
    per_step = functional.cross_entropy(outputs.flatten(0, 1), _every_step(outputs, labels))
    return (1 - lam) * per_step + lam * (outputs - phi).square().mean() if lam else per_step


def tet_smooth(outputs: Tensor, labels: Tensor, *, alpha: float = 0.01) -> Tensor:
    """``mean_t CE(o_t, (1 - alpha) onehot(y) + alpha / K)``.

    Args:
        outputs: (B, T, K).
        labels: (B,).
        alpha: What the labels give to all classes, 0..1.
    """
    from torch.nn import functional

    _check(outputs, labels, "tet_smooth")
    _check_share(alpha, "alpha", "tet_smooth")
    return functional.cross_entropy(outputs.flatten(0, 1), _every_step(outputs, labels), label_smoothing=alpha)


def lts(outputs: Tensor, labels: Tensor) -> Tensor:
    """Cross entropy of the last step alone, ``CE(o_T, y)``; for inputs that are the same in every step."""
    from torch.nn import functional

    _check(outputs, labels, "lts")
    return functional.cross_entropy(outputs[:, -1], labels)


def predict(loss: str, outputs: Tensor) -> Tensor:
    """The class, int64 (B,), that a network trained by ``loss`` means: of the last step under ``lts``, else the mean.

    Raises:
        SimulationError: No such loss, or outputs that are not (B, T, K).
    """
    from neurodeploy.train.readout import classify, scores

    if loss not in READOUTS:
        raise SimulationError(f"no loss '{loss}'", where="predict", remedy=f"one of {', '.join(READOUTS)}")
    return classify(scores(READOUTS[loss], None, outputs))


def _every_step(outputs: Tensor, labels: Tensor) -> Tensor:
    """The labels of (B * T, K) rows."""
    return labels.repeat_interleave(outputs.shape[1])


def _check(outputs: Tensor, labels: Tensor, where: str) -> None:
    if outputs.ndim != 3 or 0 in outputs.shape or tuple(labels.shape) != (outputs.shape[0],):
        raise ShapeMismatch(
            f"outputs of shape {tuple(outputs.shape)} and labels of shape {tuple(labels.shape)}",
            where=where,
            remedy="give outputs (B, T, K), at least one of each, and labels (B,)",
        )


def _check_share(value: float, name: str, where: str) -> None:
    if not 0 <= value <= 1:
        raise SimulationError(f"{name} = {value!r}", where=where, remedy=f"give {name} in 0..1")
