"""What a page consists of: sections of figures and tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from neurodeploy.report.figures.svg import Drawing


@dataclass(frozen=True, eq=False)
class Figure:
    """A picture with its words.

    Attributes:
        ident: Unique on the page.
        title: What it shows.
        caption: How to read it, and what was left out.
        drawing: The picture.
        description: What it says, for those who do not see it.
        legend: (class of a colour, name).
    """

    ident: str
    title: str
    caption: str
    drawing: Drawing
    description: str
    legend: tuple[tuple[str, str], ...] = ()

    @property
    def svg(self) -> Markup:
        """The element."""
        return self.drawing.render(self.ident, self.title, self.description)


@dataclass(frozen=True)
class Table:
    """Text in rows.

    Attributes:
        ident: Unique on the page.
        caption: What it holds.
        columns: Heads; the first column heads the rows.
        rows: As many cells each.
        numeric: Numbers of the columns that are aligned right.
        note: Below the table.
        marked: (row, column) of cells that differ from what they are compared with.
        prose: Numbers of the columns that hold sentences, whose lines may break.
    """

    ident: str
    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: frozenset[int] = frozenset()
    note: str = ""
    marked: frozenset[tuple[int, int]] = frozenset()
    prose: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Section:
    """A chapter.

    Attributes:
        ident: Anchor.
        title: Heading.
        lead: Its message in a sentence or two.
        figures: Pictures.
        tables: Tables.
        notes: Sentences after them.
        paired: Whether figures stand in two columns, of two programs.
        text: Paragraphs after the lead.
    """

    ident: str
    title: str
    lead: str
    figures: Sequence[Figure] = ()
    tables: Sequence[Table] = ()
    notes: Sequence[str] = ()
    paired: bool = False
    text: Sequence[str] = ()


@dataclass(frozen=True)
class Answer:
    """A question that everybody has, and the short answer.

    Attributes:
        question: As a newcomer would ask.
        short: In a few words.
        detail: In a sentence or two.
        section: Anchor of the section that says more.
        state: ``good``, ``warn`` or ``plain``.
    """

    question: str
    short: str
    detail: str
    section: str
    state: str = "plain"


@dataclass(frozen=True)
class Page:
    """A whole report.

    Attributes:
        title: Of the document.
        subtitle: What it is about.
        standing: How far to trust it: simulated, estimated.
        answers: On top.
        figures: Beside them.
        tables: With them.
        sections: Then.
        notes: Sentences of the summary.
        kind: What sort of page it is.
    """

    title: str
    subtitle: str
    standing: str
    answers: Sequence[Answer]
    sections: Sequence[Section]
    figures: Sequence[Figure] = ()
    tables: Sequence[Table] = ()
    notes: Sequence[str] = ()
    kind: str = "Deployment report"


def counted(value: float) -> str:
    """A count, or a mean of counts: 1,234 or 12.3."""
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


def percent(share: float, digits: int = 1) -> str:
    """A share of 1."""
    return f"{100 * share:.{digits}f} %"


def plural(count: int, noun: str) -> str:
    """1 core, 2 cores."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def words(name: str) -> str:
    """A field's name as text."""
    return name.replace("_", " ")
