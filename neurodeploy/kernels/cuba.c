/* Current-based LIF, one step; numpy: neurons/cuba.py, Cuba.integer_step.
 *
 *   U = wrap32(rtz(u * (4095 - du), 12) + wrap32(a << 6));  u = U, corrected once by 2^24 outside (-2^23, 2^23]
 *   V = sat(wrap32(rtz(v * (4096 - dv), 12) + u + bias));   s = V > vth << 6;  reset of v on a spike
 *   for `refractory` steps after a spike v stays and s = 0; `frozen` counts them down
 */
#include "nd.h"

#define M (INT32_C(1) << 23)

/* Toward zero: C's integer division truncates. */
static inline int64_t decay(int32_t x, int32_t factor) { return (int64_t)x * factor / 4096; }

void nd_cuba(nd_population *p, const int32_t *a, int32_t *u, int32_t *v, int32_t *frozen, int64_t *active,
             uint8_t *spikes) {
    int64_t wraps = 0, saturations = 0;
    for (int32_t i = 0; i < p->size; i++) {
        active[i] += (a[i] != 0) | (u[i] != 0) | (v[i] != 0) | (p->bias[i] != 0);
        const int64_t input = (int64_t)a[i] * 64;
        const int64_t exact_u = decay(u[i], 4095 - p->du[i]) + nd_wrap32(input);
        int32_t next_u = nd_wrap32(exact_u);
        if (next_u > M) next_u -= 2 * M;
        else if (next_u <= -M) next_u += 2 * M;
        wraps += (next_u != exact_u) | (input != nd_wrap32(input));
        u[i] = next_u;
        if (frozen[i] > 0) {
            frozen[i]--;
            spikes[i] = 0;
            continue;
        }
        const int64_t exact_v = decay(v[i], 4096 - p->dv[i]) + next_u + p->bias[i];
        int32_t next_v = nd_wrap32(exact_v);
        if (next_v > M - 1) next_v = M - 1;
        if (next_v < 1 - M) next_v = 1 - M;
        saturations += next_v != exact_v;
        const int32_t threshold = p->vth[i] * 64;
        const int fired = next_v > threshold;
        if (fired && p->reset == ND_RESET_ZERO) next_v = 0;
        if (fired && p->reset == ND_RESET_SUBTRACT) next_v -= threshold;
        if (fired) frozen[i] = p->refractory[i];
        v[i] = next_v;
        spikes[i] = (uint8_t)fired;
    }
    p->wraps += wraps;
    p->saturations += saturations;
}
