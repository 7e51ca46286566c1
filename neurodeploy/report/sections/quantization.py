"""What became of the numbers: fields, their errors, and how much of the registers is used."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from neurodeploy.neurons.cuba import THRESHOLD_SHIFT, VTH_NEVER
from neurodeploy.report.evidence import Evidence
from neurodeploy.report.figures.bars import BarRow, bars
from neurodeploy.report.figures.histogram import binned, histogram
from neurodeploy.report.figures.ranges import RangeRow, ranges
from neurodeploy.report.parts import Figure, Section, Table, percent
from neurodeploy.report.sections.network import MOST, more

DRAWN = 6
"""Connections whose weights are drawn."""
NARROW = ("cuba", "ternary_lif", "pascal")
"""Models whose u and v have 24 bits; the registers of the others have 32."""
ROWS = 16
"""Registers drawn."""


def quantization(e: Evidence) -> Section:
    """Fields of layers and weights of connections."""
    facts: Any = e.program.quantization
    populations, projections = facts.get("populations", []), facts.get("projections", [])
    counters = e.run.counters.populations
    wraps = sum(counters[n].wraps for n in e.program.net.populations)
    clips = sum(counters[n].saturations for n in e.program.net.populations)
    lead = (
        "No register wrapped or saturated in any sample."
        if not wraps + clips
        else f"Registers wrapped {wraps:,} times and saturated {clips:,} times over all samples: "
        "the scale of those layers is too large for this input."
    )
    if projections:
        worst = max(projections, key=lambda p: p["error_rms"])
        lead += (
            f" The largest rounding error of weights is {percent(worst['error_rms'])} of their RMS, "
            f"from {worst['source']} to {worst['target']}."
        )
    else:
        lead += " The program was made from integers: nothing was rounded here."
    figures = [_registers(e)] if e.shown.reached else []
    figures += [*_rounding(facts), *_weights(e)]
    tables = [t for t in (_scales(populations), _fields(populations), _errors(projections)) if t.rows]
    notes = [f"Rewritten: {line}." for line in facts.get("rewrites", [])[:MOST]]
    return Section("quantization", "Quantisation", lead, figures, tables, notes)


def _registers(e: Evidence) -> Figure:
    rows = []
    for (name, register), reached in e.shown.reached.items():
        population = e.program.net.populations[name]
        limit = 23.0 if population.model in NARROW else 31.0
        vth = population.fields.get("vth")
        threshold = None
        if population.model == "cuba" and register == "v" and vth is not None and 0 < int(vth.max()) < VTH_NEVER:
            threshold = math.log2(int(vth.max()) << THRESHOLD_SHIFT)
        rows.append(RangeRow(f"{name}, {register}", math.log2(reached) if reached else 0.0, threshold, limit))
    tightest = min(rows, key=lambda row: row.limit - row.reached)
    some = f" {ROWS} of {len(rows)} registers, the fullest." if len(rows) > ROWS else ""
    drawn = sorted(rows, key=lambda row: row.limit - row.reached)[:ROWS] if some else rows
    return Figure(
        "registers",
        "How full the registers were",
        "Largest magnitude of each register in the samples shown (u: current, v: membrane), and the bits that it "
        f"has; the tick is the largest threshold.{some}",
        ranges(drawn),
        f"The fullest is {tightest.name} with {tightest.reached:.1f} of {tightest.limit:.0f} bits.",
    )


def _weights(e: Evidence) -> list[Figure]:
    target, figures = e.program.target.weight, []
    projections = e.program.net.projections
    chosen = sorted(range(len(projections)), key=lambda k: -projections[k].connection.synapses)[:DRAWN]
    low, high = -264.0, 264.0
    for k in sorted(chosen):
        p = projections[k]
        values = np.asarray(p.connection.arrays()["weights"])
        single = target.single_sign_max.value
        limits = {
            "mixed": (float(target.value_min.value), float(target.value_max.value)),
            "excitatory": (0.0, float(single)),
            "inhibitory": (-float(single), 0.0),
        }[p.sign_mode]
        counts = binned(values.astype(np.int64).ravel(), low, high)
        zero = int(np.count_nonzero(values == 0))
        some = f" {DRAWN} of {len(projections)} connections are drawn, the largest." if len(projections) > DRAWN else ""
        figures.append(
            Figure(
                f"weights-{k}",
                f"Weights from {p.source} to {p.target}",
                f"Stored integers; the grey range is not available. Heights by the square root of the count; "
                f"{percent(zero / values.size)} are zero.{some}",
                histogram(counts, low, high, limits),
                f"{values.size:,} stored weights from {int(values.min())} to {int(values.max())}; {zero:,} are zero.",
            )
        )
    return figures


def _rounding(facts: Any) -> list[Figure]:
    """What rounding did to weights, thresholds, biases and decays."""
    rows = []
    for row in facts.get("projections", []):
        name, share = f"weights, {row['source']} to {row['target']}", row["error_rms"]
        rows.append(BarRow(name, percent(share, 2), [("c0", 100 * share, f"{name}: {percent(share, 2)}")]))
    for row in facts.get("populations", []):
        for field in row.get("fields", ()):
            if field["error"]:
                name, share = f"{field['field']}, {row['name']}", field["relative"]
                rows.append(BarRow(name, percent(share, 2), [("c1", 100 * share, f"{name}: {percent(share, 2)}")]))
    if not rows:
        return []
    largest = sorted(rows, key=lambda row: -row.parts[0][1])[:ROWS]
    drawn = [row for row in rows if row in largest]
    some = f" The {ROWS} largest of {len(rows)}." if len(rows) > ROWS else ""
    return [
        Figure(
            "rounding",
            "Errors of rounding",
            "Weights: RMS error over RMS weight. Fields: largest error over the value, of decays over what is lost per "
            f"step; those without error are left out.{some}",
            bars(drawn, lambda v: f"{v:.3g} %"),
            "; ".join(f"{row.name} {row.text}" for row in drawn),
            legend=(("c0", "weights"), ("c1", "fields of neurons")),
        )
    ]


def _fields(populations: list[dict[str, Any]]) -> Table:
    rows = [
        (
            f"{row['name']}, {field['field']}",
            _span((field["low"], field["high"])),
            f"2^{field['exponent']}",
            f"{field['lsb']:.3g}",
            f"{field['error']:.2g}" if field["error"] else "0",
            percent(field["relative"], 2),
        )
        for row in populations
        for field in row.get("fields", ())
    ]
    heads = ("Layer and field", "Stored", "times", "One step", "Largest error", "relative")
    note = "Steps and errors in the layer's own units; of decays, as a factor per step." + more(len(rows))
    return Table("fields", "Fields of the neurons", heads, rows[:MOST], frozenset(range(1, 6)), note)


def _scales(populations: list[dict[str, Any]]) -> Table:
    rows = [
        (
            row["name"],
            f"{row['scale']:,.0f}" if row["scale"] >= 100 else f"{row['scale']:.4g}",
            _bits(row["u_headroom_bits"], row.get("u_headroom")),
            _bits(row["v_headroom_bits"], row.get("v_headroom")),
            row["limited_by"],
        )
        for row in populations[:MOST]
    ]
    heads = ("Layer", "Scale", "Headroom of u, bits", "of v, bits", "Scale limited by")
    note = (
        "Scale: register steps per unit of membrane. Headroom: left before a register wraps or saturates; proven for "
        "any input, observed on the calibration data, or open: then runs count what happens." + more(len(populations))
    )
    return Table("scales", "Scales and headroom", heads, rows, frozenset({1, 2, 3}), note)


def _errors(projections: list[dict[str, Any]]) -> Table:
    rows = [
        (
            f"{row['source']} to {row['target']}",
            f"{row['num_weight_bits']}",
            f"{row['lsb']:.3g}",
            f"{row['error_max_lsb']:.2f}",
            percent(row["error_rms"], 2),
            percent(row["zeroed"], 2),
            percent(row["clipped"], 2) if "clipped" in row else "-",
        )
        for row in projections[:MOST]
    ]
    heads = (
        "Connection",
        "Bits",
        "One step",
        "Largest error, steps",
        "RMS error / RMS weight",
        "Became zero",
        "Cut off",
    )
    return Table(
        "weight-errors", "Rounding of the weights", heads, rows, frozenset(range(1, 6)), more(len(projections))
    )


def _span(values: Any) -> str:
    low, high = values
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _bits(value: float | None, how: str | None) -> str:
    bits = "no limit" if value is None else f"{value:.1f}"
    return f"{bits}, {how}" if how else bits
