"""Wrong rules of the other neuron models and of graded messages, as replacements of source text."""

from __future__ import annotations

from golden.variant import Variant

TERNARY, TERNARY_C = "neurons/ternary.py", "kernels/ternary.c"
SIGMA_DELTA, SIGMA_DELTA_C = "neurons/sigma_delta.py", "kernels/sigma_delta.c"
RESONATE, RESONATE_C = "neurons/resonate.py", "kernels/resonate.c"
GRADED, GRADED_C = "neurons/graded.py", "kernels/graded.c"
SYNAPSES, INPUTS_C = "simulate/synapses.py", "kernels/inputs.c"
PARTS = "chipnet_parts.py"

OTHER_RULE = """    registers, message, more = _released(state, x, fields)
        return Step({"sigma": sigma, **registers}, (message,), wraps + more)"""
OTHER_RULE_WRONG = """    change = wrap_int32(x - state["act"])
        message = np.where(np.abs(change) >= fields["vth"], change, 0) >> fields["state_exp"]
        act = wrap_int32(state["act"] + (message << fields["state_exp"]))
        return Step({"sigma": sigma, "act": act, "residue": 0 * x, "err": 0 * x}, (message,), wraps)"""
OTHER_RULE_C = (
    "messages[i] = released(x, vth[i], cum_error, &state[1][i], &state[2][i], &state[3][i], &changed) >> state_exp;"
)
OTHER_RULE_WRONG_C = """(void)cum_error; (void)released;
        const int32_t change = add(x, -(int64_t)state[1][i], &changed);
        messages[i] = (magnitude(change) >= vth[i] ? change : 0) >> state_exp;
        state[1][i] = add(state[1][i], nd_shift_left(messages[i], state_exp), &changed);"""
SATURATED_C = """const int64_t sum = (int64_t)sigma[i] + inputs[0][i];
        messages[i] = sigma[i] = sum > INT32_MAX ? INT32_MAX : sum < INT32_MIN ? INT32_MIN : (int32_t)sum;"""
SENT = 'sent = np.where(wrap_int32(np.abs(change)) >= fields["vth"], change, 0)\n    registers'
SENT_C = "magnitude(cum_error ? *err : change) >= vth ?"
HEARD_C = "    return (arrival){e->index + from"
POSITIVE_C = (
    """    if (e->message && !p->graded && p->kind != ND_DIRECT) {
        static int32_t positive[4096];
        int64_t count = 0;
        for (int64_t k = from; k < e->start[row + 1]; k++)
            if (e->message[k] > 0) positive[count++] = e->index[k];
        return (arrival){positive, NULL, count};
    }
"""
    + HEARD_C
)
ROTATED = "round_to_zero_shift(cos * re, bits) - round_to_zero_shift(sin * im, bits) + a_real"
ROTATED_C = "cos * *re / one - sin * *im / one + a_real;"

MODEL_VARIANTS = (
    Variant(
        "ternary: upper threshold >=",
        ((TERNARY, 'v > fields["vth_hi"]', 'v >= fields["vth_hi"]'),),
        ((TERNARY_C, "next > high[i]", "next >= high[i]"),),
    ),
    Variant(
        "ternary: lower threshold <=",
        ((TERNARY, 'v < fields["vth_lo"]', 'v <= fields["vth_lo"]'),),
        ((TERNARY_C, "next < low[i]", "next <= low[i]"),),
    ),
    Variant(
        "sigma-delta: >",
        ((SIGMA_DELTA, SENT, SENT.replace(">=", ">")),),
        ((SIGMA_DELTA_C, SENT_C, SENT_C.replace(">=", ">")),),
    ),
    Variant(
        "sigma-delta: > of the accumulated error",
        ((SIGMA_DELTA, 'np.abs(err)) >= fields["vth"]', 'np.abs(err)) > fields["vth"]'),),
        ((SIGMA_DELTA_C, SENT_C, "(cum_error ? magnitude(*err) > vth : magnitude(change) >= vth) ?"),),
    ),
    Variant(
        "sigma-delta: shift toward zero",
        (
            (
                SIGMA_DELTA,
                'return registers, sent >> fields["state_exp"]',
                "return registers, " + "np.sign(sent) * (np.abs(sent) >> fields['state_exp'])",
            ),
        ),
        (
            (SIGMA_DELTA_C, "&changed) >> state_exp;", "&changed) / (INT64_C(1) << state_exp);"),
            (SIGMA_DELTA_C, "&wrapped) >> state_exp;", "&wrapped) / (INT64_C(1) << state_exp);"),
        ),
    ),
    Variant(
        "sigma-delta: the other rule",
        ((SIGMA_DELTA, OTHER_RULE, OTHER_RULE_WRONG),),
        ((SIGMA_DELTA_C, OTHER_RULE_C, OTHER_RULE_WRONG_C),),
    ),
    Variant(
        "sigma-delta: residue forgotten",
        ((SIGMA_DELTA, '"residue": wrap_int32(change - sent), "err"', '"residue": 0 * change, "err"'),),
        ((SIGMA_DELTA_C, "*residue = nd_wrap32((int64_t)change - sent);", "*residue = 0;"),),
    ),
    Variant(
        "sigma-delta: error kept after a message",
        ((SIGMA_DELTA, "err = np.where(wrap_int32(np.abs(sent)) > 0, 0, err)", "pass"),),
        ((SIGMA_DELTA_C, "if (cum_error && magnitude(sent) > 0) *err = 0;", ""),),
    ),
    Variant(
        "sigma: saturates",
        (
            (
                SIGMA_DELTA,
                "        sigma = wrap_int32(exact)\n        return",
                "        sigma = np.clip(exact, -(2**31), 2**31 - 1)\n        return",
            ),
        ),
        (
            (
                SIGMA_DELTA_C,
                "messages[i] = sigma[i] = add(sigma[i], inputs[0][i], &wrapped);",
                SATURATED_C,
            ),
        ),
    ),
    Variant(
        "RF: products rounded after adding",
        ((RESONATE, ROTATED, "round_to_zero_shift(cos * re - sin * im, bits) + a_real"),),
        ((RESONATE_C, ROTATED_C, "(cos * *re - sin * *im) / one + a_real;"),),
    ),
    Variant(
        "RF: products floored",
        ((RESONATE, ROTATED, "(cos * re >> bits) - (sin * im >> bits) + a_real"),),
        ((RESONATE_C, ROTATED_C, "((cos * *re) >> p->fields[4][0]) - ((sin * *im) >> p->fields[4][0]) + a_real;"),),
    ),
    Variant(
        "RF: the phase after the step",
        (
            (
                RESONATE,
                '(re >= fields["vth"]) & (im >= 0) & (state["im"] < 0)',
                '(re >= fields["vth"]) & (im > 0) & (state["im"] <= 0)',
            ),
        ),
        ((RESONATE_C, "im[i] >= 0 && before < 0);", "im[i] > 0 && before <= 0);"),),
    ),
    Variant(
        "RF_IZ: resets to the threshold",
        ((RESONATE, 'wrap_int32(fields["vth"] - 1)', 'fields["vth"]'),),
        ((RESONATE_C, "nd_wrap32((int64_t)vth - 1)", "vth"),),
    ),
    Variant(
        "RFZero: toward zero",
        (
            (
                RESONATE,
                "return wrap_int32(x * factor) >> ZERO_BITS",
                "return round_to_zero_shift(wrap_int32(x * factor), ZERO_BITS)",
            ),
        ),
        ((RESONATE_C, "return nd_wrap32(exact) >> 15;", "return nd_wrap32(exact) / 32768;"),),
    ),
    Variant(
        "RFZero: products of 64 bits",
        ((RESONATE, "return wrap_int32(x * factor) >> ZERO_BITS", "return x * factor >> ZERO_BITS"),),
        ((RESONATE_C, "return nd_wrap32(exact) >> 15;", "return exact >> 15;"),),
    ),
    Variant(
        "ProdNeuron: toward zero",
        ((GRADED, 'product >> fields["exp"]', "np.sign(product) * (np.abs(product) >> fields['exp'])"),),
        ((GRADED_C, "&p->wraps) >> p->fields[1][0]", "&p->wraps) / (INT64_C(1) << p->fields[1][0])"),),
    ),
    Variant(
        "graded vectors: >=",
        ((GRADED, "wrap_int32(np.abs(x)) > vth", "wrap_int32(np.abs(x)) >= vth"),),
        ((GRADED_C, "x > vth || (x < -vth", "x >= vth || (x <= -vth"),),
    ),
    Variant(
        "NormVecDelay: the step before forgotten",
        ((GRADED, 'return Step({"v": inputs["a1"]}', 'return Step({"v": 0 * inputs["a1"]}'),),
        ((GRADED_C, "v[i] = inputs[0][i];", "v[i] = 0;"),),
    ),
    Variant(
        "graded vectors: true magnitudes",
        ((GRADED, "wrap_int32(np.abs(x)) > vth", "np.abs(x) > vth"),),
        ((GRADED_C, " && x != INT32_MIN", ""),),
    ),
    Variant(
        "NormVecDelay: squares above the threshold only",
        ((GRADED, 'fields["vth"]), square)', 'fields["vth"]), _above(square, fields["vth"]))'),),
        (
            (
                GRADED_C,
                "product(inputs[0][i], inputs[0][i], &p->wraps);",
                "above(product(inputs[0][i], inputs[0][i], &p->wraps), p->fields[0][i]);",
            ),
        ),
    ),
    Variant(
        "delta encoder: sends at once",
        ((SIGMA_DELTA, '(state["pending"],)', "(sent,)"),),
        ((SIGMA_DELTA_C, "messages[i] = pending[i];", "messages[i] = sent;"),),
    ),
    Variant(
        "delta encoder: what was clipped is lost",
        ((SIGMA_DELTA, 'wrap_int32(change - sent), "pending"', 'np.where(sent != 0, 0, change), "pending"'),),
        ((SIGMA_DELTA_C, "residue[i] = nd_wrap32((int64_t)change - sent);", "residue[i] = sent ? 0 : change;"),),
    ),
    Variant(
        "graded sums wrap after the shift only",
        ((SYNAPSES, "wrap_int32(shift(wrap_int32(total), p.weight_exp))", "wrap_int32(shift(total, p.weight_exp))"),),
        (
            (
                INPUTS_C,
                "p->products_wrap ? sum : nd_wrap32(sum);",
                "p->kind == ND_CONV2D ? nd_wrap32(sum) : sum;",
            ),
        ),
    ),
    Variant(
        "DelayDense sums as DelaySparse",
        ((SYNAPSES, "if p.products_wrap and p.message_bits:", "if False:"),),
        ((INPUTS_C, "p->products_wrap ? sum : nd_wrap32(sum);", "nd_wrap32(sum);"),),
    ),
    Variant(
        "binary synapses drop negative messages",
        ((SYNAPSES, "else messages != 0)", "else messages > 0)"),),
        ((INPUTS_C, HEARD_C, POSITIVE_C),),
    ),
    Variant(
        "direct connections take a step",
        ((PARTS, "return 0 if self.connection.kind", "return 1 if self.connection.kind"),),
        ((PARTS, "return 0 if self.connection.kind", "return 1 if self.connection.kind"),),
    ),
)
