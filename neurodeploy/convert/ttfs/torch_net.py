"""PyTorch modules as ReLU networks: a chain of layers, read in eval mode."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from neurodeploy.connections.conv import conv_output_size
from neurodeploy.convert.ttfs.chain import Chain
from neurodeploy.convert.ttfs.relu_net import ReluNet
from neurodeploy.errors import ModelError, ShapeMismatch, UnsupportedNode
from neurodeploy.frontends.input_shape import input_shape_of
from neurodeploy.frontends.modules import from_factory, is_factory, module_model
from neurodeploy.graph import Node
from neurodeploy.windows import convolution, pooling

Shape = tuple[int, ...]


def relu_net(model: Any, low: Any, high: Any, input_shape: Sequence[int] | None = None) -> ReluNet:
    """Read a torch module, or ``package.module:factory``.

    Args:
        model: A chain of Linear, Conv2d, BatchNorm1d and 2d, ReLU, AvgPool2d, MaxPool2d, Flatten, Dropout and Identity,
            nested or traced by ``torch.fx``; not changed.
        low, high: Of the inputs, one number or one for each.
        input_shape: Of one sample; may be left out where the first layer is a Linear.

    Raises:
        ModelError: Not such a module.
        UnsupportedNode: Something in it that is no such layer, or not in a chain.
        ShapeMismatch: Layers or ``low`` and ``high`` that do not fit the shape.
    """
    found = from_factory(model) if is_factory(model) else module_model(model)
    shape = input_shape_of(found.module) if input_shape is None else tuple(int(n) for n in input_shape)
    size = math.prod(shape)
    try:
        sides = [np.broadcast_to(np.asarray(side, np.float64), shape).ravel() for side in (low, high)]
    except ValueError as error:
        raise ShapeMismatch(
            f"low and high have shapes {np.shape(low)} and {np.shape(high)}",
            where=str(found),
            remedy=f"give one number each, or arrays of {shape}",
        ) from error
    reader = _Reader(Chain(*(np.ascontiguousarray(side) for side in sides)), shape)
    steps = _steps(found.module, str(found))
    for k in range(len(steps) - 1):  # the maximum of what is positive needs no negative parts
        if (steps[k][1], steps[k + 1][1]) == ("MaxPool2d", "ReLU"):
            steps[k], steps[k + 1] = steps[k + 1], steps[k]
    for name, kind, module in steps:
        reader.read(kind, module, f"{found}, layer '{name}'")
    if size < 1:
        raise ShapeMismatch(f"input shape {shape}", where=str(found), remedy="give positive sizes")
    return reader.chain.net()


def _steps(module: Any, where: str) -> list[tuple[str, str, Any]]:
    """Name, kind and module of each layer in order."""
    import torch

    calls = {torch.relu: "ReLU", torch.nn.functional.relu: "ReLU", torch.flatten: "Flatten"}
    methods = {"relu": "ReLU", "flatten": "Flatten"}
    try:
        graph = torch.fx.symbolic_trace(module).graph
    except Exception as error:  # a forward that looks at its values, or anything else
        raise ModelError(
            f"torch.fx cannot trace it: {type(error).__name__}: {error}",
            where=where,
            remedy="give an nn.Sequential of layers",
        ) from error
    steps: list[tuple[str, str, Any]] = []
    previous = None
    for node in graph.nodes:
        if previous is not None and (node.all_input_nodes != [previous] or len(previous.users) != 1):
            raise UnsupportedNode(
                "not a chain: a layer takes another's output than that of the layer before it",
                where=f"{where}, '{node.name}'",
                remedy="convert a network without branches, or use convert qcfs",
            )
        previous = node
        if node.op == "call_module":
            layer = module.get_submodule(node.target)
            steps.append((node.target, type(layer).__name__, layer))
        elif node.op == "call_function" and node.target in calls and _plain(node):
            steps.append((node.name, calls[node.target], None))
        elif node.op == "call_method" and node.target in methods and _plain(node):
            steps.append((node.name, methods[node.target], None))
        elif node.op not in ("placeholder", "output"):
            raise UnsupportedNode(
                f"'{node.target}'", where=f"{where}, '{node.name}'", remedy=f"use one of {', '.join(KINDS)}"
            )
    return steps


def _plain(node: Any) -> bool:
    """Whether a relu or flatten is called as the layer of that name would."""
    flattens = node.args[1:] == (1,) or (not node.args[1:] and node.kwargs == {"start_dim": 1})
    is_flatten = "flatten" in str(node.target)
    return flattens if is_flatten else not node.args[1:]


class _Reader:
    """Adds layers to a chain and keeps track of the shape."""

    def __init__(self, chain: Chain, shape: Shape) -> None:
        self.chain, self.shape = chain, shape

    def read(self, kind: str, module: Any, where: str) -> None:
        """Add a layer; UnsupportedNode or ShapeMismatch where that cannot be."""
        if kind not in KINDS:
            raise UnsupportedNode(f"a {kind}", where=where, remedy=f"use one of {', '.join(KINDS)}")
        KINDS[kind](self, module, where)

    def linear(self, module: Any, where: str) -> None:
        """A matrix on flat values."""
        if self.shape != (module.in_features,):
            raise ShapeMismatch(
                f"values of shape {self.shape} for {module.in_features} inputs",
                where=where,
                remedy="flatten before it, or give another input_shape",
            )
        self.chain.affine(_array(module.weight), 0.0 if module.bias is None else _array(module.bias))
        self.shape = (module.out_features,)

    def conv(self, module: Any, where: str) -> None:
        """A convolution as the sparse matrix that it is."""
        if module.padding_mode != "zeros":
            raise UnsupportedNode(f"padding_mode '{module.padding_mode}'", where=where, remedy="pad with zeros")
        names = ("stride", "padding", "dilation", "groups")
        params = {name: getattr(module, name) for name in names} | {"weight": _array(module.weight)}
        made = convolution(Node(where, "Conv2d", params), self._maps(where), where)
        per_map = math.prod(made.target_shape[1:])
        self.chain.affine(made.to_csr(), 0.0 if module.bias is None else np.repeat(_array(module.bias), per_map))
        self.shape = made.target_shape

    def norm(self, module: Any, where: str) -> None:
        """Running statistics as a factor and an offset of each channel."""
        if module.running_mean is None or self.shape[0] != module.num_features:
            raise UnsupportedNode(
                f"batch norm of {module.num_features} channels on values of shape {self.shape}"
                + (" without running statistics" if module.running_mean is None else ""),
                where=where,
                remedy="train with track_running_stats, and as many channels",
            )
        gain = 1 / np.sqrt(_array(module.running_var) + module.eps)
        offset = np.zeros_like(gain)
        if module.affine:
            gain, offset = gain * _array(module.weight), _array(module.bias)
        offset = offset - gain * _array(module.running_mean)
        from scipy.sparse import diags_array

        per_channel = math.prod(self.shape[1:])
        self.chain.affine(diags_array(np.repeat(gain, per_channel)), np.repeat(offset, per_channel))

    def average(self, module: Any, where: str) -> None:
        """A depthwise convolution."""
        counts_padding = module.count_include_pad or not np.any(module.padding)
        if module.ceil_mode or module.divisor_override or not counts_padding:
            raise UnsupportedNode(
                "average pooling with ceil_mode, divisor_override or without its padding",
                where=where,
                remedy="use the defaults of AvgPool2d",
            )
        params = {name: getattr(module, name) for name in ("kernel_size", "stride", "padding")}
        made = pooling(Node(where, "AvgPool2d", params), self._maps(where), where)
        self.chain.affine(made.to_csr())
        self.shape = made.target_shape

    def maximum(self, module: Any, where: str) -> None:
        """Maxima of pairs, and of those again."""
        if module.ceil_mode or module.return_indices:
            raise UnsupportedNode("max pooling with ceil_mode or indices", where=where, remedy="use the defaults")
        channels, height, width = self._maps(where)
        pairs = [_pair(getattr(module, name)) for name in ("kernel_size", "stride", "padding", "dilation")]
        (kernel, stride, padding, dilation), sizes = pairs, (height, width)
        out = [conv_output_size(*axis) for axis in zip(sizes, kernel, stride, padding, dilation, strict=True)]
        if min(out) < 1:
            raise ShapeMismatch(
                f"a window of {kernel} does not fit into {sizes}", where=where, remedy="use a smaller window"
            )
        reached = [
            [
                [p for k in range(kernel[a]) if 0 <= (p := o * stride[a] - padding[a] + k * dilation[a]) < sizes[a]]
                for o in range(out[a])
            ]
            for a in (0, 1)
        ]
        windows = [
            [(c * height + y) * width + x for y in rows for x in columns]
            for c in range(channels)
            for rows in reached[0]
            for columns in reached[1]
        ]
        self.chain.maximum(windows)
        self.shape = (channels, *out)

    def flatten(self, module: Any, where: str) -> None:
        """The same values in a row."""
        if module is not None and (module.start_dim, module.end_dim) != (1, -1):
            raise UnsupportedNode("a partial Flatten", where=where, remedy="flatten all but the batch")
        self.shape = (math.prod(self.shape),)

    def relu(self, module: Any, where: str) -> None:
        """The non-linearity."""
        self.chain.relu()

    def nothing(self, module: Any, where: str) -> None:
        """What does nothing in eval mode."""

    def _maps(self, where: str) -> tuple[int, int, int]:
        if len(self.shape) != 3:
            raise ShapeMismatch(
                f"values of shape {self.shape}", where=where, remedy="give an input_shape (C, H, W), and flatten later"
            )
        return self.shape[0], self.shape[1], self.shape[2]


KINDS: Mapping[str, Callable[[_Reader, Any, str], None]] = {
    "Linear": _Reader.linear,
    "Conv2d": _Reader.conv,
    "BatchNorm1d": _Reader.norm,
    "BatchNorm2d": _Reader.norm,
    "ReLU": _Reader.relu,
    "AvgPool2d": _Reader.average,
    "MaxPool2d": _Reader.maximum,
    "Flatten": _Reader.flatten,
    "Dropout": _Reader.nothing,
    "Dropout2d": _Reader.nothing,
    "Identity": _Reader.nothing,
}


def _array(tensor: Any) -> Any:
    return tensor.detach().cpu().double().numpy()


def _pair(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (int(value[0]), int(value[1]))
