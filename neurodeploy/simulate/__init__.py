"""Run integer networks bit for bit: ``reference`` is the definition, ``fast`` the same bits in C."""

from neurodeploy.simulate.events import Events
from neurodeploy.simulate.run import Run, simulate
from neurodeploy.simulate.session import Session
from neurodeploy.simulate.stream import stream

__all__ = ["Events", "Run", "Session", "simulate", "stream"]
