"""Modules of :mod:`neurodeploy.train.neuron`: plain PyTorch, whole samples, trained initial potentials."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurodeploy.connections.base import Shape
from neurodeploy.errors import UnsupportedNode
from neurodeploy.frontends.imported import Imported
from neurodeploy.frontends.input_shape import has_weights, input_shape_of
from neurodeploy.frontends.neuron_node import neuron_node
from neurodeploy.frontends.sequences import Clock, duplicate, trace_sequences
from neurodeploy.frontends.tracing.run import floating_type
from neurodeploy.graph import Node

MODULE = "neurodeploy.train.neuron"
"""Where the classes are; it stands above the frontends, and so is not imported here."""


def from_module(module: Any, input_shape: tuple[int, ...] | None = None, *, dt_s: float = 1.0) -> Imported:
    """Read a module that takes samples (B, T, *shape).

    Args:
        module: Not changed.
        input_shape: Of one step, without batch and time; may be left out where the first layer is a Linear.
        dt_s: Seconds that a step stands for, > 0; no spike depends on it.

    Raises:
        ModelError: Something in the module has no exact equal here: names module, type and reason.
    """
    shape = input_shape_of(module, has_weights) if input_shape is None else tuple(int(n) for n in input_shape)
    framework = Plain(dt_s)
    graph, bias_at_start, run = trace_sequences(module, framework, shape, step_s=dt_s, merged=False)
    semantics = {"dt_s": dt_s, "recurrent_bias_t0": bias_at_start}
    precision = str(floating_type(duplicate(module, framework))).removeprefix("torch.")
    return Imported(graph, semantics, run, "neurodeploy", precision)


class Plain:
    """What our own layers are; see :class:`neurodeploy.frontends.sequences.framework.Framework`."""

    def __init__(self, dt_s: float) -> None:
        self._dt_s = dt_s

    def is_layer(self, module: Any) -> bool:
        return any(base.__module__ == MODULE for base in type(module).__mro__)

    def drives(self, layer: Any, x: Any) -> Any:
        return x

    def feedback(self, layer: Any, sent: Any) -> Any | None:
        return None

    def returned(self, layer: Any, sent: Any) -> Any:
        return sent

    def node(self, layer: Any, name: str, shape: Shape, where: str) -> Node:
        if layer.spikes is not None:
            raise UnsupportedNode(
                "spikes of a function of its own", where=where, remedy="train with a surrogate, without spikes="
            )
        return neuron_node(
            name,
            shape,
            dt_s=self._dt_s,
            b=layer.beta,
            theta=layer.threshold,
            v0=0.0 if layer.v0 is None else np.asarray(layer.v0.detach().cpu().numpy(), np.float64),
            conventions={"reset": "value" if layer.reset == "zero" else layer.reset, "spike": layer.fires},
        )

    def prepare(self, module: Any, clock: Clock) -> None:
        """Layers keep nothing."""

    def call(self, module: Any, x: Any) -> Any:
        return module(x)

    def membrane(self, layer: Any) -> Any | None:
        return None
