"""neurodeploy: trained spiking networks onto Loihi-class chips, and what they cost, without a chip."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from neurodeploy import encode
from neurodeploy.bundled import list_models, load_model
from neurodeploy.chipnet import ChipNetwork
from neurodeploy.compilation import Options
from neurodeploy.errors import NeurodeployError
from neurodeploy.estimate import Costs, estimate
from neurodeploy.export.nir import export_nir
from neurodeploy.pipeline import compile_model as compile
from neurodeploy.precision import mixed_precision
from neurodeploy.program import Program
from neurodeploy.report import report
from neurodeploy.simulate import Events, Run, Session, simulate, stream
from neurodeploy.storage import load, save
from neurodeploy.target import Target, list_targets, load_target
from neurodeploy.version import installed_version

if TYPE_CHECKING:
    from neurodeploy import adapt, cluster, convert, faults, robustness, scaling, train, worlds

__version__ = installed_version()

__all__ = [
    "ChipNetwork",
    "Costs",
    "Events",
    "NeurodeployError",
    "Options",
    "Program",
    "Run",
    "Session",
    "Target",
    "adapt",
    "cluster",
    "compile",
    "convert",
    "encode",
    "estimate",
    "export_nir",
    "faults",
    "list_models",
    "list_targets",
    "load",
    "load_model",
    "load_target",
    "mixed_precision",
    "report",
    "robustness",
    "save",
    "scaling",
    "simulate",
    "stream",
    "train",
    "worlds",
]

LATER = ("adapt", "cluster", "convert", "faults", "robustness", "scaling", "train", "worlds")
"""Modules imported when they are first named: together they take as long as all else."""


def __getattr__(name: str) -> Any:
    if name in LATER:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*globals(), *LATER})
