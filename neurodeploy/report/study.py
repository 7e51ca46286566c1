"""Studies: a question, what was measured, and what it says, as a page, as JSON and as CSV.

A study is plain values; :func:`write_study` makes of it one HTML file that needs nothing else, with its numbers beside
it. ``markdown_table`` and ``chart_svg`` put the same rows and pictures into a page of the documentation.
"""

from __future__ import annotations

import json
import math
import platform
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from neurodeploy.version import installed_version

FORMAT = 1
"""Of the JSON file."""
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        key: Of the rows.
        title: Head; default the key as words.
        unit: ``%`` of shares of 1; ``J``, ``s``, ``W``, ``Hz`` with a prefix; any other word stands in the head.
        low: Key of the lower end of an interval around the value, or empty.
        high: Key of its upper end.
    """

    key: str
    title: str = ""
    unit: str = ""
    low: str = ""
    high: str = ""


@dataclass(frozen=True)
class StudyTable:
    """Rows of numbers and words; None and NaN are what is not known.

    Attributes:
        title: What it holds.
        columns: In order; the first one heads the rows.
        rows: Each with the columns' keys.
        note: Below it: how an interval was made, what was left out.
    """

    title: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    note: str = ""


@dataclass(frozen=True)
class Axis:
    """Of a chart.

    Attributes:
        title: What it counts.
        unit: As that of a column.
        log: Whether logarithmic.
    """

    title: str
    unit: str = ""
    log: bool = False


@dataclass(frozen=True)
class Curve:
    """Points of one kind.

    Attributes:
        name: For the legend.
        x: Places.
        y: Values, as many; None where not known.
        low: Lower ends of their intervals, or empty.
        high: Upper ends.
        joined: Whether a line runs from point to point.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float | None]
    low: Sequence[float | None] = ()
    high: Sequence[float | None] = ()
    joined: bool = True


@dataclass(frozen=True)
class Curves:
    """Lines or clouds of points, with bars of their intervals.

    Attributes:
        title: What it shows.
        caption: How to read it.
        across: Horizontal axis.
        up: Vertical axis.
        curves: At most eight.
    """

    title: str
    caption: str
    across: Axis
    up: Axis
    curves: Sequence[Curve]


@dataclass(frozen=True)
class Bar:
    """A value with its interval, if it has one."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Bars:
    """One value for each name; from 0, or by a logarithm as dots within their intervals."""

    title: str
    caption: str
    axis: Axis
    bars: Sequence[Bar]


@dataclass(frozen=True)
class HeatMap:
    """A value for each pair: shades and numbers.

    Attributes:
        title: What it shows.
        caption: How to read it.
        down: Names of the rows.
        across: Names of the columns.
        values: (rows, columns); None where not known.
        axis: Unit of the values; its title stands below the columns.
    """

    title: str
    caption: str
    down: Sequence[str]
    across: Sequence[str]
    values: Sequence[Sequence[float | None]]
    axis: Axis


Chart = Curves | Bars | HeatMap


@dataclass(frozen=True)
class StudySection:
    """A chapter.

    Attributes:
        title: Heading.
        text: Paragraphs; the first says what was found.
        tables: Rows.
        charts: Pictures.
    """

    title: str
    text: Sequence[str]
    tables: Sequence[StudyTable] = ()
    charts: Sequence[Chart] = ()


@dataclass(frozen=True)
class Study:
    """A whole study.

    Attributes:
        title: Of the document.
        subtitle: What was asked, in a sentence.
        lead: Paragraphs in front: what was found, and how far it can be trusted.
        sections: Chapters.
        command: What makes the study again.
        seeds: Of everything that was drawn.
        versions: Of what it was made with; see :func:`versions_of`.
    """

    title: str
    subtitle: str
    lead: Sequence[str]
    sections: Sequence[StudySection]
    command: str
    seeds: Sequence[int] = ()
    versions: Mapping[str, str] = field(default_factory=lambda: versions_of())


def versions_of(*packages: str) -> dict[str, str]:
    """Versions of neurodeploy, Python, numpy and further packages."""
    found = {"neurodeploy": installed_version(), "python": platform.python_version()}
    for package in ("numpy", *packages):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def curves_of(
    rows: Iterable[Row], *, x: str, y: str, by: str, low: str = "", high: str = "", joined: bool = True
) -> list[Curve]:
    """A curve for each value of the key ``by``, in order of first mention, its points by x."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(str(row[by]), []).append(row)
    curves = []
    for name, group in groups.items():
        points = sorted(group, key=lambda row: float(row[x]))
        column = {key: [row[key] for row in points] if key else () for key in (x, y, low, high)}
        curves.append(Curve(name, column[x], column[y], column[low], column[high], joined))
    return curves


def idents(titles: Iterable[str]) -> list[str]:
    """A short name for each title, no two equal: of files and of places on the page."""
    found: list[str] = []
    for title in titles:
        plain = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:48].strip("-") or "part"
        free, count = plain, 1
        while free in found:
            count += 1
            free = f"{plain}-{count}"
        found.append(free)
    return found


def tables_of(study: Study) -> dict[str, StudyTable]:
    """All tables by their short names."""
    tables = [table for section in study.sections for table in section.tables]
    return dict(zip(idents(table.title for table in tables), tables, strict=True))


def to_json(study: Study) -> str:
    """Everything that the page says, as JSON; what is not known is null."""
    return json.dumps({"format": FORMAT, "kind": "study", **_plain(asdict(study))}, indent=1, allow_nan=False) + "\n"


def table_csv(table: StudyTable) -> str:
    """The columns' values and intervals, as numbers, under their keys."""
    from neurodeploy.report.write import csv_text

    keys = [key for c in table.columns for key in (c.key, c.low, c.high) if key]
    head = dict.fromkeys(keys)
    return csv_text([{key: _plain(row[key]) for key in head} for row in table.rows] or [head])


def study_page(study: Study) -> str:
    """HTML of a study."""
    from neurodeploy.report.page import render
    from neurodeploy.report.study_view import view

    return render(view(study))


def write_study(study: Study, out: str | Path) -> list[str]:
    """Write ``x.html``, ``x.json`` and ``x.<table>.csv`` for each table, all of them or none.

    Returns:
        The paths.

    Raises:
        MissingDependency: The extra ``report`` is not installed.
        UnwritableFile: A file cannot be written.
    """
    from neurodeploy.report import check_installed

    check_installed()
    from neurodeploy.report.write import checked_paths, write_all

    tables = tables_of(study)
    paths = checked_paths(Path(out), [f"{name}.csv" for name in tables], ())
    texts = [study_page(study), to_json(study), *map(table_csv, tables.values())]
    write_all(dict(zip(paths, texts, strict=True)))
    return [str(path) for path in paths]


def markdown_table(table: StudyTable) -> str:
    """The table as the page shows it, in Markdown."""
    from neurodeploy.report.study_view import cells, heads, is_numeric

    rows = [[cell.replace("|", "\\|") for cell in row] for row in [heads(table), *cells(table)]]
    rule = ["---:" if is_numeric(table, c) and k else "---" for k, c in enumerate(table.columns)]
    return "\n".join(f"| {' | '.join(row)} |" for row in [rows[0], rule, *rows[1:]]) + "\n"


def chart_svg(chart: Chart) -> str:
    """The chart as a file of its own, for light and dark screens."""
    from neurodeploy.report.study_view import standalone

    return standalone(chart)


def _plain(value: Any) -> Any:
    """Values that JSON has."""
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    return None if isinstance(value, float) and not math.isfinite(value) else value
