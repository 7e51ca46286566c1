"""The QCFS activation for torch; imported when it is asked for."""

from __future__ import annotations

import math

import torch

from neurodeploy.errors import ModelError


class QCFS(torch.nn.Module):
    """``lam * clip(floor(z L / lam + 1/2) / L, 0, 1)`` with a trainable ``lam``, one for the layer.

    The floor passes its gradient through. ``lam`` is the exponential of the parameter ``log_lam``: it stays positive.

    Args:
        levels: L >= 1, the most spikes of a neuron; may be set anew, also between epochs.
        lam: To begin with, > 0.

    Raises:
        ModelError: Out of range.
    """

    def __init__(self, levels: int = 8, lam: float = 2.0) -> None:
        super().__init__()
        if not isinstance(levels, int) or levels < 1:
            raise ModelError(f"{levels!r} levels", where="QCFS", remedy="give an integer >= 1")
        if not (math.isfinite(lam) and lam > 0):
            raise ModelError(f"lambda = {lam:g} is not above 0", where="QCFS", remedy="give a positive number")
        self.levels = levels
        self.log_lam = torch.nn.Parameter(torch.tensor(math.log(lam)))

    @property
    def lam(self) -> float:
        """Largest value."""
        return math.exp(float(self.log_lam.detach()))

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        lam = self.log_lam.exp()
        share = torch.clamp(z / lam, 0, 1)
        stepped = torch.floor(share * self.levels + 0.5) / self.levels
        return lam * (share + (stepped - share).detach())

    def extra_repr(self) -> str:
        return f"levels={self.levels}, lam={self.lam:.4g}"


def activations(module: torch.nn.Module) -> dict[str, QCFS]:
    """All of a module's, by the name that their layers get."""
    return {layer_name(path): part for path, part in module.named_modules() if isinstance(part, QCFS)}


def layer_name(path: str) -> str:
    """Of a module's path; dots mean outputs of populations."""
    return path.replace(".", "_")
