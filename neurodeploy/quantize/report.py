"""What quantisation chose and lost, per layer."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class ProjectionReport:
    """One projection's weights.

    Attributes:
        source: Sender.
        target: Receiver.
        weight_exp: Exponent of the sum.
        num_weight_bits: Bits kept.
        mantissa_max: Largest stored magnitude, of 254.
        lsb: One step of the weights, in the float network's units.
        error_max_lsb: Largest rounding error, in steps.
        error_rms: RMS rounding error over RMS weight.
        zeroed: Share of nonzero weights that became zero.
    """

    source: str
    target: str
    weight_exp: int
    num_weight_bits: int
    mantissa_max: int
    lsb: float
    error_max_lsb: float
    error_rms: float
    zeroed: float


@dataclass(frozen=True)
class PopulationReport:
    """One population's fields.

    Attributes:
        name: The layer.
        scale: Register value of v per unit of membrane (the median where neurons differ).
        vth: Smallest and largest threshold mantissa.
        vth_error: Largest relative error of the threshold.
        decay_u_error: Largest absolute error of the current's factor per step.
        decay_v_error: The same of the membrane.
        bias_error_lsb: Largest error of the bias, in register steps.
        u_headroom_bits: log2 of 2^23 over the largest u that any input can cause; negative: not proven, runs count
            wraps.
        v_headroom_bits: The same for v, where runs count saturations.
        limited_by: The field that kept the scale from being larger.
    """

    name: str
    scale: float
    vth: tuple[int, int] | None
    vth_error: float
    decay_u_error: float
    decay_v_error: float
    bias_error_lsb: float
    u_headroom_bits: float
    v_headroom_bits: float
    limited_by: str


@dataclass(frozen=True)
class QuantizationReport:
    """Everything :func:`neurodeploy.quantize.quantize` decided.

    Attributes:
        populations: One for each layer.
        projections: One for each connection.
        rewrites: What was put into other terms of the same meaning, a line each.
    """

    populations: tuple[PopulationReport, ...]
    projections: tuple[ProjectionReport, ...]
    rewrites: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """Plain values for JSON, which has no infinity: unlimited headroom is None."""
        populations = [{k: None if v == math.inf else v for k, v in asdict(p).items()} for p in self.populations]
        return {
            "populations": populations,
            "projections": [asdict(p) for p in self.projections],
            "rewrites": list(self.rewrites),
        }
