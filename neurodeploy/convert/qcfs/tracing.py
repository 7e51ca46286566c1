"""Torch modules with QCFS activations as :class:`QcfsModel`: traced by torch.fx, everything linear put together."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import fx, nn

from neurodeploy.connections import Conv2d, Dense
from neurodeploy.connections.base import Shape
from neurodeploy.convert.qcfs.activation import QCFS, layer_name
from neurodeploy.convert.qcfs.affine import Affine, pooling
from neurodeploy.convert.qcfs.layers import INPUT, OUTPUT, Branch, Coding, Layer, QcfsModel, checked
from neurodeploy.errors import ModelError, ShapeMismatch

Floats = NDArray[np.float64]
READ = "Linear, Conv2d, BatchNorm1d, BatchNorm2d, AvgPool2d, AdaptiveAvgPool2d, Flatten, Dropout, Identity, QCFS, sums"
ADDS = (operator.add, operator.iadd, torch.add)


class _Tracer(fx.Tracer):
    """Takes QCFS, like torch's own layers, for a part."""

    def is_leaf_module(self, m: Any, module_qualified_name: str) -> bool:
        return isinstance(m, QCFS) or super().is_leaf_module(m, module_qualified_name)


def from_torch(
    module: nn.Module,
    input_shape: tuple[int, ...],
    *,
    input_levels: int | None = None,
    input_step: float = 1.0,
    name: str | None = None,
) -> QcfsModel:
    """Read a module as it is in evaluation mode: batch norms folded, dropouts off.

    Args:
        module: Linear layers, convolutions, batch norms, average poolings and sums between QCFS activations; the last
            layer is linear.
        input_shape: Without batch.
        input_levels: T0 of inputs 0 .. T0 times ``input_step``; not where the module begins with a QCFS, which then
            says how many spikes an input has.
        input_step: Real value of one input spike.
        name: For provenance; default the class.

    Raises:
        ModelError: Something that has no exact counterpart, such as maximum pooling or a ReLU; names it.
        ShapeMismatch: A layer does not fit the shape.
    """
    try:
        graph = _Tracer().trace(module)
    except Exception as error:  # the module's own code may raise anything
        raise ModelError(
            f"torch.fx cannot trace it: {error}",
            where=type(module).__name__,
            remedy="write its forward without branches on values, of these parts: " + READ,
        ) from error
    reader = _Reader(module, tuple(int(n) for n in input_shape), input_levels, input_step)
    return reader.read(graph, name or type(module).__name__)


class _Reader:
    """Goes through the graph, one :class:`Affine` for each value."""

    def __init__(self, module: nn.Module, shape: Shape, levels: int | None, step: float) -> None:
        self.parts = dict(module.named_modules())
        self.shape, self.step = shape, step
        self.coding = None if levels is None else Coding(levels, step)
        self.layers: list[Layer] = []

    def read(self, graph: fx.Graph, name: str) -> QcfsModel:
        known: dict[fx.Node, Affine] = {}
        for node in graph.nodes:
            if node.op == "output":
                return self._finished(node, known, name)
            known[node] = self._value(node, known)
        raise ModelError("it returns nothing", where=name, remedy="return the logits")

    def _finished(self, node: fx.Node, known: dict[fx.Node, Affine], name: str) -> QcfsModel:
        (returned,) = node.args
        if not isinstance(returned, fx.Node):
            raise ModelError("it returns several values", where=name, remedy="return the logits alone")
        value = known[returned]
        if value.only_source is not None:
            raise ModelError("nothing follows the last activation", where=name, remedy="end with a linear layer")
        if self.coding is None:
            raise ModelError(
                "nothing says how inputs become spikes",
                where=name,
                remedy="give input_levels (inputs are 0 .. T0 times input_step), or begin with a QCFS",
            )
        self._add(OUTPUT, value, 0, 1.0)
        return checked(QcfsModel(self.shape, self.coding, tuple(self.layers), name))

    def _value(self, node: fx.Node, known: dict[fx.Node, Affine]) -> Affine:
        if node.op == "placeholder":
            if known:
                raise ModelError("it takes several inputs", where=node.name, remedy="give it one")
            return Affine.of(INPUT, self.shape)
        given = [known[a] for a in node.args if isinstance(a, fx.Node)]
        if node.op == "call_module":
            part = self.parts[str(node.target)]
            for kind, reads in _PARTS.items():
                if isinstance(part, kind):
                    return reads(self, part, given[0], layer_name(str(node.target)))
            raise _refusal(part, str(node.target))
        if (node.target in ADDS or node.target in ("add", "add_")) and len(given) == 2 and not node.kwargs:
            if given[0].shape != given[1].shape:
                raise ShapeMismatch(
                    f"a sum of shapes {given[0].shape} and {given[1].shape}", where=node.name, remedy="make them equal"
                )
            return given[0].plus(given[1])
        if node.target in (torch.flatten, "flatten") and (*node.args[1:], *node.kwargs.values()) in ((1,), (1, -1)):
            return given[0].reshaped((math.prod(given[0].shape),))
        if node.target in (nn.functional.relu, torch.relu, "relu"):
            raise _refusal(nn.ReLU(), node.name)
        raise ModelError(f"'{node.target}' has no exact counterpart", where=node.name, remedy=f"use {READ}")

    def _add(self, name: str, value: Affine, levels: int, lam: float) -> None:
        branches = tuple(Branch(source, connection) for source, connection in value.connections())
        self.layers.append(Layer(name, value.shape, branches, value.bias, levels, lam))

    def activation(self, part: QCFS, value: Affine, name: str) -> Affine:
        if value.only_source == INPUT and not self.layers:
            if self.coding is not None:
                raise ModelError(
                    "input levels, and a module that begins with a QCFS",
                    where=name,
                    remedy="drop one of them: a QCFS says itself how many spikes an input has",
                )
            self.coding = Coding(part.levels, part.lam / part.levels, rounds=True)
            return value
        if name in (INPUT, OUTPUT) or any(layer.name == name for layer in self.layers):
            raise ModelError(
                f"the activation '{name}' is used twice, or has a name of our own",
                where=name,
                remedy="give each place a QCFS of its own, not called 'in' or 'out'",
            )
        self._add(name, value, part.levels, part.lam)
        return Affine.of(name, value.shape)

    def linear(self, part: nn.Linear, value: Affine, name: str) -> Affine:
        if value.shape != (part.in_features,):
            raise _unfit(name, f"takes ({part.in_features},)", value.shape)
        weights = Dense(_array(part.weight), value.shape, (part.out_features,))
        return value.through(weights, None if part.bias is None else _array(part.bias))

    def conv(self, part: nn.Conv2d, value: Affine, name: str) -> Affine:
        if part.padding_mode != "zeros" or isinstance(part.padding, str):
            raise ModelError(
                f"padding '{part.padding}', {part.padding_mode}", where=name, remedy="give zeros, and their number"
            )
        geometry: Any = {k: getattr(part, k) for k in ("stride", "padding", "dilation", "groups")}
        kernel = Conv2d.build(_array(part.weight), value.shape, **geometry, where=name)
        return value.through(kernel, None if part.bias is None else _array(part.bias))

    def norm(self, part: nn.BatchNorm1d | nn.BatchNorm2d, value: Affine, name: str) -> Affine:
        if part.running_mean is None or part.running_var is None:
            raise ModelError("a batch norm without running statistics", where=name, remedy="train it with them")
        if value.shape[0] != part.num_features:
            raise _unfit(name, f"takes {part.num_features} channels", value.shape)
        factor = 1 / np.sqrt(_array(part.running_var) + part.eps)
        shift = -_array(part.running_mean) * factor
        if part.affine:
            factor, shift = factor * _array(part.weight), shift * _array(part.weight) + _array(part.bias)
        return value.scaled(factor, shift)

    def pool(self, part: nn.AvgPool2d, value: Affine, name: str) -> Affine:
        size, padding = _pair(part.kernel_size), _pair(part.padding)
        if part.ceil_mode or part.divisor_override or (padding != (0, 0) and not part.count_include_pad):
            raise ModelError(
                "an average over a varying number of values", where=name, remedy="no ceil_mode, divisor, or padding"
            )
        return value.through(pooling(value.shape, size, _pair(part.stride or part.kernel_size), padding))

    def adaptive_pool(self, part: nn.AdaptiveAvgPool2d, value: Affine, name: str) -> Affine:
        wanted = _pair(part.output_size)
        if len(value.shape) != 3 or any(n is None or m % n for m, n in zip(value.shape[1:], wanted, strict=True)):
            raise ModelError(
                f"an average pooling of {value.shape} to {wanted}", where=name, remedy="choose sizes that divide"
            )
        size = (value.shape[1] // wanted[0], value.shape[2] // wanted[1])
        return value.through(pooling(value.shape, size, size, (0, 0)))

    def flatten(self, part: nn.Flatten, value: Affine, name: str) -> Affine:
        if (part.start_dim, part.end_dim) != (1, -1):
            raise ModelError("a partial flatten", where=name, remedy="use Flatten()")
        return value.reshaped((math.prod(value.shape),))

    def same(self, part: nn.Module, value: Affine, name: str) -> Affine:
        return value


_PARTS: dict[Any, Callable[[_Reader, Any, Affine, str], Affine]] = {
    QCFS: _Reader.activation,
    nn.Linear: _Reader.linear,
    nn.Conv2d: _Reader.conv,
    (nn.BatchNorm1d, nn.BatchNorm2d): _Reader.norm,
    nn.AvgPool2d: _Reader.pool,
    nn.AdaptiveAvgPool2d: _Reader.adaptive_pool,
    nn.Flatten: _Reader.flatten,
    (nn.Dropout, nn.Dropout2d, nn.Identity): _Reader.same,
}


def _refusal(part: nn.Module, where: str) -> ModelError:
    kind = type(part).__name__
    if "MaxPool" in kind:
        return ModelError(
            f"{kind}: the largest of several counts is no sum of spikes", where=where, remedy="use average pooling"
        )
    if isinstance(part, nn.ReLU):
        return ModelError(
            "a ReLU, which has no levels",
            where=where,
            remedy="train with QCFS, or let neurodeploy.convert.qcfs.calibrate choose its levels (--levels)",
        )
    return ModelError(f"{kind} has no exact counterpart", where=where, remedy=f"use {READ}")


def _unfit(where: str, takes: str, found: Shape) -> ShapeMismatch:
    return ShapeMismatch(f"it {takes}, and gets {found}", where=where, remedy="check input_shape, and Flatten")


def _array(values: Any) -> Floats:
    return np.asarray(values.detach().cpu().numpy(), dtype=np.float64)


def _pair(value: Any) -> Any:
    return tuple(value) if isinstance(value, (tuple, list)) else (value, value)
