"""Layers made of other layers, computing the same: folded norms and gains, diagonals, selections, split inputs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.frontends.tracing.fold import Applied, Piece, Selection, Signal
from neurodeploy.frontends.tracing.values import Layer, Shape

AFFINE = ("Linear", "Affine", "Conv1d", "Conv2d")
Floats = NDArray[np.float64]


def fold_batch_norm(applied: Applied) -> list[Applied] | None:
    """The affine layers before a batch norm with its scale and shift in their weights (float64); None if others are."""
    scale, shift = (np.asarray(applied.layer.params[k], np.float64) for k in ("scale", "shift"))
    layers: list[Applied] = []
    for piece in applied.signal.pieces:
        inner = piece.origin
        if piece.selection or not isinstance(inner, Applied) or inner.layer.type not in AFFINE:
            return None
        if inner.shape != applied.signal.shape:
            return None
        weight = np.asarray(inner.layer.params["weight"], np.float64)
        bias = np.asarray(inner.layer.params.get("bias", np.zeros(len(weight))), np.float64)
        params = {
            **inner.layer.params,
            "weight": weight * scale.reshape(-1, *(1,) * (weight.ndim - 1)),
            "bias": bias * scale + (0 if layers else shift),
        }
        type_ = "Affine" if inner.layer.type == "Linear" else inner.layer.type
        key = f"{inner.layer.key}*{applied.layer.key}+{len(layers)}"
        layers.append(Applied(Layer(type_, inner.layer.label, params, key), inner.signal, inner.shape))
    return layers or None


def fold_gain(layer: Layer, gain: Floats, shape: Shape) -> Layer | None:
    """An affine layer whose inputs are worth ``gain``, one for all or one per input channel; else None."""
    if layer.type not in AFFINE or layer.params.get("groups", 1) != 1 or not (gain != 1).any():
        return None
    channels = _per_channel(gain, shape)
    if channels is None:
        return None
    weight = np.asarray(layer.params["weight"], np.float64)
    if weight.shape[1] != channels.size:  # flattened in between: every channel has several columns
        channels = np.repeat(channels, weight.shape[1] // channels.size)
    weight = weight * channels.reshape(1, -1, *(1,) * (weight.ndim - 2))
    return replace(layer, params={**layer.params, "weight": weight})


def diagonal(label: str, gain: Any, shape: Shape, shift: Any = None) -> Layer:
    """``gain * x + shift``, number by number: gains for all, per channel (C,) or of ``shape``; shifts per channel."""
    scale = _spread(gain, shape)
    key = f"{scale.tobytes()!r}{shift!r}"
    if shift is None:
        return Layer("Scale", label, {"scale": scale}, key)
    if len(shape) == 1:
        return Layer("Affine", label, {"weight": np.diag(scale), "bias": _spread(shift, shape)}, key)
    rank = len(shape) - 1
    channels = np.broadcast_to(np.asarray(gain, np.float64), (shape[0],))
    params = {
        "weight": channels.reshape(-1, 1, *(1,) * rank),
        "bias": np.broadcast_to(np.asarray(shift, np.float64), (shape[0],)),
        "stride": np.ones(rank, int),
        "padding": np.zeros(rank, int),
        "dilation": np.ones(rank, int),
        "groups": shape[0],
        "input_shape": np.array(shape[1:]),
    }
    return Layer(f"Conv{rank}d", label, params, key)


def selection(
    target: NDArray[np.int64], source: NDArray[np.int64], source_shape: Shape, target_shape: Shape, label: str
) -> tuple[bool, Layer] | None:
    """A layer of zeros and ones that brings ``source`` positions to ``target``, and whether it wants them flat."""
    if len(target_shape) == 1:
        weight = np.zeros((target_shape[0], int(np.prod(source_shape))))
        weight[target, source] = 1
        return True, Layer("Linear", label, {"weight": weight}, "")
    if source_shape[1:] != target_shape[1:]:
        return None
    area = int(np.prod(source_shape[1:]))
    if (target % area != source % area).any() or target.size % area:
        return None
    rank = len(target_shape) - 1
    weight = np.zeros((target_shape[0], source_shape[0], *(1,) * rank))
    weight[target // area, source // area] = 1
    if weight.sum() * area != target.size:
        return None
    params = {
        "weight": weight,
        "bias": np.zeros(target_shape[0]),
        "stride": np.ones(rank, int),
        "padding": np.zeros(rank, int),
        "dilation": np.ones(rank, int),
        "groups": 1,
        "input_shape": np.array(target_shape[1:]),
    }
    return False, Layer(f"Conv{rank}d", label, params, "")


def by_channels(layer: Layer, signal: Signal) -> list[tuple[Layer, Signal]] | None:
    """An affine layer over a concatenation along the first dimension as one layer per part; None if it is not that."""
    if layer.type not in AFFINE or layer.params.get("groups", 1) != 1:
        return None
    if not signal.pieces or any(p.selection is None for p in signal.pieces):
        return None
    weight = np.asarray(layer.params["weight"])
    if weight.shape[1] != signal.shape[0]:
        return None
    area = int(np.prod(signal.shape[1:]))
    parts: list[tuple[Layer, Signal]] = []
    for piece in signal.pieces:
        assert isinstance(piece.selection, Selection)
        target, source = piece.selection.positions
        size = int(np.prod(piece.origin.shape))
        start = int(target[0])
        if start % area or size % area or target.size != size or (source != np.arange(size)).any():
            return None
        if (target != start + np.arange(size)).any():
            return None
        shape = (size // area, *signal.shape[1:])
        params = {**layer.params, "weight": weight[:, start // area : start // area + shape[0]]}
        if parts and "bias" in params:
            params["bias"] = np.zeros_like(params["bias"])
        label = f"{layer.label}_{len(parts) + 1}"
        parts.append(
            (Layer(layer.type, label, params, f"{layer.key}/{len(parts)}"), Signal(shape, (Piece(piece.origin),)))
        )
    return parts


def _per_channel(gain: Floats, shape: Shape) -> Floats | None:
    """The first value of every channel if all values of a channel are equal."""
    full = _spread(gain, shape).reshape(shape[0], -1)
    return full[:, 0] if (full == full[:, :1]).all() else None


def _spread(values: Any, shape: Shape) -> Floats:
    array = np.asarray(values, np.float64)
    if array.shape == (shape[0],) and len(shape) > 1:
        array = array.reshape(-1, *(1,) * (len(shape) - 1))
    return np.array(np.broadcast_to(array, shape))
