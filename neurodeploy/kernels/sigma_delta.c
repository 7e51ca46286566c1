/* Sigma, delta and their combinations, one step each; numpy: neurons/sigma_delta.py. All state is int32 and wraps. */
#include "nd.h"

/* numpy's magnitude of an int32: that of -2^31 is -2^31. */
static inline int32_t magnitude(int32_t x) { return x < 0 ? nd_wrap32(-(int64_t)x) : x; }

static inline int32_t add(int32_t x, int64_t y, int *wrapped) {
    const int64_t exact = x + y;
    *wrapped |= nd_wrap32(exact) != exact;
    return nd_wrap32(exact);
}

/* New sum and activation. */
static inline int32_t activate(int32_t *sigma, int32_t a, int32_t bias, int32_t relu, int *wrapped) {
    *sigma = add(*sigma, a, wrapped);
    const int32_t x = add(*sigma, bias, wrapped);
    return relu && x < 0 ? 0 : x;
}

/* The released rule; returns the message before its shift. */
static inline int32_t released(int32_t x, int32_t vth, int32_t cum_error, int32_t *act, int32_t *residue, int32_t *err,
                               int *wrapped) {
    const int32_t change = add(x, (int64_t)*residue - *act, wrapped);
    if (cum_error) *err = add(*err, change, wrapped);
    const int32_t sent = magnitude(cum_error ? *err : change) >= vth ? change : 0;
    if (cum_error && magnitude(sent) > 0) *err = 0;
    *residue = nd_wrap32((int64_t)change - sent);
    *act = x;
    return sent;
}

ND_EXPORT void nd_sigma(nd_population *p, const int32_t *const *inputs, int32_t *const *state, void *const *outputs) {
    int32_t *sigma = state[0], *messages = outputs[0];
    for (int32_t i = 0; i < p->size; i++) {
        int wrapped = 0;
        messages[i] = sigma[i] = add(sigma[i], inputs[0][i], &wrapped);
        p->wraps += wrapped;
    }
}

ND_EXPORT void nd_delta(nd_population *p, const int32_t *const *inputs, int32_t *const *state, void *const *outputs) {
    const int32_t *vth = p->fields[0], spike_exp = p->fields[1][0], state_exp = p->fields[2][0];
    const int32_t cum_error = p->fields[3][0];
    int32_t *messages = outputs[0];
    for (int32_t i = 0; i < p->size; i++) {
        int wrapped = 0;
        const int64_t exact = nd_shift_left(inputs[0][i], spike_exp + state_exp);
        p->wraps += nd_wrap32(exact) != exact;
        messages[i] = released(nd_wrap32(exact), vth[i], cum_error, &state[0][i], &state[1][i], &state[2][i], &wrapped) >> state_exp;
        p->wraps += wrapped;
    }
}

ND_EXPORT void nd_sigma_delta(nd_population *p, const int32_t *const *inputs, int32_t *const *state,
                              void *const *outputs) {
    const int32_t *vth = p->fields[0], *bias = p->fields[1], state_exp = p->fields[2][0], relu = p->fields[3][0];
    const int32_t cum_error = p->fields[4][0];
    int32_t *messages = outputs[0];
    for (int32_t i = 0; i < p->size; i++) {
        int summed = 0, changed = 0;
        const int32_t x = activate(&state[0][i], inputs[0][i], bias[i], relu, &summed);
        messages[i] = released(x, vth[i], cum_error, &state[1][i], &state[2][i], &state[3][i], &changed) >> state_exp;
        p->wraps += summed + changed;
    }
}

ND_EXPORT void nd_sigma_delta_corrected(nd_population *p, const int32_t *const *inputs, int32_t *const *state,
                                        void *const *outputs) {
    const int32_t *vth = p->fields[0], *bias = p->fields[1], state_exp = p->fields[2][0], relu = p->fields[3][0];
    int32_t *act = state[1], *messages = outputs[0];
    for (int32_t i = 0; i < p->size; i++) {
        int summed = 0, changed = 0;
        const int32_t x = activate(&state[0][i], inputs[0][i], bias[i], relu, &summed);
        const int32_t change = add(x, -(int64_t)act[i], &changed);
        messages[i] = (magnitude(change) >= vth[i] ? change : 0) >> state_exp;
        act[i] = add(act[i], nd_shift_left(messages[i], state_exp), &changed);
        p->wraps += summed + changed;
    }
}

ND_EXPORT void nd_delta_encoder(nd_population *p, const int32_t *const *inputs, int32_t *const *state,
                                void *const *outputs) {
    const int32_t *vth = p->fields[0], spike_exp = p->fields[1][0], bits = p->fields[2][0];
    const int32_t low = bits ? nd_wrap32(nd_shift_left(-(INT64_C(1) << (bits - 1)), spike_exp)) : 0;
    const int32_t high = bits ? nd_wrap32(nd_shift_left((INT64_C(1) << (bits - 1)) - 1, spike_exp)) : 0;
    int32_t *act = state[0], *residue = state[1], *pending = state[2], *messages = outputs[0];
    for (int32_t i = 0; i < p->size; i++) {
        int wrapped = 0;
        const int64_t exact = nd_shift_left(inputs[0][i], spike_exp);
        const int32_t x = nd_wrap32(exact);
        wrapped |= x != exact;
        const int32_t change = add(x, (int64_t)residue[i] - act[i], &wrapped);
        int32_t sent = magnitude(change) >= vth[i] ? change : 0;
        if (high > 0 && sent < low) sent = low;
        if (high > 0 && sent > high) sent = high;
        messages[i] = pending[i];
        act[i] = x;
        residue[i] = nd_wrap32((int64_t)change - sent);
        pending[i] = sent;
        p->wraps += wrapped;
    }
}
