"""Graphs of IF neurons that send several spikes at once and lose as many thresholds, as the digital chips of some do.

They hold for backends whose neurons have no decay or another one than Euler's. Weights are not negative, so that a
lower bound of the membrane does not matter, and layers are Affine, because not everybody has Linear.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import nir
import numpy as np

from neurodeploy.conformance.build import Builder, chain, conv1d, conv2d
from neurodeploy.conformance.case import Case, eighths, random_spikes
from neurodeploy.conformance.cases_topology import ORDERS, build, reordered
from neurodeploy.conformance.reference import stateless

GIVEN = {"reset": "subtract", "spike": "multi_trunc", "if_gain": "unit"}


def cases(b: Builder) -> list[Case]:
    """All of them."""
    ordered = [reordered(replace(case, conventions=GIVEN), order) for case in topologies(b) for order in ORDERS]
    return [*layers(b), *ordered]


def dense(name: str, out: int, fan: int) -> Any:
    """Affine without negative weights or biases."""
    return nir.Affine(weight=eighths(f"if-{name}", (out, fan), 0, 1), bias=np.zeros(out, np.float32))


def layers(b: Builder) -> list[Case]:
    def case(name: str, about: str, source: tuple[int, ...], *parts: Any) -> Case:
        x = np.zeros(source)
        for part in parts:
            x = stateless(type(part).__name__, part, x)
        nodes = {f"layer{k}": part for k, part in enumerate(parts)} | {"n": b.fire(x.shape, theta=1)}
        inputs = {"input": random_spikes(f"if-{name}", source, 6)}
        return Case(f"integrate/{name}", about, chain(nodes, source, x.shape), inputs, GIVEN)

    def kernel(*shape: int) -> Any:
        return eighths(f"if-{shape}", shape, 0, 0.5)

    bias = np.array([0.25, 0.5, 0.125], np.float32)
    side = (2, 5, 5)
    cells = nir.Flatten({"input": np.array((2, 2, 3))}, start_dim=0)
    pool = nir.SumPool2d(kernel_size=np.array([2, 2]), stride=np.array([2, 2]), padding=np.array([0, 0]))
    mean = nir.AvgPool2d(kernel_size=np.array([2, 2]), stride=np.array([2, 2]), padding=np.array([0, 0]))
    return [
        case("affine", "Affine and IF", (4,), dense("affine", 5, 4)),
        case("conv2d", "Conv2d with a bias", side, conv2d(kernel(3, 2, 3, 3), (5, 5), bias=bias)),
        case(
            "conv2d-stride",
            "Conv2d, stride 2, padding 1",
            side,
            conv2d(kernel(3, 2, 3, 3), (5, 5), stride=2, padding=1),
        ),
        case("conv2d-dilation", "Conv2d, dilation 2", side, conv2d(kernel(3, 2, 2, 2), (5, 5), dilation=2)),
        case("conv1d", "Conv1d, stride 2", (2, 9), conv1d(kernel(3, 2, 3), 9, stride=2)),
        case("pool-sum", "Conv2d and SumPool2d", side, conv2d(kernel(3, 2, 2, 2), (5, 5)), pool),
        case("pool-average", "Conv2d and AvgPool2d", side, conv2d(kernel(3, 2, 2, 2), (5, 5)), mean),
        case("flatten", "Flatten and Affine", (2, 2, 3), cells, dense("flatten", 4, 12)),
    ]


def topologies(b: Builder) -> list[Case]:
    one, two = {"in": (4,)}, {"out": (3,)}
    pair = {"fa": dense("a", 5, 4), "a": b.fire((5,), theta=1.5), "fb": dense("b", 3, 5), "b": b.fire((3,), theta=2)}
    loop = {"f": dense("f", 3, 4), "n": b.fire((3,), theta=2), "w": dense("w", 3, 3)}
    made = [
        build("two-layers", "Two layers of IF", pair, "in>fa>a>fb>b>out", one, two),
        build(
            "fan-in",
            "Two layers into one: their sum",
            {"fa": dense("left", 3, 4), "fb": dense("right", 3, 4), "n": b.fire((3,), theta=2)},
            "in>fa>n>out, in>fb>n",
            one,
            two,
        ),
        build(
            "skip",
            "A skip past one layer",
            pair | {"skip": dense("skip", 3, 4)},
            "in>fa>a>fb>b>out, in>skip>b",
            one,
            two,
        ),
        build(
            "recurrent",
            "A layer that feeds itself, one step later",
            loop,
            "in>f>n>out, n>w>n",
            one,
            two,
            delayed=(("n", "w"),),
            late=(("w", "n"),),
        ),
    ]
    return [replace(case, name=case.name.replace("topology/", "integrate/")) for case in made]
