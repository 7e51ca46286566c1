"""Runs a module as its author wrote it, where the tracer looked at one with its layers taken apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

from neurodeploy.errors import ModelError
from neurodeploy.frontends.tracing.build import Built
from neurodeploy.frontends.tracing.recorder import NeuronKind
from neurodeploy.frontends.tracing.run import TracedRun
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


class OriginalRun(TracedRun):
    """Of a module whose layers the tracer saw taken apart."""

    kind: OriginalKind

    def seen(self, part: Any, args: Any, kwargs: Any, result: Any) -> Mapping[str, Any]:
        """What it sends, of one step or of a whole sequence."""
        sent, whole = self.kind.sends(part, result)
        sent = sent.detach().clone()
        return {"spikes" if self.kind.fires(part) else "membranes": sent if whole else sent.unsqueeze(0)}

    def maxima(self, pooled: list[Any], steps: int) -> list[Any]:
        """Also of poolings that were called once, on whole sequences (T * B, ...)."""
        if len(pooled) == len(self.pools):
            sequences = [whole.unflatten(0, (steps, -1)) for whole in pooled]
            pooled = [whole[t] for t in range(steps) for whole in sequences]
        return super().maxima(pooled, steps)


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
