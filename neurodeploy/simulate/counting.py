"""Counts of a finished run."""

from __future__ import annotations

from functools import partial

import numpy as np

from neurodeploy.chipmap import Mapping
from neurodeploy.simulate.counters import Counters, PopulationCounters
from neurodeploy.simulate.plan import Outcome, Plan
from neurodeploy.simulate.rasters import Lazy
from neurodeploy.simulate.traffic import measure
from neurodeploy.target import Target


def count(plan: Plan, outcome: Outcome, placed: tuple[Mapping, Target] | None) -> Counters:
    """Count a finished run: every message but 0 is a spike; one that finds its receiver idle is no SynOp."""
    net = plan.net
    counters = Lazy((*net.inputs, *net.populations), partial(_counted, plan, outcome))
    if placed is None:
        return Counters(plan.batch, plan.steps, plan.live_steps, counters, None)
    messages = plan.padded_inputs() | dict(outcome.spikes)
    sent = {n: s if s.dtype == np.uint8 else (s != 0).astype(np.uint8) for n, s in messages.items()}
    return Counters(plan.batch, plan.steps, plan.live_steps, counters, measure(plan, sent, *placed))


def _counted(plan: Plan, outcome: Outcome, name: str) -> PopulationCounters:
    if name in plan.net.inputs:
        return PopulationCounters(outcome.sent[name])
    first, last = plan.window(name)
    return PopulationCounters(
        sum(outcome.sent[source] for source in plan.outputs[name]),
        outcome.syn_ops[name],
        plan.net.populations[name].size * max(0, last - first + 1) * plan.batch,
        outcome.active_updates[name],
        outcome.wraps[name],
        outcome.saturations[name],
    )
