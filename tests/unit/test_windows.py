"""Convolutions and pools of every geometry, against their definition term by term."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurodeploy.compose import layer, output_shape
from neurodeploy.errors import ShapeMismatch
from neurodeploy.graph import Node

Array = np.ndarray[Any, Any]


def pads(padding: Any, sizes: tuple[int, ...], dilation: list[int]) -> list[tuple[int, int]]:
    """Zeros before and behind each axis, as PyTorch pads."""
    if isinstance(padding, str):
        totals = [0 if padding == "valid" else d * (k - 1) for d, k in zip(dilation, sizes, strict=True)]
        return [(t // 2, t - t // 2) for t in totals]
    return [(p, p) for p in padding]


def by_definition(x: Array, w: Array, stride: list[int], padding: Any, dilation: list[int], groups: int) -> Array:
    """Cross-correlation of (C, *axes) with (C_out, C_in / groups, *taps), one product at a time."""
    axes = w.ndim - 2
    padded = np.pad(x, [(0, 0), *pads(padding, w.shape[2:], dilation)])
    size = [
        (n - d * (k - 1) - 1) // s + 1
        for n, k, s, d in zip(padded.shape[1:], w.shape[2:], stride, dilation, strict=True)
    ]
    y = np.zeros((w.shape[0], *size))
    for o, i, *at in product(range(w.shape[0]), range(w.shape[1]), *map(range, (*size, *w.shape[2:]))):
        here, tap = at[:axes], at[axes:]
        source = o // (w.shape[0] // groups) * w.shape[1] + i
        place = [h * s + t * d for h, s, t, d in zip(here, stride, tap, dilation, strict=True)]
        y[(o, *here)] += w[(o, i, *tap)] * padded[(source, *place)]
    return y


@settings(max_examples=80, deadline=None)
@given(data=st.data(), axes=st.sampled_from([1, 2]), how=st.sampled_from(["numbers", "same", "valid"]))
def test_convolution(data: st.DataObject, axes: int, how: str) -> None:
    groups, per_group, out = (data.draw(st.integers(1, 3)) for _ in range(3))
    size = [data.draw(st.integers(3, 7)) for _ in range(axes)]
    dilation = [data.draw(st.integers(1, 3)) for _ in range(axes)]
    taps = [data.draw(st.integers(1, 1 + (n - 1) // d)) for n, d in zip(size, dilation, strict=True)]
    stride = [1 if how == "same" else data.draw(st.integers(1, 3)) for _ in range(axes)]
    padding: Any = how if how != "numbers" else [data.draw(st.integers(0, 3)) for _ in range(axes)]
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    w = rng.integers(-4, 5, (out * groups, per_group, *taps)).astype(float)
    x = rng.integers(0, 2, (per_group * groups, *size))
    params = {"weight": w, "stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    node = Node("c", f"Conv{axes}d", params)
    made = layer(node, x.shape, "here")
    assert made is not None
    expected = by_definition(x, w, stride, padding, dilation, groups)
    assert output_shape(node, x.shape, made, "here") == expected.shape
    np.testing.assert_array_equal(made.propagate(x.reshape(1, -1))[0], expected.ravel())


@settings(max_examples=40, deadline=None)
@given(data=st.data(), kind=st.sampled_from(["SumPool2d", "AvgPool2d"]))
def test_pooling(data: st.DataObject, kind: str) -> None:
    size = [data.draw(st.integers(2, 6)) for _ in range(2)]
    window = [data.draw(st.integers(1, n)) for n in size]
    stride = [data.draw(st.integers(1, 3)) for _ in range(2)]
    padding = [data.draw(st.integers(0, k // 2)) for k in window]
    x = np.random.default_rng(data.draw(st.integers(0, 99))).integers(0, 2, (3, *size))
    node = Node("p", kind, {"kernel_size": window, "stride": stride, "padding": padding})
    made = layer(node, x.shape, "here")
    assert made is not None
    ones = np.ones((3, 1, *window))
    expected = by_definition(x, ones, stride, padding, [1, 1], 3) / (np.prod(window) if kind == "AvgPool2d" else 1)
    assert output_shape(node, x.shape, made, "here") == expected.shape
    np.testing.assert_allclose(made.propagate(x.reshape(1, -1))[0], expected.ravel())


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [(0, -1, (24,)), (1, -1, (2, 12)), (0, 1, (6, 4)), (-2, -1, (2, 12)), (-3, 1, (6, 4)), (1, 1, (2, 3, 4))],
)
def test_flatten(start: int, end: int, expected: tuple[int, ...]) -> None:
    node = Node("f", "Flatten", {"start_dim": start, "end_dim": end})
    assert layer(node, (2, 3, 4), "here") is None
    assert output_shape(node, (2, 3, 4), None, "here") == expected


@pytest.mark.parametrize(("start", "end"), [(3, -1), (0, 3), (2, 1), (-4, -1)])
def test_axes_that_are_not_there(start: int, end: int) -> None:
    with pytest.raises(ShapeMismatch, match="3 axes"):
        output_shape(Node("f", "Flatten", {"start_dim": start, "end_dim": end}), (2, 3, 4), None, "here")
