"""Kernels for nir 1.0.8, which takes every convolution for one with a square kernel and without groups.

Its own reader refuses others, at least within a graph whose types it checks. Here they become square, with a border of
zeros that more padding makes up for, and dense, with zeros between the groups.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from neurodeploy.connections.base import Array


def plain_kernel(params: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Parameters of the same convolution that nir reads rightly, and what restores the given ones.

    The latter is empty where nothing was changed, and holds ``groups`` and ``kernel``, the size of the given one, else.
    A kernel whose axes differ by an odd number stays as it is: no border is even on both sides.
    """
    weight, groups = np.asarray(params["weight"]), int(params["groups"])
    changed = {**params, "groups": 1, "weight": _dense(weight, groups)}
    size = weight.shape[2:]
    border = [(max(size) - n) // 2 for n in size]
    padding = params["padding"]
    is_same = isinstance(padding, str) and padding == "same"
    square = is_same or len(set(size)) == 1 or any((max(size) - n) % 2 for n in size)
    if not square:
        changed["weight"] = np.pad(changed["weight"], [(0, 0), (0, 0), *((b, b) for b in border)])
        numbers = np.zeros(len(size), np.int64) if isinstance(padding, str) else np.asarray(padding)
        changed["padding"] = numbers + np.array(border) * np.asarray(params["dilation"])
    if square and groups == 1:
        return dict(params), {}
    return changed, {"groups": groups, "kernel": np.array(size), "padding": padding}


def _dense(weight: Array, groups: int) -> Array:
    if groups == 1:
        return weight
    out, inner = weight.shape[0] // groups, weight.shape[1]
    dense = np.zeros((weight.shape[0], inner * groups, *weight.shape[2:]), weight.dtype)
    for g in range(groups):
        dense[g * out : (g + 1) * out, g * inner : (g + 1) * inner] = weight[g * out : (g + 1) * out]
    return dense
