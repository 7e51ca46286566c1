"""What the neurons did: rasters of one sample, rates over steps and over neurons."""

from __future__ import annotations

import numpy as np

from neurodeploy.report.evidence import Evidence, layer_legend, step_rates
from neurodeploy.report.figures.bars import BarRow, bars
from neurodeploy.report.figures.lines import MOST, Series, lines, thinned
from neurodeploy.report.figures.raster import STEPS, raster, some_neurons
from neurodeploy.report.parts import Figure, Section, counted, percent

LAYERS = 8
"""Sources whose pictures are drawn: the inputs and the first layers, and always the output."""


def spikes(e: Evidence) -> Section:
    """Rasters and rates."""
    names = list(e.shown.sent)
    total = e.run.counters.spikes / e.samples
    quiet = [n for n in e.program.net.populations if not e.run.counters.populations[n].spikes]
    lead = f"{counted(total)} spikes per inference, input included. The pictures show the first " + (
        "sample." if e.shown.samples == 1 else f"{e.shown.samples} of {e.samples:,} samples."
    )
    if quiet:
        lead += f" Never a spike in {', '.join(quiet)}: look there first."
    drawn = some_layers(names)
    figures = [rates(e), active(e), *(_raster(e, name) for name in drawn)]
    return Section("spikes", "Spikes", lead, figures)


def some_layers(names: list[str]) -> list[str]:
    """All, or the first few and the last."""
    return names if len(names) <= LAYERS else [*names[: LAYERS - 1], names[-1]]


def rates(e: Evidence, also: Evidence | None = None) -> Figure:
    """Share of neurons that fire, by step; the axis is that of ``also``, too."""
    drawn = some_layers(list(e.shown.sent))
    highest = 0.0 if also is None else max(100 * float(step_rates(sent).max()) for sent in also.shown.sent.values())
    by_step = {n: 100 * step_rates(e.shown.sent[n]) for n in drawn}
    series = [Series(n, e.colour(n), thinned(by_step[n])) for n in drawn]
    peaks = "; ".join(f"{n} {by_step[n].max():.1f} % at step {int(by_step[n].argmax())}" for n in drawn)
    thin = f" Of {e.shown.steps:,} steps, the largest of each stretch." if e.shown.steps > MOST else ""
    return Figure(
        "rates",
        "Share of neurons that fire, by step",
        f"Mean of the samples shown; a layer waits for its first input, and goes on after the last.{thin}",
        lines(series, lambda v: f"{v:.3g} %", highest),
        f"Largest shares: {peaks}.",
        legend=layer_legend(e, drawn),
    )


def active(e: Evidence, also: Evidence | None = None) -> Figure:
    """Share of neurons that ever fire; its axis ends at 100 %, whatever ``also`` has."""
    names = list(e.shown.sent)
    rows, said = [], []
    for name in names:
        sent = e.shown.sent[name]
        ever, rate = float(sent.any(axis=(0, 1)).mean()), float(sent.mean())
        rows.append(
            BarRow(name, f"{percent(ever)} fire; mean rate {percent(rate)}", [(e.colour(name), 100 * ever, "")])
        )
        said.append(f"{name} {percent(ever)}")
    dropped = "" if len(rows) <= 16 else f" The first 16 of {len(rows)} layers."
    return Figure(
        "active",
        "Neurons that ever fire",
        f"Share of a layer's neurons with a spike in the samples shown; silent ones take room and do nothing.{dropped}",
        bars(rows[:16], lambda v: f"{v:.0f} %", 100.0),
        f"Share of neurons with a spike: {'; '.join(said[:16])}.",
    )


def _raster(e: Evidence, name: str) -> Figure:
    sent = e.shown.sent[name][0]
    chosen = some_neurons(sent.shape[1])
    part = sent[:STEPS, chosen]
    every = "" if len(chosen) == sent.shape[1] else f" {len(chosen)} of {sent.shape[1]:,} neurons, evenly chosen."
    cut = "" if len(part) == len(sent) else f" The first {STEPS} of {len(sent):,} steps."
    role = "input" if name in e.program.net.inputs else "layer"
    return Figure(
        f"raster-{list(e.shown.sent).index(name)}",
        f"Spikes of {role} {name}" if name != role else f"Spikes of the {role}",
        f"First sample; time in steps to the right, a row for each neuron.{every}{cut}",
        raster(part, e.colour(name)),
        f"{int(np.count_nonzero(sent)):,} spikes of {sent.shape[1]:,} neurons in {len(sent):,} steps.",
    )
