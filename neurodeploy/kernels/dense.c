/* Dense: acc[i] += sum over j of W[i, j] * s[j]; numpy: connections/dense.py, Dense.propagate.
 * Spikes: |sum| <= 256 * n_source < 2^31, checked when the network is handed over. */
#include "nd.h"

void nd_dense(const nd_projection *p, const uint8_t *spikes, int32_t *acc) {
    const int16_t *weights = p->weights;
    const int32_t n = p->n_target;
    for (int32_t j = 0; j < p->n_source; j++) {
        if (!spikes[j]) continue;
        const int16_t *row = weights + (int64_t)j * n;
        for (int32_t i = 0; i < n; i++) acc[i] += row[i];
    }
}

int64_t nd_dense_graded(const nd_projection *p, const int32_t *messages, int64_t *acc) {
    const int16_t *weights = p->weights;
    const int32_t n = p->n_target;
    int64_t wraps = 0;
    for (int32_t j = 0; j < p->n_source; j++) {
        const int64_t message = messages[j];
        if (!message) continue;
        const int16_t *row = weights + (int64_t)j * n;
        for (int32_t i = 0; i < n; i++) {
            const int64_t product = row[i] * message;
            const int64_t held = p->products_wrap ? nd_wrap32(product) : product;
            wraps += held != product;
            acc[i] += held;
        }
    }
    return wraps;
}
