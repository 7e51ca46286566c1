/* Resonate-and-fire, one step each; numpy: neurons/resonate.py. */
#include "nd.h"

#define LIMIT ((INT32_C(1) << 23) - 1)

static inline int32_t saturated(int64_t x, int64_t *saturations) {
    const int32_t clipped = x > LIMIT ? LIMIT : x < -LIMIT ? -LIMIT : (int32_t)x;
    *saturations += clipped != x;
    return clipped;
}

static inline int32_t scaled(int32_t a, int32_t bits, int64_t *wraps) {
    const int64_t exact = nd_shift_left(a, bits);
    *wraps += nd_wrap32(exact) != exact;
    return nd_wrap32(exact);
}

/* Each product toward zero for itself; then the sum saturates. */
static inline void rotate(nd_population *p, const int32_t *const *inputs, int32_t i, int32_t *re, int32_t *im) {
    const int64_t sin = p->fields[0][i], cos = p->fields[1][i], one = INT64_C(1) << p->fields[4][0];
    const int64_t a_real = scaled(inputs[0][i], p->fields[3][0], &p->wraps);
    const int64_t a_imag = scaled(inputs[1][i], p->fields[3][0], &p->wraps);
    const int64_t next_re = cos * *re / one - sin * *im / one + a_real;
    const int64_t next_im = sin * *re / one + cos * *im / one + a_imag;
    *re = saturated(next_re, &p->saturations);
    *im = saturated(next_im, &p->saturations);
}

ND_EXPORT void nd_rf(nd_population *p, const int32_t *const *inputs, int32_t *const *state, void *const *outputs) {
    int32_t *re = state[0], *im = state[1];
    for (int32_t i = 0; i < p->size; i++) {
        const int32_t before = im[i];
        rotate(p, inputs, i, &re[i], &im[i]);
        nd_set(outputs[0], i, re[i] >= p->fields[2][i] && im[i] >= 0 && before < 0);
    }
}

ND_EXPORT void nd_rf_iz(nd_population *p, const int32_t *const *inputs, int32_t *const *state, void *const *outputs) {
    int32_t *re = state[0], *im = state[1];
    for (int32_t i = 0; i < p->size; i++) {
        const int32_t vth = p->fields[2][i];
        rotate(p, inputs, i, &re[i], &im[i]);
        const int fired = im[i] >= vth;
        nd_set(outputs[0], i, fired);
        if (fired) {
            re[i] = 0;
            im[i] = nd_wrap32((int64_t)vth - 1);
        }
    }
}

/* An int32 product that wraps, floored. */
static inline int64_t times(int32_t x, int32_t factor, int *wrapped) {
    const int64_t exact = (int64_t)x * factor;
    *wrapped |= nd_wrap32(exact) != exact;
    return nd_wrap32(exact) >> 15;
}

ND_EXPORT void nd_rf_zero(nd_population *p, const int32_t *const *inputs, int32_t *const *state, void *const *outputs) {
    const int32_t *sin = p->fields[0], *cos = p->fields[1], *uth = p->fields[2];
    int32_t *u = state[0], *v = state[1], *messages = outputs[0];
    for (int32_t i = 0; i < p->size; i++) {
        int wrapped = 0;
        const int64_t next_u = times(u[i], cos[i], &wrapped) - times(v[i], sin[i], &wrapped) + inputs[0][i];
        const int64_t next_v = times(v[i], cos[i], &wrapped) + times(u[i], sin[i], &wrapped) + inputs[1][i];
        const int32_t before = v[i];
        u[i] = nd_wrap32(next_u);
        v[i] = nd_wrap32(next_v);
        p->wraps += wrapped | (u[i] != next_u) | (v[i] != next_v);
        messages[i] = u[i] > uth[i] && v[i] >= 0 && before < 0 ? u[i] : 0;
    }
}
