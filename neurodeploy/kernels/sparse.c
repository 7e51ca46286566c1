/* Sparse, stored by source: sums[i] += sum over j of W[i, j] * s[j]; numpy: connections/sparse.py, Sparse.propagate.
 * Spikes: |sum| <= 256 * n_source < 2^31, checked when the network is handed over; narrow where 16 bits are sure to do. */
#include "nd.h"

#define AHEAD 6 /* rows whose synapses are fetched before they are needed; their addresses twice as early */
#define LINE 64 /* bytes of a cache line */

#define FETCH(ARRAY, FROM, TO) \
    for (int64_t f = FROM; f < TO; f += LINE / (int64_t)sizeof *(ARRAY)) __builtin_prefetch((ARRAY) + f)

/* Row by row; `AHEAD_OF` asks for the synapses `from` .. `to` of a later row, `ADD` does synapse k. */
#define ROWS(AHEAD_OF, ADD)                                                                              \
    for (int64_t s = 0; s < count; s++) {                                                                \
        if (s + 2 * AHEAD < count) __builtin_prefetch(p->indptr + list[s + 2 * AHEAD]);                  \
        if (s + AHEAD < count) {                                                                         \
            const int64_t from = p->indptr[list[s + AHEAD]], to = p->indptr[list[s + AHEAD] + 1];        \
            AHEAD_OF;                                                                                    \
        }                                                                                                \
        const int64_t begin = p->indptr[list[s]], end = p->indptr[list[s] + 1];                          \
        synapses += end - begin;                                                                         \
        for (int64_t k = begin; k < end; k++) ADD;                                                       \
    }

int64_t nd_sparse_narrow(const nd_projection *p, const int32_t *list, int64_t count, int16_t *sums) {
    int64_t synapses = 0;
    if (p->packed) {
        const uint32_t *packed = p->packed;
        ROWS(FETCH(packed, from, to), sums[packed[k] >> 8] += (int8_t)packed[k])
    } else {
        const int8_t *small = p->small;
        const uint16_t *indices = p->short_indices;
        ROWS(FETCH(small, from, to); FETCH(indices, from, to), sums[indices[k]] += small[k])
    }
    return synapses;
}

void nd_sparse_delayed(const nd_projection *p, const int32_t *list, int64_t count, int32_t step, int16_t *sums,
                       int64_t *arrivals) {
    const uint32_t *packed = p->packed, mask = (uint32_t)p->ring - 1;
    const uint8_t *delays = p->delays;
    const int64_t row = nd_padded(p->n_target);
    int64_t synapses = 0;
    ROWS(FETCH(packed, from, to); FETCH(delays, from, to), {
        const uint32_t slot = ((uint32_t)step + delays[k]) & mask;
        sums[slot * row + (packed[k] >> 8)] += (int8_t)packed[k];
        arrivals[slot]++;
    })
    (void)synapses;
}

void nd_sparse_shifted(const nd_projection *p, const int32_t *list, int64_t count, int32_t exponent, int32_t *sums) {
    const int32_t scale = INT32_C(1) << (exponent + p->weight_shift);
    int64_t synapses = 0;
    if (p->packed) {
        const uint32_t *packed = p->packed;
        ROWS(FETCH(packed, from, to), sums[packed[k] >> 8] += (int8_t)packed[k] * scale)
    } else if (p->small) {
        const int8_t *small = p->small;
        const uint16_t *indices = p->short_indices;
        ROWS(FETCH(small, from, to); FETCH(indices, from, to), sums[indices[k]] += small[k] * scale)
    } else {
        const int16_t *weights = p->weights;
        const int32_t *indices = p->indices, wide = INT32_C(1) << exponent;
        ROWS(FETCH(weights, from, to); FETCH(indices, from, to), sums[indices[k]] += weights[k] * wide)
    }
    (void)synapses;
}

void nd_sparse(const nd_projection *p, const int32_t *list, int64_t count, int32_t *sums) {
    nd_sparse_shifted(p, list, count, 0, sums);
}

int64_t nd_sparse_graded(const nd_projection *p, const int32_t *list, int64_t count, const int32_t *messages, int64_t *sums) {
    const int16_t *weights = p->weights;
    int64_t wraps = 0;
    for (int64_t s = 0; s < count; s++) {
        const int64_t message = messages[s];
        for (int64_t k = p->indptr[list[s]]; k < p->indptr[list[s] + 1]; k++) {
            const int64_t product = weights[k] * message;
            const int64_t held = p->products_wrap ? nd_wrap32(product) : product;
            wraps += held != product;
            sums[p->indices[k]] += held;
        }
    }
    return wraps;
}
