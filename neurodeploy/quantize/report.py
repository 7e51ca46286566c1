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
        sign_mode: ``mixed`` holds even numbers, ``excitatory`` and ``inhibitory`` every one.
        weight_exp: Exponent of the sum.
        num_weight_bits: Bits kept: those asked for, or fewer where these lose nothing.
        mantissa_max: Largest stored magnitude, of 254 (255 with one sign).
        lsb: One step of the weights, in the float network's units (the median where channels differ).
        error_max_lsb: Largest rounding error, in steps.
        error_max: The same in the float network's units.
        error_rms: RMS rounding error over RMS weight.
        zeroed: Share of nonzero weights that became zero.
        clipped: Share of nonzero weights that the mantissa cuts off.
    """

    source: str
    target: str
    sign_mode: str
    weight_exp: int
    num_weight_bits: int
    mantissa_max: int
    lsb: float
    error_max_lsb: float
    error_max: float
    error_rms: float
    zeroed: float
    clipped: float


@dataclass(frozen=True)
class FieldReport:
    """One field of a population's compartments.

    Attributes:
        field: ``threshold``, ``bias``, ``decay u``, ``decay v``; ``initial v`` where a sample does not start at 0.
        low: Smallest mantissa.
        high: Largest mantissa.
        exponent: A mantissa of 1 is 2^exponent register steps; of decays, 2^exponent of the register per step.
        lsb: One step of the field in the layer's own units: of its membrane, or a factor per step.
        error_lsb: Largest rounding error in steps of the field.
        error: The same in the layer's own units.
        relative: Largest error over its value, or of decays over the part that is lost per step: 1 % is 1 % of a
            time constant.
    """

    field: str
    low: int
    high: int
    exponent: int
    lsb: float
    error_lsb: float
    error: float
    relative: float


@dataclass(frozen=True)
class PopulationReport:
    """One population's fields.

    Attributes:
        name: The layer.
        scale: Register value of v per unit of membrane (the median where neurons differ).
        scales: How many different ones its neurons have.
        vth: Smallest and largest threshold mantissa.
        vth_error: Largest relative error of the threshold.
        decay_u_error: Largest absolute error of the current's factor per step.
        decay_v_error: The same of the membrane.
        bias_error_lsb: Largest error of the bias, in register steps.
        u_headroom_bits: log2 of 2^23 over the largest u: that any input can cause, or the calibration data caused where
            ``u_headroom`` says so. Negative: runs may wrap, and count it.
        v_headroom_bits: The same for v, where runs count saturations.
        u_headroom: ``proven`` from the integers, ``observed`` on calibration data, or ``open``: neither.
        v_headroom: The same for v.
        limited_by: The field that kept the scale from being larger.
        fields: Every field in turn.
    """

    name: str
    scale: float
    scales: int
    vth: tuple[int, int] | None
    vth_error: float
    decay_u_error: float
    decay_v_error: float
    bias_error_lsb: float
    u_headroom_bits: float
    v_headroom_bits: float
    u_headroom: str
    v_headroom: str
    limited_by: str
    fields: tuple[FieldReport, ...] = ()


@dataclass(frozen=True)
class QuantizationReport:
    """Everything :func:`neurodeploy.quantize.quantize` decided.

    Attributes:
        populations: One for each layer.
        projections: One for each connection.
        rewrites: What was put into other terms of the same meaning, a line each.
        calibration: What calibration did, in plain values; empty without it.
    """

    populations: tuple[PopulationReport, ...]
    projections: tuple[ProjectionReport, ...]
    rewrites: tuple[str, ...] = ()
    calibration: dict[str, object] | None = None

    def to_dict(self) -> dict[str, object]:
        """Plain values for JSON, which has no infinity: unlimited headroom is None."""
        populations = [{k: None if v == math.inf else v for k, v in asdict(p).items()} for p in self.populations]
        return {
            "populations": populations,
            "projections": [asdict(p) for p in self.projections],
            "rewrites": list(self.rewrites),
            **({} if self.calibration is None else {"calibration": self.calibration}),
        }
