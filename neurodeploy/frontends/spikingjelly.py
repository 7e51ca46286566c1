"""SpikingJelly 2.0: modules as they were trained, without NIR's export in between."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from neurodeploy.errors import UnsupportedNode
from neurodeploy.frontends.imported import Imported
from neurodeploy.frontends.input_shape import input_shape_of
from neurodeploy.frontends.original_run import trace_expanded
from neurodeploy.frontends.spikingjelly_nodes import NODES, REASONS, check_surrogate, neuron_node, refuse_class
from neurodeploy.frontends.tracing.build import Neuron
from neurodeploy.frontends.tracing.recorder import NeuronCall
from neurodeploy.frontends.tracing.run import floating_type, fresh_copy

EXPORTER_DT_S = 1e-4
"""SpikingJelly has no time step, all its constants count in steps; this is the default of its exporter to NIR."""
PACKAGE = "spikingjelly.activation_based."


def from_module(
    module: Any,
    input_shape: tuple[int, ...] | None = None,
    *,
    dt_s: float = EXPORTER_DT_S,
    time_axis: str | int | None = "auto",
) -> Imported:
    """Read a module of SpikingJelly's neurons and layers, whatever its ``forward`` looks like: it is run and watched.

    Args:
        module: Not changed. In single-step mode its ``forward`` takes one step (B, *shape) and is called once per step;
            in multi-step mode, or where it loops itself, it takes a sequence (T, B, *shape).
        input_shape: Of one step, without batch and time; may be left out where the first layer is a Linear.
        dt_s: Time of a step in seconds, > 0; no spike depends on it.
        time_axis: None for one step per call, 0 for (T, B, *shape), 1 for (B, T, *shape); ``auto`` finds out.

    Raises:
        ModelError: Something in the module has no exact equal here: names module, type and reason.
    """
    from importlib.metadata import version

    import torch

    origin = type(module).__name__
    _check(module, origin)
    shape = input_shape_of(module) if input_shape is None else tuple(int(n) for n in input_shape)
    precision = str(floating_type(module)).removeprefix("torch.")
    kind = SpikingJelly(dt_s, precision)
    if kind.is_neuron(module):
        module = torch.nn.Sequential(module)
    expanded = _expand(fresh_copy(module), kind)
    built, source = trace_expanded(module, expanded, kind, shape, step_s=dt_s, time_axis=time_axis)
    semantics = {"dt_s": dt_s, "recurrent_bias_t0": built.bias_at_start}
    return Imported(built.graph, semantics, source, f"spikingjelly {version('spikingjelly')}", precision)


class SpikingJelly:
    """How SpikingJelly's neurons are called, and what they are."""

    def __init__(self, dt_s: float, precision: str) -> None:
        self._dt_s = dt_s
        self._precision = precision

    def is_neuron(self, module: Any) -> bool:
        """A neuron that can be deployed."""
        return type(module).__module__.startswith(f"{PACKAGE}neuron") and type(module).__name__ in NODES

    def call(self, module: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], result: Any) -> NeuronCall:
        """``forward(x)`` returns the spikes."""
        return NeuronCall(args[0] if args else next(iter(kwargs.values())), (), result, ())

    def kept(self, module: Any) -> tuple[Any, ...]:
        """The memories; 0 for one that stands at the value of a new neuron."""
        import torch

        return tuple(
            value if isinstance(value, torch.Tensor) else torch.tensor(float(value != module.get_reset_value(name)))
            for name, value in module.named_memories()
        )

    def sends(self, module: Any, result: Any) -> tuple[Any, bool]:
        """The spikes; of a whole sequence in multi-step mode."""
        return result, module.step_mode == "m"

    def fires(self, module: Any) -> bool:
        """All do."""
        return True

    def reset(self, module: Any) -> None:
        """All memories as in a new module."""
        from spikingjelly.activation_based.base import MemoryModule

        for part in module.modules():
            if isinstance(part, MemoryModule):
                part.reset()

    @contextmanager
    def running(self, module: Any) -> Iterator[None]:
        """Nothing to hold."""
        yield

    def neuron(self, module: Any, name: str, shape: tuple[int, ...], spikes_used: bool, origin: str) -> Neuron:
        """The node of a neuron."""
        return Neuron(neuron_node(name, module, shape, self._dt_s, self._precision, f"{origin}, '{name}'"))


def _expand(module: Any, kind: SpikingJelly) -> Any:
    """``module`` with its neurons in single-step mode, those of multi-step mode in a loop; changes it."""
    from neurodeploy.frontends.stand_ins import OverTime

    if kind.is_neuron(module):
        if module.step_mode == "s":
            return module
        module.step_mode = "s"
        return OverTime(module)
    for name, part in list(module.named_children()):
        setattr(module, name, _expand(part, kind))
    return module


def _check(module: Any, origin: str) -> None:
    """Refuse what has no equal here."""
    from spikingjelly.activation_based.neuron import BaseNode, SimpleBaseNode

    for path, part in module.named_modules():
        where = f"{origin}, '{path}'" if path else origin
        home, name = type(part).__module__, type(part).__name__
        if home.startswith(f"{PACKAGE}neuron") and name in NODES:
            check_surrogate(part.surrogate_function, where)
            if getattr(part, "_neuron_precision", None) is not None:
                raise UnsupportedNode(
                    f"its precision is {part._neuron_precision}", where=where, remedy="let it compute in float32"
                )
        elif home.startswith(f"{PACKAGE}neuron") or home.startswith(PACKAGE) and name in REASONS:
            raise refuse_class(part, where)
        elif isinstance(part, (BaseNode, SimpleBaseNode)):
            raise UnsupportedNode(
                f"{name} is a neuron of the user's own", where=where, remedy=f"use one of {', '.join(NODES)}"
            )
