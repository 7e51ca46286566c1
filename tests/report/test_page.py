"""What a page must be whatever it reports: valid, self-contained, bounded, told to those who do not see it."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from xml.etree.ElementTree import Element

import html5lib
import pytest
from studies import study

import neurodeploy as nd
from neurodeploy.report.study import write_study
from neurodeploy.report.write import compare_files, report_files

NAMES = ("digits-conv", "digits-mlp", "vowels-rsnn", "versus", "study")
pytestmark = pytest.mark.parametrize("name", NAMES)


@pytest.fixture
def text(pages: dict[str, Path], name: str) -> str:
    return pages[name].read_text(encoding="utf-8")


@pytest.fixture
def tree(text: str) -> Element:
    return parsed(text)


@cache
def parsed(text: str) -> Element:
    """Raises where HTML5 does not allow what the page says."""
    return html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(text)


def every(tree: Element, *tags: str) -> list[Element]:
    return [e for e in tree.iter() if isinstance(e.tag, str) and e.tag.rpartition("}")[2] in tags]


def said(element: Element) -> str:
    return " ".join("".join(element.itertext()).split())


def test_it_needs_nothing_else(text: str, tree: Element) -> None:
    assert len(text.encode()) < 2_000_000
    assert not every(tree, "script", "img", "iframe", "object", "embed", "use", "image")
    links = [e.attrib[k] for e in tree.iter() for k in e.attrib if k.rpartition("}")[2] in ("href", "src")]
    assert links and all(link.startswith("#") or link == "data:," for link in links)
    assert "url(" not in text and "@import" not in text
    assert "default-src 'none'" in text


def test_idents_are_unique_and_links_lead_somewhere(tree: Element) -> None:
    idents = [e.attrib["id"] for e in tree.iter() if "id" in e.attrib]
    assert len(idents) == len(set(idents))
    for e in tree.iter():
        for key in ("aria-labelledby", "href"):
            for word in e.attrib.get(key, "").split():
                assert word.removeprefix("#") in idents or word == "data:,"


def test_landmarks_and_headings_in_order(tree: Element) -> None:
    assert [len(every(tree, t)) for t in ("header", "nav", "main", "footer", "h1")] == [1] * 5
    assert len(every(every(tree, "head")[0], "title")) == 1
    levels = [int(e.tag[1]) for e in every(tree, "h1", "h2", "h3", "h4", "h5", "h6")]
    assert levels[0] == 1
    assert all(b <= a + 1 for a, b in zip(levels, levels[1:], strict=False))
    first = next(e for e in every(tree, "body")[0])
    assert first.attrib["href"] == "#main" and "skip" in first.attrib["class"]
    assert every(tree, "html")[0].attrib["lang"] == "en"


def test_every_figure_says_what_it_shows(tree: Element) -> None:
    figures = every(tree, "figure")
    assert len(figures) >= 8
    for figure in figures:
        (svg,) = every(figure, "svg")
        assert svg.attrib["role"] == "img"
        names = svg.attrib["aria-labelledby"].split()
        parts = {e.attrib["id"]: said(e) for e in svg if "id" in e.attrib}
        assert all(len(parts[n]) > 10 for n in names), figure.attrib
        assert len(every(figure, "figcaption")) == 1
        assert len(every(svg, "rect", "path", "circle", "line")) > 2, figure.attrib


def test_tables_have_captions_and_scopes(tree: Element) -> None:
    tables = every(tree, "table")
    assert len(tables) >= 3
    for table in tables:
        assert len(said(every(table, "caption")[0])) > 5
        columns = every(every(table, "thead")[0], "th")
        assert all(th.attrib["scope"] == "col" for th in columns)
        rows = every(every(table, "tbody")[0], "tr")
        assert rows
        for row in rows:
            cells = list(row)
            assert len(cells) == len(columns)
            assert [c.tag for c in cells] == ["th"] + ["td"] * (len(columns) - 1)
            assert cells[0].attrib["scope"] == "row"
    boxes = [e for e in every(tree, "div") if e.attrib.get("class") == "scroll"]
    assert len(boxes) == len(tables)
    assert all(b.attrib["tabindex"] == "0" and b.attrib["role"] == "region" for b in boxes)


def test_estimates_are_called_so(tree: Element) -> None:
    """No energy and no time stands in a card, figure or table whose words do not say that it is an estimate."""
    quantity = re.compile(r"\d [fpnµmk]?[Js]\b")
    for part in every(tree, "article", "figure"):
        if quantity.search(said(part)):
            assert "stimate" in said(part), said(part)
    for table in every(tree, "table"):
        if table.attrib["id"] not in ("conventions", "constants"):
            for row in every(every(table, "tbody")[0], "tr"):
                if quantity.search(said(row)):
                    assert "stimate" in said(every(table, "caption")[0]) + said(row), said(row)


def test_the_same_bytes_again(name: str, pages: dict[str, Path], tmp_path: Path) -> None:
    if name == "versus":
        first, second = pages["digits-mlp"].with_name("program.ndp"), pages[name].with_name("four.ndp")
        compare_files(first, second, nd.load_model("digits-mlp").test, tmp_path / "versus.html")
        assert (tmp_path / "versus.html").read_bytes() == pages[name].read_bytes()
        return
    if name == "study":
        write_study(study(), tmp_path / "study.html")
        assert (tmp_path / "study.html").read_bytes() == pages[name].read_bytes()
        return
    report_files(pages[name].with_name("program.ndp"), nd.load_model(name).test, tmp_path / "report.html")
    for file in ("report.html", "report.json", "layers.csv", "cores.csv"):
        assert (tmp_path / file).read_bytes() == pages[name].with_name(file).read_bytes(), file
