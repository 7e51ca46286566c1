"""What quantisation chose, as tables and lines: weights, fields, headroom. See docs/quantisation-fields.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Table = tuple[str, Sequence[Mapping[str, Any]]]
"""Title and rows."""


def tables(facts: Mapping[str, Any]) -> Iterator[Table]:
    """Chosen fields, errors and headroom per layer."""
    populations = facts["populations"]
    yield "weights", [_weights(p) for p in facts["projections"]]
    yield (
        "fields (own: in units of the membrane; of decays, a factor per step; relative of decays: to the loss)",
        [_field(p["name"], f) for p in populations for f in p["fields"]],
    )
    yield (
        "headroom: bits left before u wraps and v saturates; proven for any input, or observed in calibration",
        [_headroom(p) for p in populations],
    )


def lines(facts: Mapping[str, Any]) -> Iterator[str]:
    """What was rewritten, and what calibration tried and gained."""
    for line in facts["rewrites"]:
        yield f"rewritten: {line}"
    if "calibration" in facts:
        found = facts["calibration"]
        yield f"calibration: {found['method']} on {found['samples']} samples, seed {found['seed']}"
        for name, metric in found["metric"].items():
            default = "no legal fields" if metric["default"] is None else f"{metric['default']:.6g}"
            yield f"  {name}: {default} by rule, {metric['chosen']:.6g} chosen"
        for layer, choice in found["choices"].items():
            yield f"  {layer}: {', '.join(f'{k} {v}' for k, v in choice.items()) or 'by rule'}"


def _weights(p: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "from": p["source"],
        "to": p["target"],
        "signs": p["sign_mode"],
        "bits": p["num_weight_bits"],
        "exponent": p["weight_exp"],
        "mantissa": p["mantissa_max"],
        "LSB": p["lsb"],
        "error, LSB": p["error_max_lsb"],
        "error, own": p["error_max"],
        "RMS error": f"{100 * p['error_rms']:.3g} %",
        "zeroed": f"{100 * p['zeroed']:.3g} %",
        "clipped": f"{100 * p['clipped']:.3g} %",
    }


def _field(layer: str, f: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "layer": layer,
        "field": f["field"],
        "mantissa": str(f["low"]) if f["low"] == f["high"] else f"{f['low']}..{f['high']}",
        "exponent": f["exponent"],
        "LSB, own": f["lsb"],
        "error, LSB": f["error_lsb"],
        "error, own": f["error"],
        "relative": f"{100 * f['relative']:.3g} %",
    }


def _headroom(p: Mapping[str, Any]) -> dict[str, Any]:
    cells: dict[str, Any] = {"layer": p["name"], "scale": p["scale"], "scales": p["scales"]}
    for register in "uv":
        bits = p[f"{register}_headroom_bits"]
        cells[f"{register}, bits"] = "unlimited" if bits is None else f"{bits:.2f}"
        cells[f"{register}, ratio"] = "-" if bits is None else f"{2**bits:.3g} x"
        cells[register] = p[f"{register}_headroom"]
    return {**cells, "limited by": p["limited_by"]}
