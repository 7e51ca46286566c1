"""One case: a small graph, what it is fed, and what it must give under which conventions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.conformance.reference import Edges

CONVENTIONS: Mapping[str, tuple[Any, ...]] = {
    "reset": ("value", "subtract", "none", "subtract_late", "subtract_gated", "zero_late"),
    "spike": ("gt", "ge", "multi_trunc"),
    "if_gain": ("unit", "r_dt"),
    "decay": ("euler", "exp"),
    "v_init": ("zero", "v_leak", "v_reset"),
    "v_min": (None, -1.0),
    "recurrent_bias_t0": (True, False),
}
"""What NIR leaves open, beside the time step; each with the values that the suite knows, the usual one first."""
USUAL = {name: values[0] for name, values in CONVENTIONS.items()}

SAMPLES, STEPS = 2, 12


@dataclass(frozen=True, eq=False)
class Case:
    """A case as it is written down here; :mod:`neurodeploy.conformance.suite` works out the rest.

    Attributes:
        name: ``group/what``.
        about: What it tests, in a line.
        graph: A ``nir.NIRGraph``.
        inputs: (N, T, *shape) by input node.
        conventions: Where it means others than the usual ones.
        delayed: Edges that close a cycle: from the neuron whose previous spikes they carry, as the convention
            ``recurrent_bias_t0 = True`` has it.
        late: The same for ``False``: edges into the neuron that the cycle comes back to.
        tolerance: Largest error of a value that is no spike; 0 where every number is exact in single precision.
        tie: That it turns on two equal numbers, so that rounding any of them decides it.
        refuse: That loading or running it must fail, and why; else it must run.
        edit: Changes the written file (an ``h5py.File``) into one that the library would not write.
    """

    name: str
    about: str
    graph: Any
    inputs: Mapping[str, NDArray[Any]]
    conventions: Mapping[str, Any] = field(default_factory=dict)
    delayed: Edges = ()
    late: Edges = ()
    tolerance: float = 0.0
    tie: bool = False
    refuse: str = ""
    edit: Callable[[Any], None] | None = None

    @property
    def group(self) -> str:
        return self.name.partition("/")[0]

    def delayed_under(self, conventions: Mapping[str, Any]) -> Edges:
        """The delayed edges that go with these conventions."""
        return self.delayed if conventions["recurrent_bias_t0"] else self.late


def random_spikes(name: str, shape: tuple[int, ...], steps: int = STEPS, rate: float = 0.5) -> NDArray[np.uint8]:
    """(SAMPLES, steps, *shape), the same for the same name."""
    rng = np.random.default_rng(list(name.encode()))
    return (rng.random((SAMPLES, steps, *shape)) < rate).astype(np.uint8)


def eighths(name: str, shape: tuple[int, ...], low: float = -0.5, high: float = 1.5) -> NDArray[np.float32]:
    """Weights that are multiples of 1/8, the same for the same name."""
    rng = np.random.default_rng(list(name.encode()))
    return (rng.integers(round(low * 8), round(high * 8) + 1, shape) / 8).astype(np.float32)
