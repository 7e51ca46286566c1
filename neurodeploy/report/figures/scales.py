"""From values to places, and which values an axis names."""

from __future__ import annotations

import math
from dataclasses import dataclass

from neurodeploy.units import si


@dataclass(frozen=True)
class Scale:
    """Values ``low`` to ``high`` to places ``start`` to ``end``, linear or by their logarithm."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """Place of a value; values outside go to the nearer end."""
        if self.log:
            value = max(value, self.low)  # also zero, which has no logarithm
            low, high, at = math.log10(self.low), math.log10(self.high), math.log10(value)
        else:
            low, high, at = self.low, self.high, value
        share = (at - low) / (high - low) if high > low else 0.0
        return self.start + min(1.0, max(0.0, share)) * (self.end - self.start)

    def ticks(self, most: int = 5) -> list[float]:
        """Round values within the scale, some three to ``most``."""
        return decades(self.low, self.high, most) if self.log else round_steps(self.low, self.high, most)


def log_scale(values: list[float], start: float, end: float) -> Scale:
    """From the decade below the smallest positive value to the one above the largest."""
    positive = [v for v in values if v > 0] or [1.0]
    low = 10.0 ** math.floor(math.log10(min(positive)))
    high = 10.0 ** math.ceil(math.log10(max(positive)))
    return Scale(low, high if high > low else 10 * low, start, end, log=True)


def linear_scale(high: float, start: float, end: float, low: float = 0.0) -> Scale:
    """From ``low`` to the round value at or above ``high``."""
    if high <= low:
        return Scale(low, low + 1, start, end)
    step = _step(high - low, 4)
    return Scale(low, low + step * math.ceil((high - low) / step - 1e-9), start, end)


def round_scale(low: float, high: float, start: float, end: float) -> Scale:
    """From the round value at or below ``low`` to the one at or above ``high``."""
    if high <= low:
        room = abs(low) / 2 or 1.0
        low, high = low - room, high + room
    step = _step(high - low, 4)
    return Scale(step * math.floor(low / step + 1e-9), step * math.ceil(high / step - 1e-9), start, end)


def round_steps(low: float, high: float, most: int) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten."""
    step = _step(high - low, most - 1)
    first = math.ceil(low / step - 1e-9)
    return [n * step for n in range(first, math.floor(high / step + 1e-9) + 1)]


def decades(low: float, high: float, most: int) -> list[float]:
    """Powers of ten, every so many that there are at most ``most``."""
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    every = max(1, math.ceil((last - first + 1) / most))
    return [10.0**n for n in range(first, last + 1, every)]


def _step(span: float, parts: int) -> float:
    rough = span / max(1, parts)
    power = 10.0 ** math.floor(math.log10(rough))
    return next(m * power for m in (1, 2, 5, 10) if m * power >= rough * (1 - 1e-9))


def quantity(value: float, unit: str) -> str:
    """As :func:`neurodeploy.units.si`, with a micro sign."""
    return si(value, unit).replace(" u", " \u00b5").strip()


def spans(total: int, most: int) -> list[tuple[int, int]]:
    """``range(total)`` cut into at most ``most`` runs of nearly equal length, as (first, last + 1)."""
    parts = min(total, most)
    edges = [round(k * total / parts) for k in range(parts + 1)] if parts else [0]
    return list(zip(edges[:-1], edges[1:], strict=True))
