"""Runs a module as its author wrote it, where the tracer looked at one with its layers taken apart."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import ModelError, ShapeMismatch
from neurodeploy.frontends.imported import Recording
from neurodeploy.frontends.tracing.build import Built
from neurodeploy.frontends.tracing.functions import tensors_in
from neurodeploy.frontends.tracing.outputs import Head
from neurodeploy.frontends.tracing.recorder import NeuronKind
from neurodeploy.frontends.tracing.run import Layout, floating_type, fresh_copy, pooling
from neurodeploy.frontends.tracing.trace import trace
from neurodeploy.graph import Graph


class OriginalKind(NeuronKind, Protocol):
    """A framework with layers that are taken apart for the tracer."""

    def sends(self, module: Any, result: Any) -> tuple[Any, bool]:
        """What a neuron module of the user's sent in a call, and whether of a whole sequence (T, B, ...)."""
        ...

    def fires(self, module: Any) -> bool:
        """Whether it sends spikes; else its membrane."""
        ...


@dataclass(frozen=True, eq=False)
class OriginalRun:
    """The module itself, run on a batch of samples.

    Attributes:
        module: Never changed.
        kind: What its neurons are.
        layout: How it takes a sequence.
        shape: Of one step's input.
        input_name: In the graph.
        neurons: The nodes that every module with neurons is, by its name in the module, in the order of its calls
            within a step.
        pools: Names of the populations that stand for max-pooling, in the order of the calls within a step.
        heads: Output nodes of layers that are no neurons, and where a call's result holds their numbers.
    """

    module: Any
    kind: OriginalKind
    layout: Layout
    shape: tuple[int, ...]
    input_name: str
    neurons: Mapping[str, tuple[str, ...]]
    pools: tuple[str, ...]
    heads: Mapping[str, Head | None]

    def run(self, spikes: Mapping[str, NDArray[Any]]) -> Recording:
        """Run a fresh copy from its initial state: ``spikes`` (B, T, *shape) by input name.

        Raises:
            ShapeMismatch: The samples do not fit the module, or are not as long as its own loop.
        """
        import torch

        samples = np.asarray(spikes[self.input_name])
        if samples.shape[2:] != self.shape or self.layout.steps not in (None, samples.shape[1]):
            raise ShapeMismatch(
                f"the samples have shape {samples.shape}",
                where=type(self.module).__name__,
                remedy=f"give (B, {self.layout.steps or 'T'}, {', '.join(map(str, self.shape))})",
            )
        module = fresh_copy(self.module)
        self.kind.reset(module)
        calls: dict[str, list[Any]] = {path: [] for path in self.neurons}

        def collect(path: str) -> Any:
            def after(part: Any, args: Any, result: Any) -> None:
                sent, whole = self.kind.sends(part, result)
                calls[path].append(sent.detach().clone() if whole else sent.detach().clone().unsqueeze(0))

            return after

        pooled: list[Any] = []
        with torch.no_grad(), ExitStack() as stack:
            if self.pools:
                stack.enter_context(pooling(pooled))
            for path in self.neurons:
                stack.callback(module.get_submodule(path).register_forward_hook(collect(path)).remove)
            stack.enter_context(self.kind.running(module))
            x = torch.as_tensor(samples).to(floating_type(module))
            results = [list(tensors_in(module(argument))) for argument in self.layout.arrange(x)]
        fired: dict[str, NDArray[Any]] = {}
        membranes: dict[str, NDArray[Any]] = {}
        for path, names in self.neurons.items():
            sends = fired if self.kind.fires(module.get_submodule(path)) else membranes
            for k, name in enumerate(names):
                sends[name] = torch.cat(calls[path][k :: len(names)]).transpose(0, 1).numpy()
        fired = {name: values.astype(np.uint8) for name, values in fired.items()}
        for k, name in enumerate(self.pools):
            maxima = pooled[k :: len(self.pools)]
            whole = maxima[0].unflatten(0, (samples.shape[1], -1)) if len(maxima) == 1 else torch.stack(maxima)
            fired[name] = whole.transpose(0, 1).numpy().astype(np.uint8)
        membranes |= {name: head.numbers(results) for name, head in self.heads.items() if head is not None}
        return Recording(fired, membranes)


def trace_expanded(
    module: Any,
    expanded: Any,
    kind: OriginalKind,
    shape: tuple[int, ...],
    *,
    step_s: float,
    time_axis: str | int | None,
) -> tuple[Built, OriginalRun]:
    """Trace the wiring of ``expanded``, and name everything as in ``module``.

    Args:
        module: The user's.
        expanded: A copy, in which ``StandIn`` modules stand for some layers.
        kind: What is a neuron, and what node it is.
        shape: Of one step, without batch and time.
        step_s: Seconds of a step.
        time_axis: None for one step per call, 0 or 1 for sequences, ``auto`` to find out.

    Returns:
        What was built, and the run of ``module``.

    Raises:
        ModelError: Something that has no exact equal here, by name.
    """
    paths = _original_paths(expanded)
    try:
        built, run = trace(expanded, kind, shape, step_s=step_s, time_axis=time_axis)
    except ModelError as error:
        raise _in_original_names(error, paths) from error
    graph, names = _with_original_names(built.graph, paths)
    neurons = {paths[path]: tuple(names[n] for n in several) for path, several in run.neurons.items()}
    pools = tuple(names[name] for name in built.pools)
    built = replace(built, graph=graph, pools=pools)
    heads = {names[name]: head for name, head in run.heads.items()}
    return built, OriginalRun(module, kind, run.layout, shape, run.input_name, neurons, pools, heads)


def _original_paths(expanded: Any) -> Mapping[str, str]:
    """The user's name of every part of ``expanded``."""
    from neurodeploy.frontends.stand_ins import StandIn

    parts = dict(expanded.named_modules())
    inner = {path for path, part in parts.items() if isinstance(part, StandIn)}

    def original(path: str) -> str:
        words = path.split(".") if path else []
        before = [".".join(words[:n]) for n in range(len(words))]
        return ".".join(w for w, b in zip(words, before, strict=True) if not (w == "cell" and b in inner))

    return {path: original(path) for path in parts}


def _in_original_names(error: ModelError, paths: Mapping[str, str]) -> ModelError:
    """The error with the user's names of modules."""
    what, where = error.what, error.where
    for path, original in paths.items():
        if path != original:
            what = what.replace(f"'{path}'", f"'{original}'")
            where = where.replace(f"'{path}'", f"'{original}'")
            where = where.removesuffix(f", {path}") + (f", {original}" if where.endswith(f", {path}") else "")
    return type(error)(what, where=where, remedy=error.remedy)


def _with_original_names(graph: Graph, paths: Mapping[str, str]) -> tuple[Graph, Mapping[str, str]]:
    """The graph with the user's names of its layers, and the new name of each node by the old one."""
    longest_first = sorted((path for path, original in paths.items() if path != original), key=len, reverse=True)

    def new(name: str) -> str:
        for path in longest_first:
            if name == path or name.startswith(f"{path}_"):
                return paths[path] + name[len(path) :]
        return name

    names = {name: new(name) for name in graph.nodes}
    nodes = {names[name]: replace(node, name=names[name]) for name, node in graph.nodes.items()}
    return replace(graph, nodes=nodes, edges=tuple((names[a], names[b]) for a, b in graph.edges)), names
