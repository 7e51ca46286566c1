"""Scales and drawings: places of values, and what is left out of large ones."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurodeploy.report.figures.bands import BandRow, bands
from neurodeploy.report.figures.bars import BarRow, bars
from neurodeploy.report.figures.lines import Series, stacked, thinned
from neurodeploy.report.figures.matrix import DARKEST, matrix
from neurodeploy.report.figures.mesh import link_map
from neurodeploy.report.figures.raster import raster, some_neurons
from neurodeploy.report.figures.scales import Scale, linear_scale, log_scale, quantity, spans
from neurodeploy.report.figures.svg import Drawing, number, shortened

POSITIVE = st.floats(1e-15, 1e12)


def drawn(drawing: Drawing) -> str:
    return str(drawing.render("x", "a title", "a description"))


def places(text: str, kind: str, attribute: str) -> list[float]:
    found = re.findall(rf'<[a-z]+ ([^>]*class="{kind}"[^>]*)>', text)
    return [float(re.search(rf'\b{attribute}="([^"]*)"', f)[1]) for f in found]  # type: ignore[index]


@given(st.lists(POSITIVE, min_size=1, max_size=6))
def test_log_axes_hold_all_values_in_order(values: list[float]) -> None:
    scale = log_scale(values, 10, 390)
    at = [scale(v) for v in sorted(values)]
    assert at == sorted(at) and 10 <= at[0] and at[-1] <= 390
    assert scale.low <= min(values) * (1 + 1e-9) and scale.high >= max(values) * (1 - 1e-9)
    assert 1 <= len(scale.ticks(6)) <= 6
    assert all(math.log10(t) == pytest.approx(round(math.log10(t))) for t in scale.ticks(6))
    assert scale(0.0) == 10


@given(st.floats(1e-12, 1e12))
def test_linear_axes_end_at_a_round_value(high: float) -> None:
    scale = linear_scale(high, 0, 100)
    assert high * (1 - 1e-9) <= scale.high <= 2.5 * high
    ticks = scale.ticks(5)
    assert 3 <= len(ticks) <= 6 and ticks[0] == 0
    assert scale(scale.high) == 100 and scale(-1) == 0


@given(st.integers(0, 5000), st.integers(1, 60))
def test_spans_cover_everything_once(total: int, most: int) -> None:
    found = spans(total, most)
    assert [k for a, b in found for k in range(a, b)] == list(range(total))
    assert len(found) == min(total, most) and all(b > a for a, b in found)


def test_bands_sit_at_their_values() -> None:
    text = drawn(bands([BandRow("one", 1e-6, 1e-7, 1e-5), BandRow("two", 1e-4, 1e-4, 1e-4)], "J"))
    scale = Scale(1e-7, 1e-4, 12, 388, log=True)
    assert places(text, "dot", "cx") == pytest.approx([scale(1e-6), scale(1e-4)], abs=0.01)
    assert places(text, "band", "x") == pytest.approx([scale(1e-7), scale(1e-4)], abs=0.01)
    assert places(text, "band", "width") == pytest.approx([scale(1e-5) - scale(1e-7), 2.0], abs=0.01)


def test_bars_stack_and_share_an_axis() -> None:
    row = BarRow("layer", "4", [("c0", 3.0, "a"), ("c1", 1.0, "b")], mark=2.0)
    alone, wider = drawn(bars([row], str)), drawn(bars([row], str, at_least=8.0))
    assert places(alone, "c0", "width") == pytest.approx([392 * 3 / 4])
    assert places(wider, "c0", "width") == pytest.approx([392 * 3 / 8])
    assert places(wider, "c1", "x") == pytest.approx([4 + 392 * 3 / 8])
    assert places(wider, "mark", "x1") == pytest.approx([4 + 392 * 2 / 8])


def test_stacked_columns_are_as_tall_as_their_values() -> None:
    series = [Series("a", "c0", np.array([1.0, 2.0])), Series("b", "c1", np.array([3.0, 0.0]))]
    text = drawn(stacked(series, str))
    assert places(text, "c0", "height") == pytest.approx([162 / 4, 162 / 2], abs=0.02)
    assert places(text, "c1", "height") == pytest.approx([162 * 3 / 4], abs=0.02)
    assert places(text, "c1", "y") == pytest.approx([8], abs=0.02)


def test_thinned_keeps_peaks() -> None:
    values = np.zeros(10_000)
    values[4321] = 7
    few = thinned(values, 300)
    assert len(few) == 300 and few.max() == 7 and np.count_nonzero(few) == 1
    np.testing.assert_array_equal(thinned(values[:9], 300), values[:9])


def test_a_raster_has_a_dash_for_each_spike() -> None:
    spikes = np.random.default_rng(1).random((40, 12)) < 0.2
    path = re.search(r'<path d="([^"]*)"', drawn(raster(spikes, "c2")))
    assert path is not None
    found = np.zeros_like(spikes)
    for step, neuron in re.findall(r"M(\d+) (\d+)h", path[1]):
        found[int(step), int(neuron)] = True
    np.testing.assert_array_equal(found, spikes)
    np.testing.assert_array_equal(some_neurons(5, 96), np.arange(5))
    chosen = some_neurons(5000, 96)
    assert len(chosen) == 96 and chosen[0] == 0 and chosen[-1] == 4999


def test_shades_follow_values() -> None:
    values = np.array([[0.0, 1.0], [4.0, 2.0]])
    text = drawn(matrix(values, ["a", "b"], ["0", "1"], str))
    shades = [0.03 + DARKEST * share for share in (0.5, 1, 0.5**0.5)]
    assert places(text, "heat", "fill-opacity") == pytest.approx(shades, abs=0.006)
    assert "b, 0: 4.0" in text and len(drawn(matrix(np.ones((32, 32)), ["a"] * 32, ["b"] * 32, str))) < 120_000


def test_links_are_as_wide_as_their_load() -> None:
    loads = {((0, 0), (1, 0)): 4.0, ((1, 0), (0, 0)): 1.0, ((1, 0), (1, 1)): 0.0}
    text = drawn(link_map(2, 2, loads, {(0, 0)}, str))
    assert places(text, "link hot", "stroke-width") == [6.0]
    assert places(text, "link", "stroke-width") == pytest.approx([1.5 + 4.5 / 4], abs=0.006)
    assert places(text, "link hot", "y1") != places(text, "link", "y1")  # side by side


def test_text_is_escaped_and_short() -> None:
    drawing = Drawing(10)
    drawing.text(0, 0, '<b> & "c"')
    drawing.rect(0, 0, -1, 1, "c0", "<tip>")
    text = str(drawing.render("i", "<title>", "d"))
    assert "&lt;b&gt; &amp; &#34;c&#34;" in text and "<title>&lt;tip&gt;</title>" in text and 'width="0"' in text
    assert "&lt;title&gt;" in text
    assert shortened("abcdefghij", 5) == "ab…ij" and shortened("abc", 5) == "abc"
    assert [number(v) for v in (1.0, -0.001, 2.346, 10)] == ["1", "0", "2.35", "10"]
    assert quantity(2.5e-6, "J") == "2.5 µJ" and quantity(3, "") == "3"
