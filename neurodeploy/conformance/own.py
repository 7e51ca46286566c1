"""Adapters of this toolchain: the float network as it is lowered, and the integers of a chip."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.compilation import Options
from neurodeploy.conformance.backend import Declaration
from neurodeploy.errors import AmbiguousSemantics
from neurodeploy.frontends import read_nir
from neurodeploy.lower import lower, resolve_semantics
from neurodeploy.network import Network
from neurodeploy.pipeline import compile_model
from neurodeploy.program import Program
from neurodeploy.simulate import simulate
from neurodeploy.simulate.float_reference import simulate_float
from neurodeploy.version import installed_version

Values = Mapping[str, NDArray[Any]]


def float_reference() -> FloatReference:
    """Reader, lowering and float simulator."""
    return FloatReference()


def integer_engine() -> IntegerEngine:
    """The whole compilation for Loihi 2 at 8 bits, and the fast engine."""
    return IntegerEngine()


class FloatReference:
    """The network in double precision."""

    declaration = Declaration(f"neurodeploy {installed_version()}, float reference", number_format="float64")

    def load(self, path: Path, conventions: Mapping[str, Any]) -> None:
        graph = read_nir(path)
        self.network: Network = lower(graph, resolve_semantics(graph, conventions))

    def reset(self) -> None:
        """Every run starts afresh."""

    def run(self, inputs: Values) -> Mapping[str, Values]:
        names = tuple(self.network.populations)
        run = simulate_float(self.network, {n: v[None] for n, v in inputs.items()}, membranes=names)
        v = {n: run.membranes[n][0] for n in names}
        sent = {n: run.spikes[n][0] if p.spiking else v[n] for n, p in self.network.populations.items()}
        outputs = {output: sent[name] for output, name in self.network.outputs.items()}
        return {"sent": sent | outputs, "v": v}


class IntegerEngine:
    """The integers, in units of the float network.

    Weights and decays are rounded to the chip's fields, so membranes are off a little, and a spike differs where one of
    them comes close to its threshold.
    """

    declaration = Declaration(
        f"neurodeploy {installed_version()}, Loihi 2 integers",
        number_format="8-bit weights, 12-bit decays, 24-bit registers",
        spike_tolerance=0.15,
        value_tolerance=0.125,
    )

    def load(self, path: Path, conventions: Mapping[str, Any]) -> None:
        # under these resets the chip holds v less what the next step would take off
        self.hides_v = conventions.get("reset") in ("subtract_late", "zero_late")
        try:
            self.program: Program = compile_model(path, "loihi2", Options(conventions))
        except AmbiguousSemantics:  # an output that never fires has a membrane to read
            self.program = compile_model(path, "loihi2", Options({**conventions, "readout": "v_last"}))

    def reset(self) -> None:
        """Every run starts afresh."""

    def run(self, inputs: Values) -> Mapping[str, Values]:
        net = self.program.net
        record = {name: ("v",) for name in net.populations}
        run = simulate(self.program, {n: v[None] for n, v in inputs.items()}, record=record)
        sent: dict[str, NDArray[Any]] = {}
        membranes: dict[str, NDArray[Any]] = {}
        for name, p in net.populations.items():
            window = slice(p.start, p.start + run.counters.live_steps)
            scale = np.ones(()) if p.scale is None else p.scale
            v = run.states[name]["v"][0, window].reshape(run.counters.live_steps, -1)
            membranes[name] = v / scale + p.offset
            never = bool(np.all(p.fields["vth"] > 131071))
            sent[name] = membranes[name] if never else run.spikes[name][0, window]
        outputs = {output: sent[name] for output, name in self.program.outputs.items()}
        return {"sent": sent | outputs, "v": {} if self.hides_v else membranes}
