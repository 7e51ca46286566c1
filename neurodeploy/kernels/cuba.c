/* Current-based LIF, one step; numpy: neurons/cuba.py, Cuba.integer_step.
 *
 *   U = wrap32(rtz(u * (4095 - du), 12) + wrap32(a << 6));  u = U, corrected once by 2^24 outside (-2^23, 2^23]
 *   V = sat(wrap32(rtz(v * (4096 - dv), 12) + u + bias));   s = V > vth << 6;  reset of v on a spike
 *   for `refractory` steps after a spike v stays and s = 0; `frozen` counts them down; it is not there
 *   where no neuron has a refractory period
 *   outside the firing window vth << 6 is 2^23, which no v exceeds
 *
 * A group of vectors at a time while u, v and the input stay in their range and no neuron has a refractory period, else
 * one neuron after the other.
 */
#include "lif.h"

enum { RESET_ZERO = 0, RESET_SUBTRACT = 1, RESET_NONE = 2 };
enum { DU, DV, VTH, REFRACTORY, BIAS, RESET };    /* fields */
enum { KEEP_U, KEEP_V, THRESHOLD, LANE_BIAS };    /* lanes */
enum { SUMS, MAP, WIDE };                         /* where the input comes from */

#define VECTORS ND_VECTORS
#define GROUP ND_GROUP
#define INPUT_LIMIT (INT32_C(1) << 24) /* inputs below it fit 32 bits when shifted by six */
#define NEVER M                        /* threshold that no v exceeds */
#define BIAS_LIMIT (INT32_C(1) << 29)  /* u + v + bias below it fits 32 bits */

static void one(nd_population *p, int32_t i, int32_t a, int32_t *const *state, uint64_t *words) {
    const int32_t reset = p->fields[RESET][0], threshold = p->is_quiet ? NEVER : p->fields[VTH][i] * 64;
    int32_t *u = &state[0][i], *v = &state[1][i], *frozen = p->n_state > 2 ? &state[2][i] : NULL;
    p->active += (a != 0) | (*u != 0) | (*v != 0) | (p->fields[BIAS][i] != 0);
    *u = lif_current(*u, a, p->fields[DU][i], &p->wraps);
    if (frozen && *frozen > 0) {
        (*frozen)--;
        return;
    }
    int32_t next = lif_membrane(*v, *u, p->fields[DV][i], p->fields[BIAS][i], &p->saturations);
    if (next > threshold) {
        nd_set(words, i, 1);
        if (frozen) *frozen = p->fields[REFRACTORY][i];
        if (reset == RESET_ZERO) next = 0;
        if (reset == RESET_SUBTRACT) next -= threshold;
    }
    *v = next;
}

/* How much a population's vectors must look after, by what is known of it. */
typedef struct {
    int input;
    int is_plain;   /* one keep_u, keep_v and threshold for all, u sure to stay within 24 bits, reset to 0 */
    int has_bias;   /* else it is 0 */
    int v_is_bound; /* v is sure to stay within 24 bits */
} kind;

/* Sums of the vector of neurons i..: narrow ones, of which `sums` holds that of neuron `from` first, or a map. */
ND_INLINE int16_t *narrow_at(const nd_population *p, int16_t *sums, int32_t i, int32_t from, const int input) {
    return sums + (input == MAP ? p->map_at[i / ND_LANES] : i - from);
}

/* What a range of neurons shares, as locals: through the population the compiler would load it again after a store. */
typedef struct {
    lif_factor keep_u, keep_v;
    nd_i32 threshold, most, least;
    nd_i32 clear, subtract; /* all ones for that reset */
    const int32_t *lanes[4];
    int32_t steps[4]; /* from one group to the next */
    int32_t shift;
} shared;

/* Of neurons whose lanes are at f->lanes: GROUP inputs at `at`, or at each vector's own; returns 0, with nothing changed
 * but `fired`, where one of them leaves the range of this arithmetic. Those behind the last neuron are zeros. */
ND_INLINE int group(const shared *f, const void *const *at, int32_t *us, int32_t *vs, uint64_t *fired, nd_i32 *active,
                    const kind k) {
    nd_i32 next_u[VECTORS], next_v[VECTORS], busy[VECTORS], low = f->most, high = f->least, far = {0};
    *fired = 0;
#pragma GCC unroll 4
    for (int j = 0; j < VECTORS; j++) {
        const nd_i32 a = k.input == WIDE ? nd_load(at[j]) : nd_widen16(at[j]);
        const nd_i32 u = nd_load(us + j * ND_LANES), v = nd_load(vs + j * ND_LANES);
        const nd_i32 bias = k.has_bias ? nd_load(f->lanes[LANE_BIAS] + j * ND_LANES) : (nd_i32){0};
        const lif_factor keep_u = k.is_plain ? f->keep_u : lif_factor_of(nd_load(f->lanes[KEEP_U] + j * ND_LANES));
        const lif_factor keep_v = k.is_plain ? f->keep_v : lif_factor_of(nd_load(f->lanes[KEEP_V] + j * ND_LANES));
        const nd_i32 threshold = k.is_plain ? f->threshold : nd_load(f->lanes[THRESHOLD] + j * ND_LANES);
        next_u[j] = (nd_i32)((nd_u32)lif_decay_lanes(u, keep_u) + ((nd_u32)a << f->shift));
        if (!k.is_plain) /* unsigned: negative numbers have high bits, too; those of 24-bit u, and of the input */
            far |= (nd_i32)((((nd_u32)u + (M - 1)) | ((nd_u32)next_u[j] + (M - 1))) >> 24);
        if (k.input == WIDE) far |= (nd_i32)(((nd_u32)a + INPUT_LIMIT) >> 25);
        const nd_i32 exact = (nd_i32)((nd_u32)lif_decay_lanes(v, keep_v) + (nd_u32)next_u[j] + (nd_u32)bias);
        if (!k.v_is_bound) {
            low = nd_min(low, exact);
            high = nd_max(high, exact);
        }
        const nd_choice fires = nd_above(exact, threshold);
        const nd_i32 taken = nd_where(fires, (exact & f->clear) | (threshold & f->subtract));
        next_v[j] = k.is_plain ? nd_except(fires, exact) : (nd_i32)((nd_u32)exact - (nd_u32)taken);
        *fired |= (uint64_t)nd_chosen(fires) << (j * ND_LANES);
        busy[j] = a | u | v | bias;
    }
    uint32_t outside = k.v_is_bound ? 0 : nd_chosen(nd_above(high, f->most)) | nd_chosen(nd_above(f->least, low));
    if (!k.is_plain) outside |= nd_nonzero(far);
    if (__builtin_expect(outside != 0, 0)) return 0;
#pragma GCC unroll 4
    for (int j = 0; j < VECTORS; j++) {
        nd_store(us + j * ND_LANES, next_u[j]);
        nd_store(vs + j * ND_LANES, next_v[j]);
        *active = nd_count(*active, busy[j]);
    }
    return 1;
}

ND_INLINE void range(nd_population *p, const int32_t from, const int32_t to, void *sums, int32_t *const *state,
                     uint64_t *words, const kind k) {
    shared f = {.keep_u = lif_factor_of(nd_load(p->lanes[KEEP_U])),
                .keep_v = lif_factor_of(nd_load(p->lanes[KEEP_V])),
                .threshold = p->is_quiet ? nd_all(NEVER) : nd_load(p->lanes[THRESHOLD]),
                .most = nd_all(M - 1), .least = nd_all(1 - M),
                .clear = nd_all(-(p->fields[RESET][0] == RESET_ZERO)),
                .subtract = nd_all(-(p->fields[RESET][0] == RESET_SUBTRACT)),
                .shift = 6 + (k.input == WIDE ? 0 : p->input_exp)};
    const int is_regular = p->is_regular;
    for (int l = 0; l < 4; l++) {
        f.lanes[l] = p->lanes[l] + (from & p->lane_masks[l]);
        f.steps[l] = p->lane_masks[l] == -1 ? GROUP : 0;
    }
    nd_i32 never[VECTORS];
    if (p->is_quiet) {
        for (int j = 0; j < VECTORS; j++) never[j] = nd_all(NEVER);
        f.lanes[THRESHOLD] = (const int32_t *)never;
        f.steps[THRESHOLD] = 0;
    }
    nd_i32 active = {0};
    int32_t *u = state[0], *v = state[1];
    for (int32_t i = from; i < nd_padded(to); i += GROUP) {
        const void *at[VECTORS];
        uint64_t fired = 0;
#pragma GCC unroll 4
        for (int j = 0; j < VECTORS; j++) {
            at[j] = k.input == WIDE ? (const void *)((const int32_t *)sums + i - from + j * ND_LANES)
                                    : narrow_at(p, sums, i + j * ND_LANES, from, k.input);
            ND_HERE(at[j]);
        }
        if (is_regular && group(&f, at, u + i, v + i, &fired, &active, k)) {
            memcpy((char *)words + i / 8, &fired, GROUP / 8);
        } else {
            memset((char *)words + i / 8, 0, GROUP / 8);
            for (int32_t n = i; n < i + GROUP && n < to; n++) {
                const int32_t lane = (n - i) % ND_LANES;
                const void *vector = at[(n - i) / ND_LANES];
                const int32_t a = k.input == WIDE ? ((const int32_t *)vector)[lane]
                                                  : ((const int16_t *)vector)[lane] * (INT32_C(1) << p->input_exp);
                one(p, n, a, state, words);
            }
        }
        if (k.input != WIDE)
#pragma GCC unroll 4
            for (int j = 0; j < VECTORS; j++) memset((void *)at[j], 0, ND_LANES * sizeof(int16_t));
        for (int l = 0; l < 4; l++) f.lanes[l] += f.steps[l];
    }
    p->active += nd_sum(active);
}

void nd_cuba_narrow(nd_population *p, int32_t from, int32_t to, int16_t *sums, int32_t *const *state, uint64_t *words) {
#define RANGE(INPUT, ...) range(p, from, to, sums, state, words, (kind){INPUT, __VA_ARGS__})
#define KINDS(INPUT)                                               \
    do {                                                           \
        if (!p->is_plain) RANGE(INPUT, 0, 1, 0);                   \
        else if (p->has_bias && p->v_is_bound) RANGE(INPUT, 1, 1, 1); \
        else if (p->has_bias) RANGE(INPUT, 1, 1, 0);               \
        else if (p->v_is_bound) RANGE(INPUT, 1, 0, 1);             \
        else RANGE(INPUT, 1, 0, 0);                                \
    } while (0)
    if (p->map_at) KINDS(MAP);
    else KINDS(SUMS);
}

void nd_cuba_wide(nd_population *p, int32_t from, int32_t to, const int32_t *sums, int32_t *const *state,
                  uint64_t *words) {
    range(p, from, to, (void *)sums, state, words, (kind){WIDE, 0, 1, 0});
}

/* Whether no neuron has a refractory period and all biases leave room. */
ND_EXPORT int32_t nd_cuba_is_regular(const nd_population *p) {
    for (int32_t i = 0; i < p->size; i++)
        if (p->fields[REFRACTORY][i] || p->fields[BIAS][i] >= BIAS_LIMIT || p->fields[BIAS][i] <= -BIAS_LIMIT) return 0;
    return 1;
}
