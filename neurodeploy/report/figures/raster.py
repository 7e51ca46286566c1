"""Spikes of one sample: a dash for each, time from left to right."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurodeploy.report.figures.scales import round_steps
from neurodeploy.report.figures.svg import WIDTH, Drawing, number

NEURONS = 96
STEPS = 300
LEFT, TOP = 8.0, 6.0


def raster(spikes: NDArray[np.bool_], kind: str) -> Drawing:
    """Dashes of spikes (steps, neurons); the caller chooses which, see :func:`some_neurons`."""
    steps, neurons = spikes.shape
    wide = (WIDTH - 2 * LEFT) / max(1, steps)
    tall = min(7.0, max(1.6, 220 / max(1, neurons)))
    bottom = TOP + tall * neurons
    drawing = Drawing(bottom + 22)
    drawing.rect(LEFT, TOP, WIDTH - 2 * LEFT, bottom - TOP, "panel")
    commands = (
        f"M{step} {neuron}h.7" for neuron in range(neurons) for step in np.flatnonzero(spikes[:, neuron]).tolist()
    )
    # in units of steps and neurons, which take the fewest characters
    place = f"translate({number(LEFT + 0.15 * wide)} {number(TOP + tall / 2)}) scale({number(wide)} {number(tall)})"
    drawing.path("".join(commands), f"spikes {kind}", transform=place, stroke_width="0.7")
    for tick in round_steps(0, steps - 1, 6) if steps > 1 else [0.0]:
        if tick == int(tick):
            x = LEFT + wide * (tick + 0.5)
            drawing.line(x, bottom, x, bottom + 4, "axis")
            drawing.text(x, bottom + 17, f"{tick:.0f}", "dim", "middle" if x > 16 else "start")
    return drawing


def some_neurons(total: int, most: int = NEURONS) -> NDArray[np.int64]:
    """Numbers of at most ``most`` neurons, evenly over the layer."""
    return np.unique(np.linspace(0, total - 1, min(total, most)).round().astype(np.int64))
