"""A trained ReLU network as one with QCFS activations: ``lam`` of each layer chosen from data."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn

from neurodeploy.convert.qcfs.activation import QCFS
from neurodeploy.errors import ModelError, did_you_mean

METHODS = ("mse", "percentile")
PERCENTILE = 99.9
GRID = 50
"""Values of lam that are tried, from the largest activation down."""


def calibrate(
    module: nn.Module, data: Any, levels: int = 8, *, method: str = "mse", percentile: float = PERCENTILE
) -> nn.Module:
    """A copy of a module whose ReLUs are QCFS activations, each chosen behind those that are already.

    Args:
        module: Its activations are ``torch.nn.ReLU`` modules, one for each place.
        data: Inputs (N, *shape), as the module takes them.
        levels: L of all layers.
        method: ``mse``: the least squared error of the layer's output; ``percentile``: of its activations above 0.
        percentile: For ``percentile``, above 0 and up to 100.

    Raises:
        ModelError: No ReLU, one that no input reaches, or an unknown method.
    """
    if method not in METHODS:
        raise ModelError(f"no method '{method}'", where="calibrate", remedy=did_you_mean(method, METHODS))
    if not 0 < percentile <= 100:
        raise ModelError(f"percentile {percentile:g}", where="calibrate", remedy="give a number above 0, up to 100")
    made = copy.deepcopy(module).eval()
    inputs = torch.as_tensor(data, dtype=torch.float32)
    places = [path for path, part in made.named_modules() if isinstance(part, nn.ReLU)]
    if not places:
        raise ModelError(
            "it has no ReLU module", where=type(module).__name__, remedy="use torch.nn.ReLU, not a function"
        )
    for path in _in_order(made, inputs[:1], places):
        z = _reaching(made, path, inputs)
        positive = z[z > 0]
        if not len(positive):
            raise ModelError("no input makes it active", where=f"ReLU '{path}'", remedy="give other or more data")
        lam = _least_error(positive, levels) if method == "mse" else _percentile(positive, percentile)
        made.set_submodule(path, QCFS(levels, lam))
    return made


def _in_order(module: nn.Module, one: torch.Tensor, places: list[str]) -> list[str]:
    """Places in the order in which a sample passes them."""
    passed: list[str] = []
    hooks = [module.get_submodule(p).register_forward_hook(lambda *_, p=p: passed.append(p)) for p in places]
    try:
        with torch.no_grad():
            module(one)
    finally:
        for hook in hooks:
            hook.remove()
    if len(set(passed)) != len(passed) or set(passed) != set(places):
        raise ModelError("a ReLU is used twice, or never", where="calibrate", remedy="give each place one of its own")
    return passed


def _reaching(module: nn.Module, path: str, inputs: torch.Tensor) -> torch.Tensor:
    kept: list[torch.Tensor] = []
    hook = module.get_submodule(path).register_forward_hook(lambda part, given, out: kept.append(given[0]))
    try:
        with torch.no_grad():
            module(inputs)
    finally:
        hook.remove()
    return kept[0].flatten().double()


def _least_error(positive: torch.Tensor, levels: int) -> float:
    """Of relu(z) against qcfs(z); values that are not positive cost nothing in either."""
    most = float(positive.max())
    best = (float("inf"), most)
    for k in range(GRID, 0, -1):
        lam = most * k / GRID
        stepped = lam * torch.clamp(torch.floor(positive * levels / lam + 0.5) / levels, 0, 1)
        best = min(best, (float((stepped - positive).square().mean()), lam), key=lambda one: one[0])
    return best[1]


def _percentile(positive: torch.Tensor, percentile: float) -> float:
    ordered = positive.sort().values
    return float(ordered[min(len(ordered) - 1, int(len(ordered) * percentile / 100))])
