"""Norse 1.1: modules as they were trained, without NIR's export in between."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from neurodeploy.errors import UnsupportedNode
from neurodeploy.frontends.imported import Imported
from neurodeploy.frontends.input_shape import input_shape_of
from neurodeploy.frontends.norse_cells import cell_node, conventions, refuse_class
from neurodeploy.frontends.original_run import trace_expanded
from neurodeploy.frontends.tracing.build import Neuron
from neurodeploy.frontends.tracing.recorder import NeuronCall
from neurodeploy.frontends.tracing.run import floating_type, fresh_copy


def from_module(
    module: Any, input_shape: tuple[int, ...] | None = None, *, time_axis: str | int | None = "auto"
) -> Imported:
    """Read a module of Norse's cells and layers, whatever its ``forward`` looks like: it is run and watched.

    Args:
        module: Not changed. Its ``forward`` takes one step, ``(x, state)`` with x (B, *shape), and returns ``(out,
            state)``; or it takes a sequence (T, B, *shape).
        input_shape: Of one step, without batch and time; may be left out where the first layer is a Linear or
            recurrent.
        time_axis: None for one step per call, 0 for (T, B, *shape); ``auto`` finds out.

    Raises:
        ModelError: Something in the module has no exact equal here: names module, type and reason.
    """
    import norse.torch

    from neurodeploy.frontends.norse_expand import NEURONS, expand

    origin = type(module).__name__
    dt_s = _check(module, origin)
    shape = input_shape_of(module) if input_shape is None else tuple(int(n) for n in input_shape)
    if type(module) in NEURONS:
        module = norse.torch.SequentialState(module)
    expanded = expand(fresh_copy(module))
    built, source = trace_expanded(module, expanded, Norse(), shape, step_s=dt_s, time_axis=time_axis)
    semantics = {"dt_s": dt_s, "recurrent_bias_t0": built.bias_at_start}
    precision = str(floating_type(module)).removeprefix("torch.")
    return Imported(built.graph, semantics, source, f"norse {norse.__version__}", precision)


class Norse:
    """How Norse's cells are called, and what they are."""

    def is_neuron(self, module: Any) -> bool:
        """A cell without weights; all others have been taken apart."""
        from neurodeploy.frontends.norse_expand import CELLS

        return isinstance(module, CELLS)

    def call(self, module: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], result: Any) -> NeuronCall:
        """``forward(input_tensor, state)``; returns what it sends and the new state."""
        given = {**dict(zip(("input_tensor", "state"), args, strict=False)), **kwargs}
        drive, state = given["input_tensor"], tuple(given.get("state") or ())
        if state and not any(s.any() for s in state):
            # zeros count as the start of a sample, which they are only where Norse starts there
            starts_at_zero = not any(s.any() for s in module.state_fallback(drive))
            state = state if starts_at_zero else tuple(s + 1 for s in state)
        return NeuronCall(drive, state, result[0], tuple(result[1]))

    def kept(self, module: Any) -> tuple[Any, ...]:
        """Cells keep nothing: one that is passed no state starts anew, which other zeros each time stand for."""
        import torch

        return (torch.zeros(1),)

    def sends(self, module: Any, result: Any) -> tuple[Any, bool]:
        """The first of (sent, state); of a whole sequence in layers over time."""
        from norse.torch.module.snn import SNN, SNNRecurrent

        return result[0], isinstance(module, (SNN, SNNRecurrent))

    def fires(self, module: Any) -> bool:
        """All but integrators."""
        return type(module).__name__ not in ("LI", "LICell", "LIBoxCell", "LILinearCell")

    def reset(self, module: Any) -> None:
        """Nothing is kept."""

    @contextmanager
    def running(self, module: Any) -> Iterator[None]:
        """Hand a module that takes its state the one it returned, call by call, and show what it sends alone."""
        if not _takes_state(module):
            yield
            return
        original, state = module.forward, None

        def threaded(x: Any) -> Any:
            nonlocal state
            result = original(x) if state is None else original(x, state)
            if not isinstance(result, tuple) or len(result) != 2:
                return result
            state = result[1]
            return result[0]

        module.forward = threaded
        try:
            yield
        finally:
            del module.forward

    def neuron(self, module: Any, name: str, shape: tuple[int, ...], spikes_used: bool, origin: str) -> Neuron:
        """The node of a cell."""
        return Neuron(cell_node(name, module, shape, f"{origin}, '{name}'"))


def _takes_state(module: Any) -> bool:
    """Whether ``forward`` has a second argument that may be left out."""
    arguments = list(inspect.signature(module.forward).parameters.values())
    return len(arguments) > 1 and arguments[1].default is None


def _check(module: Any, origin: str) -> float:
    """Refuse what has no equal here; the time step of all neurons."""
    from norse.torch.module.snn import SNN, SNNCell, SNNRecurrent, SNNRecurrentCell

    from neurodeploy.frontends.norse_expand import NEURONS

    steps: dict[float, str] = {}
    for path, part in module.named_modules():
        where = f"{origin}, '{path}'" if path else origin
        if type(part) in NEURONS:
            steps.setdefault(float(part.dt), path)
            conventions(part, where)
            _check_step(part, where)
        elif type(part).__module__.startswith("norse.torch.module.") and type(part).__name__ not in OPEN:
            raise refuse_class(part, where)
        elif isinstance(part, (SNNCell, SNN, SNNRecurrentCell, SNNRecurrent)):
            raise UnsupportedNode(
                f"{type(part).__name__} is a neuron of the user's own", where=where, remedy="use Norse's own class"
            )
    if len(steps) > 1:
        told = ", ".join(f"{dt:g} s in '{path}'" for dt, path in steps.items())
        raise UnsupportedNode(f"its layers have different time steps: {told}", where=origin, remedy="use one dt")
    if not steps or min(steps) <= 0:
        raise UnsupportedNode("it has no neurons with a dt > 0", where=origin, remedy="put Norse's cells into it")
    return steps.popitem()[0]


OPEN = frozenset({"Lift", "SequentialState", "RecurrentSequential", "LConv2d", "RegularizationCell"})
"""Classes of Norse's that only hold layers, or do not change what passes them; they are watched like the user's."""


def _check_step(part: Any, where: str) -> None:
    """Refuse a cell whose step function was replaced."""
    function = getattr(part, "activation", None)
    if function is None:
        return
    expected = {
        "LIF": "lif",
        "LIFBox": "lif_box",
        "IAF": "iaf",
        "LI": "leaky_integrator",
        "LIBox": "leaky_integrator_box",
    }
    name = type(part).__name__.removesuffix("Cell").removesuffix("Recurrent")
    if function.__module__ != f"norse.torch.functional.{expected[name]}":
        raise UnsupportedNode(
            f"its activation is {function.__name__}", where=where, remedy="use the cell with its own activation"
        )
