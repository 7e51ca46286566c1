"""Convolutions, pools and Flatten: geometry, as PyTorch has it; each before a layer of LIF."""

from __future__ import annotations

import math
from typing import Any

import nir
import numpy as np

from neurodeploy.conformance.build import OFF, Builder, chain, conv1d, conv2d
from neurodeploy.conformance.case import Case, eighths, random_spikes
from neurodeploy.conformance.reference import stateless

Pair = tuple[int, int]


def cases(b: Builder) -> list[Case]:
    """All of them."""
    return [*two_axes(b), *one_axis(b), *pools(b), *flat(b)]


def before_lif(
    b: Builder, name: str, about: str, source: tuple[int, ...], *layers: Any, theta: float = 0.75 * OFF
) -> Case:
    """The layers, and neurons of the shape that comes out."""
    shape, x = source, np.zeros(source)
    for layer in layers:
        x = stateless(type(layer).__name__, layer, x)
    shape = x.shape
    nodes = {f"layer{k}": layer for k, layer in enumerate(layers)} | {"n": b.lif(shape, theta=theta / 2)}
    return Case(f"layer/{name}", about, chain(nodes, source, shape), {"input": random_spikes(name, source, 4)})


def two_axes(b: Builder) -> list[Case]:
    def case(
        name: str, about: str, weight: tuple[int, ...], source: tuple[int, ...] = (2, 5, 5), **geometry: Any
    ) -> Case:
        layer = conv2d(eighths(name, weight, low=-1), (source[1], source[2]), **geometry)
        return before_lif(b, f"conv2d{name}", f"Conv2d: {about}", source, layer)

    bias = np.array([0.5, -0.25, 0.125], np.float32)
    return [
        case("", "cross-correlation, no padding", (3, 2, 3, 3)),
        case("-bias", "one bias per channel", (3, 2, 3, 3), bias=bias),
        case("-1x1", "a 1x1 kernel", (3, 2, 1, 1)),
        case("-stride", "stride 2, which leaves a column over", (3, 2, 2, 2), stride=2),
        case("-strides", "a stride for each axis", (2, 2, 2, 2), (2, 6, 5), stride=(3, 1)),
        case("-padding", "padding 1", (3, 2, 3, 3), padding=1),
        case("-paddings", "a padding for each axis", (2, 2, 3, 3), padding=(0, 2)),
        case("-same", "padding 'same'", (3, 2, 3, 3), padding="same"),
        case("-same-even", "padding 'same' with an even kernel: more on the right", (2, 2, 2, 4), padding="same"),
        case("-valid", "padding 'valid'", (3, 2, 3, 3), padding="valid"),
        case("-dilation", "dilation 2", (2, 2, 2, 2), dilation=2),
        case("-dilations", "a dilation for each axis", (2, 2, 2, 3), (2, 5, 4), dilation=(3, 1)),
        case("-same-dilated", "padding 'same' with dilation 2", (2, 2, 3, 3), dilation=2, padding="same"),
        case("-rectangle", "a 3x5 kernel on a 4x7 map", (2, 2, 3, 5), (2, 4, 7)),
        case("-groups", "two groups", (4, 2, 2, 2), (4, 4, 4), groups=2),
        case("-depthwise", "as many groups as channels", (3, 1, 3, 3), (3, 4, 4), groups=3),
    ]


def one_axis(b: Builder) -> list[Case]:
    def case(name: str, about: str, weight: tuple[int, ...], source: Pair = (2, 9), **geometry: Any) -> Case:
        layer = conv1d(eighths(f"1d{name}", weight, low=-1), source[1], **geometry)
        return before_lif(b, f"conv1d{name}", f"Conv1d: {about}", source, layer)

    return [
        case("", "cross-correlation, no padding", (3, 2, 3)),
        case("-stride", "stride 2 and padding 1", (3, 2, 4), stride=2, padding=1),
        case("-same", "padding 'same' with an even kernel", (3, 2, 4), padding="same"),
        case("-dilation", "dilation 3", (2, 2, 3), dilation=3),
        case("-groups", "two groups", (4, 2, 3), (4, 6), groups=2),
    ]


def pools(b: Builder) -> list[Case]:
    def case(name: str, about: str, size: Pair, stride: Pair, padding: Pair = (0, 0), side: int = 4) -> Case:
        kinds = {"s": nir.SumPool2d, "a": nir.AvgPool2d}
        layer = kinds[name[0]](kernel_size=np.array(size), stride=np.array(stride), padding=np.array(padding))
        mean = (math.prod(size) if name[0] == "s" else 1) / 2
        about = f"{type(layer).__name__}: {about}"
        return before_lif(b, f"pool-{name}", about, (2, side, side), layer, theta=1.5 * mean * OFF)

    whole = nir.SumPool2d(kernel_size=2, stride=2, padding=0)
    return [
        case("sum", "the sum of a window", (2, 2), (2, 2)),
        case("sum-overlap", "windows that overlap", (3, 3), (1, 1)),
        case("sum-rectangle", "a window of 1x2 with strides 2 and 1", (1, 2), (2, 1)),
        case("sum-padding", "padding with zeros", (2, 2), (2, 2), (1, 1)),
        case("sum-remainder", "what does not fill a window is left out", (2, 2), (2, 2), side=5),
        before_lif(b, "pool-sum-int", "SumPool2d: sizes that are single integers", (2, 4, 4), whole),
        case("average", "the mean of a window", (2, 2), (2, 2)),
        case("average-rectangle", "a window of 1x2", (1, 2), (1, 2)),
        case("average-padding", "padding with zeros, which count in the mean", (2, 2), (2, 2), (1, 1)),
    ]


def flat(b: Builder) -> list[Case]:
    source = (2, 3, 4)

    def case(name: str, about: str, start: int, end: int) -> Case:
        layer = nir.Flatten({"input": np.array(source)}, start_dim=start, end_dim=end)
        return before_lif(b, f"flatten-{name}", f"Flatten: {about}; axes count without batch", source, layer)

    weights = nir.Linear(weight=eighths("flat", (5, 24), low=-1))
    every = nir.Flatten({"input": np.array(source)}, start_dim=0)
    return [
        case("all", "all axes, in C order", 0, -1),
        case("default", "start_dim 1 keeps the channels", 1, -1),
        case("first", "the first two axes", 0, 1),
        before_lif(b, "flatten-linear", "Flatten and Linear: the order of the elements", source, every, weights),
    ]
