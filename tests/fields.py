"""Random fields of every neuron model: a small regime, a large one that saturates, and the whole legal range."""

from __future__ import annotations

from typing import Any

import numpy as np

Rng = np.random.Generator

MODELS_OF_LAVA = (
    "ternary_lif",
    "sigma",
    "delta",
    "sigma_delta",
    "delta_encoder",
    "rf",
    "rf_iz",
    "rf_zero",
    "graded_vec",
    "graded_relu_vec",
    "prod",
    "norm_vec_delay",
)
"""Besides ``cuba``."""

EDGE = 2**23 - 1
INT32 = 2**31


def model_fields(model: str, rng: Rng, regime: str, shape: tuple[int, ...]) -> dict[str, Any]:
    """Legal fields for a population of ``shape``; some differ by neuron."""
    small, extreme = regime == "small", regime == "extreme"

    def integers(low: int, high: int) -> Any:
        return rng.integers(low, high, shape) if rng.random() < 0.5 else int(rng.integers(low, high))

    def one(small_high: int, large_high: int, low: int = 0) -> int:
        return int(rng.integers(low, small_high if small else INT32 if extreme else large_high))

    exponents = 32 if extreme and rng.random() < 0.3 else 9
    if model in ("cuba", "ternary_lif"):
        return _lif(model, rng, regime, integers)
    if model in ("delta", "delta_encoder"):
        fields = {"vth": one(200, 2**20), "spike_exp": int(rng.integers(0, exponents))}
        if model == "delta":
            return fields | {"state_exp": int(rng.integers(0, exponents)), "cum_error": int(rng.integers(0, 2))}
        bits = int(rng.integers(0, 17))
        return fields | {"num_bits": bits, "spike_exp": min(fields["spike_exp"], 30 - bits)}
    if model in ("sigma_delta", "sigma_delta_corrected"):
        limit = 300 if small else INT32 if extreme else 2**20
        fields = {"vth": one(200, 2**20), "bias": integers(-limit, limit), "relu": int(rng.integers(0, 2))}
        fields["state_exp"] = int(rng.integers(0, exponents))
        return fields | ({"cum_error": int(rng.integers(0, 2))} if model == "sigma_delta" else {})
    if model in ("rf", "rf_iz"):
        bits = int(rng.integers(1, 16)) if extreme else 12
        fields = {"vth": one(300, 2**20, -50), "state_exp": int(rng.integers(0, exponents)), "decay_bits": bits}
        return fields | _rotation(rng, bits, extreme, shape)
    if model == "rf_zero":
        return {"uth": one(300, 2**20, -50)} | _rotation(rng, 15, extreme, shape)
    if model == "pascal":
        fields = {
            "vth": integers(0, 60 if small else 131072),
            "v0": integers(-2000, 2000) if small else integers(-EDGE, EDGE),
        }
        return fields | {name: int(rng.integers(name != "begin", 7)) for name in ("begin", "steps_in", "steps_out")}
    if model == "prod":
        return {"vth": one(100, 2**20), "exp": int(rng.integers(0, exponents))}
    return {} if model == "sigma" else {"vth": one(100, 2**20)}


def _rotation(rng: Rng, bits: int, extreme: bool, shape: tuple[int, ...]) -> dict[str, Any]:
    """Slowly decaying rotations, or anything."""
    one = 1 << bits
    if extreme and rng.random() < 0.5:
        return {name: rng.integers(-one, one + 1, shape) for name in ("sin", "cos")}
    angle, radius = 2 * np.pi / rng.uniform(2, 40, shape), 1 - rng.uniform(0, 0.3, shape)
    return {"sin": (radius * np.sin(angle) * one).astype(int), "cos": (radius * np.cos(angle) * one).astype(int)}


def _lif(model: str, rng: Rng, regime: str, integers: Any) -> dict[str, Any]:
    ranges = {
        "small": ((-1, 4096), (0, 4097), (-40, 40), (-3, 8), (-2000, 2000)),
        "large": ((-1, 60), (0, 60), (-4096, 4096), (-3, 8), (-EDGE, EDGE + 1)),
        "extreme": ((-1, 4096), (0, 4097), (-32768, 32768), (-31, 32), (-EDGE, EDGE + 1)),
    }[regime]
    fields = {f: integers(*r) for f, r in zip(("du", "dv", "bias_mant", "bias_exp"), ranges, strict=False)}
    start = ranges[-1] if rng.random() < 0.5 else (0, 1)
    fields |= {"u0": integers(*start), "v0": integers(*start)}
    vth = {"small": (-2, 60), "large": (131000, 131073), "extreme": (-131072, 131073)}[regime]
    if model == "cuba":
        return fields | {"vth": integers(*vth)}
    high, low = (int(rng.integers(*vth)) for _ in range(2))
    return fields | {"vth_hi": high, "vth_lo": low if regime == "extreme" else -low}
