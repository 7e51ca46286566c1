"""From a framework's module to a graph: what a frontend returns, and which frontend reads which module."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Protocol

from numpy.typing import NDArray

from neurodeploy.errors import ModelError, did_you_mean
from neurodeploy.graph import Graph


@dataclass(frozen=True, eq=False)
class Recording:
    """What a module did on a batch of samples.

    Attributes:
        spikes: What every spiking layer sent, (B, T, *shape) of integers, by the node's name in our graph.
        membranes: Membranes after each step, (B, T, *shape), of the layers whose framework shows them; the output of
            a layer that never fires.
    """

    spikes: Mapping[str, NDArray[Any]]
    membranes: Mapping[str, NDArray[Any]] = field(default_factory=dict)


class SourceRun(Protocol):
    """The module as it was trained, ready to be compared with.

    One that loops over a fixed number of steps, and takes no samples of another length, says so by an attribute
    ``steps``.
    """

    def run(self, spikes: Mapping[str, NDArray[Any]]) -> Recording:
        """Run a fresh copy in eval mode from its initial state, without gradients.

        Args:
            spikes: uint8 (B, T, *shape) by the graph's input names.
        """
        ...


@dataclass(frozen=True, eq=False)
class Imported:
    """A module as a graph with its meaning.

    Attributes:
        graph: Nodes carry what differs between neurons in ``conventions`` and ``exact``.
        semantics: Values for :class:`Semantics` fields that hold for the whole graph.
        source: The module itself.
        framework: Name and version, e.g. ``snntorch 1.0.0``.
        precision: The module's floating point, ``float32`` or ``float64``.
    """

    graph: Graph
    semantics: Mapping[str, object]
    source: SourceRun
    framework: str
    precision: str = "float32"


class FromModule(Protocol):
    """The one function of a frontend's file: ``from_module``."""

    def __call__(self, module: Any, input_shape: tuple[int, ...] | None = None, **options: Any) -> Imported:
        """Read a module.

        Args:
            module: A torch module; not changed.
            input_shape: Of one step, without batch and time; needed where the layers do not say it.
            options: The frontend's own, all optional.

        Raises:
            ModelError: Something in the module has no exact equal here: names module, type and reason.
        """
        ...


FRONTENDS: tuple[tuple[str, str], ...] = (
    ("snntorch", "neurodeploy.frontends.snntorch"),
    ("norse", "neurodeploy.frontends.norse"),
    ("spikingjelly", "neurodeploy.frontends.spikingjelly"),
    ("sinabs", "neurodeploy.frontends.sinabs"),
    ("rockpool", "neurodeploy.frontends.rockpool"),
    ("neurodeploy.train.neuron", "neurodeploy.frontends.plain"),
)
"""The package, or the module of ours, whose classes a module is made of, and the file that reads it."""


def frontend_for(module: Any) -> FromModule:
    """The frontend of the framework whose neurons ``module`` holds; the classes decide, no framework is imported.

    Raises:
        ModelError: Neurons of no framework that we know, or of several.
    """
    found = sorted(_packages(module) & {package for package, _ in FRONTENDS})
    where, known = type(module).__name__, [package for package, _ in FRONTENDS]
    if len(found) > 1:
        raise ModelError(
            f"the module mixes neurons of {' and '.join(found)}",
            where=where,
            remedy="build it from one framework's layers",
        )
    if not found:
        raise ModelError(
            "the module holds no layer of a framework that can be read",
            where=where,
            remedy=f"use spiking layers of one of these, or export the network to NIR; {did_you_mean('', known)}",
        )
    reader: FromModule = import_module(dict(FRONTENDS)[found[0]]).from_module
    return reader


def _packages(module: Any) -> set[str]:
    """Modules, and their top-level packages, of all classes that the module, its parts and their bases come from."""
    parts = module.modules() if callable(getattr(module, "modules", None)) else ()
    if isinstance(parts, Mapping):  # Rockpool's method of that name
        parts = _tree(module)
    modules = {base.__module__ for part in (module, *parts) for base in type(part).__mro__}
    return modules | {name.partition(".")[0] for name in modules}


def _tree(module: Any) -> list[Any]:
    parts = list(module.modules().values())
    return [part for child in parts for part in (child, *_tree(child))]
