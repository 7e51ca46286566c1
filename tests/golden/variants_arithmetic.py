"""Wrong arithmetic of the fast engine's vectors, and wrong bounds of what they may assume; see tools/mutations.py."""

from __future__ import annotations

from golden.variant import fast

CUBA_C, LIF_C, INPUTS_C = "kernels/cuba.c", "kernels/lif.h", "kernels/inputs.c"
PREPARED, SUMS, PACKING = "simulate/prepared.py", "simulate/sums.py", "simulate/packing.py"

EDGES, REACH = "edges_of_the_lanes", "reach"
OUTSIDE = "nd_chosen(nd_above(high, f->most)) | nd_chosen(nd_above(f->least, low))"
IS_PLAIN = 'is_uniform and reach.u_is_bound and population.reset == "zero"'

ARITHMETIC_VARIANTS = (
    fast("decay: upper part one too little", EDGES, (LIF_C, "{k - (nd_i32)((nd_u32)k << 16),", "{k,")),
    fast("decay: rounds up from 4094 / 4096", EDGES, (LIF_C, "-4095 * 65536", "-4094 * 65536")),
    fast("decay: rounds up whole numbers", EDGES, (LIF_C, "-4095 * 65536", "-4096 * 65536")),
    fast("vectors: u out of range", EDGES, (CUBA_C, "if (!k.is_plain) outside |= nd_nonzero(far);", "(void)far;")),
    fast(
        "vectors: u = -2^23 in range",
        "ends_of_24_bits",
        (CUBA_C, "(nd_u32)next_u[j] + (M - 1)", "(nd_u32)next_u[j] + M"),
    ),
    fast("vectors: input out of range", "sums_at_the_edge", (CUBA_C, "if (k.input == WIDE) far |=", "if (0) far |=")),
    fast("vectors: v above its range", EDGES, (CUBA_C, OUTSIDE, OUTSIDE.split(" | ")[1])),
    fast("vectors: v below its range", EDGES, (CUBA_C, OUTSIDE, OUTSIDE.split(" | ")[0])),
    fast("vectors: refractory periods forgotten", "", (CUBA_C, "p->fields[REFRACTORY][i] || ", "")),
    fast("vectors: bias of all taken for 0", "", (PREPARED, "bool(np.any(bias))", "False")),
    fast("vectors: bias does not count as activity", "", (CUBA_C, "a | u | v | bias;", "a | u | v;")),
    fast("vectors: unit of narrow sums forgotten", "", (CUBA_C, "(k.input == WIDE ? 0 : p->input_exp)", "0")),
    fast(
        "one by one: unit of narrow sums forgotten",
        REACH,
        (CUBA_C, "((const int16_t *)vector)[lane] * (INT32_C(1) << p->input_exp)", "((const int16_t *)vector)[lane]"),
    ),
    fast("narrow sums are kept", "", (CUBA_C, "memset((void *)at[j], 0, ND_LANES * sizeof(int16_t))", "(void)at[j]")),
    fast(
        "vectors: places behind the last neuron fire",
        "",
        (PREPARED, "population.size % WORD == 0 or (vth.min() >= 0 and k < 3)", "True"),
    ),
    fast("plain: fields of each neuron", "", (PREPARED, IS_PLAIN, IS_PLAIN.replace("is_uniform and ", ""))),
    fast("plain: u out of range", REACH, (PREPARED, IS_PLAIN, IS_PLAIN.replace("reach.u_is_bound and ", ""))),
    fast("plain: any reset", REACH, (PREPARED, IS_PLAIN, IS_PLAIN.split(" and population")[0])),
    fast("plain: v out of range", REACH, (PREPARED, "entry.v_is_bound = reach.v_is_bound", "entry.v_is_bound = True")),
    fast("reach: u0 forgotten above", REACH, (SUMS, "u0 + _series(high, lost_u)", "_series(high, lost_u)")),
    fast("reach: u0 forgotten below", REACH, (SUMS, "-(u0 + _series(-low, lost_u))", "-_series(-low, lost_u)")),
    fast("reach: du without its +1", REACH, (SUMS, 'population.full("du") + 1', 'population.full("du")')),
    fast("reach: du + 2", REACH, (SUMS, 'population.full("du") + 1', 'population.full("du") + 2')),
    fast("reach: dv + 1", REACH, (SUMS, 'population.full("dv")', 'population.full("dv") + 1')),
    fast("reach: bias forgotten below", REACH, (SUMS, "-(least_u + bias)", "-least_u")),
    fast("reach: bias forgotten above", REACH, (SUMS, "np.maximum(0, most_u + bias)", "np.maximum(0, most_u)")),
    fast("reach: bias of one step forgotten", REACH, (SUMS, " + most_u + np.maximum(0, bias)", " + most_u")),
    fast(
        "reach: v0 above the threshold forgotten",
        REACH,
        (SUMS, "np.maximum(v0, population", "np.maximum(0, population"),
    ),
    fast("reach: what does not decay is bound", REACH, (SUMS, "np.where(each > 0, np.int64(2) ** 40, 0)", "0 * each")),
    fast("reach: u above only", REACH, (SUMS, "np.all(-least_u <= U_LIMIT) and ", "")),
    fast("reach: u below only", REACH, (SUMS, " and np.all(most_u <= U_LIMIT)", "")),
    fast("reach: v above only", REACH, (SUMS, "np.all(least_v <= U_LIMIT) and ", "")),
    fast("reach: v below only", REACH, (SUMS, " and np.all(most_v <= U_LIMIT)", "")),
    fast("reach: twice 24 bits", REACH, (SUMS, "U_LIMIT = 2**23 - 1", "U_LIMIT = 2**24 - 1")),
    fast("reach: input not shifted by six", REACH, (SUMS, "bound << (exponent + INPUT_SHIFT)", "bound << exponent")),
    fast("narrow: twice 16 bits", "sums_at_the_edge", (SUMS, "largest <= INT16 and", "largest <= 2 * INT16 and")),
    fast(
        "narrow: negative sums beyond 16 bits",
        "sums_at_the_edge",
        (SUMS, "max(-int(low.min(initial=0)), int(high", "max(0, int(high"),
    ),
    fast("narrow: inputs beyond 24 bits", "sums_at_the_edge", (SUMS, " and largest << exponent < INPUT_LIMIT", "")),
    fast("narrow: a unit below 1", "", (SUMS, "if exponent < 0 or any", "if any")),
    fast(
        "narrow: units of projections mixed up",
        "different_units",
        (SUMS, "(s >> i.shift) << (i.exponent - exponent)", "s >> i.shift"),
    ),
    fast("bytes: up to 254", "", (SUMS, "high <= INT8", "high <= 2 * INT8")),
    fast("bytes: down to -256", "", (SUMS, "low >= -INT8 - 1", "low >= 2 * (-INT8 - 1)")),
    fast(
        "weights: a unit too large",
        "",
        (SUMS, "(joined & -joined).bit_length() - 1)", "(joined & -joined).bit_length())"),
    ),
    fast("32 bits: of sums of any size", "32_bits", (SUMS, "return total < 2**31", "return True")),
    fast(
        "32 bits: before the exponent", "32_bits", (SUMS, "i.largest << max(0, i.projection.weight_exp)", "i.largest")
    ),
    fast("32 bits: convolutions of any size", "", (SUMS, '(kind == "conv2d" and i.largest >= 2**23)', "False")),
    fast("32 bits: of messages", "", (SUMS, "if i.is_graded or ", "if ")),
)
