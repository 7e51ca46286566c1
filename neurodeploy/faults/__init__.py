"""Faults of a chip, injected into the integers that it holds; see docs/faults.md.

faulty, manifest = nd.faults.inject(program, "weight_loss=0.5,dead=0.1@hidden", seed=3)
"""

from neurodeploy.faults.fault import Fault
from neurodeploy.faults.inject import Injected, inject
from neurodeploy.faults.manifest import Hit, Manifest
from neurodeploy.faults.text import FAULTS, is_open, parse

__all__ = ["FAULTS", "Fault", "Hit", "Injected", "Manifest", "inject", "is_open", "parse"]
