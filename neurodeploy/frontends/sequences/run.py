"""The module as it was trained, run on samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.connections.base import Shape
from neurodeploy.errors import ModelError
from neurodeploy.frontends.imported import Recording
from neurodeploy.frontends.sequences.framework import Clock, Framework, duplicate
from neurodeploy.frontends.tracing.functions import tensors_in
from neurodeploy.frontends.tracing.outputs import Head
from neurodeploy.frontends.tracing.run import check_samples, floating_type, pooling
from neurodeploy.graph import Graph


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
        heads: Output nodes of layers that are no neurons, and where the result holds their numbers.
        graph: With these nodes.
    """

    module: Any
    framework: Framework
    shape: Shape
    merged: bool
    layers: Mapping[str, str]
    pools: tuple[str, ...]
    heads: Mapping[str, Head | None]
    graph: Graph

    def run(self, spikes: Mapping[str, NDArray[Any]]) -> Recording:
        """Run a fresh copy from its initial state: ``spikes`` (B, T, *shape) by input name.

        Raises:
            ShapeMismatch: The samples do not fit the module.
            ModelError: The module itself raises.
        """
        import torch

        (samples,) = (np.asarray(v) for v in spikes.values())
        check_samples(samples, self.shape, None, self.module)
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
            results = self._results(module, x.flatten(0, 1) if self.merged else x)
        told = {
            name: results[head.index] for name, head in self.heads.items() if head is not None and head.time_axis == 1
        }
        if len(pooled) == len(self.pools):
            kept["sent"].update(
                {name: _split(value != 0, sizes) for name, value in zip(self.pools, pooled, strict=True)}
            )
        fires = {n: n in self.pools or "v_threshold" in self.graph.nodes[n].params for n in kept["sent"]}
        sent = {name: values.astype(np.int32) for name, values in kept["sent"].items() if fires[name]}
        silent = {name: values for name, values in kept["sent"].items() if not fires[name]}
        return Recording(sent, kept["membrane"] | silent | {name: _split(value, sizes) for name, value in told.items()})

    def _results(self, module: Any, x: Any) -> list[Any]:
        try:
            return list(tensors_in(self.framework.call(module, x)))
        except Exception as error:  # the user's forward, and the framework's own, raise what they like
            raise ModelError(
                f"the module itself fails on spikes: {type(error).__name__}: {error}",
                where=type(self.module).__name__,
                remedy="run it on spikes of that shape first",
            ) from error


def _split(tensor: Any, sizes: tuple[int, int]) -> NDArray[Any]:
    """(B, T, *shape) or (B * T, *shape) as (B, T, *shape), a copy."""
    inner = tensor.shape[2:] if tuple(tensor.shape[:2]) == sizes else tensor.shape[1:]
    return np.array(tensor.detach().numpy()).reshape(*sizes, *inner)
