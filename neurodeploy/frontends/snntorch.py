"""snnTorch 1.0: modules as they were trained, without NIR's export in between."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from neurodeploy.frontends.imported import Imported
from neurodeploy.frontends.input_shape import input_shape_of
from neurodeploy.frontends.snntorch_neurons import STATES, check_neuron, neuron_node, resets_at_once
from neurodeploy.frontends.tracing.build import Neuron
from neurodeploy.frontends.tracing.recorder import NeuronCall
from neurodeploy.frontends.tracing.run import floating_type
from neurodeploy.frontends.tracing.trace import trace

EXPORTER_DT_S = 1e-4
"""snnTorch has no time step, all its constants are per step; this is the one that its exporter to NIR means."""


def from_module(
    module: Any,
    input_shape: tuple[int, ...] | None = None,
    *,
    dt_s: float = EXPORTER_DT_S,
    time_axis: str | int | None = "auto",
    steps: int | None = None,
) -> Imported:
    """Read a module of snnTorch neurons, whatever its ``forward`` looks like: it is run and watched.

    Args:
        module: Not changed. Its ``forward`` takes one step (B, *shape) and its neurons keep their states
            (``init_hidden=True``), or it takes a sequence and loops over its steps.
        input_shape: Of one step, without batch and time; may be left out where the first layer is a Linear.
        dt_s: Time of a step in seconds, > 0; no spike depends on it.
        time_axis: None for one step per call, 0 for (T, B, *shape), 1 for (B, T, *shape); ``auto`` finds out.
        steps: Number of steps of a loop with a fixed number.

    Raises:
        ModelError: Something in the module has no exact equal here: names module, type and reason.
    """
    import snntorch

    module = getattr(module, "_orig_mod", module)  # inside of torch.compile's wrapper
    shape = input_shape_of(module) if input_shape is None else tuple(int(n) for n in input_shape)
    origin = type(module).__name__
    for path, part in module.named_modules():
        check_neuron(part, f"{origin}, '{path}'" if path else origin)
    built, run = trace(module, SnnTorch(dt_s), shape, step_s=dt_s, time_axis=time_axis, steps=steps)
    semantics = {"dt_s": dt_s, "recurrent_bias_t0": built.bias_at_start}
    precision = str(floating_type(module)).removeprefix("torch.")
    return Imported(built.graph, semantics, run, f"snntorch {snntorch.__version__}", precision)


class SnnTorch:
    """How snnTorch's neurons are called, and what they are at a time step."""

    def __init__(self, dt_s: float) -> None:
        self._dt_s = dt_s

    def is_neuron(self, module: Any) -> bool:
        """Any of snnTorch's neurons."""
        from snntorch import SpikingNeuron

        return isinstance(module, SpikingNeuron)

    def call(self, module: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], result: Any) -> NeuronCall:
        """``forward(input_, *states)``; returns the spikes, and the states unless the module hides them."""
        names = STATES[_class(module)]
        given = {**dict(zip(("input_", *names), args, strict=False)), **kwargs}
        many = result if isinstance(result, tuple) else (result,)
        states = many if names[0] == "spk" else many[1:]
        return NeuronCall(given["input_"], tuple(given.get(n) for n in names), many[0], states if len(many) > 1 else ())

    def kept(self, module: Any) -> tuple[Any, ...]:
        """The states in the module's buffers, which the next call takes where it is passed none."""
        return tuple(getattr(module, name) for name in STATES[_class(module)])

    def membrane(self, module: Any, spikes: Any) -> Any:
        """The membrane after the step; Leaky's late reset to zero shows it before the reset, which no spike sees."""
        mem = module.mem.detach().clone()
        return mem if resets_at_once(module) else mem * (spikes == 0)

    def reset(self, module: Any) -> None:
        """All states as in a new module."""
        import torch

        for part in module.modules():
            if self.is_neuron(part):
                for name in STATES[_class(part)]:
                    setattr(part, name, torch.zeros(0))

    @contextmanager
    def running(self, module: Any) -> Iterator[None]:
        """``snntorch.utils.reset`` in a forward reaches the registered neurons: let them be those of the copy."""
        from snntorch import SpikingNeuron

        registered = SpikingNeuron.instances
        SpikingNeuron.instances = [part for part in module.modules() if self.is_neuron(part)]
        try:
            yield
        finally:
            SpikingNeuron.instances = registered

    def neuron(self, module: Any, name: str, shape: tuple[int, ...], spikes_used: bool, origin: str) -> Neuron:
        """The node of a neuron."""
        return neuron_node(module, name, shape, self._dt_s, spikes_used, origin)


def _class(module: Any) -> str:
    return next(base.__name__ for base in type(module).__mro__ if base.__name__ in STATES)
