"""Quantities as text."""

from __future__ import annotations

import math


def si(value: float, unit: str) -> str:
    """A quantity with an SI prefix and three digits."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g} {unit}"
    value = float(f"{value:.3g}")  # first, or 999.9 n would become 1e+03 n
    power = max(-15, min(9, 3 * math.floor(math.log10(abs(value)) / 3)))
    prefix = {-15: "f", -12: "p", -9: "n", -6: "u", -3: "m", 0: "", 3: "k", 6: "M", 9: "G"}[power]
    return f"{value / 10.0**power:.3g} {prefix}{unit}"
