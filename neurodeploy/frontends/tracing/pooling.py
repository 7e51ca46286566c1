"""Poolings of a network, as layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from neurodeploy.frontends.tracing.layers import apply, bound, numbers
from neurodeploy.frontends.tracing.values import Result

if TYPE_CHECKING:
    from neurodeploy.frontends.tracing.recorder import Recorder


def avg_pool2d(rec: Recorder, result: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Result:
    names = ("input", "kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override")
    a = {"padding": 0, "ceil_mode": False, "count_include_pad": True} | bound(names, args, kwargs)
    size, padding = numbers(a["kernel_size"], 2), numbers(a["padding"], 2)
    stride = size if a.get("stride") in (None, ()) else numbers(a["stride"], 2)
    if a["ceil_mode"]:
        return rec.opaque("avg_pool2d", "it has ceil_mode")
    if padding.any() and not a["count_include_pad"]:
        return rec.opaque("avg_pool2d", "it averages over fewer numbers at the border (count_include_pad=False)")
    params = {"kernel_size": size, "stride": stride, "padding": padding}
    if (divisor := a.get("divisor_override")) is not None and divisor != size.prod():
        if divisor != 1:
            return rec.opaque("avg_pool2d", f"it divides by {divisor}")
        return apply(rec, result, a["input"], "SumPool2d", params, a["input"].dim() - 3)
    return apply(rec, result, a["input"], "AvgPool2d", params, a["input"].dim() - 3)


def lp_pool2d(rec: Recorder, result: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Result:
    """With norm 1 a sum (Sinabs's ``SumPool2d``)."""
    names = ("input", "norm_type", "kernel_size", "stride", "ceil_mode")
    a = {"ceil_mode": False} | bound(names, args, kwargs)
    if a["norm_type"] != 1 or a["ceil_mode"]:
        return rec.opaque("lp_pool2d", "it has ceil_mode or a norm other than 1")
    size = numbers(a["kernel_size"], 2)
    stride = size if a.get("stride") is None else numbers(a["stride"], 2)
    params = {"kernel_size": size, "stride": stride, "padding": np.zeros(2, int)}
    return apply(rec, result, a["input"], "SumPool2d", params, a["input"].dim() - 3)


def avg_pool1d(rec: Recorder, result: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Result:
    """NIR has no such node: a convolution of every channel with equal taps."""
    names = ("input", "kernel_size", "stride", "padding", "ceil_mode", "count_include_pad")
    a = {"padding": 0, "ceil_mode": False, "count_include_pad": True} | bound(names, args, kwargs)
    size, padding = numbers(a["kernel_size"], 1), numbers(a["padding"], 1)
    stride = size if a.get("stride") in (None, ()) else numbers(a["stride"], 1)
    if a["ceil_mode"]:
        return rec.opaque("avg_pool1d", "it has ceil_mode")
    if padding.any() and not a["count_include_pad"]:
        return rec.opaque("avg_pool1d", "it averages over fewer numbers at the border (count_include_pad=False)")
    return _average1d(rec, result, a["input"], size, stride, padding)


def adaptive_avg_pool1d(rec: Recorder, result: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Result:
    return _adaptive(rec, result, bound(("input", "output_size"), args, kwargs)["input"], 1)


def adaptive_avg_pool2d(rec: Recorder, result: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Result:
    return _adaptive(rec, result, bound(("input", "output_size"), args, kwargs)["input"], 2)


def _adaptive(rec: Recorder, result: Any, source: Any, rank: int) -> Result:
    """Windows of one size, where the output's size divides the input's."""
    before, after = np.array(source.shape[-rank:]), np.array(result.shape[-rank:])
    if (before % after).any():
        return rec.opaque(f"adaptive_avg_pool{rank}d", f"its windows over {tuple(before)} differ in size")
    size, zero = before // after, np.zeros(rank, int)
    if rank == 1:
        return _average1d(rec, result, source, size, size, zero)
    params = {"kernel_size": size, "stride": size, "padding": zero}
    return apply(rec, result, source, "AvgPool2d", params, source.dim() - 3)


def _average1d(rec: Recorder, result: Any, source: Any, size: Any, stride: Any, padding: Any) -> Result:
    channels = int(source.shape[-2])
    weight = np.full((channels, 1, int(size[0])), 1 / int(size[0]))
    params = {"stride": stride, "padding": padding, "dilation": np.ones(1, int), "groups": channels}
    params |= {"weight": weight, "bias": np.zeros(channels), "input_shape": np.array(source.shape[-1:])}
    return apply(rec, result, source, "Conv1d", params, source.dim() - 2)


def max_pool2d(rec: Recorder, result: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Result:
    names = ("input", "kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices")
    a = {"padding": 0, "dilation": 1, "ceil_mode": False} | bound(names, args, kwargs)
    size, padding = numbers(a["kernel_size"], 2), numbers(a["padding"], 2)
    stride = size if a.get("stride") is None else numbers(a["stride"], 2)
    if a["ceil_mode"] or a.get("return_indices") or (numbers(a["dilation"], 2) != 1).any():
        return rec.opaque("max_pool2d", "it has ceil_mode, return_indices or dilation")
    params = {"kernel_size": size, "stride": stride, "padding": padding}
    return apply(rec, result, a["input"], "MaxPool2d", params, a["input"].dim() - 3)
