/* What Lava's LIF models share; numpy: neurons/lif.py. */
#ifndef ND_LIF_H
#define ND_LIF_H

#include "nd.h"

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

#endif
