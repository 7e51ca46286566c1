"""Torch functions that a network may call between its neurons, and what each does to the traced values.

A function that is not listed makes an :class:`Opaque` value: the network is refused, by the function's name, where it
uses that value.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from neurodeploy.frontends.tracing.values import NOTHING, Layer, Opaque, Row, Value

if TYPE_CHECKING:
    from neurodeploy.frontends.tracing.recorder import Recorder

Result = Value | Opaque | None

SAME = frozenset(
    "alias clone contiguous data detach detach_ float double requires_grad_ to type type_as cpu dropout dropout1d "
    "dropout2d dropout3d alpha_dropout feature_alpha_dropout".split()
)
"""Return the numbers they are given; the dropouts only outside training, and casts only between floats."""

MOVES = frozenset(
    "T chunk expand expand_as flatten flip getitem index_select movedim mT narrow permute repeat reshape reshape_as "
    "roll select split squeeze swapaxes swapdims t tensor_split tile transpose unbind unflatten unsqueeze view "
    "view_as broadcast_to moveaxis hsplit vsplit dsplit split_with_sizes repeat_interleave".split()
)
"""Only move the numbers of one tensor, or repeat them."""

JOINS = frozenset("cat concat concatenate stack hstack vstack dstack".split())
"""Only move the numbers of several tensors."""

ASKS = frozenset(
    "size dim len numel nelement stride storage_offset is_contiguous get_device is_floating_point is_complex "
    "element_size is_tensor eq repr format register_hook data_ptr untyped_storage has_names is_same_size result_type "
    "dtype shape device".split()
)
"""Return no numbers of the tensor (``eq`` with None only); attributes are checked by what they return."""


FRESH = frozenset(
    "zeros_like ones_like empty_like full_like rand_like randn_like new_zeros new_ones new_empty new_full "
    "new_tensor".split()
)
"""Make a constant of a tensor's shape or kind."""


def plain_name(func: Any) -> str:
    """``torch.Tensor.__getitem__`` and ``torch.getitem`` are ``getitem``; the getter of ``.data`` is ``data``."""
    from torch.overrides import resolve_name

    full = str(resolve_name(func) or getattr(func, "__name__", func))
    name = full.removesuffix(".__get__").rpartition(".")[2]
    return name[2:-2] if name.startswith("__") and name.endswith("__") else name


def is_getter(func: Any) -> bool:
    """Whether ``func`` reads an attribute of a tensor."""
    return getattr(func, "__name__", "") == "__get__"


def tensors_in(value: Any) -> Iterator[Any]:
    """All tensors in nested lists, tuples and dicts."""
    import torch

    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, Mapping):
        for v in value.values():
            yield from tensors_in(v)
    elif isinstance(value, (list, tuple)):
        for v in value:
            yield from tensors_in(v)


def add(rec: Recorder, result: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Result:
    """A sum of two tensors of one shape; constant zeros may be added to anything."""
    first, second = args[0], args[1] if len(args) > 1 else kwargs["other"]
    if kwargs.get("alpha", 1) != 1:
        return rec.opaque("add", "it multiplies by alpha")
    terms: list[Any] = []
    for part in (first, second):
        value = rec.value(part)
        if isinstance(value, Opaque):
            return value
        if value is not None:
            if tuple(part.shape) != tuple(result.shape):
                return rec.opaque("add", f"it broadcasts {tuple(part.shape)} to {tuple(result.shape)}")
            terms += value.terms
        elif not rec.is_zero(part):
            return rec.opaque("add", "it adds a constant")
    return Value(tuple(terms))


def linear(rec: Recorder, result: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Result:
    a = _bound(("input", "weight", "bias"), args, kwargs)
    return _affine(rec, result, a, "Linear", {}, leading=a["input"].dim() - 1)


def matmul(rec: Recorder, result: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Result:
    """``x @ W`` with constant (in, out) weights."""
    a = _bound(("input", "other"), args, kwargs)
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
    a = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1} | _bound(names, args, kwargs)
    params: dict[str, Any] = {k: _numbers(a[k], rank) for k in ("stride", "padding", "dilation")}
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
    return _apply(rec, result, a["input"], type_, {**arrays, **params}, leading)


def avg_pool2d(rec: Recorder, result: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Result:
    names = ("input", "kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override")
    a = {"padding": 0, "ceil_mode": False, "count_include_pad": True} | _bound(names, args, kwargs)
    size, padding = _numbers(a["kernel_size"], 2), _numbers(a["padding"], 2)
    stride = size if a.get("stride") in (None, ()) else _numbers(a["stride"], 2)
    if a["ceil_mode"]:
        return rec.opaque("avg_pool2d", "it has ceil_mode")
    if padding.any() and not a["count_include_pad"]:
        return rec.opaque("avg_pool2d", "it averages over fewer numbers at the border (count_include_pad=False)")
    params = {"kernel_size": size, "stride": stride, "padding": padding}
    if (divisor := a.get("divisor_override")) is not None and divisor != size.prod():
        if divisor != 1:
            return rec.opaque("avg_pool2d", f"it divides by {divisor}")
        return _apply(rec, result, a["input"], "SumPool2d", params, a["input"].dim() - 3)
    return _apply(rec, result, a["input"], "AvgPool2d", params, a["input"].dim() - 3)


def lp_pool2d(rec: Recorder, result: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Result:
    """With norm 1 a sum (Sinabs's ``SumPool2d``)."""
    names = ("input", "norm_type", "kernel_size", "stride", "ceil_mode")
    a = {"ceil_mode": False} | _bound(names, args, kwargs)
    if a["norm_type"] != 1 or a["ceil_mode"]:
        return rec.opaque("lp_pool2d", "it has ceil_mode or a norm other than 1")
    size = _numbers(a["kernel_size"], 2)
    stride = size if a.get("stride") is None else _numbers(a["stride"], 2)
    params = {"kernel_size": size, "stride": stride, "padding": np.zeros(2, int)}
    return _apply(rec, result, a["input"], "SumPool2d", params, a["input"].dim() - 3)


def avg_pool1d(rec: Recorder, result: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Result:
    """NIR has no such node: a convolution of every channel with equal taps."""
    names = ("input", "kernel_size", "stride", "padding", "ceil_mode", "count_include_pad")
    a = {"padding": 0, "ceil_mode": False, "count_include_pad": True} | _bound(names, args, kwargs)
    size, padding = _numbers(a["kernel_size"], 1), _numbers(a["padding"], 1)
    stride = size if a.get("stride") in (None, ()) else _numbers(a["stride"], 1)
    if a["ceil_mode"]:
        return rec.opaque("avg_pool1d", "it has ceil_mode")
    if padding.any() and not a["count_include_pad"]:
        return rec.opaque("avg_pool1d", "it averages over fewer numbers at the border (count_include_pad=False)")
    return _average1d(rec, result, a["input"], size, stride, padding)


def adaptive_avg_pool1d(rec: Recorder, result: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Result:
    return _adaptive(rec, result, _bound(("input", "output_size"), args, kwargs)["input"], 1)


def adaptive_avg_pool2d(rec: Recorder, result: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Result:
    return _adaptive(rec, result, _bound(("input", "output_size"), args, kwargs)["input"], 2)


def _adaptive(rec: Recorder, result: Any, source: Any, rank: int) -> Result:
    """Windows of one size, where the output's size divides the input's."""
    before, after = np.array(source.shape[-rank:]), np.array(result.shape[-rank:])
    if (before % after).any():
        return rec.opaque(f"adaptive_avg_pool{rank}d", f"its windows over {tuple(before)} differ in size")
    size, zero = before // after, np.zeros(rank, int)
    if rank == 1:
        return _average1d(rec, result, source, size, size, zero)
    params = {"kernel_size": size, "stride": size, "padding": zero}
    return _apply(rec, result, source, "AvgPool2d", params, source.dim() - 3)


def _average1d(rec: Recorder, result: Any, source: Any, size: Any, stride: Any, padding: Any) -> Result:
    channels = int(source.shape[-2])
    weight = np.full((channels, 1, int(size[0])), 1 / int(size[0]))
    params = {"stride": stride, "padding": padding, "dilation": np.ones(1, int), "groups": channels}
    params |= {"weight": weight, "bias": np.zeros(channels), "input_shape": np.array(source.shape[-1:])}
    return _apply(rec, result, source, "Conv1d", params, source.dim() - 2)


def max_pool2d(rec: Recorder, result: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Result:
    names = ("input", "kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices")
    a = {"padding": 0, "dilation": 1, "ceil_mode": False} | _bound(names, args, kwargs)
    size, padding = _numbers(a["kernel_size"], 2), _numbers(a["padding"], 2)
    stride = size if a.get("stride") is None else _numbers(a["stride"], 2)
    if a["ceil_mode"] or a.get("return_indices") or (_numbers(a["dilation"], 2) != 1).any():
        return rec.opaque("max_pool2d", "it has ceil_mode, return_indices or dilation")
    params = {"kernel_size": size, "stride": stride, "padding": padding}
    return _apply(rec, result, a["input"], "MaxPool2d", params, a["input"].dim() - 3)


def batch_norm(rec: Recorder, result: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Result:
    names = ("input", "running_mean", "running_var", "weight", "bias", "training", "momentum", "eps")
    a = {"training": False, "eps": 1e-5} | _bound(names, args, kwargs)
    if a["training"] or a.get("running_mean") is None:
        return rec.opaque("batch_norm", "it normalises by the statistics of the batch")
    mean, variance = (_array(a[k]).astype(np.float64) for k in ("running_mean", "running_var"))
    scale = 1 / np.sqrt(variance + a["eps"])
    if a.get("weight") is not None:
        scale = scale * _array(a["weight"])
    shift = -mean * scale + (0.0 if a.get("bias") is None else _array(a["bias"]))
    return _apply(rec, result, a["input"], "BatchNorm", {"scale": scale, "shift": shift}, leading=1)


LAYERS: Mapping[str, Callable[[Recorder, Any, tuple[Any, ...], Mapping[str, Any]], Result]] = {
    "linear": linear,
    "matmul": matmul,
    "conv1d": conv1d,
    "conv2d": conv2d,
    "avg_pool1d": avg_pool1d,
    "avg_pool2d": avg_pool2d,
    "lp_pool2d": lp_pool2d,
    "adaptive_avg_pool1d": adaptive_avg_pool1d,
    "adaptive_avg_pool2d": adaptive_avg_pool2d,
    "max_pool2d": max_pool2d,
    "batch_norm": batch_norm,
}
"""Make new numbers from a tensor; also from one of constant zeros, as a feedback has at the first step."""

SUMS = frozenset(("add", "add_", "radd", "iadd"))


def move(rec: Recorder, func: Any, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[Value] | Opaque:
    """The values of a movement's results, in order; found by moving the ids."""
    moved = args[0] if name not in JOINS else None
    tensors = list(args[0]) if name in JOINS else [moved]
    values: list[Value] = []
    for tensor in tensors:
        value = rec.value(tensor)
        if isinstance(value, Opaque):
            return value
        if value is None and not rec.is_zero(tensor):
            return rec.opaque(name, "it joins constants to the network's numbers")
        values.append(Value(()) if value is None else value)
    others = [*args[1:], *kwargs.values()]
    if any(rec.value(t) is not None for t in tensors_in(others)) and not name.endswith("_as"):
        return rec.opaque(name, "its index depends on the input")
    results: list[list[Any]] = []
    for k in range(max((len(v.terms) for v in values), default=0)):
        ids = [_term(v, k, t) for v, t in zip(values, tensors, strict=True)]
        made = func(ids if name in JOINS else ids[0], *args[1:], **kwargs)
        for i, part in enumerate(made if isinstance(made, (list, tuple)) else [made]):
            if i == len(results):
                results.append([])
            results[i].append(part)
    return [Value(tuple(terms)) for terms in results]


def same(rec: Recorder, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Result:
    """The numbers as they are; random ones are not."""
    a = _bound(("input", "p", "training"), args, kwargs)
    if "dropout" in name and a.get("training", True) and a.get("p", 0.5):
        return rec.opaque(name, "it drops numbers at random")
    return rec.value(args[0] if args else a["input"])


def reduce_sum(rec: Recorder, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Result:
    """A sum over dimensions is the sum of the slices."""
    a = _bound(("input", "dim", "keepdim"), args, kwargs)
    value, dims = rec.value(a["input"]), a.get("dim")
    if dims is None or not isinstance(value, Value):
        return rec.opaque("sum", "it adds all numbers up")
    rank = a["input"].dim()
    terms = list(value.terms)
    for dim in sorted({d % rank for d in ([dims] if isinstance(dims, int) else dims)}, reverse=True):
        slices = [part for ids in terms for part in ids.unbind(dim)]
        terms = [part.unsqueeze(dim) for part in slices] if a.get("keepdim") else slices
    return Value(tuple(terms))


def set_item(rec: Recorder, target: Any, index: Any, source: Any) -> Result:
    """``target[index] = source``, done to the ids; called before the numbers change."""
    import torch

    old, new = rec.value(target), rec.value(source)
    for value in (old, new):
        if isinstance(value, Opaque):
            return value
    if any(rec.value(t) is not None for t in tensors_in(index)):
        return rec.opaque("setitem", "its index depends on the input")
    if (old is None and not rec.is_zero(target)) or (new is None and not rec.is_zero(source)):
        return rec.opaque("setitem", "it joins constants to the network's numbers")
    old_terms, new_terms = (v.terms if isinstance(v, Value) else () for v in (old, new))
    terms = []
    for k in range(max(len(old_terms), len(new_terms))):
        ids = old_terms[k].clone() if k < len(old_terms) else torch.full(tuple(target.shape), NOTHING)
        ids[index] = new_terms[k] if k < len(new_terms) else NOTHING
        terms.append(ids)
    return Value(tuple(terms))


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


def _apply(
    rec: Recorder, result: Any, source: Any, type_: str, params: Mapping[str, Any], leading: int
) -> Value | Opaque | None:
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


def _term(value: Value, k: int, like: Any) -> Any:
    import torch

    return value.terms[k] if k < len(value.terms) else torch.full(tuple(like.shape), NOTHING)


def _bound(names: tuple[str, ...], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    return {**dict(zip(names, args, strict=False)), **kwargs}


def _numbers(value: Any, rank: int) -> Any:
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
