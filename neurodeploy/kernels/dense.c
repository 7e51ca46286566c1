/* Dense: acc[i] += sum over j of W[i, j] * s[j]; numpy: connections/dense.py, Dense.propagate.
 * |sum| <= 256 * n_source < 2^31, checked when the network is handed over. */
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
