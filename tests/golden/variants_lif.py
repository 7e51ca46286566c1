"""Wrong rules, as replacements of source text, for tools/mutations.py.

Those of current-based neurons and synapses; numbers are those of the specification's table of mutations, the others
follow it or close a gap beside it.
"""

from __future__ import annotations

from golden.variant import Variant, both

CUBA, CUBA_C, LAYERS_C = "neurons/cuba.py", "kernels/cuba.c", "kernels/layers.c"
LIF, LIF_C, PARTS = "neurons/lif.py", "kernels/lif.h", "chipnet_parts.py"
REFERENCE, PREPARED, SYNAPSES = "simulate/reference.py", "simulate/prepared.py", "simulate/synapses.py"
ARITHMETIC, WEIGHTS, CHIPNET = "arithmetic.py", "weights.py", "chipnet_synapses.py"
CONV, CONV_C, INPUTS_C = "connections/conv.py", "kernels/conv2d.c", "kernels/inputs.c"
BLOCKS, PACKING = "simulate/conv_blocks.py", "simulate/packing.py"

CLEAR = "held >>= cleared\n        held <<= cleared"
NEGATE = "np.negative(held, out=held)\n    %s"
LATENCY = 'return 0 if self.connection.kind == "direct" else 1 + self.delay'
DECAY_C = "return (int64_t)x * factor / 4096;"
DECAY_LANES_C, ROUNDED_LANES_C = (
    "k | nd_all(-4095 * 65536)",
    "(nd_pairs(nd_select(nd_all(4095), x, upper), k.lower) >> 12)",
)
DECAY_OTHER_LANES_C = " + ((x >> 31) & low)"  # without pairs of products
DECAY = "np.sign(x) * (np.abs(x) >> bits)"
CORRECTED = "wrapped > STATE_LIMIT, wrapped - 2**24, np.where(wrapped <= -STATE_LIMIT, wrapped + 2**24, wrapped)"
CORRECTED_C, CORRECTED_C_TOO = "if (next > M) next -= 2 * M;", "else if (next <= -M) next += 2 * M;"
CLIPPED = "np.clip(wrap_int32(exact), -(STATE_LIMIT - 1), STATE_LIMIT - 1)"
CLIPPED_C, CLIPPED_C_TOO = "if (next > M - 1) next = M - 1;", "if (next < 1 - M) next = 1 - M;"
WRAP24_C = "(int32_t)(((uint32_t)%s + (UINT32_C(1) << 23)) & 0xFFFFFF) - M;"
SHIFT_C, SHIFT_C_TOO = "exact >>= -p->weight_exp;", "nd_wrap32(held >> -p->weight_exp)"
SHIFT_LANES_C = "wide[i] >> -exponent;"
SENT = "sent[p.source][:, emitted - 1]"
DEFERRED = (
    f"sums[p.port] += (p.connection.propagate({SENT} if p.message_bits else {SENT} != 0) << 16 + p.weight_exp) "
    "if p.connection.kind in ('dense', 'sparse') and p.weight_exp < 0 else output << 16"
)
DEFERRED_C = (
    "(void)output; "
    "*sum += p->kind != ND_CONV2D && p->weight_exp < 0 ? (held * 65536) >> -p->weight_exp : output * 65536;"
)
KERNEL = "kernel = self.weights[g * out_group : (g + 1) * out_group]"
TAPS = "kw] = weights"
KERNEL_C = "kernel + (ky * p->kw + kx) * group_out"
ROWS = """clipped = held.copy()
        held >>= cleared
        held <<= cleared
        if sign_mode == "mixed" and weights.ndim == 2:
            finer = np.sign(clipped) * ((np.abs(clipped) >> max(cleared - 1, 0)) << max(cleared - 1, 0))
            held = np.where((clipped.min(axis=1) >= 0) | (clipped.max(axis=1) <= 0), finer.T, held.T).T"""
AUTOMATIC = (
    "low, high = LIMITS["
    '"inhibitory" if weights.max(initial=-1) <= 0 else "excitatory" if weights.min(initial=1) >= 0 else "mixed"]'
)

SYNAPSE_AND_LIF_VARIANTS = (
    Variant("(nothing changed)", (), ()),
    both("1 weights: LSBs not cleared", (WEIGHTS, CLEAR, "pass")),
    both(
        "2 weights: cleared toward zero",
        (WEIGHTS, CLEAR, "held = np.sign(held) * ((np.abs(held) >> cleared) << cleared)"),
    ),
    both(
        "3 weights: rounded to the nearest step",
        (WEIGHTS, CLEAR, "held = np.rint(held / (1 << cleared)).astype(np.int32) << cleared"),
    ),
    Variant(
        "4 negative weight_exp toward zero",
        ((ARITHMETIC, "else x >> -exponent", "else np.sign(x) * (np.abs(x) >> -exponent)"),),
        (
            (INPUTS_C, SHIFT_C, "exact /= INT64_C(1) << -p->weight_exp;"),
            (INPUTS_C, SHIFT_C_TOO, "nd_wrap32(held / (INT64_C(1) << -p->weight_exp))"),
            (INPUTS_C, SHIFT_LANES_C, "wide[i] / (INT32_C(1) << -exponent);"),
        ),
    ),
    both("5 no synapse latency", (PARTS, LATENCY, LATENCY.replace("1 + ", ""))),
    Variant(
        "6 du without its +1",
        ((LIF, "(DECAY_ONE - 1 - du)", "(DECAY_ONE - du)"),),
        ((LIF_C, "4095 - du", "4096 - du"), (PREPARED, "(4095 - du, ", "(4096 - du, ")),
    ),
    Variant(
        "7 dv with a +1",
        ((LIF, '(DECAY_ONE - fields["dv"])', '(DECAY_ONE - 1 - fields["dv"])'),),
        ((LIF_C, "4096 - dv", "4095 - dv"), (PREPARED, "4096 - dv, ", "4095 - dv, ")),
    ),
    Variant(
        "8 decay by floor",
        ((ARITHMETIC, DECAY, "x >> bits"),),
        (
            (LIF_C, DECAY_C, "return (int64_t)x * factor >> 12;"),
            (LIF_C, DECAY_LANES_C, "k"),
            (LIF_C, DECAY_OTHER_LANES_C, ""),
        ),
    ),
    Variant(
        "9 decay rounded to nearest",
        ((ARITHMETIC, DECAY, "(x + (1 << (bits - 1))) >> bits"),),
        (
            (LIF_C, DECAY_C, "return ((int64_t)x * factor + 2048) >> 12;"),
            (LIF_C, DECAY_LANES_C, "k"),
            (LIF_C, ROUNDED_LANES_C, "((nd_pairs(nd_select(nd_all(4095), x, upper), k.lower) + 2048) >> 12)"),
            (LIF_C, DECAY_OTHER_LANES_C, " + 2048"),
        ),
    ),
    Variant(
        "10 u saturates",
        ((LIF, CORRECTED, "False, 0, np.clip(wrapped, -STATE_LIMIT, STATE_LIMIT)"),),
        (
            (LIF_C, CORRECTED_C, "if (next > M) next = M;"),
            (LIF_C, CORRECTED_C_TOO, "if (next < -M) next = -M;"),
        ),
    ),
    Variant(
        "11 u as two's complement",
        ((LIF, CORRECTED, "False, 0, ((wrapped + STATE_LIMIT) & (2**24 - 1)) - STATE_LIMIT"),),
        ((LIF_C, CORRECTED_C, "next = " + WRAP24_C % "next"), (LIF_C, CORRECTED_C_TOO, "")),
    ),
    Variant(
        "11b u = -2^23 is not corrected",
        ((LIF, "wrapped <= -STATE_LIMIT", "wrapped < -STATE_LIMIT"),),
        ((LIF_C, "next <= -M", "next < -M"),),
    ),
    Variant(
        "11c u = +2^23 is corrected",
        ((LIF, "wrapped > STATE_LIMIT", "wrapped >= STATE_LIMIT"),),
        ((LIF_C, "if (next > M)", "if (next >= M)"), (CUBA_C, "(nd_u32)next_u[j] + (M - 1)", "(nd_u32)next_u[j] + M")),
    ),
    Variant(
        "12 v uses the old u",
        ((CUBA, 'membrane_step(state["v"], u, fields)', 'membrane_step(state["v"], state["u"], fields)'),),
        (
            (CUBA_C, "*u = lif_current", "const int32_t old_u = *u; *u = lif_current"),
            (CUBA_C, "lif_membrane(*v, *u", "lif_membrane(*v, old_u"),
            (CUBA_C, "+ (nd_u32)next_u[j] + (nd_u32)bias", "+ (nd_u32)u + (nd_u32)bias"),
        ),
    ),
    Variant(
        "13 v wraps",
        ((LIF, CLIPPED, "((wrap_int32(exact) + STATE_LIMIT) & (2**24 - 1)) - STATE_LIMIT"),),
        (
            (LIF_C, CLIPPED_C, "next = " + WRAP24_C % "next"),
            (LIF_C, CLIPPED_C_TOO, ""),
        ),
    ),
    Variant(
        "14 v clipped to -2^23",
        ((LIF, CLIPPED, "np.clip(wrap_int32(exact), -STATE_LIMIT, STATE_LIMIT - 1)"),),
        ((LIF_C, CLIPPED_C_TOO, "if (next < -M) next = -M;"),),
    ),
    Variant(
        "15 spike on >=",
        ((CUBA, "v > threshold", "v >= threshold"),),
        (
            (CUBA_C, "next > threshold", "next >= threshold"),
            (CUBA_C, "nd_above(exact, threshold)", "nd_above(exact, threshold - 1)"),
        ),
    ),
    Variant(
        "16 reset by subtraction",
        ((CUBA, "np.where(fired, 0, v)", "np.where(fired, v - threshold, v)"),),
        (
            (CUBA_C, "reset == RESET_ZERO) next = 0;", "reset == RESET_ZERO) next -= threshold;"),
            (CUBA_C, "(exact & f->clear)", "(threshold & f->clear)"),
            (CUBA_C, "nd_except(fires, exact)", "exact - nd_where(fires, threshold)"),
        ),
    ),
    both("delay d as t + d", (PARTS, LATENCY, LATENCY.replace("1 + self.delay", "max(1, self.delay)"))),
    Variant(
        "LIFReset one step late",
        ((REFERENCE, "t % interval == population", "(t - 1) % interval == population"),),
        ((LAYERS_C, "|| step % q->reset_interval", "|| (step - 1) % q->reset_interval"),),
    ),
    Variant(
        "LIFReset one step early",
        ((REFERENCE, "t % interval == population", "(t + 1) % interval == population"),),
        ((LAYERS_C, "|| step % q->reset_interval", "|| (step + 1) % q->reset_interval"),),
    ),
    Variant(
        "shift after summing the delay buckets",
        (
            (SYNAPSES, "sums[p.port] += output", DEFERRED),
            (SYNAPSES, "wrap_int32(a) for port", "wrap_int32(a >> 16) for port"),
        ),
        (
            (INPUTS_C, "*sum += output;", DEFERRED_C),
            (INPUTS_C, "else sums[a.list[s]] += value;", "else sums[a.list[s]] += INT64_C(65536) * value;"),
            (INPUTS_C, "= nd_wrap32(w->sums[i]);", "= nd_wrap32(w->sums[i] >> 16);"),
            (PREPARED, "entry.fits32 = fits32(incoming)", "entry.fits32 = False"),
            (PREPARED, "exponent = narrow_exponent(incoming)", "exponent = None"),
            (PREPARED, "dense and not is_recurrent and fits32(incoming)", "False"),
            (PREPARED, "if narrow_exponent(whole) is not None:", "if False:"),
        ),
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
    both(
        "inhibitory by floor",
        (WEIGHTS, NEGATE % "if cleared", "pass\n    if cleared"),
        (WEIGHTS, NEGATE % "return held", "pass\n    return held"),
    ),
    both("mixed as if of 8 bits", (WEIGHTS, "(9 if sign_mode", "(8 if num_weight_bits < 9 and sign_mode")),
    Variant(
        "conv unflipped",
        ((CONV, KERNEL, KERNEL + "[..., ::-1, ::-1]"),),
        (
            (CONV_C, KERNEL_C, "kernel + ((p->kh - 1 - ky) * p->kw + p->kw - 1 - kx) * group_out"),
            (BLOCKS, TAPS, "kw] = weights[..., ::-1, ::-1]"),
        ),
    ),
    Variant(
        "conv unwrapped",
        ((SYNAPSES, "return _wrapped(total, wrap_int24(total))", "return _wrapped(total, total)"),),
        ((INPUTS_C, "output = nd_wrap24(held);", "output = held;"),),
    ),
    both("conv LSB-cleared", (CHIPNET, "return weights.astype(np.int32)", "return weights.astype(np.int32) & ~1")),
    Variant(
        "conv kernel x and y swapped",
        ((CONV, KERNEL, KERNEL + ".swapaxes(2, 3)"),),
        (
            (CONV_C, KERNEL_C, "kernel + (p->kh == p->kw ? kx * p->kw + ky : ky * p->kw + kx) * group_out"),
            (BLOCKS, TAPS, "kw] = weights.swapaxes(2, 3) if kh == kw else weights"),
        ),
    ),
    Variant(
        "conv stride x and y swapped",
        ((CONV, ":: self.stride[0], :: self.stride[1],", ":: self.stride[1], :: self.stride[0],"),),
        (
            (PACKING, "reached // c.stride[axis]", "reached // c.stride[1 - axis]"),
            (PACKING, "reached % c.stride[axis]", "reached % c.stride[1 - axis]"),
            (BLOCKS, "c.stride[a]", "c.stride[1 - a]"),
        ),
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
        ((PACKING, "c.padding[axis]", "c.padding[1 - axis]"), (BLOCKS, "c.padding[a]", "c.padding[1 - a]")),
    ),
    Variant(
        "conv dilation ignored",
        ((CONV, "::dy, ::dx]", ":kh, :kw]"),),
        ((PACKING, "taps * c.dilation[axis]", "taps"), (BLOCKS, "c.dilation[a]", "1")),
    ),
    Variant(
        "conv groups interleaved",
        ((CONV, "columns[:, g * in_group : (g + 1) * in_group]", "columns[:, g :: self.groups]"),),
        (
            (CONV_C, "(channel / group_in) * group_out", "(channel % p->groups) * group_out"),
            (BLOCKS, "channel // in_group * out_group", "channel % c.groups * out_group"),
        ),
    ),
    both("bias toward zero", (LIF, "mantissa >> down", "np.sign(mantissa) * (np.abs(mantissa) >> down)")),
    both(
        "bias not wrapped to 32 bits",
        (LIF, "return wrap_int32(np.where(exponent", "return np.clip(np.where(exponent"),
        (LIF, "mantissa >> down))", "mantissa >> down), -(2**31), 2**31 - 1)"),
    ),
    Variant(
        "u reset by a spike too",
        ((CUBA, '{"u": u, "v": after', '{"u": np.where(fired, 0, u), "v": after'),),
        (
            (CUBA_C, "nd_set(words, i, 1);", "nd_set(words, i, 1);\n        *u = 0;"),
            (
                CUBA_C,
                "next_v[j] = k.is_plain",
                "next_u[j] = nd_except(fires, next_u[j]);\n        next_v[j] = k.is_plain",
            ),
        ),
    ),
    Variant(
        "input shift not wrapped to 32 bits",
        ((LIF, "+ wrap_int32(a << INPUT_SHIFT)\n", "+ np.clip(a << INPUT_SHIFT, -(2**31), 2**31 - 1)\n"),),
        (
            (
                LIF_C,
                "+ nd_wrap32(input);",
                "+ (input > INT32_MAX ? INT32_MAX : input < INT32_MIN ? INT32_MIN : input);",
            ),
        ),
    ),
    Variant(
        "sum of projections saturates",
        ((SYNAPSES, "wrap_int32(a) for port", "np.clip(a, -(2**31), 2**31 - 1) for port"),),
        (
            (
                INPUTS_C,
                "w->inputs[i] = nd_wrap32(w->sums[i]);",
                "const int64_t x = w->sums[i]; "
                "w->inputs[i] = x > INT32_MAX ? INT32_MAX : x < INT32_MIN ? INT32_MIN : (int32_t)x;",
            ),
        ),
    ),
)
