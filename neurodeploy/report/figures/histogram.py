"""Distributions of integers within the range that the chip allows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurodeploy.report.figures.scales import Scale
from neurodeploy.report.figures.svg import WIDTH, Drawing

BINS = 66
HEIGHT = 130.0


def histogram(counts: NDArray[np.int64], low: float, high: float, limits: tuple[float, float]) -> Drawing:
    """Bars over values ``low``..``high``, heights by the square root of their counts, so that rare values show.

    Args:
        counts: (bins,) of equal width over low..high.
        low: Left end of the axis.
        high: Right end.
        limits: The legal range, shaded outside.
    """
    drawing = Drawing(HEIGHT + 22)
    x = Scale(low, high, 4, WIDTH - 4)
    drawing.rect(4, 4, x(limits[0]) - 4, HEIGHT - 4, "outside", "not available on this chip")
    drawing.rect(x(limits[1]), 4, WIDTH - 4 - x(limits[1]), HEIGHT - 4, "outside", "not available on this chip")
    tallest, width = float(counts.max(initial=1)) ** 0.5, (WIDTH - 8) / len(counts)
    for k, count in enumerate(counts):
        if count:
            tall = max(1.5, (HEIGHT - 10) * float(count) ** 0.5 / tallest)
            first = low + (high - low) * k / len(counts)
            last = low + (high - low) * (k + 1) / len(counts)
            tip = f"{first:.0f} to {last:.0f}: {count:,} weights"
            drawing.rect(4 + k * width, HEIGHT - tall, max(1.0, width - 0.6), tall, "c0", tip)
    drawing.line(4, HEIGHT, WIDTH - 4, HEIGHT, "axis")
    for tick in x.ticks(5):
        at = x(tick)
        drawing.line(at, HEIGHT, at, HEIGHT + 4, "axis")
        anchor = "start" if at < 24 else "end" if at > WIDTH - 24 else "middle"
        drawing.text(at, HEIGHT + 17, f"{tick:.0f}", "dim", anchor)
    return drawing


def binned(values: NDArray[np.int64], low: float, high: float) -> NDArray[np.int64]:
    """Counts of ``values`` in ``BINS`` equal parts of low..high."""
    counts: NDArray[np.int64] = np.histogram(values, BINS, (low, high))[0].astype(np.int64)
    return counts
