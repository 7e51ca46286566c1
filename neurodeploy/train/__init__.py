"""What training shares with deployment, for torch tensors; torch is imported when a function is called."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from neurodeploy.train import encode, losses, qat, readout

if TYPE_CHECKING:
    from neurodeploy.train.initial import parameter_groups, with_initial_potential
    from neurodeploy.train.neuron import IF, LIF

__all__ = ["IF", "LIF", "encode", "losses", "parameter_groups", "qat", "readout", "with_initial_potential"]

_HOMES = {"IF": "neuron", "LIF": "neuron", "parameter_groups": "initial", "with_initial_potential": "initial"}


def __getattr__(name: str) -> Any:
    """What needs torch, imported when it is asked for."""
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
