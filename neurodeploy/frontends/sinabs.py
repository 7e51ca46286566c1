"""Sinabs 3.1: modules as they were trained."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from neurodeploy.connections.base import Shape
from neurodeploy.errors import AmbiguousSemantics, ModelError
from neurodeploy.frontends.imported import Imported
from neurodeploy.frontends.input_shape import has_weights, input_shape_of
from neurodeploy.frontends.sequences import Clock, SequenceRun, duplicate, trace_sequences
from neurodeploy.frontends.sinabs_neurons import node_of
from neurodeploy.frontends.tracing.run import floating_type
from neurodeploy.graph import Graph, Node


def from_module(module: Any, input_shape: tuple[int, ...] | None = None, *, dt_s: float = 1.0) -> Imported:
    """Read a module of Sinabs layers, or a ``sinabs.network.Network``.

    Modules with ``...Squeeze`` layers take (B * T, *shape), all others (B, T, *shape); which one it is, is found out.

    Args:
        module: Not changed.
        input_shape: Of one step, without batch and time; may be left out where the first layer is a Linear.
        dt_s: Seconds that a time step of Sinabs stands for, > 0; no spike depends on it.

    Raises:
        ModelError: Something in the module has no exact equal here: names module, type and reason.
        AmbiguousSemantics: ``dt_s`` is no time.
    """
    from sinabs.layers import SqueezeMixin

    if not 0 < dt_s < float("inf"):
        raise AmbiguousSemantics(
            f"dt_s = {dt_s!r} is not a positive number of seconds",
            where=type(module).__name__,
            remedy="give --dt-s > 0",
        )
    shape = input_shape_of(module, has_weights) if input_shape is None else tuple(int(n) for n in input_shape)
    squeezes = any(isinstance(part, SqueezeMixin) for _, part in module.named_modules())
    framework = Sinabs(dt_s)
    graph, bias_at_start, run = _either_layout(module, framework, shape, dt_s, squeezes)
    semantics = {"dt_s": dt_s, "recurrent_bias_t0": bias_at_start}
    precision = str(floating_type(duplicate(module, framework))).removeprefix("torch.")
    return Imported(graph, semantics, run, f"sinabs {version('sinabs')}", precision)


def _either_layout(
    module: Any, framework: Sinabs, shape: Shape, dt_s: float, squeezes: bool
) -> tuple[Graph, bool, SequenceRun]:
    """As (B * T, *shape) if it squeezes, else as (B, T, *shape); if it does not run so, the other way round."""
    try:
        return trace_sequences(module, framework, shape, step_s=dt_s, merged=squeezes)
    except ModelError as error:
        if type(error) is not ModelError:
            raise  # it ran, and holds something that cannot be deployed
        first = error
    try:
        return trace_sequences(module, framework, shape, step_s=dt_s, merged=not squeezes)
    except ModelError as second:
        forms = ("(B * T, *shape)", "(B, T, *shape)") if squeezes else ("(B, T, *shape)", "(B * T, *shape)")
        what = f"given {forms[0]}: {first.what}; given {forms[1]}: {second.what}"
        raise type(second)(what, where=second.where, remedy=second.remedy) from first


class Sinabs:
    """What the layers of Sinabs are; see :class:`neurodeploy.frontends.sequences.Framework`."""

    def __init__(self, dt_s: float) -> None:
        self._dt_s = dt_s

    def is_layer(self, module: Any) -> bool:
        from sinabs.layers import StatefulLayer

        return isinstance(module, StatefulLayer)

    def drives(self, layer: Any, x: Any) -> Any:
        from sinabs.layers import SqueezeMixin

        if not isinstance(layer, SqueezeMixin):
            return x
        return x.reshape(layer.batch_size, layer.num_timesteps, *x.shape[1:])

    def feedback(self, layer: Any, sent: Any) -> Any | None:
        connect = getattr(layer, "rec_connect", None)
        return None if connect is None else connect(sent).reshape(sent.shape)

    def returned(self, layer: Any, sent: Any) -> Any:
        from sinabs.layers import SqueezeMixin

        return sent.flatten(0, 1) if isinstance(layer, SqueezeMixin) else sent

    def node(self, layer: Any, name: str, shape: Shape, where: str) -> Node:
        return node_of(layer, name, shape, where, self._dt_s)

    def prepare(self, module: Any, clock: Clock) -> None:
        """States start at zero; Sinabs would draw them from those of other samples where the batch has another size."""
        import torch
        from sinabs.layers import SqueezeMixin, StatefulLayer, UnflattenTime

        for _, part in module.named_modules():
            if isinstance(part, StatefulLayer):
                part._buffers.update({name: torch.zeros(0, dtype=b.dtype) for name, b in part._buffers.items()})
                part.record_states = True
            if isinstance(part, SqueezeMixin):
                part.batch_size, part.num_timesteps = clock.batch, clock.steps
            if isinstance(part, UnflattenTime):
                part.batch_size = clock.batch

    def call(self, module: Any, x: Any) -> Any:
        return module(x)

    def membrane(self, layer: Any) -> Any | None:
        """Recurrent layers of Sinabs 3.1.3 overwrite what they record with the step after, before its reset."""
        return None if hasattr(layer, "rec_connect") else layer.recordings.get("v_mem")
