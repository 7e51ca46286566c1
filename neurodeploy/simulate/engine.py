"""The ``fast`` engine: hands a plan to the C kernels. Equal to ``reference`` in every bit."""

from __future__ import annotations

import os

from neurodeploy.errors import SimulationError
from neurodeploy.simulate.call import Call
from neurodeploy.simulate.plan import Outcome, Plan
from neurodeploy.simulate.prepared import prepare
from neurodeploy.simulate.reference import run_reference
from neurodeploy.simulate.sharing import share

NO_MEMORY, NOT_FLAGS = 1, 3
NEURON_STEPS_PER_THREAD = 4_000_000
"""About a millisecond of work, below which starting a thread does not pay."""


class NotFlags(SimulationError):
    """A byte of spikes is neither 0 nor 1; the kernels do not say which."""


def run_fast(plan: Plan, *, threads: int | None = None) -> Outcome:
    """Run all samples and steps in one call.

    Args:
        plan: The simulation.
        threads: How many share the samples, or the large layers of a single one; default as many as this process may
            use and the work is worth.

    Raises:
        KernelsUnavailable: The library is missing or of another version.
        NotFlags: A byte of spikes is neither 0 nor 1.
        SimulationError: Memory ran out, or a convolution's sum left 32 bits.
    """
    prepared = prepare(plan.net)
    batch = plan.batch
    call = Call(prepared, (batch, plan.steps, plan.live_steps, plan.kept), plan.inputs, plan.traces())
    threads = _threads(plan) if threads is None else max(1, threads)
    projections = prepared.projections
    if batch == 1 and threads > 1:
        projections = share(prepared, call.populations, threads)
    failed = prepared.library.nd_run(
        call.populations,
        len(call.populations),
        projections,
        len(projections),
        call.rasters,
        len(call.rasters),
        batch,
        plan.steps,
        threads,
    )
    if failed == NO_MEMORY:
        raise SimulationError(
            "not enough memory for the registers", where="fast engine", remedy="run fewer samples at a time"
        )
    if failed == NOT_FLAGS:
        raise NotFlags("bytes other than 0 and 1", where="spikes", remedy="encode real values into spikes")
    if failed:
        return run_reference(plan)  # raises, and says where
    return call


def _threads(plan: Plan) -> int:
    work = plan.batch * plan.steps * plan.net.neurons
    if work < 2 * NEURON_STEPS_PER_THREAD:
        return 1
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(allowed, work // NEURON_STEPS_PER_THREAD)
