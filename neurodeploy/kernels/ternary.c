/* LIF with an upper and a lower threshold, one step; numpy: neurons/ternary.py, TernaryLif.integer_step. */
#include "lif.h"

ND_EXPORT void nd_ternary_lif(nd_population *p, const int32_t *const *inputs, int32_t *const *state,
                              void *const *outputs) {
    const int32_t *du = p->fields[0], *dv = p->fields[1], *high = p->fields[2], *low = p->fields[3];
    const int32_t *bias = p->fields[4], *a = inputs[0];
    int32_t *u = state[0], *v = state[1], *messages = outputs[0];
    for (int32_t i = 0; i < p->size; i++) {
        u[i] = lif_current(u[i], a[i], du[i], &p->wraps);
        const int32_t next = lif_membrane(v[i], u[i], dv[i], bias[i], &p->saturations);
        messages[i] = (next > high[i] * 64) - (next < low[i] * 64);
        v[i] = messages[i] ? 0 : next;
    }
}
