"""Time per inference: what it consists of, step by step, and what limits it."""

from __future__ import annotations

import numpy as np

from neurodeploy.report.evidence import Evidence
from neurodeploy.report.figures.bands import BandRow, bands
from neurodeploy.report.figures.bars import BarRow, bars
from neurodeploy.report.figures.lines import MOST, Series, stacked
from neurodeploy.report.figures.scales import quantity, spans
from neurodeploy.report.parts import Figure, Section, percent

PARTS = {"memory": "c0", "compute": "c1", "traffic": "c2", "barrier": "c7"}
"""Parts of a step's time and their colours."""
WORDS = {
    "memory": "synapses: the spikes that the busiest core has to look up in its memory",
    "compute": "neuron updates: the neurons of the fullest core, one after the other",
    "traffic": "traffic: the packets on the busiest link",
    "barrier": "the barrier: the time in which the cores agree that a step is over",
    "io": "input and output: the host that feeds the spikes in",
}
REMEDY = {
    "memory": "Fewer spikes or fewer synapses per core help: more cores, sparser weights, higher thresholds.",
    "compute": "Fewer neurons per core help: spread the layer over more cores.",
    "traffic": "A better placement helps, or fewer cores that need the same spikes.",
    "barrier": "More work per step costs almost nothing; fewer steps, or fewer tiles, help.",
}


def time(e: Evidence) -> Section:
    """Latency and its parts."""
    c, parts = e.costs, part_seconds(e)
    share = parts[c.bound] / sum(parts.values())
    lead = (
        f"Estimated {quantity(c.latency.value, 's')} per inference of {c.steps:,} steps, within "
        f"{quantity(c.latency.low, 's')} to {quantity(c.latency.high, 's')}; one inference at a time. "
        f"{percent(share, 0)} of it is {WORDS[c.bound]}. {REMEDY[c.bound]}"
    )
    if c.host_latency is not None and c.host_bound == "io":
        lead += f" Driven by a host it takes {quantity(c.host_latency.value, 's')}, and waits for {WORDS['io']}."
    return Section("time", "Time", lead, [_latency(e), timeline(e)])


def part_seconds(e: Evidence) -> dict[str, float]:
    """Seconds of an inference by what the slowest core or link is busy with."""
    return {name: float(getattr(e.costs.per_step, f"{name}_s").sum()) for name in PARTS}


def _latency(e: Evidence) -> Figure:
    c = e.costs
    rows = [BandRow("Free-running mesh", c.latency.value, c.latency.low, c.latency.high)]
    if c.host_latency is not None:
        rows.append(BandRow("Driven by a host", c.host_latency.value, c.host_latency.low, c.host_latency.high))
    return Figure(
        "latency",
        "Time per inference (estimate)",
        "Dot: the estimate; bar: the range that the sources leave open.",
        bands(rows, "s"),
        "; ".join(
            f"{r.name}: {quantity(r.value, 's')}, {quantity(r.low, 's')} to {quantity(r.high, 's')}" for r in rows
        ),
    )


def time_parts(e: Evidence, also: Evidence | None = None) -> Figure:
    """What an inference's time goes to; the axis is that of ``also``, too."""
    largest = 0.0 if also is None else max(part_seconds(also).values())
    parts = part_seconds(e)
    total = sum(parts.values()) or 1.0
    names = {"memory": "synapses (memory)", "compute": "neuron updates (compute)", "traffic": "traffic on links"}
    rows = [
        BarRow(
            names.get(name, name),
            f"{quantity(seconds, 's')}, {percent(seconds / total, 0)}",
            [(PARTS[name], seconds, "")],
            strong=name == e.costs.bound,
        )
        for name, seconds in parts.items()
    ]
    return Figure(
        "time-parts",
        "What the time goes to",
        "Estimates per inference, of the slowest core or link of every step; the largest is what limits the speed.",
        bars(rows, lambda v: quantity(v, "s"), at_least=largest),
        "; ".join(f"{row.name} {row.text}" for row in rows),
    )


def timeline(e: Evidence, also: Evidence | None = None) -> Figure:
    """How long each step takes; the axis is that of ``also``, too."""
    longest = 0.0 if also is None else float((also.costs.per_step.time_s / also.costs.per_step.steps).max())
    per = e.costs.per_step
    groups = spans(len(per.steps), MOST)
    series = []
    for name, kind in PARTS.items():
        values = getattr(per, f"{name}_s")
        means = [float(values[a:b].sum() / per.steps[a:b].sum()) for a, b in groups]
        series.append(Series(name, kind, np.array(means)))
    each = per.time_s / per.steps
    slow = int(each.argmax())
    binned = (
        f" {e.costs.steps:,} steps in {len(groups)} stretches, the mean of each." if len(groups) < e.costs.steps else ""
    )
    return Figure(
        "timeline",
        "Length of each step",
        f"Estimates, mean over all samples, stacked by what the slowest core or link is busy with.{binned}",
        stacked(series, lambda v: quantity(v, "s"), longest),
        f"The longest is step {int(per.first_step[slow]) - 1} with {quantity(float(each[slow]), 's')}, bound by "
        f"{per.bound[slow]}; the mean is {quantity(float(per.time_s.sum() / per.steps.sum()), 's')}.",
        legend=tuple((kind, name) for name, kind in PARTS.items()),
    )
