"""Pages in a real browser: nothing missing, nothing beside the window, usable without a mouse."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import Chromium, find_chromium

PATH = find_chromium()
pytestmark = [
    pytest.mark.skipif(PATH is None, reason="no Chromium: apt-get install chromium"),
    pytest.mark.parametrize("name", ("digits-conv", "digits-mlp", "vowels-rsnn", "versus", "study")),
]

UNDRAWN = """[...document.querySelectorAll('figure')].filter(f => {
  const box = f.querySelector('svg').getBoundingClientRect();
  const parts = [...f.querySelectorAll('svg > *:not(title):not(desc)')];
  return box.width < 200 || box.height < 40 || !parts.some(p => p.getBoundingClientRect().width > 0);
}).map(f => f.id)"""
SPILT = """[...document.querySelectorAll('figure svg text')].filter(t => {
  const own = t.getBoundingClientRect(), box = t.closest('svg').getBoundingClientRect();
  return own.left < box.left - 2 || own.right > box.right + 2 || own.bottom > box.bottom + 2;
}).map(t => t.closest('figure').id + ': ' + t.textContent)"""
SMALLEST = """Math.min(...[...document.querySelectorAll('figure svg')].map(
  s => s.getBoundingClientRect().width / 400 * 10))"""
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    assert PATH is not None
    with Chromium(PATH, tmp_path_factory.mktemp("profile")) as chromium:
        yield chromium


@pytest.mark.parametrize("width", (400, 1400))
@pytest.mark.parametrize("scheme", ("light", "dark"))
def test_it_is_drawn_whole(browser: Chromium, pages: dict[str, Path], name: str, width: int, scheme: str) -> None:
    browser.complaints.clear()
    browser.requests.clear()
    browser.open(pages[name], width, scheme=scheme)
    assert browser.value("innerWidth") == width
    assert browser.value(SIDEWAYS) == 0
    assert browser.value("document.querySelectorAll('figure').length") >= 8
    assert browser.value(UNDRAWN) == []
    assert browser.value(SPILT) == []
    assert browser.value(SMALLEST) >= 8.5  # pixels of the smallest text of any picture
    paper = browser.value("getComputedStyle(document.body).backgroundColor")
    assert (paper == "rgb(255, 255, 255)") == (scheme == "light")
    assert browser.complaints == []
    assert browser.requests == [pages[name].resolve().as_uri()]


def test_the_keyboard_reaches_everything(browser: Chromium, pages: dict[str, Path], name: str) -> None:
    browser.open(pages[name], 400)
    browser.press(["Tab"])
    assert browser.value("document.activeElement.textContent") == "Skip to the report"
    assert browser.value("document.activeElement.getBoundingClientRect().left") >= 0
    assert browser.value("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    boxes = browser.value("document.querySelectorAll('.scroll').length")
    reached = set()
    for _ in range(browser.value("document.querySelectorAll('a, .scroll').length")):
        browser.press(["Tab"])
        reached.add(browser.value("document.activeElement.getAttribute('aria-labelledby')"))
    assert len(reached - {None}) == boxes


def test_wide_tables_scroll_in_their_box(browser: Chromium, pages: dict[str, Path], name: str) -> None:
    browser.open(pages[name], 400)
    wide = "[...document.querySelectorAll('.scroll')].filter(b => b.scrollWidth > b.clientWidth + 1).length"
    assert browser.value(wide) > 0


def test_it_prints(browser: Chromium, pages: dict[str, Path], name: str, tmp_path: Path) -> None:
    browser.open(pages[name], 720, media="print")  # A4 within the browser's margins
    assert browser.value("document.documentElement.scrollWidth") <= 720
    assert browser.value("[...document.querySelectorAll('.scroll')].filter(b => b.scrollWidth > 720).length") == 0
    assert browser.value("getComputedStyle(document.querySelector('nav')).display") == "none"
    browser.pdf(tmp_path / "page.pdf")
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")
