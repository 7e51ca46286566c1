"""Wrong rules, as replacements of source text, for tools/mutations.py.

Numbers are those of the specification's table of mutations; the others follow it or close a gap beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

CUBA, CUBA_C, RUN_C = "neurons/cuba.py", "kernels/cuba.c", "kernels/run.c"
REFERENCE, ENGINE = "simulate/reference.py", "simulate/engine.py"
ARITHMETIC, WEIGHTS, CHIPNET = "arithmetic.py", "weights.py", "chipnet.py"
CONV, CONV_C = "connections/conv.py", "kernels/conv2d.c"

Edits = tuple[tuple[str, str, str], ...]
"""File below neurodeploy/, what stands there once, what shall stand there."""


@dataclass(frozen=True)
class Variant:
    """One wrong rule, in each engine that holds it."""

    name: str
    reference: Edits
    fast: Edits


def both(name: str, *edits: tuple[str, str, str]) -> Variant:
    """A rule that both engines share."""
    return Variant(name, edits, edits)


CLEAR, CLEAR_INHIBITORY = "held = (clipped >> cleared) << cleared", "-((-clipped >> cleared) << cleared)"
LATE, LATE_C = "emitted = t - 1 - projection.delay", "emitted = t - 1 - p->delay"
DECAY_C = "return (int64_t)x * factor / 4096;"
DECAY = "np.sign(x) * (np.abs(x) >> bits)"
CORRECTED = "np.where(u > STATE_LIMIT, u - 2**24, np.where(u <= -STATE_LIMIT, u + 2**24, u))"
CORRECTED_C, CORRECTED_C_TOO = "if (next_u > M) next_u -= 2 * M;", "else if (next_u <= -M) next_u += 2 * M;"
CLIPPED = "np.clip(wrap_int32(exact_v), -(STATE_LIMIT - 1), STATE_LIMIT - 1)"
CLIPPED_C, CLIPPED_C_TOO = "if (next_v > M - 1) next_v = M - 1;", "if (next_v < 1 - M) next_v = 1 - M;"
WRAP24_C = "(int32_t)(((uint32_t)%s + (UINT32_C(1) << 23)) & 0xFFFFFF) - M;"
INPUT_C = "const int64_t input = (int64_t)a[i] * 64;"
SHIFT_C = "(int64_t)acc[i] >> -p->weight_exp"
KERNEL = "kernel = self.weights[g * out_group : (g + 1) * out_group]"
KERNEL_C = "kernel + (ky * p->kw + kx) * group_out"
ROWS = """held = (clipped >> cleared) << cleared
    if sign_mode == "mixed" and weights.ndim == 2:
        finer = np.sign(clipped) * ((np.abs(clipped) >> max(cleared - 1, 0)) << max(cleared - 1, 0))
        held = np.where((clipped.min(axis=1) >= 0) | (clipped.max(axis=1) <= 0), finer.T, held.T).T"""
AUTOMATIC = (
    'low, high = LIMITS["inhibitory" if weights.max() <= 0 else "excitatory" if weights.min() >= 0 else "mixed"]'
)

VARIANTS = (
    Variant("(nothing changed)", (), ()),
    both("1 weights: LSBs not cleared", (WEIGHTS, CLEAR, "held = clipped"), (WEIGHTS, CLEAR_INHIBITORY, "clipped")),
    both(
        "2 weights: cleared toward zero",
        (WEIGHTS, CLEAR, "held = np.sign(clipped) * ((np.abs(clipped) >> cleared) << cleared)"),
    ),
    both(
        "3 weights: rounded to the nearest step",
        (WEIGHTS, CLEAR, "held = np.rint(clipped / (1 << cleared)).astype(np.int32) << cleared"),
    ),
    Variant(
        "4 negative weight_exp toward zero",
        ((ARITHMETIC, "else x >> -exponent", "else np.sign(x) * (np.abs(x) >> -exponent)"),),
        ((RUN_C, SHIFT_C, "(int64_t)acc[i] / (INT64_C(1) << -p->weight_exp)"),),
    ),
    Variant(
        "5 no synapse latency",
        ((REFERENCE, LATE, "emitted = t - projection.delay"),),
        ((RUN_C, LATE_C, "emitted = t - p->delay"),),
    ),
    Variant(
        "6 du without its +1",
        ((CUBA, '(DECAY_ONE - 1 - f["du"])', '(DECAY_ONE - f["du"])'),),
        ((CUBA_C, "4095 - p->du[i]", "4096 - p->du[i]"),),
    ),
    Variant(
        "7 dv with a +1",
        ((CUBA, '(DECAY_ONE - f["dv"])', '(DECAY_ONE - 1 - f["dv"])'),),
        ((CUBA_C, "4096 - p->dv[i]", "4095 - p->dv[i]"),),
    ),
    Variant(
        "8 decay by floor",
        ((ARITHMETIC, DECAY, "x >> bits"),),
        ((CUBA_C, DECAY_C, "return (int64_t)x * factor >> 12;"),),
    ),
    Variant(
        "9 decay rounded to nearest",
        ((ARITHMETIC, DECAY, "(x + (1 << (bits - 1))) >> bits"),),
        ((CUBA_C, DECAY_C, "return ((int64_t)x * factor + 2048) >> 12;"),),
    ),
    Variant(
        "10 u saturates",
        ((CUBA, CORRECTED, "np.clip(u, -STATE_LIMIT, STATE_LIMIT)"),),
        (
            (CUBA_C, CORRECTED_C, "if (next_u > M) next_u = M;"),
            (CUBA_C, CORRECTED_C_TOO, "if (next_u < -M) next_u = -M;"),
        ),
    ),
    Variant(
        "11 u as two's complement",
        ((CUBA, CORRECTED, "((u + STATE_LIMIT) & (2**24 - 1)) - STATE_LIMIT"),),
        ((CUBA_C, CORRECTED_C, "next_u = " + WRAP24_C % "next_u"), (CUBA_C, CORRECTED_C_TOO, "")),
    ),
    Variant(
        "11b u = -2^23 is not corrected",
        ((CUBA, "u <= -STATE_LIMIT", "u < -STATE_LIMIT"),),
        ((CUBA_C, "next_u <= -M", "next_u < -M"),),
    ),
    Variant(
        "11c u = +2^23 is corrected",
        ((CUBA, "u > STATE_LIMIT", "u >= STATE_LIMIT"),),
        ((CUBA_C, "if (next_u > M)", "if (next_u >= M)"),),
    ),
    Variant(
        "12 v uses the old u",
        ((CUBA, "+ u + bias", "+ state.u + bias"),),
        (
            (CUBA_C, INPUT_C, "const int32_t old_u = u[i]; " + INPUT_C),
            (CUBA_C, "+ next_u + p->bias", "+ old_u + p->bias"),
        ),
    ),
    Variant(
        "13 v wraps",
        ((CUBA, CLIPPED, "((wrap_int32(exact_v) + STATE_LIMIT) & (2**24 - 1)) - STATE_LIMIT"),),
        ((CUBA_C, CLIPPED_C, "next_v = " + WRAP24_C % "next_v"), (CUBA_C, CLIPPED_C_TOO, "")),
    ),
    Variant(
        "14 v clipped to -2^23",
        ((CUBA, CLIPPED, "np.clip(wrap_int32(exact_v), -STATE_LIMIT, STATE_LIMIT - 1)"),),
        ((CUBA_C, CLIPPED_C_TOO, "if (next_v < -M) next_v = -M;"),),
    ),
    Variant(
        "15 spike on >=",
        ((CUBA, "v > threshold", "v >= threshold"),),
        ((CUBA_C, "next_v > threshold", "next_v >= threshold"),),
    ),
    Variant(
        "16 reset by subtraction",
        ((CUBA, "np.where(fired, 0, v)", "np.where(fired, v - threshold, v)"),),
        ((CUBA_C, "p->reset == ND_RESET_ZERO) next_v = 0;", "p->reset == ND_RESET_ZERO) next_v -= threshold;"),),
    ),
    Variant(
        "delay d as t + d",
        ((REFERENCE, LATE, "emitted = t - max(1, projection.delay)"),),
        ((RUN_C, LATE_C, "emitted = t - (p->delay > 1 ? p->delay : 1)"),),
    ),
    both("sign mode per row", (WEIGHTS, CLEAR, ROWS)),
    both(
        "sign mode from the weights",
        (
            WEIGHTS,
            "low, high = LIMITS[sign_mode]",
            AUTOMATIC + "\n    sign_mode = {v: k for k, v in LIMITS.items()}[low, high]",
        ),
    ),
    both("inhibitory by floor", (WEIGHTS, CLEAR_INHIBITORY, "(clipped >> cleared) << cleared")),
    both("mixed as if of 8 bits", (WEIGHTS, "(9 if sign_mode", "(8 if num_weight_bits < 9 and sign_mode")),
    Variant(
        "conv unflipped",
        ((CONV, KERNEL, KERNEL + "[..., ::-1, ::-1]"),),
        ((CONV_C, KERNEL_C, "kernel + ((p->kh - 1 - ky) * p->kw + p->kw - 1 - kx) * group_out"),),
    ),
    Variant(
        "conv unwrapped",
        ((REFERENCE, "return total, wrap_int24(total)", "return total, total"),),
        ((RUN_C, "(int64_t)(((uint32_t)acc[i] + (UINT32_C(1) << 23)) & 0xFFFFFF) - (INT32_C(1) << 23)", "acc[i]"),),
    ),
    both(
        "conv LSB-cleared", (CHIPNET, "prepared = weights.astype(np.int32)", "prepared = weights.astype(np.int32) & ~1")
    ),
    Variant(
        "conv kernel x and y swapped",
        ((CONV, KERNEL, KERNEL + ".swapaxes(2, 3)"),),
        ((CONV_C, KERNEL_C, "kernel + (p->kh == p->kw ? kx * p->kw + ky : ky * p->kw + kx) * group_out"),),
    ),
    Variant(
        "conv stride x and y swapped",
        ((CONV, ":: self.stride[0], :: self.stride[1],", ":: self.stride[1], :: self.stride[0],"),),
        ((ENGINE, "(slot.stride_y, slot.stride_x)", "(slot.stride_x, slot.stride_y)"),),
    ),
    Variant(
        "conv padding x and y swapped",
        (
            (
                CONV,
                "np.pad(maps, ((0, 0), (0, 0), (py, py), (px, px)))",
                "np.pad(maps, ((0, 0), (0, 0), (px, px), (py, py)))",
            ),
        ),
        ((ENGINE, "(slot.pad_y, slot.pad_x)", "(slot.pad_x, slot.pad_y)"),),
    ),
    Variant(
        "conv dilation ignored",
        ((CONV, "::dy, ::dx]", ":kh, :kw]"),),
        ((ENGINE, "slot.dilation_y, slot.dilation_x = c.dilation", "slot.dilation_y, slot.dilation_x = 1, 1"),),
    ),
    Variant(
        "conv groups interleaved",
        ((CONV, "columns[:, g * in_group : (g + 1) * in_group]", "columns[:, g :: self.groups]"),),
        ((CONV_C, "(channel / group_in) * group_out", "(channel % p->groups) * group_out"),),
    ),
    both("bias toward zero", (CUBA, "mantissa >> down", "np.sign(mantissa) * (np.abs(mantissa) >> down)")),
    both(
        "bias not wrapped to 32 bits",
        (CUBA, "return wrap_int32(np.where(exponent", "return np.clip(np.where(exponent"),
        (CUBA, "mantissa >> down))", "mantissa >> down), -(2**31), 2**31 - 1)"),
    ),
    Variant(
        "u reset by a spike too",
        (
            (
                CUBA,
                "        overflow = (u != exact_u)",
                "        u = np.where(fired, 0, u)\n        overflow = (u != exact_u)",
            ),
        ),
        ((CUBA_C, "        v[i] = next_v;", "        if (fired) u[i] = 0;\n        v[i] = next_v;"),),
    ),
    Variant(
        "input shift not wrapped to 32 bits",
        ((CUBA, "+ wrap_int32(a << INPUT_SHIFT)\n", "+ np.clip(a << INPUT_SHIFT, -(2**31), 2**31 - 1)\n"),),
        (
            (
                CUBA_C,
                "+ nd_wrap32(input);",
                "+ (input > INT32_MAX ? INT32_MAX : input < INT32_MIN ? INT32_MIN : input);",
            ),
        ),
    ),
    Variant(
        "sum of projections saturates",
        ((REFERENCE, "before, wrap_int32(a),", "before, np.clip(a, -(2**31), 2**31 - 1),"),),
        (
            (
                RUN_C,
                "acc[i] = nd_wrap32(sums[i]);",
                "acc[i] = sums[i] > INT32_MAX ? INT32_MAX : sums[i] < INT32_MIN ? INT32_MIN : (int32_t)sums[i];",
            ),
        ),
    ),
)
