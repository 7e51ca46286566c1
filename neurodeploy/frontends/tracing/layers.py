"""Layers of a network: torch functions that make new numbers with constant weights."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from neurodeploy.frontends.tracing.values import Layer, Opaque, Result, Row, Value

if TYPE_CHECKING:
    from neurodeploy.frontends.tracing.recorder import Recorder


def linear(rec: Recorder, result: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Result:
    a = bound(("input", "weight", "bias"), args, kwargs)
    return _affine(rec, result, a, "Linear", {}, leading=a["input"].dim() - 1)


def matmul(rec: Recorder, result: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Result:
    """``x @ W`` with constant (in, out) weights."""
    a = bound(("input", "other"), args, kwargs)
    if a["other"].dim() != 2 or rec.value(a["other"]) is not None:
        return rec.opaque("matmul", "it multiplies by something other than a matrix of weights")
    given = {"input": a["input"], "weight": a["other"].T}
    return _affine(rec, result, given, "Linear", {}, leading=a["input"].dim() - 1)


def conv1d(rec: Recorder, result: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Result:
    return _conv(rec, result, args, kwargs, 1)


def conv2d(rec: Recorder, result: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Result:
    return _conv(rec, result, args, kwargs, 2)


def _conv(rec: Recorder, result: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], rank: int) -> Result:
    names = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
    a = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1} | bound(names, args, kwargs)
    params: dict[str, Any] = {k: numbers(a[k], rank) for k in ("stride", "padding", "dilation")}
    params |= {"groups": int(a["groups"]), "input_shape": np.array(a["input"].shape[-rank:])}
    return _affine(rec, result, a, f"Conv{rank}d", params, leading=a["input"].dim() - rank - 1)


def _affine(
    rec: Recorder, result: Any, a: Mapping[str, Any], type_: str, params: Mapping[str, Any], leading: int
) -> Result:
    if any(rec.value(a.get(k)) is not None for k in ("weight", "bias")):
        return rec.opaque(type_.lower(), "its weights depend on the input")
    arrays = {"weight": _array(a["weight"])}
    if a.get("bias") is not None:
        arrays["bias"] = _array(a["bias"])
        type_ = "Affine" if type_ == "Linear" else type_
    elif type_ != "Linear":
        arrays["bias"] = np.zeros(len(arrays["weight"]), arrays["weight"].dtype)
    return apply(rec, result, a["input"], type_, {**arrays, **params}, leading)


def batch_norm(rec: Recorder, result: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Result:
    names = ("input", "running_mean", "running_var", "weight", "bias", "training", "momentum", "eps")
    a = {"training": False, "eps": 1e-5} | bound(names, args, kwargs)
    if a["training"] or a.get("running_mean") is None:
        return rec.opaque("batch_norm", "it normalises by the statistics of the batch")
    mean, variance = (_array(a[k]).astype(np.float64) for k in ("running_mean", "running_var"))
    scale = 1 / np.sqrt(variance + a["eps"])
    if a.get("weight") is not None:
        scale = scale * _array(a["weight"])
    shift = -mean * scale + (0.0 if a.get("bias") is None else _array(a["bias"]))
    return apply(rec, result, a["input"], "BatchNorm", {"scale": scale, "shift": shift}, leading=1)


def make_layer(type_: str, label: str, params: Mapping[str, Any]) -> Layer:
    """A layer; tensors become arrays of their own, tuples too."""
    import torch

    plain = {
        k: _array(v) if isinstance(v, torch.Tensor) else np.array(v) if isinstance(v, tuple) else v
        for k, v in params.items()
    }
    return Layer(type_, label, plain, _key(type_, plain))


def rows(value: Value, shape: tuple[int, ...], leading: int) -> list[Row]:
    """One row per index of the first ``leading`` dimensions."""
    count, rest = int(np.prod(shape[:leading])), tuple(shape[leading:])
    terms = [ids.numpy().reshape(count, *rest) for ids in value.terms]
    return [Row(rest, tuple(t[i] for t in terms)) for i in range(count)]


def apply(rec: Recorder, result: Any, source: Any, type_: str, params: Mapping[str, Any], leading: int) -> Result:
    """The layer ``type_`` of ``params`` on ``source``; the last dimensions from ``leading`` on are one row's."""
    import torch

    value = rec.value(source)
    if isinstance(value, Opaque):
        return value
    if value is None:
        if not rec.is_zero(source):
            return None  # a constant
        value = Value(())
    layer = make_layer(type_, rec.label(type_), params)
    out = tuple(result.shape)
    atoms = [
        rec.atoms.add("layer", layer.label, out[leading:], i, layer=layer, source=row)
        for i, row in enumerate(rows(value, tuple(source.shape), leading))
    ]
    if not atoms:
        return Value(())
    size = int(np.prod(out))
    return Value((torch.arange(atoms[0].base, atoms[0].base + size).reshape(out),))


def bound(names: tuple[str, ...], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """All arguments given, by name."""
    return {**dict(zip(names, args, strict=False)), **kwargs}


def numbers(value: Any, rank: int) -> Any:
    """One number for each of ``rank`` axes; words as they are."""
    if isinstance(value, str):
        return value
    flat = [int(v) for v in value] if isinstance(value, (list, tuple)) else [int(value)]
    return np.array(flat * rank if len(flat) == 1 else flat)


def _array(tensor: Any) -> Any:
    return np.array(tensor.detach().cpu().numpy())


def _key(type_: str, params: Mapping[str, Any]) -> str:
    digest = hashlib.sha256(type_.encode())
    for name in sorted(params):
        value = np.asarray(params[name])
        digest.update(f"{name}{value.shape}{value.dtype}".encode() + value.tobytes())
    return digest.hexdigest()
