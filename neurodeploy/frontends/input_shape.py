"""The shape of a step's input, where the first layer says it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from neurodeploy.connections.base import Shape
from neurodeploy.errors import ShapeMismatch


def has_parameters(part: Any) -> bool:
    """Whether a module holds parameters itself."""
    return any(p is not None for p in part._parameters.values())


def has_weights(part: Any) -> bool:
    """Whether it holds weights; time constants that are learned are none."""
    return part._parameters.get("weight") is not None


def input_shape_of(module: Any, is_layer: Callable[[Any], bool] = has_parameters) -> Shape:
    """Of one step, without batch and time: of the first part that is a layer, if that is a Linear or recurrent.

    Raises:
        ShapeMismatch: It is another.
    """
    first = next((part for _, part in module.named_modules() if is_layer(part)), None)
    size = getattr(first, "in_features", getattr(first, "input_size", None))
    if size is None:
        raise ShapeMismatch(
            "the module does not say what shape its input has",
            where=type(module).__name__,
            remedy="give input_shape, of one step, without batch and time, e.g. (2, 34, 34)",
        )
    return (int(size),)
