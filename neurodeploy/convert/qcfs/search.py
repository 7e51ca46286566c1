"""The search for levels on a torch module: short fine-tunes, and the cost of what they compile to."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from neurodeploy.convert.qcfs import qcfs
from neurodeploy.convert.qcfs.activation import activations
from neurodeploy.convert.qcfs.adaptive import LOSS_DEFAULT, Trial, greedy
from neurodeploy.convert.qcfs.effective import adaptive_metric, histogram
from neurodeploy.convert.qcfs.tracing import from_torch
from neurodeploy.estimate import estimate
from neurodeploy.simulate import simulate


@dataclass(frozen=True, eq=False)
class Adapted:
    """What the search found.

    Attributes:
        module: With the levels of the last trial that was kept, tuned.
        trials: All of them.
        metric: AL by layer, before.
    """

    module: torch.nn.Module
    trials: list[Trial]
    metric: Mapping[str, float]


def adapt_levels(
    module: torch.nn.Module,
    data: NDArray[Any],
    *,
    tune: Callable[[torch.nn.Module], None],
    accuracy: Callable[[torch.nn.Module], float],
    loss: float = LOSS_DEFAULT,
    input_levels: int | None = None,
    input_step: float = 1.0,
    **options: Any,
) -> Adapted:
    """Halve the levels of layers, by decreasing AL, while the estimated energy falls and the accuracy holds.

    Args:
        module: With QCFS activations; is not changed.
        data: Inputs (N, *shape) for the metric and for the estimate.
        tune: A short training of a module in place.
        accuracy: Of a module on validation data, a share.
        loss: Most accuracy that all steps together may cost.
        input_levels: As of :func:`from_torch`; so ``input_step``.
        options: Further ones of :func:`qcfs`.
    """
    working = copy.deepcopy(module)
    metric = metrics_of(working, data)
    kept = candidate = copy.deepcopy(working.state_dict())

    def evaluate(levels: Mapping[str, int]) -> tuple[float, float]:
        nonlocal candidate
        working.load_state_dict(kept)
        set_levels(working, levels)
        tune(working)
        candidate = copy.deepcopy(working.state_dict())
        model = from_torch(working, data.shape[1:], input_levels=input_levels, input_step=input_step)
        return accuracy(working), cost_of(model, data, **options)

    def keep() -> None:
        nonlocal kept
        kept = candidate

    first = {name: part.levels for name, part in activations(working).items() if name in metric}
    trials = greedy(first, metric, evaluate, loss, keep)
    working.load_state_dict(kept)
    set_levels(working, next(t for t in reversed(trials) if t.kept).levels)
    return Adapted(working, trials, metric)


def set_levels(module: torch.nn.Module, levels: Mapping[str, int]) -> None:
    """Give QCFS activations other levels, in place."""
    for name, part in activations(module).items():
        part.levels = levels.get(name, part.levels)


def metrics_of(module: torch.nn.Module, data: NDArray[Any]) -> dict[str, float]:
    """AL of each QCFS layer but one that codes the input, on its outputs."""
    outputs: dict[str, NDArray[Any]] = {}
    inputs = torch.as_tensor(data, dtype=torch.float32)

    def watch(name: str) -> Any:
        def note(part: Any, given: Any, out: torch.Tensor) -> None:
            if given[0] is not inputs:
                outputs[name] = out.detach().cpu().numpy()

        return note

    hooks = [part.register_forward_hook(watch(name)) for name, part in activations(module).items()]
    was_training = module.training
    try:
        with torch.no_grad():
            module.eval()(inputs)
    finally:
        module.train(was_training)
        for hook in hooks:
            hook.remove()
    return {name: adaptive_metric(histogram(values)) for name, values in outputs.items()}


def cost_of(model: Any, data: NDArray[Any], **options: Any) -> float:
    """Joules of synaptic operations and neuron updates of an inference, by the target's energy profile."""
    made = qcfs(model, samples=0, **options)
    costs = estimate(simulate(made.program, made.encode(np.asarray(data)), keep=()), made.program)
    return costs.parts["synapses"].value + costs.parts["neurons"].value
