"""Run integer networks bit for bit: ``reference`` is the definition, ``fast`` the same bits in C."""

from neurodeploy.simulate.run import Run, simulate

__all__ = ["Run", "simulate"]
