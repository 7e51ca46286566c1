"""An SVG picture under construction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from markupsafe import Markup, escape

WIDTH = 400
"""Units of width of every picture: text of 12 units is legible where the page gives it 360 pixels or more."""
COLOURS = 8
"""Categorical colours that the page defines, classes ``c0`` to ``c7``."""


@dataclass
class Drawing:
    """Elements in the order in which they are drawn.

    Attributes:
        height: Units; the width is ``WIDTH``.
    """

    height: float
    _parts: list[Markup] = field(default_factory=list)

    def rect(self, x: float, y: float, width: float, height: float, kind: str, tip: str = "", **more: object) -> None:
        """A rectangle; ``kind`` are its classes, ``tip`` what a mouse over it shows."""
        self._add(
            "rect", tip, {"x": x, "y": y, "width": max(0.0, width), "height": max(0.0, height), "class": kind, **more}
        )

    def line(self, x1: float, y1: float, x2: float, y2: float, kind: str, tip: str = "", **more: object) -> None:
        """A straight line."""
        self._add("line", tip, {"x1": x1, "y1": y1, "x2": x2, "y2": y2, "class": kind, **more})

    def circle(self, x: float, y: float, radius: float, kind: str, tip: str = "", **more: object) -> None:
        """A disc."""
        self._add("circle", tip, {"cx": x, "cy": y, "r": radius, "class": kind, **more})

    def path(self, commands: str, kind: str, tip: str = "", **more: object) -> None:
        """A path of SVG commands."""
        self._add("path", tip, {"d": commands, "class": kind, **more})

    def place(self, other: Drawing, down: float) -> None:
        """All of another drawing, so many units further down."""
        inner = Markup("").join(other._parts)
        self._parts.append(Markup('<g transform="translate(0 {})">{}</g>').format(number(down), inner))

    def text(self, x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> None:
        """A line of text; ``anchor`` is start, middle or end."""
        at = (
            {"x": x, "y": y}
            | ({"class": kind} if kind else {})
            | ({"text-anchor": anchor} if anchor != "start" else {})
        )
        self._parts.append(Markup("<text{}>{}</text>").format(_attributes(at), words))

    def render(self, ident: str, title: str, description: str) -> Markup:
        """The element, named and described for those who do not see it."""
        head = Markup(
            '<svg viewBox="0 0 {} {}" role="img" aria-labelledby="{}-t {}-d"><title id="{}-t">{}</title>'
            '<desc id="{}-d">{}</desc>'
        ).format(WIDTH, number(self.height), ident, ident, ident, title, ident, description)
        return head + Markup("").join(self._parts) + Markup("</svg>")

    def _add(self, name: str, tip: str, attributes: dict[str, object]) -> None:
        inner = Markup("<title>{}</title>").format(tip) if tip else Markup("")
        if inner:
            self._parts.append(
                Markup("<{}{}>{}</{}>").format(Markup(name), _attributes(attributes), inner, Markup(name))
            )
        else:
            self._parts.append(Markup("<{}{}/>").format(Markup(name), _attributes(attributes)))


def _attributes(values: Mapping[str, object]) -> Markup:
    return Markup("").join(
        Markup(' {}="{}"').format(
            Markup(name.replace("_", "-")), number(value) if isinstance(value, (int, float)) else escape(str(value))
        )
        for name, value in values.items()
    )


def number(value: float) -> str:
    """Two decimals at most, and no minus zero: the same picture, fewer bytes."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def colour(index: int) -> str:
    """Class of the index-th category; colours repeat after ``COLOURS``."""
    return f"c{index % COLOURS}"


def shortened(text: str, most: int) -> str:
    """At most so many characters; the middle goes."""
    if len(text) <= most:
        return text
    head = (most - 1) // 2
    return f"{text[:head]}…{text[len(text) - (most - 1 - head) :]}"
