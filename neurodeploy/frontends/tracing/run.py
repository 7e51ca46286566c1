"""Fresh copies of a module, how it wants time, and its run as the yardstick of what was imported."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import ModelError, ShapeMismatch
from neurodeploy.frontends.imported import Recording
from neurodeploy.frontends.tracing.functions import plain_name, tensors_in
from neurodeploy.frontends.tracing.outputs import Head
from neurodeploy.frontends.tracing.recorder import NeuronKind


@dataclass(frozen=True)
class Layout:
    """How a module takes a sequence.

    Attributes:
        time_axis: None: one step per call, (B, *shape). Else a whole sequence per call, (T, B, *shape) for 0 and
            (B, T, *shape) for 1.
        steps: Length of the sequence where the module fixes it, else None.
    """

    time_axis: int | None
    steps: int | None = None

    def arrange(self, x: Any) -> list[Any]:
        """The arguments of the calls for ``x`` (B, T, *shape)."""
        if self.time_axis is None:
            return [x[:, t].clone() for t in range(x.shape[1])]
        return [x.transpose(0, 1).contiguous() if self.time_axis == 0 else x.clone()]


def fresh_copy(module: Any) -> Any:
    """A copy in eval mode on the CPU that shares nothing with ``module``; states that hang in a graph are detached."""

    memo: dict[int, Any] = {}
    for part in module.modules():
        for value in tensors_in(vars(part)):
            if not value.is_leaf:
                memo[id(value)] = value.detach().clone()
    try:
        return copy.deepcopy(module, memo).cpu().eval()
    except (RuntimeError, TypeError) as error:
        raise ModelError(
            f"the module cannot be copied: {error}",
            where=type(module).__name__,
            remedy="keep no results of earlier runs in its attributes, and nothing that copy.deepcopy refuses",
        ) from error


def floating_type(module: Any) -> Any:
    """The type of the module's numbers, torch.float32 or torch.float64."""
    import torch

    types = {t.dtype for t in [*module.parameters(), *module.buffers()] if t.is_floating_point()}
    if torch.float64 in types and types == {torch.float64}:
        return torch.float64
    if types <= {torch.float32}:
        return torch.float32
    raise ModelError(
        f"the module computes in {', '.join(sorted(str(t).removeprefix('torch.') for t in types))}",
        where=type(module).__name__,
        remedy="convert it with .float(); what it then computes is what will be deployed",
    )


def check_samples(samples: NDArray[Any], shape: tuple[int, ...], steps: int | None, module: Any) -> None:
    """Refuse ``samples`` that are not (B, T, *shape), T = ``steps`` if those are fixed.

    Raises:
        ShapeMismatch: They do not fit ``module``.
    """
    if samples.shape[2:] != shape or steps not in (None, samples.shape[1]):
        raise ShapeMismatch(
            f"the samples have shape {samples.shape}",
            where=type(module).__name__,
            remedy=f"give (B, {steps or 'T'}, {', '.join(map(str, shape))})",
        )


@dataclass(frozen=True, eq=False)
class TracedRun(ABC):
    """The module itself, run on a batch of samples.

    Attributes:
        module: Never changed.
        kind: What its neurons are.
        layout: How it takes a sequence.
        shape: Of one step's input.
        input_name: In the graph.
        neurons: Names of the neurons that each module is, in the order in which it is called within a step.
        pools: Names of the populations that stand for max-pooling, in the order of the calls within a step.
        heads: Output nodes of layers that are no neurons, and where a call's result holds their numbers.
    """

    module: Any
    kind: NeuronKind
    layout: Layout
    shape: tuple[int, ...]
    input_name: str
    neurons: Mapping[str, tuple[str, ...]]
    pools: tuple[str, ...] = ()
    heads: Mapping[str, Head | None] = field(default_factory=dict)

    @property
    def steps(self) -> int | None:
        """The length that samples must have, where the module fixes it."""
        return self.layout.steps

    @abstractmethod
    def seen(self, part: Any, args: Any, kwargs: Any, result: Any) -> Mapping[str, Any]:
        """``spikes`` and ``membranes`` of a call of a neuron module, as far as it shows them, (steps, B, *shape)."""

    def maxima(self, pooled: list[Any], steps: int) -> list[Any]:
        """The results of all max-poolings, step by step; none where the calls do not tell them apart."""
        return pooled if len(pooled) == len(self.pools) * steps else []

    def run(self, spikes: Mapping[str, NDArray[Any]]) -> Recording:
        """Run a fresh copy from its initial state: ``spikes`` (B, T, *shape) by input name.

        Raises:
            ShapeMismatch: The samples do not fit the module, or are not as long as its own loop.
        """
        import torch

        samples = np.asarray(spikes[self.input_name])
        check_samples(samples, self.shape, self.steps, self.module)
        module = fresh_copy(self.module)
        self.kind.reset(module)
        x = torch.as_tensor(samples).to(floating_type(module))
        calls: dict[str, list[Mapping[str, Any]]] = {path: [] for path in self.neurons}

        def collect(path: str) -> Any:
            return lambda *call: calls[path].append(self.seen(*call))

        pooled: list[Any] = []
        with torch.no_grad(), self.kind.running(module), pooling(pooled) if self.pools else nullcontext():
            for path in self.neurons:
                module.get_submodule(path).register_forward_hook(collect(path), with_kwargs=True)
            results = [list(tensors_in(module(argument))) for argument in self.layout.arrange(x)]
        found: dict[str, dict[str, NDArray[Any]]] = {"spikes": {}, "membranes": {}}
        for path, names in self.neurons.items():
            for k, name in enumerate(names):
                own = calls[path][k :: len(names)]
                for what in own[0]:
                    found[what][name] = torch.cat([call[what] for call in own]).transpose(0, 1).numpy()
        maxima = self.maxima(pooled, samples.shape[1])
        for k, name in enumerate(self.pools if maxima else ()):
            found["spikes"][name] = torch.stack(maxima[k :: len(self.pools)], 1).numpy() != 0
        sent = {name: values.astype(np.uint8) for name, values in found["spikes"].items()}
        told = {name: head.numbers(results) for name, head in self.heads.items() if head is not None}
        return Recording(sent, found["membranes"] | told)


class WatchedKind(NeuronKind, Protocol):
    """A framework whose neurons show their membranes."""

    def membrane(self, module: Any, spikes: Any) -> Any:
        """The membrane after the call that sent ``spikes``, a tensor of its own."""
        ...


class ModuleRun(TracedRun):
    """Of a module that the tracer saw as it is."""

    kind: WatchedKind

    def seen(self, part: Any, args: Any, kwargs: Any, result: Any) -> Mapping[str, Any]:
        """Both, of one step."""
        spikes = self.kind.call(part, args, kwargs, result).spikes.detach().clone()
        return {"spikes": spikes.unsqueeze(0) != 0, "membranes": self.kind.membrane(part, spikes).unsqueeze(0)}


@contextmanager
def pooling(found: list[Any]) -> Iterator[None]:
    """Collects the results of max_pool2d."""
    from torch.overrides import TorchFunctionMode

    class Watch(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            result = func(*args, **(kwargs or {}))
            if plain_name(func) == "max_pool2d":
                found.append(result)
            return result

    with Watch():
        yield
