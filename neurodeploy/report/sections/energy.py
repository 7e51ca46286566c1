"""Energy per inference: three levels, and which layer and core it goes to."""

from __future__ import annotations

import numpy as np

from neurodeploy.estimate import Band
from neurodeploy.report.evidence import Evidence
from neurodeploy.report.figures.bands import BandRow, bands
from neurodeploy.report.figures.bars import BarRow, bars
from neurodeploy.report.figures.scales import quantity, spans
from neurodeploy.report.parts import Figure, Section, Table, percent
from neurodeploy.report.sections.network import MOST, more

ROWS = 16
"""Layers or groups of cores in a figure."""
VERDICTS = {"lower": "takes less", "higher": "takes more", "open": "cannot be told"}
KINDS = {"synapses": "c0", "neurons": "c1", "packets": "c2", "hops": "c3"}
"""Parts of the mesh's energy and their colours."""


def energy(e: Evidence) -> Section:
    """Levels, parts, layers, cores."""
    c = e.costs
    largest = max(c.parts, key=lambda name: c.parts[name].value)
    share = c.parts[largest].value / c.mesh_energy.value if c.mesh_energy.value else 0.0
    lead = (
        f"Estimated {quantity(c.energy.value, 'J')} per inference for mesh and leakage, within "
        f"{quantity(c.energy.low, 'J')} to {quantity(c.energy.high, 'J')} as far as the sources disagree. "
        f"Of the mesh's own energy, {percent(share, 0)} is {largest}."
    )
    figures = [energy_parts(e), energy_layers(e)]
    if c.cores > 1:
        figures.append(_cores(e))
    if c.baselines:
        figures.append(_baselines(e))
    return Section("energy", "Energy", lead, figures, [_levels_table(e), _table(e), *_baselines_table(e)])


def levels(e: Evidence, ident: str = "levels") -> Figure:
    """The three levels with their ranges."""
    rows = [BandRow(name, band.value, band.low, band.high) for name, band in _levels(e)]
    said = "; ".join(
        f"{r.name}: {quantity(r.value, 'J')}, {quantity(r.low, 'J')} to {quantity(r.high, 'J')}" for r in rows
    )
    return Figure(
        ident,
        "Energy per inference (estimate)",
        "Dot: the estimate; bar: the range that the sources leave open; each step of the axis is a factor. The bare "
        "mesh is what papers often quote, the last line is nearer to what a board draws.",
        bands(rows, "J"),
        said,
    )


def _levels(e: Evidence) -> list[tuple[str, Band]]:
    c = e.costs
    rows = [("Mesh, dynamic", c.mesh_energy), ("with leakage", c.energy), ("with embedded processors", c.total_energy)]
    if c.host_total_energy is not None:
        rows.append(("the same, driven by a host", c.host_total_energy))
    return rows


def energy_parts(e: Evidence, also: Evidence | None = None) -> Figure:
    """What the mesh's energy goes to; the axis is that of ``also``, too."""
    largest = 0.0 if also is None else max(band.value for band in also.costs.parts.values())
    total = e.costs.mesh_energy.value
    rows = [
        BarRow(
            name,
            f"{quantity(band.value, 'J')} ({quantity(band.low, 'J')} to {quantity(band.high, 'J')})",
            [(KINDS.get(name, "c4"), band.value, name)],
        )
        for name, band in e.costs.parts.items()
    ]
    return Figure(
        "energy-parts",
        "What the mesh spends it on",
        "Estimates per inference, with ranges in brackets; leakage and processors are not among them.",
        bars(rows, lambda v: quantity(v, "J"), at_least=largest),
        f"Of {quantity(total, 'J')}: " + "; ".join(f"{r.name} {r.text}" for r in rows),
    )


def energy_layers(e: Evidence, also: Evidence | None = None) -> Figure:
    """Energy of the layers; the axis is that of ``also``, too."""
    largest = 0.0 if also is None else max(layer.energy.value for layer in also.costs.layers)
    layers = sorted(e.costs.layers, key=lambda layer: -layer.energy.value)
    kept = [layer for layer in e.costs.layers if layer in layers[:ROWS]]
    rows = [
        BarRow(
            layer.name,
            quantity(layer.energy.value, "J"),
            [
                ("c0", layer.synapse_energy.value, f"synapses {quantity(layer.synapse_energy.value, 'J')}"),
                ("c1", layer.neuron_energy.value, f"neurons {quantity(layer.neuron_energy.value, 'J')}"),
            ],
        )
        for layer in kept
    ]
    some = f" The {ROWS} largest of {len(layers)} layers." if len(layers) > ROWS else ""
    return Figure(
        "energy-layers",
        "Energy by layer",
        f"Estimates per inference of synapses and neurons; packets on the mesh belong to no layer.{some}",
        bars(rows, lambda v: quantity(v, "J"), at_least=largest),
        "; ".join(f"{row.name} {row.text}" for row in rows),
        legend=(("c0", "synapses"), ("c1", "neurons")),
    )


def _cores(e: Evidence) -> Figure:
    groups = spans(e.costs.cores, ROWS)
    values = [float(e.costs.per_core.energy_j[a:b].sum()) for a, b in groups]
    rows = [
        BarRow(f"core {a}" if b == a + 1 else f"cores {a} to {b - 1}", quantity(v, "J"), [("c0", v, "")])
        for (a, b), v in zip(groups, values, strict=True)
    ]
    per = e.costs.per_core.energy_j
    grouped = " Sums of groups of cores." if len(groups) < e.costs.cores else ""
    return Figure(
        "energy-cores",
        "Energy by core",
        f"Estimates per inference of synapses, neurons and sent packets.{grouped}",
        bars(rows, lambda v: quantity(v, "J")),
        f"Core {int(np.argmax(per))} takes most, {quantity(float(per.max()), 'J')}.",
    )


def _baselines(e: Evidence) -> Figure:
    rows = [BandRow("This chip, mesh and leakage", *_three(e.costs.energy))]
    rows += [BandRow(b.name, *_three(b.energy)) for b in e.costs.baselines]
    return Figure(
        "baselines",
        "The same network elsewhere",
        "Estimates per inference with published constants. A spiking network whose bar lies to the right of a dense "
        "one's loses against it; where they overlap, the sources do not tell.",
        bands(rows, "J"),
        "; ".join(f"{r.name}: {quantity(r.value, 'J')}" for r in rows),
    )


def _baselines_table(e: Evidence) -> list[Table]:
    rows = [
        (
            b.name,
            f"{b.operations:,.0f}",
            f"{b.bytes_moved:,.0f}" if b.bytes_moved else "not counted",
            quantity(b.energy.value, "J"),
            f"{quantity(b.energy.low, 'J')} to {quantity(b.energy.high, 'J')}",
            VERDICTS[b.than_mesh],
        )
        for b in e.costs.baselines
    ]
    heads = ("Machine and network", "Operations", "Bytes moved", "Energy", "Range", "This chip, mesh and leakage")
    note = "The chip takes less or more only where the ranges do not overlap."
    table = Table(
        "baselines-table", "The same network elsewhere (estimates)", heads, rows, frozenset(range(1, 5)), note
    )
    return [table] if rows else []


def _three(band: Band) -> tuple[float, float, float]:
    return band.value, band.low, band.high


def _levels_table(e: Evidence) -> Table:
    rows = [
        (name, quantity(band.value, "J"), quantity(band.low, "J"), quantity(band.high, "J"))
        for name, band in _levels(e)
    ]
    return Table(
        "levels-table",
        "Energy per inference (estimates)",
        ("Counted", "Estimate", "Low", "High"),
        rows,
        frozenset({1, 2, 3}),
        f"Constants: profile {e.costs.profile}.",
    )


def _table(e: Evidence) -> Table:
    total = sum(layer.energy.value for layer in e.costs.layers) or 1.0
    rows = [
        (
            layer.name,
            quantity(layer.synapse_energy.value, "J"),
            quantity(layer.neuron_energy.value, "J"),
            quantity(layer.energy.value, "J"),
            f"{quantity(layer.energy.low, 'J')} to {quantity(layer.energy.high, 'J')}",
            percent(layer.energy.value / total),
        )
        for layer in e.costs.layers[:MOST]
    ]
    heads = ("Layer", "Synapses", "Neurons", "Together", "Range", "Share")
    return Table(
        "energy-table", "Energy by layer (estimates)", heads, rows, frozenset(range(1, 6)), more(len(e.costs.layers))
    )
