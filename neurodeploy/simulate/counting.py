"""Counts of a finished run."""

from __future__ import annotations

import numpy as np

from neurodeploy.chipmap import Mapping
from neurodeploy.simulate.counters import Counters, PopulationCounters
from neurodeploy.simulate.plan import Outcome, Plan
from neurodeploy.simulate.traffic import measure
from neurodeploy.target import Target


def count(plan: Plan, outcome: Outcome, placed: tuple[Mapping, Target] | None) -> Counters:
    """Count a finished run: every message but 0 is a spike; one that finds its receiver idle is no SynOp."""
    net = plan.net
    counters = {n: PopulationCounters(outcome.sent[n]) for n in net.inputs}
    for name, population in net.populations.items():
        first, last = plan.window(name)
        counters[name] = PopulationCounters(
            sum(outcome.sent[source] for source in plan.outputs[name]),
            outcome.syn_ops[name],
            population.size * max(0, last - first + 1) * plan.batch,
            outcome.active_updates[name],
            outcome.wraps[name],
            outcome.saturations[name],
        )
    if placed is None:
        return Counters(plan.batch, plan.steps, plan.live_steps, counters, None)
    messages = {n: s[:, : plan.steps] for n, s in plan.inputs.items()} | dict(outcome.spikes)
    sent = {n: s if s.dtype == np.uint8 else (s != 0).astype(np.uint8) for n, s in messages.items()}
    return Counters(plan.batch, plan.steps, plan.live_steps, counters, measure(plan, sent, *placed))
