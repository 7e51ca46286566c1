"""What may be decided about a population's fields beside the rule: by the user, or by calibration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


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
        gram: By source, (n_source, n_source) second moments of what its spikes leave in the membrane; weights are then
            rounded so that errors cancel in what the neuron sums, not one by one. Dense projections only.
    """

    clip: float = 1.0
    exponent: int | None = None
    per_channel: bool = False
    threshold: float = 1.0
    gram: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)


BY_RULE = Choice()
