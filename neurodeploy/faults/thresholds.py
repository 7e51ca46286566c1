"""Faults of thresholds: scaled, or drifted apart. Neurons that never fire have none."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import InvalidFault
from neurodeploy.faults.fault import Draw, Fault, Image, with_field
from neurodeploy.faults.manifest import Hit
from neurodeploy.neurons import model_named
from neurodeploy.neurons.cuba import VTH_NEVER
from neurodeploy.neurons.model import Field

FIELDS = ("vth", "vth_hi", "vth_lo", "uth")
"""Names of the thresholds of all models."""
DRIFT_LIMITS = (0.3, 3.0)


class ThresholdFault(Fault):
    """Thresholds times factors, rounded, kept within what the register (and the target) holds."""

    def strike(self, image: Image, draw: Draw) -> tuple[Image, list[Hit]]:
        self.check_layers(image.net.populations, "a population")
        changed, hits = {}, []
        for k, (name, p) in enumerate(image.net.populations.items()):
            rules = [f for f in model_named(p.model).fields if f.name in FIELDS]
            if not self.concerns(name) or not rules:
                continue
            new, parts = p, []
            factors = self.factors(draw.stream(k), p.size if rules[0].per_neuron else 1)
            for rule in rules:
                old = np.asarray(p.fields[rule.name])
                wanted = np.rint(old * (factors if rule.per_neuron else factors[0]))
                kept = np.clip(wanted, *_limits(rule, image)).astype(np.int64)
                fires = old < VTH_NEVER if rule.maximum == VTH_NEVER else np.ones(old.shape, bool)
                new = with_field(new, rule.name, np.where(fires, kept, old))
                fires, before, after = (
                    np.broadcast_to(x, (p.size,)) for x in (fires, p.fields[rule.name], new.fields[rule.name])
                )
                clipped = np.broadcast_to(wanted != kept, (p.size,)) & fires
                parts.append((fires, before, after, clipped))
            fires, before, after, clipped = (np.concatenate(columns) for columns in zip(*parts, strict=True))
            if fires.any():
                ratio = after[fires & (before != 0)] / before[fires & (before != 0)]
                spread = (float(ratio.mean()), float(ratio.std())) if ratio.size else (float("nan"), float("nan"))
                effect = {"mean_factor": spread[0], "std_factor": spread[1], "saturated": float(clipped.sum())}
                hits.append(self.hit(name, "thresholds", len(fires), fires, before != after, **effect))
            changed[name] = new
        if not hits:
            raise InvalidFault(
                f"{' and '.join(self.layers) or 'the network'} never fires: there is no threshold",
                where=f"fault '{self}'",
                remedy="name layers that fire",
            )
        return image.with_populations(changed), hits

    @abstractmethod
    def factors(self, rng: np.random.Generator, size: int) -> NDArray[np.float64]:
        """Factor of each threshold."""


class ThresholdScale(ThresholdFault):
    """All thresholds times a factor."""

    name = "threshold_scale"
    meaning = "a factor > 0"
    neutral = 1.0
    lowest = float(np.nextafter(0, 1))
    is_drawn = False

    def factors(self, rng: np.random.Generator, size: int) -> NDArray[np.float64]:
        return np.full(size, self.severity)


class ThresholdDrift(ThresholdFault):
    """Each threshold times a normal number around 1, which is clipped to 0.3..3.

    Where the neurons of a population share one threshold register, they share the factor.
    """

    name = "threshold_drift"
    meaning = "a standard deviation >= 0 of the factor"

    def factors(self, rng: np.random.Generator, size: int) -> NDArray[np.float64]:
        return np.clip(1 + self.severity * rng.standard_normal(size), *DRIFT_LIMITS)


def _limits(rule: Field, image: Image) -> tuple[int, int]:
    """Legal values of a threshold that can be reached."""
    if rule.maximum != VTH_NEVER:
        return rule.minimum, rule.maximum
    most = VTH_NEVER - 1
    return rule.minimum, most if image.target is None else min(most, image.target.compartment.vth_mantissa_max.value)
