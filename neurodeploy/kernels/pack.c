/* What is done once with the synapses of a large sparse network, in one pass; numpy: connections/sparse.py,
 * Sparse.sum_bounds, and simulate/packing.py, Packing. */
#include "nd.h"

/* bounds (n_target, 2): of each target the sum of its negative and of its positive weights. */
ND_EXPORT void nd_sum_bounds(const int32_t *weights, const int32_t *targets, int64_t count, int64_t *bounds) {
    for (int64_t k = 0; k < count; k++) bounds[2 * (int64_t)targets[k] + (weights[k] > 0)] += weights[k];
}

/* targets << 8 | the low byte of weights * 2^bits. */
ND_EXPORT void nd_pack(const int32_t *weights, const int32_t *targets, int64_t count, int32_t bits, uint32_t *packed) {
    for (int64_t k = 0; k < count; k++) {
        const int32_t weight = bits >= 0 ? (int32_t)((uint32_t)weights[k] << bits) : weights[k] >> -bits;
        packed[k] = (uint32_t)targets[k] << 8 | (uint8_t)weight;
    }
}
