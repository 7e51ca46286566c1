"""Torch functions that a network may call between its neurons, and what each does to the traced values.

A function that is not listed makes an :class:`Opaque` value: the network is refused, by the function's name, where it
uses that value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from neurodeploy.frontends.tracing import layers, pooling
from neurodeploy.frontends.tracing.values import NOTHING, Opaque, Result, Value

if TYPE_CHECKING:
    from neurodeploy.frontends.tracing.recorder import Recorder

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


@lru_cache(maxsize=4096)
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


LAYERS: Mapping[str, Callable[[Recorder, Any, tuple[Any, ...], Mapping[str, Any]], Result]] = {
    "linear": layers.linear,
    "matmul": layers.matmul,
    "conv1d": layers.conv1d,
    "conv2d": layers.conv2d,
    "avg_pool1d": pooling.avg_pool1d,
    "avg_pool2d": pooling.avg_pool2d,
    "lp_pool2d": pooling.lp_pool2d,
    "adaptive_avg_pool1d": pooling.adaptive_avg_pool1d,
    "adaptive_avg_pool2d": pooling.adaptive_avg_pool2d,
    "max_pool2d": pooling.max_pool2d,
    "batch_norm": layers.batch_norm,
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
    a = layers.bound(("input", "p", "training"), args, kwargs)
    if "dropout" in name and a.get("training", True) and a.get("p", 0.5):
        return rec.opaque(name, "it drops numbers at random")
    return rec.value(args[0] if args else a["input"])


def reduce_sum(rec: Recorder, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Result:
    """A sum over dimensions is the sum of the slices."""
    a = layers.bound(("input", "dim", "keepdim"), args, kwargs)
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


def _term(value: Value, k: int, like: Any) -> Any:
    import torch

    return value.terms[k] if k < len(value.terms) else torch.full(tuple(like.shape), NOTHING)
