"""Lava 0.10.0 as a third engine: the same integers, in a process of its own (Lava is never imported here)."""

from neurodeploy.export.lava.client import LavaTimeout, check_lava, run_lava, run_lava_many
from neurodeploy.export.lava.job import LavaOutcome

__all__ = ["LavaOutcome", "LavaTimeout", "check_lava", "run_lava", "run_lava_many"]
