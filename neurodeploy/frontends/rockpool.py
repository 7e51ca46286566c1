"""Rockpool 3.1: torch modules as they were trained."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from neurodeploy.connections.base import Shape
from neurodeploy.errors import UnsupportedNode
from neurodeploy.frontends.imported import Imported
from neurodeploy.frontends.input_shape import has_weights, input_shape_of
from neurodeploy.frontends.rockpool_neurons import STATEFUL, check_kind, node_of, recurrent_weights
from neurodeploy.frontends.sequences import Clock, duplicate, trace_sequences
from neurodeploy.frontends.tracing.run import floating_type
from neurodeploy.graph import Node


def from_module(module: Any, input_shape: tuple[int, ...] | None = None) -> Imported:
    """Read a torch module of Rockpool, such as a ``Sequential``; it takes (B, T, N).

    Args:
        module: Not changed.
        input_shape: Of one step, (N,); the module says it itself unless it is one of your own.

    Raises:
        ModelError: Something in the module has no exact equal here: names module, type and reason.
    """
    from rockpool.nn.modules import TorchModule

    origin = type(module).__name__
    if not isinstance(module, TorchModule):
        raise UnsupportedNode(
            "the whole is no module of Rockpool",
            where=origin,
            remedy="build it with rockpool's Sequential or TorchModule",
        )
    framework = Rockpool()
    for path, part in module.named_modules():
        if framework.is_layer(part):
            check_kind(part, f"{origin}, '{path}'")
    dt_s = _step_s(module, framework, origin)
    shape = _input_shape(module) if input_shape is None else tuple(int(n) for n in input_shape)
    plain = duplicate(module, framework)
    if not plain._has_torch_api:
        plain.to_torch(use_torch_call=False)  # lists its parts as torch's modules do
    graph, bias_at_start, run = trace_sequences(plain, framework, shape, step_s=dt_s, merged=False)
    semantics = {"dt_s": dt_s, "recurrent_bias_t0": bias_at_start}
    precision = str(floating_type(plain)).removeprefix("torch.")
    return Imported(graph, semantics, run, f"rockpool {version('rockpool')}", precision)


class Rockpool:
    """What the modules of Rockpool are; see :class:`neurodeploy.frontends.sequences.Framework`."""

    def is_layer(self, module: Any) -> bool:
        return any(b.__name__ in STATEFUL and b.__module__.startswith("rockpool.") for b in type(module).__mro__)

    def drives(self, layer: Any, x: Any) -> Any:
        return layer._auto_batch(x)[0]

    def feedback(self, layer: Any, sent: Any) -> Any | None:
        import torch

        if recurrent_weights(layer) is None:
            return None
        return torch.nn.functional.linear(sent, layer.w_rec.T)

    def returned(self, layer: Any, sent: Any) -> Any:
        return sent

    def node(self, layer: Any, name: str, shape: Shape, where: str) -> Node:
        return node_of(layer, name, where)

    def prepare(self, module: Any, clock: Clock) -> None:
        """States as in a new module; Rockpool goes on with those of the first sample of the last batch."""
        module.reset_state()

    def call(self, module: Any, x: Any) -> Any:
        return module(x) if hasattr(module, "_call") else module(x, record=True)

    def membrane(self, layer: Any) -> Any | None:
        return getattr(layer, "_record_dict", {}).get("vmem")


def _input_shape(module: Any) -> Shape:
    """As the module says it; torch's own layers in it do not."""
    return input_shape_of(module, has_weights) if module.size_in is None else (int(module.size_in),)


def _step_s(module: Any, framework: Rockpool, origin: str) -> float:
    """The time step of all modules with neurons; any, if there are none."""
    layers = [(path, part) for path, part in module.named_modules() if framework.is_layer(part)]
    found = {float(layer.dt): path for path, layer in layers if hasattr(layer, "dt")}
    if len(found) > 1:
        raise UnsupportedNode(
            f"modules of different time steps: {', '.join(f'{path} {dt:g} s' for dt, path in sorted(found.items()))}",
            where=origin,
            remedy="give all modules the same dt",
        )
    return next(iter(found), 1.0)
