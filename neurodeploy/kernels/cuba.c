/* Current-based LIF, one step; numpy: neurons/cuba.py, Cuba.integer_step.
 *
 *   U = wrap32(rtz(u * (4095 - du), 12) + wrap32(a << 6));  u = U, corrected once by 2^24 outside (-2^23, 2^23]
 *   V = sat(wrap32(rtz(v * (4096 - dv), 12) + u + bias));   s = V > vth << 6;  reset of v on a spike
 *   for `refractory` steps after a spike v stays and s = 0; `frozen` counts them down
 */
#include "lif.h"

enum { RESET_ZERO = 0, RESET_SUBTRACT = 1, RESET_NONE = 2 };

ND_EXPORT void nd_cuba(nd_population *p, const int32_t *const *inputs, int32_t *const *state, void *const *outputs) {
    const int32_t *du = p->fields[0], *dv = p->fields[1], *vth = p->fields[2], *refractory = p->fields[3];
    const int32_t *bias = p->fields[4], reset = p->fields[5][0], *a = inputs[0];
    int32_t *u = state[0], *v = state[1], *frozen = state[2];
    uint8_t *spikes = outputs[0];
    int64_t wraps = 0, saturations = 0;
    for (int32_t i = 0; i < p->size; i++) {
        u[i] = lif_current(u[i], a[i], du[i], &wraps);
        if (frozen[i] > 0) {
            frozen[i]--;
            spikes[i] = 0;
            continue;
        }
        int32_t next = lif_membrane(v[i], u[i], dv[i], bias[i], &saturations);
        const int32_t threshold = vth[i] * 64;
        const int fired = next > threshold;
        if (fired && reset == RESET_ZERO) next = 0;
        if (fired && reset == RESET_SUBTRACT) next -= threshold;
        if (fired) frozen[i] = refractory[i];
        v[i] = next;
        spikes[i] = (uint8_t)fired;
    }
    p->wraps += wraps;
    p->saturations += saturations;
}
