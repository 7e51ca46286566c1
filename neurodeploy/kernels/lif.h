/* What Lava's LIF models share; numpy: neurons/lif.py. */
#ifndef ND_LIF_H
#define ND_LIF_H

#include "nd.h"
#include "vec.h"

#define M (INT32_C(1) << 23)

/* Toward zero: C's integer division truncates. */
static inline int64_t lif_decay(int32_t x, int32_t factor) { return (int64_t)x * factor / 4096; }

static inline int32_t lif_current(int32_t u, int32_t a, int32_t du, int64_t *wraps) {
    const int64_t input = (int64_t)a * 64;
    const int64_t exact = lif_decay(u, 4095 - du) + nd_wrap32(input);
    int32_t next = nd_wrap32(exact);
    if (next > M) next -= 2 * M;
    else if (next <= -M) next += 2 * M;
    *wraps += (next != exact) | (input != nd_wrap32(input));
    return next;
}

static inline int32_t lif_membrane(int32_t v, int32_t u, int32_t dv, int32_t bias, int64_t *saturations) {
    const int64_t exact = lif_decay(v, 4096 - dv) + u + bias;
    int32_t next = nd_wrap32(exact);
    if (next > M - 1) next = M - 1;
    if (next < 1 - M) next = 1 - M;
    *saturations += next != exact;
    return next;
}

/* A factor 0 <= k <= 4096 of lif_decay_lanes. */
typedef struct {
    nd_i32 upper, lower;
} lif_factor;

#ifdef ND_HAS_PAIRS
/* Pairs of 16 bits: of the upper part k and -k, of the lower part k and -4095. */
ND_INLINE lif_factor lif_factor_of(nd_i32 k) { return (lif_factor){k - (nd_i32)((nd_u32)k << 16), k | nd_all(-4095 * 65536)}; }

/* lif_decay of lanes below 2^24 in magnitude. x = 4096 upper + lower, both toward zero: x >> 12 is one too little where x
 * is negative, and has ones above its 16 bits there, times -k. Of the lower part the same ones, times -4095, round
 * toward zero. */
ND_INLINE nd_i32 lif_decay_lanes(nd_i32 x, lif_factor k) {
    const nd_i32 upper = x >> 12;
    return nd_pairs(upper, k.upper) + (nd_pairs(nd_select(nd_all(4095), x, upper), k.lower) >> 12);
}
#else
ND_INLINE lif_factor lif_factor_of(nd_i32 k) { return (lif_factor){k, k}; }

ND_INLINE nd_i32 lif_decay_lanes(nd_i32 x, lif_factor k) {
    const nd_i32 low = nd_all(4095);
    return (x >> 12) * k.upper + (((x & low) * k.lower + ((x >> 31) & low)) >> 12);
}
#endif

#endif
