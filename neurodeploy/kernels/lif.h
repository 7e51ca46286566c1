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

/* lif_decay of lanes below 2^27 in magnitude, by 0 <= factor <= 4096: both halves of x and the factor fit 16 bits.
 * (x * k + (x < 0 ? 4095 : 0)) >> 12 is x * k / 4096 toward zero; its high part (x >> 12) * k needs no rounding. */
ND_INLINE nd_i32 lif_decay_lanes(nd_i32 x, nd_i32 factor) {
    const nd_i32 low = nd_all(4095);
    return nd_mul16(x >> 12, factor) + ((nd_mul16(x & low, factor) + ((x >> 31) & low)) >> 12);
}

#endif
