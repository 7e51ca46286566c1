"""The chip beside the float model: decisions, spikes that differ, and in which layer that starts."""

from __future__ import annotations

import numpy as np

from neurodeploy.report.evidence import Evidence, layer_legend
from neurodeploy.report.figures.bars import BarRow, bars
from neurodeploy.report.figures.lines import Series, lines, thinned
from neurodeploy.report.figures.raster import some_neurons
from neurodeploy.report.figures.scatter import scatter
from neurodeploy.report.parts import Figure, Section, Table, percent
from neurodeploy.report.sections.network import MOST, more

ROWS = 16
"""Layers in a figure."""
FINDINGS = 12
"""Rows of the table of findings."""
DOTS = 400
"""Neurons of a layer in the scatter plot."""


def accuracy(e: Evidence) -> Section:
    """What quantisation changed; without a float model, how to get it."""
    if e.comparison is None:
        lead = "The float model was not at hand: name it with --model to see beside it what quantisation changed."
        return Section("accuracy", "Accuracy", lead)
    c = e.comparison
    lead = _decided(e)
    total, differ = sum(layer.bits for layer in c.layers), sum(layer.mismatching for layer in c.layers)
    lead += f" Of {total:,} compared spikes, {percent(differ / total, 2)} differ."
    if c.first_divergence is not None:
        d = c.first_divergence
        lead += f" The first is neuron {d.neuron} of {d.layer} at step {d.step} of sample {d.sample}."
    figures = [_mismatches(e), _rates(e), _steps(e)]
    return Section("accuracy", "Accuracy", lead, figures, [_table(e), *_findings(e)])


def _findings(e: Evidence) -> list[Table]:
    assert e.comparison is not None
    rows = [(f.layer, f"{f.what}.", f"{f.remedy[0].upper()}{f.remedy[1:]}.") for f in e.comparison.findings]
    heads = ("Where", "What was found", "What helps")
    some = f"{FINDINGS} of {len(rows)}; report.json has all." if len(rows) > FINDINGS else ""
    table = Table(
        "findings",
        "What deserves a look, the gravest first",
        heads,
        rows[:FINDINGS],
        note=some,
        prose=frozenset({1, 2}),
    )
    return [table] if rows else []


def _decided(e: Evidence) -> str:
    c = e.comparison
    assert c is not None
    if c.decisions is None:
        return f"Compared with the float model on {c.samples:,} samples."
    flips = f"The chip decides otherwise than the float model on {len(c.decisions.flips)} of {c.samples:,} samples"
    facts = c.decisions.to_dict()
    if "became_wrong" in facts:
        return f"{flips}: {facts['became_wrong']} became wrong, {facts['became_right']} became right."
    return f"{flips}."


def _mismatches(e: Evidence) -> Figure:
    c = e.comparison
    assert c is not None
    rows = []
    for layer in c.layers[:ROWS]:
        share = layer.mismatching / layer.bits
        made = layer.made_here
        parts = [("c0", 100 * share, "")]
        if made is not None:
            own = min(made, layer.mismatching) / layer.bits
            parts = [("c1", 100 * own, "made in this layer"), ("c0", 100 * (share - own), "inherited")]
        rows.append(BarRow(layer.layer, percent(share, 2), parts))
    some = f" The first {ROWS} of {len(c.layers)} layers." if len(c.layers) > ROWS else ""
    known = any(layer.made_here is not None for layer in c.layers)
    how = " Made here: those that remain if the layer gets the float model's spikes as its input." if known else ""
    return Figure(
        "mismatches",
        "Spikes that differ from the float model",
        f"Share of all neurons and steps in which one fires and the other does not.{how}{some}",
        bars(rows, lambda v: f"{v:.3g} %"),
        "; ".join(f"{row.name} {row.text}" for row in rows),
        legend=(("c1", "made here"), ("c0", "inherited")) if known else (),
    )


def _rates(e: Evidence) -> Figure:
    c = e.comparison
    assert c is not None
    groups, names, worst = [], [], ("", 0.0)
    for layer in c.layers[:8]:
        some = some_neurons(layer.neurons, DOTS)
        both = np.stack([layer.per_neuron.spikes_first, layer.per_neuron.spikes_second])[:, some].astype(np.float64)
        first, second = 100 * both / (layer.samples * layer.steps)
        groups.append((e.colour(layer.layer), first, second))
        names.append(layer.layer)
        largest = float(np.abs(layer.rate_errors).max())
        worst = max(worst, (layer.layer, largest), key=lambda pair: pair[1])
    cut = f" At most {DOTS} neurons of a layer." if any(layer.neurons > DOTS for layer in c.layers) else ""
    return Figure(
        "float-rates",
        "Firing rates, float and chip",
        f"A dot for each neuron: spikes per 100 steps in the float model (to the right) and on the chip (up); on the "
        f"line both are equal.{cut}",
        scatter(groups, "float model"),
        f"The largest difference of a neuron's rate is {100 * worst[1]:.2f} spikes per 100 steps, in {worst[0]}.",
        legend=layer_legend(e, names),
    )


def _steps(e: Evidence) -> Figure:
    c = e.comparison
    assert c is not None
    series = [
        Series(
            layer.layer,
            e.colour(layer.layer),
            thinned(100 * layer.per_step.mismatching / (layer.samples * layer.neurons)),
        )
        for layer in c.layers[:8]
    ]
    return Figure(
        "mismatch-steps",
        "Differing spikes by step",
        "Share of a layer's neurons that differ in each step; a rising line means that errors add up over time.",
        lines(series, lambda v: f"{v:.3g} %"),
        "; ".join(f"{s.name} ends at {s.values[-1]:.2f} %" for s in series),
        legend=layer_legend(e, [s.name for s in series]),
    )


def _table(e: Evidence) -> Table:
    c = e.comparison
    assert c is not None
    rows = [
        (
            layer.layer,
            f"{layer.mismatching:,}",
            percent(layer.mismatching / layer.bits, 2),
            "-" if layer.made_here is None else f"{layer.made_here:,}",
            percent(layer.rates[0], 2),
            percent(layer.rates[1], 2),
            "-" if layer.membrane_rms is None else f"{layer.membrane_rms:.3g}",
            f"{len(layer.silenced)} / {len(layer.woken)}",
        )
        for layer in c.layers[:MOST]
    ]
    heads = (
        "Layer",
        "Differing spikes",
        "Share",
        "Made here",
        "Rate, float",
        "Rate, chip",
        "RMS error of the membrane",
        "Silenced / woken neurons",
    )
    return Table("agreement", "Float model and chip", heads, rows, frozenset(range(1, 8)), more(len(c.layers)))
