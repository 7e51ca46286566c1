/* Sparse, stored by source: acc[i] += sum over j of W[i, j] * s[j]; numpy: connections/sparse.py, Sparse.propagate.
 * |sum| <= 256 * n_source < 2^31, checked when the network is handed over. */
#include "nd.h"

void nd_sparse(const nd_projection *p, const uint8_t *spikes, int32_t *acc) {
    const int16_t *weights = p->weights;
    for (int32_t j = 0; j < p->n_source; j++) {
        if (!spikes[j]) continue;
        for (int64_t k = p->indptr[j]; k < p->indptr[j + 1]; k++) acc[p->indices[k]] += weights[k];
    }
}
