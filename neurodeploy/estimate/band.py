"""An estimate with its range; no figure is printed without one."""

from __future__ import annotations

from dataclasses import dataclass

from neurodeploy.target_schema import FloatQuantity


@dataclass(frozen=True)
class Band:
    """A value and the range that the sources leave open, low <= value <= high."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, quantity: FloatQuantity | None) -> Band:
        """From a constant of a target file; nothing for one that is not there."""
        if quantity is None:
            return cls(0.0, 0.0, 0.0)
        low, high = quantity.band
        return cls(quantity.value, low, high)

    def __add__(self, other: Band) -> Band:
        return Band(self.value + other.value, self.low + other.low, self.high + other.high)

    def __mul__(self, other: Band | float) -> Band:
        factor = other if isinstance(other, Band) else Band(other, other, other)
        return Band(self.value * factor.value, self.low * factor.low, self.high * factor.high)

    def to_dict(self) -> dict[str, float]:
        """Plain values."""
        return {"value": self.value, "low": self.low, "high": self.high}
