"""A copy of a module for the tracer, with a cell per layer and step; and the graph found, in the user's names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from typing import Any

from neurodeploy.connections.base import Shape
from neurodeploy.errors import ModelError, UnsupportedNode
from neurodeploy.frontends.sequences.framework import Clock, Framework, duplicate
from neurodeploy.frontends.sequences.run import SequenceRun
from neurodeploy.frontends.tracing.build import Neuron
from neurodeploy.frontends.tracing.recorder import NeuronCall
from neurodeploy.frontends.tracing.trace import trace
from neurodeploy.graph import Graph
from neurodeploy.neurons import model_for_nir

CELL = "cell"
"""Name of the cell in its layer."""


def trace_sequences(
    module: Any, framework: Framework, input_shape: Shape, *, step_s: float, merged: bool
) -> tuple[Graph, bool, SequenceRun]:
    """A module that takes sequences; see :func:`neurodeploy.frontends.tracing.trace.trace`.

    Args:
        module: Not changed.
        framework: What its layers are.
        input_shape: Of one step.
        step_s: Seconds of a step.
        merged: Whether the module takes (B * T, *shape) and not (B, T, *shape).

    Returns:
        Its graph, whether biases of feedback count in the first step, and its run.

    Raises:
        ModelError: Something that has no exact equal here, by name; plainly that if the module could not be run.
    """
    clock = Clock()
    looped = duplicate(module, framework, lambda layer: _loop(layer, framework, clock))
    _enter(looped, framework, clock, merged)
    try:
        built, run = trace(looped, _Cells(framework), input_shape, step_s=step_s, time_axis=1)
    except ModelError as error:
        what, where = (text.replace(f".{CELL}'", "'") for text in (error.what, error.where))
        raise type(error)(what, where=where, remedy=error.remedy) from error
    names = _names(built.graph, type(module).__name__.lower())
    graph = _renamed(built.graph, names)
    pools = tuple(names[name] for name in built.pools)
    _refuse_max_of_counts(graph, pools)
    layers = {_without_cell(path): names[neurons[0]] for path, neurons in run.neurons.items()}
    heads = {names[name]: head for name, head in run.heads.items()}
    source = SequenceRun(module, framework, tuple(input_shape), merged, layers, pools, heads, graph)
    return graph, built.bias_at_start, source


@cache
def _cell_class() -> Any:
    import torch

    class Cell(torch.nn.Module):
        """Stands for the neurons of ``layer`` at one step; what it returns means nothing but that it is theirs."""

        def __init__(self, layer: Any) -> None:
            super().__init__()
            self.__dict__["layer"] = layer  # not a part: the cell is one of the layer's

        def forward(self, drive: Any) -> Any:
            return drive.clone()

    return Cell


class _Cells:
    """To the tracer, cells are the neurons; see :class:`tracing.recorder.NeuronKind`."""

    def __init__(self, framework: Framework) -> None:
        self._framework = framework

    def is_neuron(self, module: Any) -> bool:
        return isinstance(module, _cell_class())

    def call(self, module: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], result: Any) -> NeuronCall:
        return NeuronCall(args[0], (), result, ())

    def kept(self, module: Any) -> tuple[Any, ...]:
        return ()

    def reset(self, module: Any) -> None:
        pass

    @contextmanager
    def running(self, module: Any) -> Iterator[None]:
        yield

    def neuron(self, module: Any, name: str, shape: Shape, spikes_used: bool, origin: str) -> Neuron:
        where = f"{origin}, '{_without_cell(name)}'"
        return Neuron(self._framework.node(module.layer, name, shape, where))


def _loop(layer: Any, framework: Framework, clock: Clock) -> None:
    """Make a layer call one cell per step. Copies of it are itself: it holds nothing that changes."""
    import torch

    def forward(self: Any, x: Any) -> Any:
        if id(self) in clock.called:
            raise UnsupportedNode(
                "it is used twice: its neurons would go on where the first use left them",
                where=type(self).__name__,
                remedy="make a layer for each use",
            )
        clock.called.add(id(self))
        drives = framework.drives(self, x)
        if tuple(drives.shape[:2]) != (clock.batch, clock.steps):
            raise UnsupportedNode(
                f"it is given {tuple(x.shape)} where {clock.batch} samples of {clock.steps} steps run",
                where=type(self).__name__,
                remedy="keep samples and steps apart from all else, in front: (B, T, ...), or (B * T, ...)",
            )
        sent: list[Any] = []
        for t in range(clock.steps):
            back = framework.feedback(self, sent[-1]) if sent else None
            sent.append(self._modules[CELL](drives[:, t] if back is None else drives[:, t] + back))
        return framework.returned(self, torch.stack(sent, 1))

    _subclass(layer, forward=forward, __deepcopy__=lambda self, memo: self)
    layer._modules[CELL] = _cell_class()(layer)


def _enter(module: Any, framework: Framework, clock: Clock, merged: bool) -> None:
    """Make a module take (B, T, *shape) and set the clock."""
    inner = type(module).__call__

    def call(self: Any, x: Any) -> Any:
        clock.batch, clock.steps = (int(n) for n in x.shape[:2])
        clock.called.clear()
        framework.prepare(self, clock)
        return _parted(inner(self, x.flatten(0, 1)), clock) if merged else inner(self, x)

    _subclass(module, __call__=call)


def _parted(result: Any, clock: Clock) -> Any:
    """All (B * T, ...) in a module's result as (B, T, ...)."""
    if isinstance(result, (list, tuple)):
        return [_parted(part, clock) for part in result]
    if isinstance(result, Mapping):
        return {key: _parted(part, clock) for key, part in result.items()}
    whole = hasattr(result, "unflatten") and result.shape[:1] == (clock.batch * clock.steps,)
    return result.unflatten(0, (clock.batch, clock.steps)) if whole else result


def _subclass(module: Any, **methods: Any) -> None:
    """Methods of this one object alone, which keeps the name of its class."""
    own = type(module)
    module.__class__ = type(own.__name__, (own,), {"__module__": own.__module__, **methods})


def _without_cell(path: str) -> str:
    return path.removesuffix(CELL).removesuffix(".") if path.split(".")[-1] == CELL else path


def _names(graph: Graph, whole: str) -> dict[str, str]:
    """New names of all nodes: a cell has that of its layer, and what the layer itself applies gets another."""
    cells = {name: _without_cell(name) or whole for name in graph.nodes if _without_cell(name) != name}
    taken = {*cells.values(), *graph.nodes}
    names = dict(cells)
    for name in graph.nodes.keys() - cells.keys():
        new = name
        if name in cells.values():
            new = f"{name}.recurrent"
            while new in taken:
                new += "_"
            taken.add(new)
        names[name] = new
    return names


def _renamed(graph: Graph, names: Mapping[str, str]) -> Graph:
    nodes = {names[name]: replace(node, name=names[name]) for name, node in graph.nodes.items()}
    return replace(graph, nodes=nodes, edges=tuple((names[a], names[b]) for a, b in graph.edges))


def _refuse_max_of_counts(graph: Graph, pools: tuple[str, ...]) -> None:
    """The neurons that pool by maximum take one spike or none."""
    for pool in pools:
        pending, seen = graph.before(pool), set()
        while pending:
            name = pending.pop()
            node = graph.nodes[name]
            if name in seen or node.type == "Input":
                continue
            seen.add(name)
            if model_for_nir(node.type) is None:
                pending += graph.before(name)
            elif node.conventions.get("spike") not in ("gt", "ge"):
                raise UnsupportedNode(
                    f"its maximum is over what '{name}' sends, which is more than one spike or none",
                    where=f"{graph.origin}, '{pool}'",
                    remedy="send single spikes there, or pool by sums or averages",
                )
