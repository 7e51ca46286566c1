"""Frameworks whose layers take whole sequences: Sinabs and Rockpool.

The tracer watches neurons step by step. So it is shown a copy of the module in which every layer with neurons loops
over the steps and calls one cell per step, with the layer's recurrence written out. What is compared with in the end is
the module as it was trained (:class:`SequenceRun`).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from neurodeploy.connections.base import Shape
from neurodeploy.errors import ModelError, ShapeMismatch, UnsupportedNode
from neurodeploy.frontends.imported import Recording
from neurodeploy.frontends.tracing.build import Built, Neuron
from neurodeploy.frontends.tracing.recorder import NeuronCall
from neurodeploy.frontends.tracing.run import floating_type, pooling
from neurodeploy.frontends.tracing.trace import trace
from neurodeploy.graph import Graph, Node
from neurodeploy.neurons import model_for_nir

CELL = "cell"
"""Name of the cell in its layer."""


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


def trace_sequences(
    module: Any, framework: Framework, input_shape: Shape, *, step_s: float, merged: bool
) -> tuple[Built, SequenceRun]:
    """A module that takes sequences as a graph, and its run; see :func:`tracing.trace.trace`.

    Args:
        module: Not changed.
        framework: What its layers are.
        input_shape: Of one step.
        step_s: Seconds of a step.
        merged: Whether the module takes (B * T, *shape) and not (B, T, *shape).
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
    run_of = SequenceRun(module, framework, tuple(input_shape), merged, layers, pools, graph)
    return replace(built, graph=graph, pools=pools), run_of


@dataclass(frozen=True, eq=False)
class SequenceRun:
    """The module itself, run on a batch of samples.

    Attributes:
        module: Never changed.
        framework: What its layers are.
        shape: Of one step's input.
        merged: Whether it takes (B * T, *shape).
        layers: Node of each layer, by the layer's name in the module.
        pools: Nodes that pool by maximum, in the order of the calls.
        graph: With these nodes.
    """

    module: Any
    framework: Framework
    shape: Shape
    merged: bool
    layers: Mapping[str, str]
    pools: tuple[str, ...]
    graph: Graph

    def run(self, spikes: Mapping[str, NDArray[Any]]) -> Recording:
        """Run a fresh copy from its initial state: ``spikes`` (B, T, *shape) by input name.

        Raises:
            ShapeMismatch: The samples do not fit the module.
        """
        import torch

        (samples,) = (np.asarray(v) for v in spikes.values())
        if samples.shape[2:] != self.shape:
            raise ShapeMismatch(
                f"the samples have shape {samples.shape}",
                where=type(self.module).__name__,
                remedy=f"give (B, T, {', '.join(map(str, self.shape))})",
            )
        sizes = samples.shape[:2]
        module = duplicate(self.module, self.framework)
        self.framework.prepare(module, Clock(*sizes))
        kept: dict[str, dict[str, NDArray[Any]]] = {"sent": {}, "membrane": {}}

        def collect(name: str) -> Callable[..., None]:
            def after(layer: Any, args: Any, result: Any) -> None:
                for what, tensor in (("sent", result), ("membrane", self.framework.membrane(layer))):
                    if tensor is not None:
                        kept[what][name] = _split(tensor, sizes)

            return after

        for path, name in self.layers.items():
            module.get_submodule(path).register_forward_hook(collect(name))
        x = torch.as_tensor(samples).to(floating_type(module))
        pooled: list[Any] = []
        with torch.no_grad(), pooling(pooled) if self.pools else nullcontext():
            module(x.flatten(0, 1) if self.merged else x)
        if len(pooled) == len(self.pools):
            kept["sent"].update(
                {name: _split(value != 0, sizes) for name, value in zip(self.pools, pooled, strict=True)}
            )
        fires = {n: n in self.pools or "v_threshold" in self.graph.nodes[n].params for n in kept["sent"]}
        sent = {name: values.astype(np.int32) for name, values in kept["sent"].items() if fires[name]}
        silent = {name: values for name, values in kept["sent"].items() if not fires[name]}
        return Recording(sent, kept["membrane"] | silent)


def _split(tensor: Any, sizes: tuple[int, int]) -> NDArray[Any]:
    """(B, T, *shape) or (B * T, *shape) as (B, T, *shape), a copy."""
    inner = tensor.shape[2:] if tuple(tensor.shape[:2]) == sizes else tensor.shape[1:]
    return np.array(tensor.detach().numpy()).reshape(*sizes, *inner)


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

    def membrane(self, module: Any, spikes: Any) -> Any:
        return spikes

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
        return inner(self, x.flatten(0, 1) if merged else x)

    _subclass(module, __call__=call)


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


def input_shape_of(module: Any) -> Shape:
    """Of the first part with parameters, if that is a Linear.

    Raises:
        ShapeMismatch: It is another.
    """
    import torch

    parts = (part for _, part in module.named_modules())
    first = next((part for part in parts if part._parameters), None)
    if not isinstance(first, torch.nn.Linear):
        raise ShapeMismatch(
            "the module does not say what shape its input has",
            where=type(module).__name__,
            remedy="give input_shape, of one step, without batch and time, e.g. (2, 34, 34)",
        )
    return (int(first.in_features),)
