/* Sparse, stored by source: acc[i] += sum over j of W[i, j] * s[j]; numpy: connections/sparse.py, Sparse.propagate.
 * Spikes: |sum| <= 256 * n_source < 2^31, checked when the network is handed over. */
#include "nd.h"

void nd_sparse(const nd_projection *p, const int32_t *list, int64_t count, int32_t *acc) {
    const int16_t *weights = p->weights;
    for (int64_t s = 0; s < count; s++)
        for (int64_t k = p->indptr[list[s]]; k < p->indptr[list[s] + 1]; k++) acc[p->indices[k]] += weights[k];
}

int64_t nd_sparse_graded(const nd_projection *p, const int32_t *list, int64_t count, const int32_t *messages, int64_t *acc) {
    const int16_t *weights = p->weights;
    int64_t wraps = 0;
    for (int64_t s = 0; s < count; s++) {
        const int64_t message = messages[list[s]];
        for (int64_t k = p->indptr[list[s]]; k < p->indptr[list[s] + 1]; k++) {
            const int64_t product = weights[k] * message;
            const int64_t held = p->products_wrap ? nd_wrap32(product) : product;
            wraps += held != product;
            acc[p->indices[k]] += held;
        }
    }
    return wraps;
}
