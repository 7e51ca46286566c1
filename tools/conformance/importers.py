"""Adapters around other frameworks' importers, called as their documentation says: ``nir.read``, then the importer."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import nir
import numpy as np
import torch

from neurodeploy.conformance.backend import Declaration

Values = Mapping[str, Any]


def named(framework: str) -> str:
    """With its version, where it is installed."""
    try:
        return f"{framework} {version(framework.lower())}"
    except PackageNotFoundError:
        return framework


class Importer:
    """A framework's module, made anew for every sample, stepped with a batch of one."""

    declaration: Declaration

    def load(self, path: Path, conventions: Mapping[str, Any]) -> None:
        """Read and import; what either raises is the refusal."""
        torch.set_num_threads(1)
        self.path, self.conventions = path, conventions
        graph = nir.read(path)
        self.inputs = [n for n, node in graph.nodes.items() if isinstance(node, nir.Input)]
        self.outputs = [n for n, node in graph.nodes.items() if isinstance(node, nir.Output)]
        if len(self.inputs) > 1:
            raise NotImplementedError("the imported module takes one tensor, the graph has several inputs")
        self.reset()

    def reset(self) -> None:
        """Import again: some modules keep their state where a reset does not reach it."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.module = self.imported(nir.read(self.path))
        self.state: Any = None

    def imported(self, graph: Any) -> Any:
        """The framework's own call."""
        raise NotImplementedError

    def forward(self, x: Any) -> Any:
        """The value of one step; most modules take and return a state."""
        result = self.module(x, self.state)
        value, self.state = result
        return value

    @torch.no_grad()
    def step(self, inputs: Values) -> Mapping[str, Values]:
        """The importers' modules return one tensor, the value of an output; they show nothing else by name."""
        (values,) = inputs.values()
        result = self.forward(torch.tensor(np.asarray(values), dtype=torch.float32)[None])
        if not isinstance(result, torch.Tensor):
            raise TypeError(f"the module returns a {type(result).__name__}, not a tensor")
        return {"sent": {self.outputs[-1]: result.detach().numpy()[0]}}


class Norse(Importer):
    declaration = Declaration(
        named("Norse"),
        {
            "reset": ["value"],
            "spike": ["gt"],
            "if_gain": ["unit"],
            "decay": ["euler"],
            "v_init": ["v_leak"],
            "v_min": [None],
            "recurrent_bias_t0": [False],
        },
        note="`norse.torch.from_nir(nir.read(file), dt=dt_s)`",
    )

    def imported(self, graph: Any) -> Any:
        import norse.torch

        return norse.torch.from_nir(graph, dt=self.conventions["dt_s"])


class SnnTorch(Importer):
    declaration = Declaration(
        named("snnTorch"),
        {
            "dt_s": [1e-4],
            "reset": ["value"],
            "spike": ["gt"],
            "if_gain": ["unit"],
            "decay": ["euler"],
            "v_init": ["zero"],
            "v_min": [None],
            "recurrent_bias_t0": [False],
        },
        note="`snntorch.import_nir.import_from_nir(nir.read(file))`; its time step is fixed.",
    )

    def imported(self, graph: Any) -> Any:
        from snntorch.import_nir import import_from_nir

        return import_from_nir(graph)


class SpikingJelly(Importer):
    declaration = Declaration(
        named("SpikingJelly"),
        {
            "reset": ["value"],
            "spike": ["ge"],
            "if_gain": ["r_dt"],
            "decay": ["euler"],
            "v_init": ["v_reset"],
            "v_min": [None],
            "recurrent_bias_t0": [False],
        },
        note="`spikingjelly.activation_based.nir_exchange.import_from_nir(nir.read(file), dt=dt_s)`",
    )

    def imported(self, graph: Any) -> Any:
        from spikingjelly.activation_based.nir_exchange import import_from_nir

        return import_from_nir(graph, dt=self.conventions["dt_s"])


class Sinabs(Importer):
    declaration = Declaration(
        named("Sinabs"),
        {
            "dt_s": [1.0],
            "reset": ["subtract"],
            "spike": ["multi_trunc"],
            "if_gain": ["unit"],
            "decay": ["exp"],
            "v_init": ["zero"],
            "v_min": [-1.0],
            "recurrent_bias_t0": [False],
        },
        note="`sinabs.from_nir(nir.read(file), batch_size=1)`; time constants are counted in steps; v stays "
        "above minus the threshold, which is -1 where that matters.",
    )

    def imported(self, graph: Any) -> Any:
        from sinabs.nir import from_nir

        return from_nir(graph, batch_size=1)


class Rockpool(Importer):
    declaration = Declaration(
        named("Rockpool"),
        {
            "reset": ["subtract"],
            "spike": ["multi_trunc"],
            "decay": ["exp"],
            "v_init": ["zero"],
            "v_min": [None],
            "recurrent_bias_t0": [False],
        },
        note="`rockpool.nn.modules.torch.nir.from_nir(nir.read(file))`",
    )

    def imported(self, graph: Any) -> Any:
        from rockpool.nn.modules.torch.nir import from_nir

        return from_nir(graph)

    def forward(self, x: Any) -> Any:
        """Rockpool's modules take (batch, time, n)."""
        value, self.state = self.module(x[:, None], self.state)
        return value[:, 0]


def norse() -> Norse:
    return Norse()


def snntorch() -> SnnTorch:
    return SnnTorch()


def spikingjelly() -> SpikingJelly:
    return SpikingJelly()


def sinabs() -> Sinabs:
    return Sinabs()


def rockpool() -> Rockpool:
    return Rockpool()
