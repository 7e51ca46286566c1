"""What became of the numbers: fields, their errors, and how much of the registers is used."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from neurodeploy.neurons.cuba import THRESHOLD_SHIFT, VTH_NEVER
from neurodeploy.report.evidence import Evidence
from neurodeploy.report.figures.histogram import binned, histogram
from neurodeploy.report.figures.ranges import RangeRow, ranges
from neurodeploy.report.parts import Figure, Section, Table, percent
from neurodeploy.report.sections.network import MOST, more

DRAWN = 6
"""Connections whose weights are drawn."""
NARROW = ("cuba", "ternary_lif")
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
    figures += _weights(e)
    tables = [t for t in (_fields(populations), _errors(projections)) if t.rows]
    notes = [f"Rewritten: {line}." for line in facts.get("rewrites", [])]
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


def _fields(populations: list[dict[str, Any]]) -> Table:
    rows = [
        (
            row["name"],
            f"{row['scale']:.4g}",
            "-" if row["vth"] is None else _span(row["vth"]),
            percent(row["vth_error"], 2),
            f"{row['decay_u_error']:.1e}" if row["decay_u_error"] else "0",
            f"{row['decay_v_error']:.1e}" if row["decay_v_error"] else "0",
            f"{row['bias_error_lsb']:.2f}",
            _bits(row["u_headroom_bits"]),
            _bits(row["v_headroom_bits"]),
            row["limited_by"],
        )
        for row in populations[:MOST]
    ]
    heads = (
        "Layer",
        "Scale",
        "Threshold",
        "its error",
        "Error of decay u",
        "of decay v",
        "of bias, steps",
        "Headroom u, bits",
        "v, bits",
        "Scale limited by",
    )
    note = (
        "Scale: register steps per unit of membrane. Headroom: proven for any input; negative is not proven, and runs "
        "count what wraps." + more(len(populations))
    )
    return Table("fields", "Fields of the layers", heads, rows, frozenset(range(1, 9)), note)


def _errors(projections: list[dict[str, Any]]) -> Table:
    rows = [
        (
            f"{row['source']} to {row['target']}",
            f"{row['num_weight_bits']}",
            f"{row['lsb']:.3g}",
            f"{row['error_max_lsb']:.2f}",
            percent(row["error_rms"], 2),
            percent(row["zeroed"], 2),
        )
        for row in projections[:MOST]
    ]
    heads = ("Connection", "Bits", "One step", "Largest error, steps", "RMS error / RMS weight", "Became zero")
    return Table(
        "weight-errors", "Rounding of the weights", heads, rows, frozenset(range(1, 6)), more(len(projections))
    )


def _span(values: Any) -> str:
    low, high = values
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _bits(value: float | None) -> str:
    return "no limit" if value is None else f"{value:.1f}"
