"""Layers between snnTorch's neurons, in networks with hidden states."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import snntorch as snn
import torch
from framework_cases import Case
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

STRONG = 3.0
"""Factor on the weights of a new layer, so that most neurons fire at every few steps."""
N_IN, N_HIDDEN, N_OUT = 20, 30, 10
MAPS, CHANNELS = (2, 9, 8), (2, 24)
"""Input of two- and of one-dimensional networks."""


def strong(layer: Any, factor: float = STRONG) -> Any:
    """A layer with larger weights."""
    with torch.no_grad():
        layer.weight *= factor
    return layer


def linear(n_in: int, n_out: int, bias: bool = True) -> Any:
    return strong(nn.Linear(n_in, n_out, bias=bias))


def fire(**options: Any) -> Any:
    return snn.Leaky(beta=0.9, init_hidden=True, **options)


def net(*layers: Any) -> Any:
    """Those layers, then all that they make into ten neurons."""
    body = nn.Sequential(*layers, nn.Flatten())
    return body, N_OUT


def with_head(*layers: Any, shape: tuple[int, ...]) -> Any:
    """Those layers and a fully connected layer of neurons behind."""
    body = nn.Sequential(*layers, nn.Flatten())
    with torch.no_grad():
        size = body.eval()(torch.zeros(1, *shape)).shape[1]
    for part in body.modules():
        if isinstance(part, snn.SpikingNeuron):
            part.reset_mem()
    return nn.Sequential(*body, linear(size, N_OUT), fire())


def conv(*args: Any, factor: float = 2.0, **options: Any) -> Any:
    return strong(nn.Conv2d(*args, **options), factor)


def trained(norm: Any) -> Any:
    """A batch norm as training leaves it: none of its numbers is 0 or 1."""
    with torch.no_grad():
        norm.running_mean += 0.2 * torch.randn(norm.num_features)
        norm.running_var *= 0.5 + torch.rand(norm.num_features)
        if norm.affine:
            norm.weight *= 0.5 + torch.rand(norm.num_features)
            norm.bias += 0.3 * torch.randn(norm.num_features)
    return norm


def maps(layer: str, option: str, build: Callable[[], list[Any]], refused: str = "") -> Case:
    return Case(layer, option, lambda: with_head(*build(), shape=MAPS), MAPS, refused)


def series(layer: str, option: str, build: Callable[[], list[Any]], refused: str = "") -> Case:
    return Case(layer, option, lambda: with_head(*build(), shape=CHANNELS), CHANNELS, refused)


def flat(layer: str, option: str, build: Callable[[], list[Any]], refused: str = "") -> Case:
    return Case(layer, option, lambda: nn.Sequential(*build(), linear(N_HIDDEN, N_OUT), fire()), (N_IN,), refused)


def after_conv(pool: Any) -> Callable[[], list[Any]]:
    return lambda: [conv(2, 4, 3, padding=1), fire(), pool, conv(4, 6, 3, padding=1, factor=3.0), fire()]


CASES: tuple[Case, ...] = (
    flat("Linear", "with and without bias", lambda: [linear(N_IN, N_HIDDEN, bias=False), fire()]),
    flat("Linear", "weight_norm", lambda: [weight_norm(linear(N_IN, N_HIDDEN)), fire()]),
    maps("Conv2d", "padding", lambda: [conv(2, 4, 3, padding=1), fire()]),
    maps("Conv2d", "stride, no bias", lambda: [conv(2, 4, 3, stride=2, bias=False, factor=4.0), fire()]),
    maps("Conv2d", "rectangular kernel, stride and padding", lambda: [conv(2, 4, (3, 5), (2, 1), (0, 2)), fire()]),
    maps("Conv2d", "dilation, padding=same", lambda: [conv(2, 4, 3, padding="same", dilation=2), fire()]),
    maps("Conv2d", "padding=same, even kernel", lambda: [conv(2, 4, (2, 3), padding="same"), fire()]),
    maps("Conv2d", "groups", lambda: [conv(2, 4, 3, padding=1, groups=2, factor=3.0), fire()]),
    maps("Conv2d", "padding_mode=circular", lambda: [conv(2, 4, 3, padding=1, padding_mode="circular"), fire()], "pad"),
    series("Conv1d", "padding", lambda: [strong(nn.Conv1d(2, 4, 5, padding=2)), fire()]),
    series(
        "Conv1d",
        "stride, dilation, groups, no bias",
        lambda: [strong(nn.Conv1d(2, 4, 3, stride=2, dilation=2, groups=2, bias=False), 4.0), fire()],
    ),
    series(
        "Conv1d",
        "two layers",
        lambda: [strong(nn.Conv1d(2, 4, 5)), fire(), strong(nn.Conv1d(4, 4, 3, padding="same")), fire()],
    ),
    maps("ConvTranspose2d", "", lambda: [nn.ConvTranspose2d(2, 4, 3), fire()], "conv_transpose2d"),
    maps("AvgPool2d", "behind neurons", after_conv(nn.AvgPool2d(2))),
    maps("AvgPool2d", "before neurons", lambda: [conv(2, 4, 3, padding=1), nn.AvgPool2d((3, 2)), fire()]),
    maps("AvgPool2d", "stride and padding", after_conv(nn.AvgPool2d(3, stride=2, padding=1))),
    maps("AvgPool2d", "divisor_override=1", after_conv(nn.AvgPool2d(2, divisor_override=1))),
    maps("AvgPool2d", "ceil_mode", after_conv(nn.AvgPool2d(2, ceil_mode=True)), "ceil_mode"),
    maps(
        "AvgPool2d",
        "padding, count_include_pad=False",
        after_conv(nn.AvgPool2d(3, padding=1, count_include_pad=False)),
        "count_include_pad",
    ),
    maps("AdaptiveAvgPool2d", "", after_conv(nn.AdaptiveAvgPool2d(4)), "adaptive_avg_pool2d"),
    maps("MaxPool2d", "behind neurons (a threshold neuron per window)", after_conv(nn.MaxPool2d(2))),
    maps("MaxPool2d", "behind neurons, stride and padding", after_conv(nn.MaxPool2d(3, stride=2, padding=1))),
    maps(
        "MaxPool2d", "before neurons", lambda: [conv(2, 4, 3, padding=1), nn.MaxPool2d(2), fire()], "max-pooling of any"
    ),
    maps("MaxPool2d", "ceil_mode", after_conv(nn.MaxPool2d(2, ceil_mode=True)), "ceil_mode"),
    flat("BatchNorm1d", "behind Linear", lambda: [linear(N_IN, N_HIDDEN), trained(nn.BatchNorm1d(N_HIDDEN)), fire()]),
    flat("BatchNorm1d", "before Linear", lambda: [trained(nn.BatchNorm1d(N_IN)), linear(N_IN, N_HIDDEN), fire()]),
    flat(
        "BatchNorm1d",
        "affine=False, behind neurons",
        lambda: [linear(N_IN, N_HIDDEN), fire(), trained(nn.BatchNorm1d(N_HIDDEN, affine=False))],
    ),
    series(
        "BatchNorm1d",
        "behind Conv1d",
        lambda: [strong(nn.Conv1d(2, 4, 5, bias=False)), trained(nn.BatchNorm1d(4)), fire()],
    ),
    flat(
        "BatchNorm1d",
        "track_running_stats=False",
        lambda: [linear(N_IN, N_HIDDEN), nn.BatchNorm1d(N_HIDDEN, track_running_stats=False), fire()],
        "statistics of the batch",
    ),
    maps(
        "BatchNorm2d",
        "behind Conv2d",
        lambda: [conv(2, 4, 3, padding=1, bias=False), trained(nn.BatchNorm2d(4)), fire()],
    ),
    maps(
        "BatchNorm2d",
        "behind a pool",
        lambda: [conv(2, 4, 3, padding=1), nn.AvgPool2d(2), trained(nn.BatchNorm2d(4)), fire()],
    ),
    maps("BatchNorm2d", "on the input", lambda: [trained(nn.BatchNorm2d(2)), conv(2, 4, 3), fire()]),
    flat("LayerNorm", "", lambda: [linear(N_IN, N_HIDDEN), nn.LayerNorm(N_HIDDEN), fire()], "layer_norm"),
    flat("Dropout", "dropped", lambda: [linear(N_IN, N_HIDDEN), nn.Dropout(), fire(), nn.Dropout(0.2)]),
    maps("Dropout2d", "dropped", lambda: [conv(2, 4, 3), nn.Dropout2d(), fire()]),
    maps("Flatten", "behind neurons", lambda: [conv(2, 4, 3), fire(), nn.Flatten()]),
    maps("Flatten", "before neurons", lambda: [conv(2, 4, 3), nn.Flatten(), fire()]),
    maps(
        "Flatten",
        "a part of the axes",
        lambda: [conv(2, 4, 3), fire(), nn.Flatten(2), strong(nn.Conv1d(4, 4, 3)), fire()],
    ),
    Case("Flatten", "on the input", lambda: nn.Sequential(nn.Flatten(), linear(144, N_OUT), fire()), MAPS),
    flat("Identity, nested Sequential", "", lambda: [nn.Sequential(nn.Identity(), linear(N_IN, N_HIDDEN)), fire()]),
    flat("ReLU", "", lambda: [linear(N_IN, N_HIDDEN), nn.ReLU(), fire()], "relu"),
    flat("Upsample, Softmax, ... (any other)", "", lambda: [linear(N_IN, N_HIDDEN), nn.Softmax(1), fire()], "softmax"),
)
