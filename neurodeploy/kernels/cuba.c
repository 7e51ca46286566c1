/* Current-based LIF, one step; numpy: neurons/cuba.py, Cuba.integer_step.
 *
 *   U = wrap32(rtz(u * (4095 - du), 12) + wrap32(a << 6));  u = U, corrected once by 2^24 outside (-2^23, 2^23]
 *   V = sat(wrap32(rtz(v * (4096 - dv), 12) + u + bias));   s = V > vth << 6;  reset of v on a spike
 *   for `refractory` steps after a spike v stays and s = 0; `frozen` counts them down
 *
 * A vector of neurons at a time while u and the input stay in their range and no neuron has a refractory period, else
 * one by one.
 */
#include "lif.h"

enum { RESET_ZERO = 0, RESET_SUBTRACT = 1, RESET_NONE = 2 };
enum { DU, DV, VTH, REFRACTORY, BIAS, RESET };

#define INPUT_LIMIT (INT32_C(1) << 24) /* inputs below it fit 32 bits when shifted by six */
#define BIAS_LIMIT (INT32_C(1) << 29)  /* u + v + bias below it fits 32 bits */

static void one(nd_population *p, int32_t i, int32_t a, int32_t *u, int32_t *v, int32_t *frozen, uint8_t *spike) {
    const int32_t reset = p->fields[RESET][0], threshold = p->fields[VTH][i] * 64;
    *u = lif_current(*u, a, p->fields[DU][i], &p->wraps);
    *spike = 0;
    if (*frozen > 0) {
        (*frozen)--;
        return;
    }
    int32_t next = lif_membrane(*v, *u, p->fields[DV][i], p->fields[BIAS][i], &p->saturations);
    if (next > threshold) {
        *spike = 1;
        *frozen = p->fields[REFRACTORY][i];
        if (reset == RESET_ZERO) next = 0;
        if (reset == RESET_SUBTRACT) next -= threshold;
    }
    *v = next;
}

/* Fields as locals: through `p` the compiler would load them again after every store of a spike. */
typedef struct {
    const int32_t *du, *dv, *vth, *bias;
} columns;

/* Neurons i..i + ND_LANES - 1, of which those behind the last are zeros; returns 0, with nothing changed, where one of
 * them leaves the range of this arithmetic. */
ND_INLINE int lanes(const columns *f, int32_t i, const int32_t *a, int32_t *u, int32_t *v, uint8_t *spikes,
                    nd_i32 *saturations, nd_i32 *active, const int32_t reset) {
    const nd_i32 input = nd_load(a), old_u = nd_load(u), old_v = nd_load(v), bias = nd_load(f->bias + i);
    const nd_i32 decayed = lif_decay_lanes(old_u, 4095 - nd_load(f->du + i));
    const nd_i32 next_u = (nd_i32)((nd_u32)decayed + ((nd_u32)input << 6));
    /* unsigned: negative numbers have high bits, too; the limits are those of 24-bit u and of the shifted input */
    const nd_u32 wide = (((nd_u32)old_u + (M - 1)) | ((nd_u32)next_u + (M - 1))) >> 24;
    const nd_u32 far = ((nd_u32)input + INPUT_LIMIT) >> 25;
    if (__builtin_expect(nd_any((nd_i32)(wide | far)), 0)) return 0;
    const nd_i32 exact = lif_decay_lanes(old_v, 4096 - nd_load(f->dv + i)) + next_u + bias;
    const nd_i32 held = nd_clip(exact, nd_all(1 - M), nd_all(M - 1));
    const nd_i32 threshold = nd_load(f->vth + i) << 6, fired = held > threshold;
    *saturations -= held != exact;
    *active -= (input | old_u | old_v | bias) != 0;
    nd_store(u, next_u);
    nd_store(v, reset == RESET_ZERO ? held & ~fired : reset == RESET_SUBTRACT ? held - (threshold & fired) : held);
    nd_store_flags(spikes, fired);
    return 1;
}

ND_INLINE void range(nd_population *p, const int32_t from, const int32_t to, const int32_t *a, int32_t *u, int32_t *v,
                     int32_t *frozen, uint8_t *spikes, const int32_t reset) {
    const columns f = {p->fields[DU], p->fields[DV], p->fields[VTH], p->fields[BIAS]};
    const int is_regular = p->is_regular;
    nd_i32 saturations = {0}, active = {0};
    for (int32_t i = from; i < to; i += ND_LANES) {
        const int32_t end = i + ND_LANES < to ? i + ND_LANES : to;
        uint8_t rest[ND_LANES]; /* a vector of flags would reach into the next step's row */
        uint8_t *flags = i + ND_LANES <= to ? spikes + i : rest;
        if (is_regular && lanes(&f, i, a + i - from, u + i, v + i, flags, &saturations, &active, reset)) {
            if (flags == rest) memcpy(spikes + i, rest, (size_t)(to - i));
            continue;
        }
        for (int32_t k = i; k < end; k++) {
            p->active += (a[k - from] != 0) | (u[k] != 0) | (v[k] != 0) | (f.bias[k] != 0);
            one(p, k, a[k - from], &u[k], &v[k], &frozen[k], &spikes[k]);
        }
    }
    p->saturations += nd_sum(saturations);
    p->active += nd_sum(active);
}

void nd_cuba_range(nd_population *p, int32_t from, int32_t to, const int32_t *a, int32_t *const *state, uint8_t *spikes) {
    int32_t *u = state[0], *v = state[1], *frozen = state[2];
    switch (p->fields[RESET][0]) {
        case RESET_ZERO: range(p, from, to, a, u, v, frozen, spikes, RESET_ZERO); break;
        case RESET_SUBTRACT: range(p, from, to, a, u, v, frozen, spikes, RESET_SUBTRACT); break;
        default: range(p, from, to, a, u, v, frozen, spikes, RESET_NONE);
    }
}

ND_EXPORT void nd_cuba(nd_population *p, const int32_t *const *inputs, int32_t *const *state, void *const *outputs) {
    nd_cuba_range(p, 0, p->size, inputs[0], state, outputs[0]);
}

/* Whether no neuron has a refractory period and all biases leave room. */
ND_EXPORT int32_t nd_cuba_is_regular(const nd_population *p) {
    for (int32_t i = 0; i < p->size; i++)
        if (p->fields[REFRACTORY][i] || p->fields[BIAS][i] >= BIAS_LIMIT || p->fields[BIAS][i] <= -BIAS_LIMIT) return 0;
    return 1;
}
