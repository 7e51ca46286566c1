"""Two programs on the same data, side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from neurodeploy.estimate import Band
from neurodeploy.report.evidence import Evidence, interval
from neurodeploy.report.figures.bands import BandRow, bands
from neurodeploy.report.figures.scales import quantity
from neurodeploy.report.page import STANDING, render
from neurodeploy.report.parts import Answer, Figure, Page, Section, percent, plural
from neurodeploy.report.record import FORMAT, record
from neurodeploy.report.sections.cores import placements, resources
from neurodeploy.report.sections.energy import energy_layers, energy_parts
from neurodeploy.report.sections.spikes import active, rates
from neurodeploy.report.sections.time import time_parts, timeline
from neurodeploy.report.versus_tables import layers_table, names, quantities, settings_table, summary_table

PAIRS: tuple[tuple[str, str, tuple[Callable[[Evidence, Evidence], Figure], ...]], ...] = (
    ("energy", "Energy", (energy_parts, energy_layers)),
    ("time", "Time", (time_parts, timeline)),
    ("cores", "Cores and placement", (resources,)),
    ("spikes", "Spikes", (rates, active)),
)
"""Sections of pictures that stand beside each other on equal axes."""


def comparison_record(a: Evidence, b: Evidence) -> dict[str, Any]:
    """Both reports as plain values, and what differs."""
    return {
        "format": FORMAT,
        "kind": "two programs on the same data",
        "differences": [
            {"quantity": q.name, "first": q.first, "second": q.second} for q in quantities(a, b) if q.differs
        ],
        "first": record(a),
        "second": record(b),
    }


def comparison_page(a: Evidence, b: Evidence) -> str:
    """HTML of the two."""
    first, second = names(a, b)
    differ = sum(q.differs for q in quantities(a, b))
    title = f"{first.removeprefix('A: ')} beside {second.removeprefix('B: ')}"
    page = Page(
        title,
        f"Two programs on the same {a.samples:,} samples: {a.name} on {a.program.target.title}, "
        f"{b.name} on {b.program.target.title}",
        STANDING,
        answers(a, b),
        [
            Section("layers", "Layer by layer", "Layers are matched by name.", tables=(layers_table(a, b),)),
            *_pairs(a, b),
            Section("settings", "Settings and fields", "What was compiled otherwise.", tables=(settings_table(a, b),)),
        ],
        (_levels(a, b), _latencies(a, b)),
        (summary_table(a, b),),
        (f"{plural(differ, 'row')} of this table differ{'s' if differ == 1 else ''}, and what differs is marked.",),
    )
    return render(page)


def answers(a: Evidence, b: Evidence) -> list[Answer]:
    """Which of the two has fewer cores, more right answers, less energy, less time; as far as that can be said."""
    same_constants = a.program.target.digest == b.program.target.digest and a.costs.profile == b.costs.profile
    return [
        _cores(a, b),
        _accuracy(a, b),
        _estimate("Which takes less energy?", "energy", a, b, "energy", "J", same_constants),
        _estimate("Which is faster?", "time", a, b, "latency", "s", same_constants),
    ]


def _cores(a: Evidence, b: Evidence) -> Answer:
    counts, question = (a.costs.cores, b.costs.cores), "Which takes fewer cores?"
    if counts[0] == counts[1]:
        return Answer(question, "No difference", f"Both take {plural(counts[0], 'core')}.", "cores")
    which = int(counts[1] < counts[0])
    detail = f"{plural(counts[which], 'core')}, the other {counts[1 - which]:,}."
    return Answer(question, names(a, b)[which], detail, "cores")


def _accuracy(a: Evidence, b: Evidence) -> Answer:
    question = "Which is more accurate?"
    if a.accuracy is None or b.accuracy is None:
        return Answer(question, "Not known", "There are no labels, or several outputs.", "layers")
    values = (a.accuracy, b.accuracy)
    said = f"{percent(values[0], 2)} and {percent(values[1], 2)}"
    which = int(values[1] > values[0])
    ends = [interval(value, a.samples) for value in values]
    if values[0] == values[1]:
        return Answer(question, "No difference", f"{said} of {a.samples:,} samples.", "layers")
    if ends[which][0] <= ends[1 - which][1]:
        detail = f"{said} of {a.samples:,} samples: too few to tell, the 95 % intervals overlap."
        return Answer(question, "Cannot be told", detail, "layers")
    return Answer(question, names(a, b)[which], f"{said} of {a.samples:,} samples.", "layers")


def _estimate(
    question: str, section: str, a: Evidence, b: Evidence, name: str, unit: str, same_constants: bool
) -> Answer:
    bands_of: tuple[Band, Band] = (getattr(a.costs, name), getattr(b.costs, name))
    said = f"Estimates: {quantity(bands_of[0].value, unit)} and {quantity(bands_of[1].value, unit)}"
    which = lower(*bands_of, same_constants)
    if which is None:
        return Answer(question, "Cannot be told", f"{said}; the sources leave ranges that overlap.", section)
    if bands_of[0] == bands_of[1]:
        return Answer(question, "No difference", f"{said}.", section)
    return Answer(question, names(a, b)[which], f"{said}.", section)


def lower(a: Band, b: Band, same_constants: bool) -> int | None:
    """0 or 1, which is lower; None where that depends on what the constants really are.

    With the same constants both ends of a range stand for the same constants, so that it is enough if the order is the
    same at both ends and at the value; with different ones the ranges must not overlap.
    """
    if same_constants:
        if a.low <= b.low and a.value <= b.value and a.high <= b.high:
            return 0
        return 1 if b.low <= a.low and b.value <= a.value and b.high <= a.high else None
    if a.high < b.low:
        return 0
    return 1 if b.high < a.low else None


def _levels(a: Evidence, b: Evidence) -> Figure:
    levels = (("mesh_energy", "mesh"), ("energy", "with leakage"), ("total_energy", "with processors"))
    rows = [
        BandRow(f"{letter}: {title}", band.value, band.low, band.high)
        for level, title in levels
        for letter, band in zip("AB", (getattr(e.costs, level) for e in (a, b)), strict=True)
    ]
    return _bands("levels", "Energy per inference (estimate)", rows, "J", a, b)


def _latencies(a: Evidence, b: Evidence) -> Figure:
    rows = [
        BandRow(f"{letter}: {e.costs.steps:,} steps", e.costs.latency.value, e.costs.latency.low, e.costs.latency.high)
        for letter, e in zip("AB", (a, b), strict=True)
    ]
    return _bands("latencies", "Time per inference (estimate)", rows, "s", a, b)


def _bands(ident: str, title: str, rows: Sequence[BandRow], unit: str, a: Evidence, b: Evidence) -> Figure:
    return Figure(
        ident,
        title,
        f"{'; '.join(names(a, b))}. Dot: the estimate; bar: the range that the sources leave open.",
        bands(rows, unit),
        "; ".join(f"{r.name}: {quantity(r.value, unit)}" for r in rows),
    )


def _pairs(a: Evidence, b: Evidence) -> list[Section]:
    sections = []
    for ident, title, makers in PAIRS:
        figures = [
            _lettered(f, letter) for make in makers for letter, f in zip("AB", (make(a, b), make(b, a)), strict=True)
        ]
        if ident == "cores":
            maps = (placements(a), placements(b))
            shared = min(map(len, maps))
            figures += [_lettered(maps[side][k], "AB"[side]) for k in range(shared) for side in (0, 1)]
            figures += [_lettered(f, letter) for letter, m in zip("AB", maps, strict=True) for f in m[shared:]]
        lead = f"{'; '.join(names(a, b))}. Pictures beside each other have the same axes."
        sections.append(Section(ident, title, lead, figures, paired=True))
    return sections


def _lettered(figure: Figure, letter: str) -> Figure:
    return replace(figure, ident=f"{figure.ident}-{letter.lower()}", title=f"{letter}: {figure.title}")
