/* Current-based LIF, one step; numpy: neurons/cuba.py, Cuba.integer_step.
 *
 *   U = wrap32(rtz(u * (4095 - du), 12) + wrap32(a << 6));  u = U, corrected once by 2^24 outside (-2^23, 2^23]
 *   V = sat(wrap32(rtz(v * (4096 - dv), 12) + u + bias));   s = V > vth << 6;  reset of v on a spike
 *   for `refractory` steps after a spike v stays and s = 0; `frozen` counts them down
 *
 * A group of vectors at a time while u, v and the input stay in their range and no neuron has a refractory period, else
 * one neuron after the other.
 */
#include "lif.h"

enum { RESET_ZERO = 0, RESET_SUBTRACT = 1, RESET_NONE = 2 };
enum { DU, DV, VTH, REFRACTORY, BIAS, RESET };    /* fields */
enum { KEEP_U, KEEP_V, THRESHOLD, LANE_BIAS };    /* lanes */
enum { SUMS, MAP, WIDE };                         /* where the input comes from */

#define VECTORS 4
#define GROUP (VECTORS * ND_LANES)
#define INPUT_LIMIT (INT32_C(1) << 24) /* inputs below it fit 32 bits when shifted by six */
#define BIAS_LIMIT (INT32_C(1) << 29)  /* u + v + bias below it fits 32 bits */

static void one(nd_population *p, int32_t i, int32_t a, int32_t *const *state, uint64_t *words) {
    const int32_t reset = p->fields[RESET][0], threshold = p->fields[VTH][i] * 64;
    int32_t *u = &state[0][i], *v = &state[1][i], *frozen = &state[2][i];
    p->active += (a != 0) | (*u != 0) | (*v != 0) | (p->fields[BIAS][i] != 0);
    *u = lif_current(*u, a, p->fields[DU][i], &p->wraps);
    if (*frozen > 0) {
        (*frozen)--;
        return;
    }
    int32_t next = lif_membrane(*v, *u, p->fields[DV][i], p->fields[BIAS][i], &p->saturations);
    if (next > threshold) {
        nd_set(words, i, 1);
        *frozen = p->fields[REFRACTORY][i];
        if (reset == RESET_ZERO) next = 0;
        if (reset == RESET_SUBTRACT) next -= threshold;
    }
    *v = next;
}

/* What a range of neurons shares, as locals: through `p` the compiler would load it again after every store. */
typedef struct {
    const int32_t *lanes[4];
    int32_t masks[4];
    const int32_t *map_at;
    int32_t *u, *v;
    int32_t shift, subtract; /* subtract: all ones for that reset */
} shared;

ND_INLINE nd_i32 lane(const shared *f, int which, int32_t i) { return nd_load(f->lanes[which] + (i & f->masks[which])); }

/* Sums of the vector of neurons i..: narrow ones, of which `sums` holds that of neuron `from` first, or a map. */
ND_INLINE int16_t *narrow_at(const shared *f, int16_t *sums, int32_t i, int32_t from, const int input) {
    return sums + (input == MAP ? f->map_at[i / ND_LANES] : i - from);
}

/* Neurons i..i + GROUP - 1, of which those behind the last are zeros; returns 0, with nothing changed, where one of
 * them leaves the range of this arithmetic. */
ND_INLINE int group(const shared *f, int32_t i, int32_t from, const void *sums, uint64_t *words, int64_t *active,
                    const int input, const int is_bounded, const int is_zero_reset) {
    nd_i32 next_u[VECTORS], next_v[VECTORS], low = nd_all(INT32_MAX), high = nd_all(INT32_MIN), far = {0};
    uint64_t fired = 0, busy = 0;
#pragma GCC unroll 4
    for (int j = 0; j < VECTORS; j++) {
        const int32_t k = i + j * ND_LANES;
        const nd_i32 a = input == WIDE ? nd_load((const int32_t *)sums + (k - from))
                                       : nd_widen16(narrow_at(f, (int16_t *)sums, k, from, input));
        const nd_i32 u = nd_load(f->u + k), v = nd_load(f->v + k), bias = lane(f, LANE_BIAS, k);
        next_u[j] = (nd_i32)((nd_u32)lif_decay_lanes(u, lane(f, KEEP_U, k)) + ((nd_u32)a << f->shift));
        if (!is_bounded) /* unsigned: negative numbers have high bits, too; those of 24-bit u, and of the input */
            far |= (nd_i32)((((nd_u32)u + (M - 1)) | ((nd_u32)next_u[j] + (M - 1))) >> 24);
        if (input == WIDE) far |= (nd_i32)(((nd_u32)a + INPUT_LIMIT) >> 25);
        const nd_i32 exact = lif_decay_lanes(v, lane(f, KEEP_V, k)) + next_u[j] + bias;
        low = nd_min(low, exact);
        high = nd_max(high, exact);
        const nd_i32 threshold = lane(f, THRESHOLD, k);
        const nd_choice fires = nd_above(exact, threshold);
        next_v[j] = is_zero_reset ? nd_except(fires, exact) : exact - nd_where(fires, threshold & nd_all(f->subtract));
        fired |= (uint64_t)fires.bits << (j * ND_LANES);
        busy |= (uint64_t)nd_nonzero(a | u | v | bias) << (j * ND_LANES);
    }
    uint32_t outside = nd_above(high, nd_all(M - 1)).bits | nd_above(nd_all(1 - M), low).bits;
    if (!is_bounded || input == WIDE) outside |= nd_nonzero(far);
    if (__builtin_expect(outside != 0, 0)) return 0;
#pragma GCC unroll 4
    for (int j = 0; j < VECTORS; j++) {
        nd_store(f->u + i + j * ND_LANES, next_u[j]);
        nd_store(f->v + i + j * ND_LANES, next_v[j]);
    }
    memcpy((char *)words + i / 8, &fired, GROUP / 8);
    *active += __builtin_popcountll(busy);
    return 1;
}

ND_INLINE void range(nd_population *p, const int32_t from, const int32_t to, void *sums, int32_t *const *state,
                     uint64_t *words, const int input, const int is_bounded, const int is_zero_reset) {
    shared f = {{0}, {0}, p->map_at, state[0], state[1], 6 + (input == WIDE ? 0 : p->input_exp),
                -(p->fields[RESET][0] == RESET_SUBTRACT)};
    memcpy(f.lanes, p->lanes, sizeof f.lanes);
    memcpy(f.masks, p->lane_masks, sizeof f.masks);
    const int is_regular = p->is_regular;
    int64_t active = 0;
    for (int32_t i = from; i < nd_padded(to); i += GROUP) {
        if (!is_regular || !group(&f, i, from, sums, words, &active, input, is_bounded, is_zero_reset)) {
            memset((char *)words + i / 8, 0, GROUP / 8);
            for (int32_t k = i; k < i + GROUP && k < to; k++) {
                const int32_t a = input == WIDE ? ((const int32_t *)sums)[k - from]
                                                : *narrow_at(&f, sums, k, from, input) * (INT32_C(1) << p->input_exp);
                one(p, k, a, state, words);
            }
        }
        if (input != WIDE)
#pragma GCC unroll 4
            for (int j = 0; j < VECTORS; j++)
                memset(narrow_at(&f, sums, i + j * ND_LANES, from, input), 0, ND_LANES * sizeof(int16_t));
    }
    p->active += active;
}

void nd_cuba_narrow(nd_population *p, int32_t from, int32_t to, int16_t *sums, int32_t *const *state, uint64_t *words) {
#define RANGE(INPUT, BOUNDED, ZERO) range(p, from, to, sums, state, words, INPUT, BOUNDED, ZERO)
    const int zero = p->fields[RESET][0] == RESET_ZERO;
    if (!p->map_at && p->is_bounded && zero) RANGE(SUMS, 1, 1);
    else if (!p->map_at && p->is_bounded) RANGE(SUMS, 1, 0);
    else if (!p->map_at && zero) RANGE(SUMS, 0, 1);
    else if (!p->map_at) RANGE(SUMS, 0, 0);
    else if (p->is_bounded && zero) RANGE(MAP, 1, 1);
    else if (p->is_bounded) RANGE(MAP, 1, 0);
    else if (zero) RANGE(MAP, 0, 1);
    else RANGE(MAP, 0, 0);
#undef RANGE
}

void nd_cuba_wide(nd_population *p, int32_t from, int32_t to, const int32_t *sums, int32_t *const *state,
                  uint64_t *words) {
    if (p->fields[RESET][0] == RESET_ZERO) range(p, from, to, (void *)sums, state, words, WIDE, 0, 1);
    else range(p, from, to, (void *)sums, state, words, WIDE, 0, 0);
}

/* Whether no neuron has a refractory period and all biases leave room. */
ND_EXPORT int32_t nd_cuba_is_regular(const nd_population *p) {
    for (int32_t i = 0; i < p->size; i++)
        if (p->fields[REFRACTORY][i] || p->fields[BIAS][i] >= BIAS_LIMIT || p->fields[BIAS][i] <= -BIAS_LIMIT) return 0;
    return 1;
}
