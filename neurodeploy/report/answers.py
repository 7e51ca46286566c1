"""The questions of a newcomer, answered in a few words each."""

from __future__ import annotations

from neurodeploy.report.evidence import Evidence, interval
from neurodeploy.report.figures.scales import quantity
from neurodeploy.report.parts import Answer, percent, words
from neurodeploy.report.record import resource_rows
from neurodeploy.report.sections.time import WORDS, part_seconds


def answers(e: Evidence) -> list[Answer]:
    """Does it fit, how accurate is it, what energy and time does it take, and what limits the speed."""
    return [_fit(e), _accuracy(e), _energy(e), _latency(e), _bound(e)]


def _fit(e: Evidence) -> Answer:
    c, fullest = e.costs, resource_rows(e)[0]
    per_chip = e.program.target.mesh.cores_per_chip.value
    short = f"Yes: {c.cores:,} of {per_chip * c.chips:,} cores" + (f" on {c.chips:,} chips" if c.chips > 1 else "")
    detail = (
        f"The fullest core uses {percent(fullest['max_share'], 0)} of its {words(fullest['resource'])}, the resource "
        "that binds. An independent check of the mapping passed."
    )
    return Answer("Does it fit?", short, detail, "cores", "good")


def _accuracy(e: Evidence) -> Answer:
    question = "How accurate is it?"
    if e.accuracy is None:
        detail = "The data have no labels, or the program has several outputs; spikes and costs are below."
        return Answer(question, "Not known", detail, "accuracy")
    low, high = interval(e.accuracy, e.samples)
    detail = (
        f"Simulated on {e.samples:,} samples; with so many, the 95 % interval is {percent(low)} to {percent(high)}."
    )
    if e.float_accuracy is None:
        return Answer(question, f"{percent(e.accuracy, 2)} on the chip", f"{detail} Float model not given.", "accuracy")
    lost = e.float_accuracy - e.accuracy
    state = "warn" if lost > 0.01 else "good"
    detail = f"The float model has {percent(e.float_accuracy, 2)}. {detail}"
    return Answer(question, f"{percent(e.accuracy, 2)} on the chip", detail, "accuracy", state)


def _energy(e: Evidence) -> Answer:
    c = e.costs
    detail = (
        f"Per inference, mesh and leakage: {quantity(c.energy.low, 'J')} to {quantity(c.energy.high, 'J')}. "
        f"The mesh alone {quantity(c.mesh_energy.value, 'J')}, with embedded processors "
        f"{quantity(c.total_energy.value, 'J')}. Not measured."
    )
    return Answer("What energy does it take?", f"{quantity(c.energy.value, 'J')}, an estimate", detail, "energy")


def _latency(e: Evidence) -> Answer:
    c = e.costs
    detail = (
        f"Per inference of {c.steps:,} steps, one at a time: {quantity(c.latency.low, 's')} to "
        f"{quantity(c.latency.high, 's')}. Not measured."
    )
    if c.host_latency is not None:
        detail += f" Driven by a host: {quantity(c.host_latency.value, 's')}."
    return Answer("How fast is it?", f"{quantity(c.latency.value, 's')}, an estimate", detail, "time")


def _bound(e: Evidence) -> Answer:
    parts = part_seconds(e)
    share = parts[e.costs.bound] / (sum(parts.values()) or 1.0)
    head, _, rest = WORDS[e.costs.bound].partition(": ")
    return Answer(
        "What limits the speed?", head[0].upper() + head[1:], f"{percent(share, 0)} of the time: {rest}.", "time"
    )
