"""Which rule adapts a running network, and how strongly."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from neurodeploy.errors import SimulationError, did_you_mean

ETA: Mapping[str, float] = {"off": 0.0, "homeo_gain": 0.02, "bcm_gain": 0.01, "bcm_add": 0.003}
"""Rules, and the step each takes by default."""
RULES = tuple(ETA)
SPREADS = ("layer", "time", "one")
ROUNDINGS = ("floor", "stochastic")
MOST_SHIFT = 16


@dataclass(frozen=True)
class Adaptation:
    """One rule and its constants; ``docs/adaptation.md`` has the formulas.

    Attributes:
        rule: ``homeo_gain`` (multiplicative, ours), ``bcm_gain`` (multiplicative BCM), ``bcm_add`` (additive BCM on
            weights, as the paper's, whose missing equation we completed), or ``off``.
        eta: Step, 0..1; None: the rule's default.
        zeta: Factor of the coefficient of variation in k = min(zeta sigma / mu, 1), >= 0.
        trace_shift: The trace of the spike count takes over ``2**-trace_shift`` of each inference; 4 at 16 steps is a
            time constant of some 256 steps.
        moment_shift: The same of the trace of its square.
        cv: What sigma and mu are taken over: ``layer``, the neurons of a layer in one inference; ``time``, one neuron
            over the past inferences; or ``one``: k = 1.
        rounding: Of the traces' shifts: ``floor``, or ``stochastic`` with ``seed``. Weights are always rounded
            stochastically, since their steps are below one unit.
        weight_limit: ``bcm_add`` keeps each weight within so many thresholds of its trained value; None: within its
            format's range only.
        seed: Of stochastic rounding, 0..2^64 - 1.
        layers: Populations to adapt; None: all that spike but the outputs.
    """

    rule: str = "homeo_gain"
    eta: float | None = None
    zeta: float = 1.0
    trace_shift: int = 4
    moment_shift: int = 4
    cv: str = "layer"
    rounding: str = "floor"
    weight_limit: float | None = None
    seed: int = 0
    layers: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        for name, value, known in (
            ("rule", self.rule, RULES),
            ("cv", self.cv, SPREADS),
            ("rounding", self.rounding, ROUNDINGS),
        ):
            if value not in known:
                raise SimulationError(f"no {name} '{value}'", where="adaptation", remedy=did_you_mean(value, known))
        limits: tuple[tuple[str, Any, float], ...] = (
            ("eta", self.step, 1),
            ("zeta", self.zeta, 256),
            ("weight_limit", self.weight_limit or 0.0, 1024),
        )
        for name, number, most in limits:
            if not isinstance(number, (int, float)) or not math.isfinite(number) or not 0 <= number <= most:
                raise SimulationError(
                    f"{name} = {number!r}", where="adaptation", remedy=f"give a number in 0..{most:g}"
                )
        for name, whole, top in (
            ("trace_shift", self.trace_shift, MOST_SHIFT),
            ("moment_shift", self.moment_shift, MOST_SHIFT),
            ("seed", self.seed, 2**64 - 1),
        ):
            if not isinstance(whole, int) or not 0 <= whole <= top:
                raise SimulationError(f"{name} = {whole!r}", where="adaptation", remedy=f"give an integer in 0..{top}")

    @property
    def step(self) -> float:
        """``eta``, or the rule's default."""
        return ETA[self.rule] if self.eta is None else self.eta

    @property
    def is_on(self) -> bool:
        """Whether anything can change: with ``off`` or eta = 0 nothing is read, computed or written."""
        return self.rule != "off" and self.step > 0

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as a Program stores them."""
        return asdict(self) | {"eta": self.step, "layers": None if self.layers is None else list(self.layers)}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Adaptation:
        """From what :meth:`to_dict` made."""
        known = {f.name for f in fields(cls)}
        values = {name: value for name, value in stored.items() if name in known}
        layers = values.get("layers")
        return cls(**{**values, "layers": None if layers is None else tuple(layers)})
