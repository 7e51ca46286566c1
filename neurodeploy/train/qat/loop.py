"""The loop that trains a quantised module, and the clipping of weights before it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from neurodeploy.compilation import made
from neurodeploy.errors import ShapeMismatch, SimulationError
from neurodeploy.quantize.bits import bits_by_layer
from neurodeploy.train.initial import parameter_groups
from neurodeploy.train.qat.module import QuantizedModule
from neurodeploy.train.readout import classify

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
Encode = Callable[[NDArray[Any], np.random.Generator], NDArray[Any]]

CLIPS = np.geomspace(1 / 16, 1, 49)
"""Shares of the largest weight that are tried as the largest."""


@dataclass(frozen=True)
class Epoch:
    """How an epoch of training went.

    Attributes:
        number: From 1.
        epochs: Of how many.
        loss: Mean over its samples, each under the weights of its batch.
        accuracy: Share of them that were classified rightly.
    """

    number: int
    epochs: int
    loss: float
    accuracy: float


def clip_weights(module: QuantizedModule) -> dict[str, float]:
    """Clip every trained weight to the magnitude that, as the largest, rounding to the module's bits errs least with.

    Quantisation spreads a layer's few levels up to its largest weight, which a single outlier moves far away.

    Returns:
        The largest magnitude left, by parameter, of those that were clipped.
    """
    state = module.compilation()
    network = made(state.network)
    bits = bits_by_layer(module.options.bits, network, module.target)
    limits = {}
    values = dict(module.module.named_parameters())
    for number, p in enumerate(network.projections):  # which resets, if any, come behind
        for origin in module.origins.get(("weights", number), ()):
            weights = values[origin.parameter]
            array = weights.detach().cpu().double().numpy()
            best = best_clip(array, bits[p.target])
            if best < float(np.abs(array).max(initial=0.0)):
                with torch.no_grad():
                    weights.clamp_(-best, best)
                limits[origin.parameter] = best
    return limits


def best_clip(weights: NDArray[np.float64], bits: int) -> float:
    """The largest magnitude under which clipping and rounding to ``bits`` bits err least in the mean square.

    Weights of both signs have ``2^(bits - 1) - 1`` steps to either side of 0.
    """
    largest = float(np.abs(weights).max(initial=0.0))
    steps = 2 ** (bits - 1) - 1
    if not largest or not steps:
        return largest
    clips = [float(share * largest) for share in CLIPS]
    errors = [rounding_error(weights, clip, steps) for clip in clips]
    return clips[-1 - int(np.argmin(errors[::-1]))]


def rounding_error(weights: NDArray[np.float64], clip: float, steps: int) -> float:
    """Mean square error of weights in ``steps`` steps of one size up to ``clip``."""
    step = clip / steps
    rounded = np.clip(np.rint(weights / step), -steps, steps) * step
    return float(np.mean(np.square(rounded - weights)))


def finetune(
    module: QuantizedModule,
    inputs: NDArray[Any],
    labels: NDArray[np.int64],
    *,
    epochs: int = 5,
    batch: int = 64,
    learning_rate: float = 1e-3,
    weight_decay: float = 0.0,
    seed: int = 0,
    logit_scale: float = 0.5,
    loss: Loss | None = None,
    encode: Encode | None = None,
    clip: bool = True,
    progress: Callable[[Epoch], None] = lambda epoch: None,
) -> tuple[Epoch, ...]:
    """Train the user's module in place, by AdamW under one cycle of the learning rate, gradients clipped to norm 1.

    Args:
        module: Of :func:`neurodeploy.train.qat.prepare`.
        inputs: (N, T, *shape) spikes, or whatever ``encode`` makes spikes of.
        labels: (N,) class numbers.
        epochs: Passes over all samples, >= 1.
        batch: Samples of an update, >= 1.
        learning_rate: The cycle's largest.
        weight_decay: Of AdamW, for all but initial potentials.
        seed: Of the order of samples and of ``encode``'s generator; equal seeds give equal weights.
        logit_scale: What a score counts in the cross entropy: one spike where spikes are counted.
        loss: Of the module's scores (B, n) and the labels (B,), instead of the cross entropy.
        encode: Of a batch of ``inputs``, and a generator for what is drawn: spikes (B, T, *shape).
        clip: Clip the weights first, and again after every update, see :func:`clip_weights`.
        progress: Told of every epoch.

    Raises:
        ShapeMismatch: Labels and inputs differ in number.
        SimulationError: A label, a learning rate, or a number of epochs or samples, out of range; a loss that is no
            finite number.
    """
    labels = _checked(module, inputs, labels, epochs, batch, learning_rate)
    measure = loss or (lambda scores, classes: torch.nn.functional.cross_entropy(logit_scale * scores, classes))
    rng = np.random.default_rng(seed)
    values = dict(module.module.named_parameters())
    limits = clip_weights(module) if clip else {}
    trained = [p for p in values.values() if p.requires_grad]
    optimiser = torch.optim.AdamW(parameter_groups(module.module, weight_decay), learning_rate)
    updates = epochs * -(-len(labels) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, learning_rate, total_steps=max(2, updates))
    told = []
    for number in range(1, epochs + 1):
        total, right = 0.0, 0
        order = rng.permutation(len(labels))
        for first in range(0, len(labels), batch):
            chosen = order[first : first + batch]
            some = inputs[chosen] if encode is None else encode(inputs[chosen], rng)
            classes = torch.from_numpy(labels[chosen])
            scores = module.scores(some)
            value = measure(scores, classes)
            if value.dim() or not bool(torch.isfinite(value)):
                raise SimulationError(
                    f"the loss is {value.tolist()} in epoch {number}",
                    where="qat.finetune",
                    remedy="return one finite number; lower learning_rate if it was finite before",
                )
            optimiser.zero_grad()
            value.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(trained, 1.0)
            optimiser.step()
            schedule.step()
            with torch.no_grad():
                for name, limit in limits.items():
                    values[name].clamp_(-limit, limit)
            total += value.item() * len(chosen)
            right += int((classify(scores) == classes).sum())
        told.append(Epoch(number, epochs, total / len(labels), right / len(labels)))
        progress(told[-1])
    return tuple(told)


def _checked(
    module: QuantizedModule, inputs: Any, labels: Any, epochs: int, batch: int, learning_rate: float
) -> NDArray[np.int64]:
    where = "qat.finetune"
    classes = np.asarray(labels)
    size = made(module.compilation().network).populations[module.output].size
    if len(classes) != len(inputs) or classes.ndim != 1:
        raise ShapeMismatch(
            f"there are {len(inputs)} samples and labels of shape {classes.shape}",
            where=where,
            remedy="give one class number for each sample",
        )
    if not len(classes) or epochs < 1 or batch < 1 or not learning_rate > 0:
        raise SimulationError(
            f"{len(classes)} samples, {epochs} epochs, batches of {batch}, learning_rate {learning_rate}",
            where=where,
            remedy="give at least one of each, and a learning_rate > 0",
        )
    if classes.dtype.kind not in "iu" or classes.min() < 0 or classes.max() >= size:
        raise SimulationError(
            f"labels are {classes.dtype} in {classes.min()}..{classes.max()}",
            where=where,
            remedy=f"give class numbers 0..{size - 1}, one for each output neuron",
        )
    return classes.astype(np.int64)
