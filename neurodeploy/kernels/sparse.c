/* Sparse, stored by source: acc[i] += sum over j of W[i, j] * s[j]; numpy: connections/sparse.py, Sparse.propagate.
 * Spikes: |sum| <= 256 * n_source < 2^31, checked when the network is handed over. */
#include "nd.h"

#define AHEAD 6 /* rows whose synapses are fetched before they are needed; their addresses twice as early */

/* Row by row; `FETCH` asks for the synapses from k to end of a later row, `ADD` does synapse k. */
#define ROWS(FETCH, ADD)                                                                         \
    for (int64_t s = 0; s < count; s++) {                                                        \
        if (s + 2 * AHEAD < count) __builtin_prefetch(p->indptr + list[s + 2 * AHEAD]);          \
        if (s + AHEAD < count) {                                                                 \
            const int64_t from = p->indptr[list[s + AHEAD]], to = p->indptr[list[s + AHEAD] + 1]; \
            for (int64_t k = from; k < to; k += 16) FETCH;                                       \
        }                                                                                        \
        const int64_t end = p->indptr[list[s] + 1];                                              \
        for (int64_t k = p->indptr[list[s]]; k < end; k++) ADD;                                  \
    }

void nd_sparse_shifted(const nd_projection *p, const int32_t *list, int64_t count, int32_t exponent, int32_t *acc) {
    const int32_t scale = INT32_C(1) << (exponent + p->weight_shift);
    if (p->packed) {
        const uint32_t *packed = p->packed;
        ROWS(__builtin_prefetch(packed + k), acc[packed[k] >> 8] += (int8_t)packed[k] * scale)
    } else if (p->small) {
        const int8_t *small = p->small;
        const uint16_t *indices = p->short_indices;
        ROWS((__builtin_prefetch(small + k), __builtin_prefetch(indices + k)), acc[indices[k]] += small[k] * scale)
    } else {
        const int16_t *weights = p->weights;
        const int32_t *indices = p->indices, wide = INT32_C(1) << exponent;
        ROWS((__builtin_prefetch(weights + k), __builtin_prefetch(indices + k)), acc[indices[k]] += weights[k] * wide)
    }
}

void nd_sparse(const nd_projection *p, const int32_t *list, int64_t count, int32_t *acc) {
    nd_sparse_shifted(p, list, count, 0, acc);
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
