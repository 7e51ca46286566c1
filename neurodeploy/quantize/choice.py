"""What may be decided about a population's fields beside the rule: by the user, or by calibration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from neurodeploy.quantize.compensated import Moments


@dataclass(frozen=True, eq=False)
class Choice:
    """Departures from the rule of :func:`neurodeploy.quantize.scale.choose_scale`.

    Attributes:
        clip: Largest weight over the largest one that is held, >= 1: larger weights saturate, the others get finer
            steps.
        exponent: Weight exponent of the projection with the largest weights, where it is legal; None: the largest one
            that is proven to keep u and v within their registers.
        per_channel: Neurons get scales of their own, so that each one's largest weight uses its mantissa.
        threshold: Factor of the threshold.
        moments: By source, of what the spikes at the weights of one sum leave in the membrane; the weights are then
            rounded so that their errors cancel in the sum. Dense projections and convolutions in one group.
    """

    clip: float = 1.0
    exponent: int | None = None
    per_channel: bool = False
    threshold: float = 1.0
    moments: Mapping[str, Moments] = field(default_factory=dict)


BY_RULE = Choice()
