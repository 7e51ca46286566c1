"""What a backend has to offer to be tested, and how it is found."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from neurodeploy.conformance.suite import DT_S, Entry
from neurodeploy.errors import SimulationError


@dataclass(frozen=True)
class Declaration:
    """What a backend says of itself.

    Attributes:
        name: With its version.
        conventions: The values that it can do, for each convention in which it has no free choice; ``dt_s`` too.
            Cases about others do not apply to it.
        number_format: For readers, e.g. ``float32``.
        spike_tolerance: Share of a case's spikes that may differ; 0 for floating point.
        value_tolerance: Largest error of membranes and other values in a sample's steps before a spike differs, as a
            share of the largest value that the node should have, or of 1; 0 for floating point.
        note: Anything else that a reader of the table should know.
    """

    name: str
    conventions: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    number_format: str = "float32"
    spike_tolerance: float = 0.0
    value_tolerance: float = 0.0
    note: str = ""

    @property
    def exact(self) -> bool:
        """Whether nothing may differ."""
        return self.spike_tolerance == self.value_tolerance == 0

    @property
    def dt_s(self) -> float:
        """The time step of the suite that it is to be given."""
        return float(self.conventions.get("dt_s", (DT_S,))[0])

    def chosen(self, entry: Entry) -> dict[str, Any] | str:
        """Conventions to run a case under, or why it does not apply."""
        if entry.tie and not self.exact:
            return "exact arithmetic: it turns on two equal numbers"
        picked = {}
        for name, values in entry.conventions.items():
            able = self.conventions.get(name, values)
            if not (common := [v for v in values if v in able]):
                return f"{name} = {' or '.join(map(str, values))}"
            picked[name] = common[0]
        return picked


class Backend(Protocol):
    """An adapter: a few lines around the system under test.

    ``load`` raises where the graph, or a convention that the backend cannot follow, is not supported: whatever it
    raises is a refusal with the error's text as its reason. What it does not refuse must come out right.

    Values are arrays of one step without batch, by the name of the node in the file. ``step`` returns at least what
    every Output node got, ``{"sent": {"output": ...}}``; what any other node sent, and membranes after the step as
    ``{"v": {...}}``, are compared where given. A backend that cannot be stepped has
    ``run(inputs) -> {"sent": ..., "v": ...}`` instead, of whole samples (T, *shape).
    """

    declaration: Declaration

    def load(self, path: Path, conventions: Mapping[str, Any]) -> None:
        """Read a ``.nir`` file."""
        ...

    def reset(self) -> None:
        """Go to the initial state."""
        ...

    def step(self, inputs: Mapping[str, NDArray[Any]]) -> Mapping[str, Mapping[str, Any]]:
        """Do one step."""
        ...


class BackendFault(SimulationError):
    """The backend to test cannot be used at all."""


def load_backend(name: str) -> Any:
    """Call ``package.module:factory``.

    Raises:
        BackendFault: It cannot be imported, or makes no backend.
    """
    module, _, factory = name.partition(":")
    remedy = "give package.module:factory, importable from this folder, a function that makes an adapter"
    if not module or not factory:
        raise BackendFault(f"'{name}' names no factory", where="BACKEND", remedy=remedy)
    try:
        backend = getattr(importlib.import_module(module), factory)()
    except Exception as error:  # foreign code
        raise BackendFault(
            f"it cannot be made: {type(error).__name__}: {error}", where=f"BACKEND {name}", remedy=remedy
        ) from error
    missing = [n for n in ("declaration", "load", "reset") if not hasattr(backend, n)]
    if not hasattr(backend, "step") and not hasattr(backend, "run"):
        missing.append("step or run")
    if missing:
        raise BackendFault(f"what it makes has no {', '.join(missing)}", where=f"BACKEND {name}", remedy=remedy)
    return backend
