"""Colours of the page in both schemes: WCAG 2.1 AA."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from neurodeploy.report.figures.matrix import DARKEST

CSS = (files("neurodeploy.report") / "templates" / "style.css").read_text(encoding="utf-8")
SCHEMES = [
    dict(re.findall(r"--(\w+): (#[0-9a-f]{6});", block)) for block in re.findall(r":root \{(.*?)\}", CSS, re.S)[:2]
]


def channels(colour: str) -> tuple[float, ...]:
    return tuple(int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5))


def luminance(rgb: tuple[float, ...]) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.fixture(params=SCHEMES, ids=("light", "dark"))
def scheme(request: pytest.FixtureRequest) -> dict[str, tuple[float, ...]]:
    return {name: channels(value) for name, value in request.param.items()}


def test_both_schemes_have_all_colours() -> None:
    assert SCHEMES[0].keys() == SCHEMES[1].keys()
    used = set(re.findall(r"var\(--(\w+)\)", CSS))
    assert used == SCHEMES[0].keys()


def test_text_is_legible(scheme: dict[str, tuple[float, ...]]) -> None:
    for text in ("ink", "dim", "link"):
        for ground in ("paper", "panel"):
            assert contrast(scheme[text], scheme[ground]) >= 4.5, (text, ground)
    assert contrast(scheme["ink"], scheme["mark"]) >= 4.5
    for k in range(8):  # names of cores on their layer's colour
        assert contrast(scheme["paper"], scheme[f"c{k}"]) >= 4.5, k


def test_numbers_are_legible_on_the_darkest_shade(scheme: dict[str, tuple[float, ...]]) -> None:
    alpha = 0.03 + DARKEST
    shade = tuple(alpha * h + (1 - alpha) * p for h, p in zip(scheme["heat"], scheme["paper"], strict=True))
    assert contrast(scheme["ink"], shade) >= 4.5


def test_shapes_stand_out(scheme: dict[str, tuple[float, ...]]) -> None:
    for k in range(8):
        assert contrast(scheme[f"c{k}"], scheme["paper"]) >= 3
        assert contrast(scheme[f"c{k}"], scheme["track"]) >= 3
    assert contrast(scheme["focus"], scheme["paper"]) >= 3
