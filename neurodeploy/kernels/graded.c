/* Graded vectors, one step each; numpy: neurons/graded.py. */
#include "nd.h"

/* numpy's magnitude of -2^31 is -2^31, which no threshold lets pass. */
static inline int32_t above(int32_t x, int32_t vth) {
    return (x > vth || (x < -vth && x != INT32_MIN)) ? x : 0;
}

static inline int32_t product(int32_t x, int32_t y, int64_t *wraps) {
    const int64_t exact = (int64_t)x * y;
    *wraps += nd_wrap32(exact) != exact;
    return nd_wrap32(exact);
}

ND_EXPORT void nd_graded_vec(nd_population *p, const int32_t *const *inputs, int32_t *const *state,
                             void *const *outputs) {
    (void)state;
    int32_t *messages = outputs[0];
    for (int32_t i = 0; i < p->size; i++) messages[i] = above(inputs[0][i], p->fields[0][i]);
}

ND_EXPORT void nd_graded_relu_vec(nd_population *p, const int32_t *const *inputs, int32_t *const *state,
                                  void *const *outputs) {
    (void)state;
    int32_t *messages = outputs[0];
    for (int32_t i = 0; i < p->size; i++) messages[i] = inputs[0][i] > p->fields[0][i] ? inputs[0][i] : 0;
}

ND_EXPORT void nd_prod(nd_population *p, const int32_t *const *inputs, int32_t *const *state, void *const *outputs) {
    (void)state;
    int32_t *messages = outputs[0];
    for (int32_t i = 0; i < p->size; i++)
        messages[i] = above(product(inputs[0][i], inputs[1][i], &p->wraps) >> p->fields[1][0], p->fields[0][i]);
}

ND_EXPORT void nd_norm_vec_delay(nd_population *p, const int32_t *const *inputs, int32_t *const *state,
                                 void *const *outputs) {
    int32_t *v = state[0], *messages = outputs[0], *squares = outputs[1];
    for (int32_t i = 0; i < p->size; i++) {
        squares[i] = product(inputs[0][i], inputs[0][i], &p->wraps);
        messages[i] = above(product(v[i], inputs[1][i], &p->wraps), p->fields[0][i]);
        v[i] = inputs[0][i];
    }
}
