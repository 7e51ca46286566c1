"""Frameworks whose layers take whole sequences: Sinabs and Rockpool.

The tracer watches neurons step by step. So it is shown a copy of the module in which every layer with neurons loops
over the steps and calls one cell per step, with the layer's recurrence written out (``looped``). What is compared with
in the end is the module as it was trained (``run``).
"""

from neurodeploy.frontends.sequences.framework import Clock, duplicate
from neurodeploy.frontends.sequences.looped import trace_sequences
from neurodeploy.frontends.sequences.run import SequenceRun

__all__ = ["Clock", "SequenceRun", "duplicate", "trace_sequences"]
