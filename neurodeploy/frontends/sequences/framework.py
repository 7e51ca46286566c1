"""What a framework says about its layers, and copies of modules made of them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from neurodeploy.connections.base import Shape
from neurodeploy.graph import Node


@dataclass
class Clock:
    """Of the sequence of the moment.

    Attributes:
        batch: Samples.
        steps: Steps.
        called: Layers that have had theirs.
    """

    batch: int = 0
    steps: int = 0
    called: set[int] = field(default_factory=set)


class Framework(Protocol):
    """What a framework's layers with neurons are."""

    def is_layer(self, module: Any) -> bool:
        """Whether a module holds neurons."""
        ...

    def drives(self, layer: Any, x: Any) -> Any:
        """What reaches the neurons when the layer is called with ``x``, as (B, T, *shape)."""
        ...

    def feedback(self, layer: Any, sent: Any) -> Any | None:
        """What the spikes of a step, (B, *shape), add to the input of the next; None without recurrence."""
        ...

    def returned(self, layer: Any, sent: Any) -> Any:
        """What the layer returns where its neurons send (B, T, *shape)."""
        ...

    def node(self, layer: Any, name: str, shape: Shape, where: str) -> Node:
        """The layer's node.

        Raises:
            UnsupportedNode: Something in the layer has no exact equal.
        """
        ...

    def prepare(self, module: Any, clock: Clock) -> None:
        """Put a copy's states to those of a new module, and tell all parts that want to know the sizes."""
        ...

    def call(self, module: Any, x: Any) -> Any:
        """Run a module as its author would, so that layers keep their membranes where they can."""
        ...

    def membrane(self, layer: Any) -> Any | None:
        """The membranes of the last call, in the layout of the layer's result, where it kept them."""
        ...


def duplicate(module: Any, framework: Framework, change: Callable[[Any], None] = lambda layer: None) -> Any:
    """A copy in eval mode on the CPU; ``change`` is done to the copies of all layers.

    Layers are copied by their attributes: Sinabs's own ``__deepcopy__`` fails on recurrent ones. Results of earlier
    runs may hang on a graph of gradients, which torch does not copy; they are detached.
    """
    import torch

    memo: dict[int, Any] = {}
    parts = [part for _, part in module.named_modules()]
    for part in parts:
        for value in [v for held in (vars(part), part._buffers) for v in held.values()]:
            for tensor in value.values() if isinstance(value, Mapping) else (value,):
                if isinstance(tensor, torch.Tensor) and not tensor.is_leaf:
                    memo[id(tensor)] = tensor.detach().clone()
    for part in parts:
        if framework.is_layer(part):
            kind: Any = type(part)
            twin = memo[id(part)] = kind.__new__(kind)
            twin.__dict__.update(copy.deepcopy(vars(part), memo))
    copied = copy.deepcopy(module, memo).cpu().eval()
    for _, part in list(copied.named_modules()):
        if framework.is_layer(part):
            change(part)
    return copied
