"""The node types of nir 1.0.8: which parameters each has, and how they are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from neurodeploy.errors import ModelError, ShapeMismatch, UnreadableFile, UnsupportedNode, did_you_mean

LARGEST_INTEGER = 2**40
"""Of strides, sizes and the like; whatever is larger is damage."""


class _Wrong(ValueError):
    """A value that cannot be what its parameter is."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of a node type.

    Attributes:
        name: The key in the file.
        read: Makes the canonical value of the file's.
        missing: Whether older files, or those of tolerant exporters, may lack it.
    """

    name: str
    read: Callable[[Any], Any]
    missing: bool = False


def _real(value: Any) -> Any:
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise _Wrong("is not made of real numbers")
    if array.size == 0:
        raise _Wrong(f"has shape {array.shape}: it is empty")
    return array.astype(np.int8) if array.dtype.kind == "b" else array


def _integers(value: Any) -> Any:
    array = np.asarray(value)
    if array.dtype.kind not in "iuf" or not np.all(np.isfinite(array)) or np.any(array != np.rint(array)):
        raise _Wrong("is not made of integers")
    if np.any(np.abs(array.astype(np.float64)) > LARGEST_INTEGER):
        raise _Wrong(f"holds {array.flat[np.argmax(np.abs(array.astype(np.float64)))]:g}")
    return array.astype(np.int64)


def _integer(value: Any) -> int:
    array = _integers(value)
    if array.size != 1:
        raise _Wrong(f"has shape {array.shape}, one integer is expected")
    return int(array.item())


def _per_axis(axes: int, value: Any) -> Any:
    """One integer for each axis, from one or ``axes`` of them."""
    array = _integers(value).ravel()
    if array.size not in (1, axes):
        raise _Wrong(f"has {array.size} values, not one or {axes}")
    return np.broadcast_to(array, (axes,)).copy()


def _padding(axes: int, value: Any) -> Any:
    if not isinstance(value, str):
        return _per_axis(axes, value)
    if value not in ("same", "valid"):
        raise _Wrong(f"is '{value}', not integers, 'same' or 'valid'")
    return value


def _shape(value: Any) -> tuple[int, ...]:
    array = _integers(value)
    if np.any(array < 1):
        raise _Wrong(f"has shape {array.ravel().tolist()}, which is not positive")
    return tuple(int(n) for n in array.ravel())


def _reals(*names: str) -> tuple[Parameter, ...]:
    return tuple(Parameter(name, _real) for name in names)


def _conv(axes: int) -> tuple[Parameter, ...]:
    each = partial(_per_axis, axes)
    return (
        Parameter("input_shape", each, missing=True),
        *_reals("weight", "bias"),
        Parameter("stride", each),
        Parameter("padding", partial(_padding, axes)),
        Parameter("dilation", each),
        Parameter("groups", _integer),
    )


_POOL = tuple(Parameter(name, partial(_per_axis, 2)) for name in ("kernel_size", "stride", "padding"))
_V_RESET, _W_IN = Parameter("v_reset", _real, missing=True), Parameter("w_in", _real, missing=True)

PRIMITIVES: Mapping[str, tuple[Parameter, ...]] = {
    "Input": (Parameter("shape", _shape, missing=True),),
    "Output": (Parameter("shape", _shape, missing=True),),
    "Affine": _reals("weight", "bias"),
    "Linear": _reals("weight"),
    "Scale": _reals("scale"),
    "Conv1d": _conv(1),
    "Conv2d": _conv(2),
    "SumPool2d": _POOL,
    "AvgPool2d": _POOL,
    "Flatten": (Parameter("start_dim", _integer), Parameter("end_dim", _integer)),
    "Delay": _reals("delay"),
    "Threshold": _reals("threshold"),
    "I": _reals("r"),
    "IF": (*_reals("r", "v_threshold"), _V_RESET),
    "LI": _reals("tau", "r", "v_leak"),
    "LIF": (*_reals("tau", "r", "v_leak", "v_threshold"), _V_RESET),
    "CubaLI": (*_reals("tau_syn", "tau_mem", "r", "v_leak"), _W_IN),
    "CubaLIF": (*_reals("tau_syn", "tau_mem", "r", "v_leak", "v_threshold"), _V_RESET, _W_IN),
}
"""All node types but NIRGraph, with their parameters."""
DERIVED = {"Flatten": ("input_type",)}
"""Keys that only repeat what follows from the graph."""


def read_parameters(kind: str, data: Mapping[str, Any], where: str) -> tuple[dict[str, Any], list[str]]:
    """Canonical parameters of a node, and notes about keys that mean nothing.

    Numbers per axis become int64 arrays with one for each, shapes tuples; missing optional ones are left out.

    Raises:
        UnsupportedNode: Not one of NIR's types.
        UnreadableFile: A parameter is missing, or cannot be what it is.
        ShapeMismatch: An Input's or Output's shape is not positive.
    """
    if kind not in PRIMITIVES:
        remedy = f"replace it; {did_you_mean(kind, PRIMITIVES)}"
        raise UnsupportedNode(f"NIR node type {kind} is not supported", where=where, remedy=remedy)
    found = {}
    for parameter in PRIMITIVES[kind]:
        name = parameter.name
        if name not in data:
            if not parameter.missing:
                raise UnreadableFile(
                    f"the {kind} node has no '{name}'", where=where, remedy=f"add it, as nir.{kind} writes it"
                )
            continue
        try:
            found[name] = parameter.read(data[name])
        except _Wrong as error:
            wrong: type[ModelError] = ShapeMismatch if kind in ("Input", "Output") else UnreadableFile
            what = f"the {kind.lower()} {error}" if name == "shape" else f"'{name}' {error}"
            raise wrong(what, where=where, remedy=f"export it as nir.{kind} defines it, without batch and time") from (
                error
            )
    unknown = sorted(data.keys() - {p.name for p in PRIMITIVES[kind]} - set(DERIVED.get(kind, ())))
    return found, [f"{where}: '{key}' is no parameter of {kind} and is ignored" for key in unknown]
