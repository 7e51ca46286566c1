/* Sparse, stored by source: sums[i] += sum over j of W[i, j] * s[j]; numpy: connections/sparse.py, Sparse.propagate.
 * Spikes: |sum| <= 256 * n_source < 2^31, checked when the network is handed over; narrow where 16 bits are sure to do. */
#include "nd.h"

#define AHEAD 6 /* rows whose synapses are fetched before they are needed; their addresses twice as early */
#define LINE 64 /* bytes of a cache line */

#define FETCH(ARRAY, FROM, TO) \
    for (int64_t f = FROM; f < TO; f += LINE / (int64_t)sizeof *(ARRAY)) __builtin_prefetch((ARRAY) + f)

/* Row by row, synapses starts[source * STRIDE] .. starts[source * STRIDE + 1] - 1; `AHEAD_OF` asks for those `from` .. `to`
 * of a later row, `ADD` does synapse k. */
#define PARTS_OF_ROWS(STARTS, STRIDE, AHEAD_OF, ADD)                                                     \
    for (int64_t s = 0; s < count; s++) {                                                                \
        if (s + 2 * AHEAD < count) __builtin_prefetch((STARTS) + list[s + 2 * AHEAD] * (STRIDE));        \
        if (s + AHEAD < count) {                                                                         \
            const int64_t *later = (STARTS) + list[s + AHEAD] * (STRIDE), from = later[0], to = later[1]; \
            AHEAD_OF;                                                                                    \
        }                                                                                                \
        const int64_t *own = (STARTS) + list[s] * (STRIDE), begin = own[0], end = own[1];                \
        synapses += end - begin;                                                                         \
        for (int64_t k = begin; k < end; k++) ADD;                                                       \
    }
#define ROWS(AHEAD_OF, ADD) PARTS_OF_ROWS(p->indptr, (int64_t)1, AHEAD_OF, ADD)

static inline int64_t narrow(const nd_projection *p, const int64_t *starts, const int64_t stride, const int32_t *list,
                             int64_t count, int16_t *sums) {
    int64_t synapses = 0;
    if (p->packed) {
        const uint32_t *packed = p->packed;
        PARTS_OF_ROWS(starts, stride, FETCH(packed, from, to), sums[packed[k] >> 8] += (int8_t)packed[k])
    } else {
        const int8_t *small = p->small;
        const uint16_t *indices = p->short_indices;
        PARTS_OF_ROWS(starts, stride, FETCH(small, from, to); FETCH(indices, from, to), sums[indices[k]] += small[k])
    }
    return synapses;
}

int64_t nd_sparse_narrow(const nd_projection *p, int32_t part, const int32_t *list, int64_t count, int16_t *sums) {
    return part == ND_ALL ? narrow(p, p->indptr, 1, list, count, sums)
                          : narrow(p, p->cuts + part * 2 * (int64_t)p->n_source, 2, list, count, sums);
}

/* cuts (parts, n_source, 2), see nd.h; 0 where the targets of a source do not ascend. */
ND_EXPORT int32_t nd_sparse_cut(const nd_projection *p, int32_t parts, int64_t *cuts) {
    for (int32_t source = 0; source < p->n_source; source++) {
        const int64_t end = p->indptr[source + 1];
        int64_t k = p->indptr[source], before = -1;
        for (int32_t part = 0; part < parts; part++) {
            int64_t *cut = cuts + 2 * ((int64_t)part * p->n_source + source);
            cut[0] = k;
            for (const int64_t to = nd_part_from(p->n_target, parts, part + 1); k < end; k++) {
                const int64_t target = p->packed ? p->packed[k] >> 8 : p->short_indices[k];
                if (target >= to) break;
                if (target < before) return 0;
                before = target;
            }
            cut[1] = k;
        }
        if (k < end) return 0;
    }
    return 1;
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
