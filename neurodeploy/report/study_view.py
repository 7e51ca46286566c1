"""A study as the parts of a page."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any

from neurodeploy.report.figures.bands import BandRow, bands
from neurodeploy.report.figures.heat import heat
from neurodeploy.report.figures.intervals import IntervalRow, intervals
from neurodeploy.report.figures.points import MARKERS, Points, points
from neurodeploy.report.figures.scales import quantity
from neurodeploy.report.figures.svg import WIDTH, Drawing, colour
from neurodeploy.report.page import stylesheet
from neurodeploy.report.parts import Figure, Page, Section, Table, counted, percent, words
from neurodeploy.report.study import Axis, Bars, Chart, Column, Curves, HeatMap, Row, Study, StudyTable, idents

PREFIXED = ("J", "s", "W", "Hz", "B")
"""Units that take prefixes; their values carry them."""
LEGEND_ROW = 18.0


def view(study: Study) -> Page:
    """The page of a study."""
    names = iter(_names(study))
    sections = [
        Section(
            next(names),
            section.title,
            section.text[0] if section.text else "",
            [figure(next(names), chart) for chart in section.charts],
            [table(next(names), rows) for rows in section.tables],
            text=section.text[1:],
        )
        for section in study.sections
    ]
    standing = study.lead[0] if study.lead else ""
    made = Section("made", "How this was made", "This command makes the study again.", tables=(_facts(study),))
    return Page(
        study.title,
        study.subtitle,
        standing,
        (),
        [*sections, made],
        notes=study.lead[1:],
        kind="Study",
    )


def _names(study: Study) -> list[str]:
    """In the order in which :func:`view` takes them; those that every page has are taken."""
    titles = ["summary", "main", "made", "facts"]
    for section in study.sections:
        titles += [section.title, *(c.title for c in section.charts), *(t.title for t in section.tables)]
    return idents(titles)[4:]


def _facts(study: Study) -> Table:
    rows = [("command", study.command)]
    if study.seeds:
        rows.append(("seeds", ", ".join(map(str, study.seeds))))
    rows += [(name, text) for name, text in study.versions.items()]
    return Table("facts", "Command, seeds and versions", ("what", "value"), rows, prose=frozenset({1}))


def table(ident: str, rows: StudyTable) -> Table:
    """Values as text, right-aligned where they are numbers."""
    numeric = {k for k, column in enumerate(rows.columns) if is_numeric(rows, column)}
    prose = {
        k
        for k, column in enumerate(rows.columns)
        if k not in numeric and any(len(str(row[column.key])) > 40 for row in rows.rows)
    }
    return Table(ident, rows.title, heads(rows), cells(rows), frozenset(numeric), rows.note, prose=frozenset(prose))


def is_numeric(rows: StudyTable, column: Column) -> bool:
    """Whether a column holds numbers, and nothing else that is known."""
    known = [row[column.key] for row in rows.rows if row[column.key] is not None]
    return bool(known) and all(isinstance(v, Real) and not isinstance(v, bool) for v in known)


def heads(rows: StudyTable) -> list[str]:
    """Titles, with the units that values do not carry."""
    return [
        (c.title or words(c.key)) + (f" ({c.unit})" if c.unit and c.unit not in ("%", *PREFIXED) else "")
        for c in rows.columns
    ]


def cells(rows: StudyTable) -> list[list[str]]:
    """All values as text."""
    return [[_cell(row, column) for column in rows.columns] for row in rows.rows]


def _cell(row: Row, column: Column) -> str:
    text = shown(row[column.key], column.unit)
    if not column.low or not _is_known(row[column.low]) or not _is_known(row[column.high]):
        return text
    return f"{text} ({shown(row[column.low], column.unit)} to {shown(row[column.high], column.unit)})"


def shown(value: Any, unit: str) -> str:
    """A value as text."""
    if not _is_known(value):
        return "-"
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, Real):
        return {True: "yes", False: "no"}.get(value, str(value))
    number = float(value)
    if unit == "%":
        return percent(number, 2)
    return quantity(number, unit) if unit in PREFIXED else counted(number)


def _is_known(value: Any) -> bool:
    return value is not None and not (isinstance(value, Real) and not math.isfinite(value))


def figure(ident: str, chart: Chart) -> Figure:
    """The picture with its words."""
    drawing, legend, said = _DRAW[type(chart)](chart)
    return Figure(ident, chart.title, chart.caption, drawing, said, legend)


def standalone(chart: Chart) -> str:
    """An SVG file: title, picture, legend, and the page's style."""
    made = figure("chart", chart)
    drawing, body = Drawing(made.drawing.height + 24 + LEGEND_ROW * len(made.legend)), made.drawing
    drawing.rect(0, 0, WIDTH, drawing.height, "ground")
    drawing.text(4, 15, made.title, "strong")
    drawing.place(body, 24)
    for k, (kind, name) in enumerate(made.legend):
        y = body.height + 24 + LEGEND_ROW * k
        drawing.rect(6, y + 3, 10, 10, kind)
        drawing.text(22, y + 12, name)
    head, _, rest = str(drawing.render("chart", made.title, made.description)).partition(">")
    own = head.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg" width="640"', 1)
    return f"{own}><style>\n{stylesheet()}</style>{rest}\n"


Drawn = tuple[Drawing, tuple[tuple[str, str], ...], str]


def _label(axis: Axis) -> Callable[[float], str]:
    if axis.unit == "%":
        return lambda value: f"{100 * value:.4g} %"
    return lambda value: quantity(value, axis.unit if axis.unit in PREFIXED else "")


def _title(axis: Axis) -> str:
    return axis.title + (f" ({axis.unit})" if axis.unit and axis.unit not in ("%", *PREFIXED) else "")


def _curves(chart: Curves) -> Drawn:
    groups = []
    for k, curve in enumerate(chart.curves):
        ends = (curve.low or [None] * len(curve.y), curve.high or [None] * len(curve.y))
        known = [
            (float(x), float(y), float(y if low is None else low), float(y if high is None else high))
            for x, y, low, high in zip(curve.x, curve.y, *ends, strict=True)
            if y is not None and _is_known(y)
        ]
        groups.append(Points(curve.name, colour(k), known, curve.joined))
    x, y = _label(chart.across), _label(chart.up)
    drawing = points(groups, (_title(chart.across), chart.across.log, x), (_title(chart.up), chart.up.log, y))
    legend = tuple((g.kind, f"{MARKERS[k % len(MARKERS)]} {g.name}") for k, g in enumerate(groups))
    said = [
        f"{g.name}: {y(g.places[0][1])} at {x(g.places[0][0])}, {y(g.places[-1][1])} at {x(g.places[-1][0])}"
        for g in groups
        if g.places
    ]
    return drawing, legend, f"{_title(chart.up)} over {_title(chart.across)}. {'; '.join(said)}."


def _bars(chart: Bars) -> Drawn:
    label, rows = _label(chart.axis), chart.bars
    if chart.axis.log:
        ends = [(b.value if b.low is None else b.low, b.value if b.high is None else b.high) for b in rows]
        unit = chart.axis.unit if chart.axis.unit in PREFIXED else ""
        drawing = bands([BandRow(b.name, b.value, *end) for b, end in zip(rows, ends, strict=True)], unit)
    else:
        drawing = intervals([IntervalRow(b.name, b.value, b.low, b.high) for b in rows], label)
    return drawing, (), f"{_title(chart.axis)}. {'; '.join(f'{b.name}: {label(b.value)}' for b in rows)}."


def _heat(chart: HeatMap) -> Drawn:
    label = _label(chart.axis)
    values = [[v if v is not None and _is_known(v) else None for v in row] for row in chart.values]
    drawing = heat(values, chart.down, chart.across, label, _title(chart.axis))
    return (
        drawing,
        (),
        f"{_title(chart.axis)}. {'; '.join(_row(*row, label) for row in zip(chart.down, values, strict=True))}.",
    )


def _row(name: str, values: Sequence[float | None], label: Callable[[float], str]) -> str:
    return f"{name}: {', '.join('-' if v is None else label(v) for v in values)}"


_DRAW: dict[type, Callable[[Any], Drawn]] = {Curves: _curves, Bars: _bars, HeatMap: _heat}
