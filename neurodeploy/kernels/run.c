/* A whole simulation: samples, then steps, then populations; numpy: simulate/reference.py, run_reference. */
#include <stdlib.h>
#include <string.h>

#include "nd.h"

static void propagate(const nd_projection *p, const uint8_t *spikes, int32_t *acc) {
    memset(acc, 0, sizeof(int32_t) * (size_t)p->n_target);
    if (p->kind == ND_DENSE) nd_dense(p, spikes, acc);
    else if (p->kind == ND_SPARSE) nd_sparse(p, spikes, acc);
    else nd_conv2d(p, spikes, acc);
}

/* Adds the shifted and wrapped output to the int64 sums; returns how many outputs wrapped. */
static int64_t deliver(const nd_projection *p, const int32_t *acc, int64_t *sums) {
    int64_t wraps = 0;
    for (int32_t i = 0; i < p->n_target; i++) {
        int64_t exact, output;
        if (p->kind == ND_CONV2D) {
            exact = acc[i];
            output = (int64_t)(((uint32_t)acc[i] + (UINT32_C(1) << 23)) & 0xFFFFFF) - (INT32_C(1) << 23);
        } else {
            exact = p->weight_exp >= 0 ? (int64_t)acc[i] * (INT64_C(1) << p->weight_exp) : (int64_t)acc[i] >> -p->weight_exp;
            output = nd_wrap32(exact);
        }
        wraps += exact != output;
        sums[i] += output;
    }
    return wraps;
}

/* populations, then inputs, index `spikes`, each (batch, steps, size) uint8; those of populations are written.
 * Returns 0, or 1 where memory ran out. */
ND_EXPORT int nd_run(nd_population *populations, int32_t n_populations, const nd_projection *projections,
                     int32_t n_projections, uint8_t *const *spikes, int32_t batch, int32_t steps) {
    int64_t largest = 1, total = 0;
    for (int32_t k = 0; k < n_populations; k++) {
        total += populations[k].size;
        if (populations[k].size > largest) largest = populations[k].size;
    }
    int32_t *u = malloc(sizeof(int32_t) * (size_t)total);
    int32_t *v = malloc(sizeof(int32_t) * (size_t)total);
    int32_t *frozen = malloc(sizeof(int32_t) * (size_t)total);
    int32_t *acc = malloc(sizeof(int32_t) * (size_t)largest);
    int64_t *sums = malloc(sizeof(int64_t) * (size_t)largest);
    const int failed = !u || !v || !frozen || !acc || !sums;
    for (int32_t b = 0; b < batch && !failed; b++) {
        memset(frozen, 0, sizeof(int32_t) * (size_t)total);
        for (int64_t k = 0, at = 0; k < n_populations; at += populations[k++].size) {
            memcpy(u + at, populations[k].u0, sizeof(int32_t) * (size_t)populations[k].size);
            memcpy(v + at, populations[k].v0, sizeof(int32_t) * (size_t)populations[k].size);
        }
        for (int32_t t = 1; t <= steps; t++) {
            int64_t at = 0;
            for (int32_t k = 0; k < n_populations; at += populations[k++].size) {
                nd_population *q = &populations[k];
                const int64_t row = ((int64_t)b * steps + t - 1) * q->size;
                if (t >= q->first && t <= q->last) {
                    if (q->reset_interval && t % q->reset_interval == q->reset_offset % q->reset_interval) {
                        memset(u + at, 0, sizeof(int32_t) * (size_t)q->size);
                        memset(v + at, 0, sizeof(int32_t) * (size_t)q->size);
                        memset(frozen + at, 0, sizeof(int32_t) * (size_t)q->size);
                    }
                    memset(sums, 0, sizeof(int64_t) * (size_t)q->size);
                    for (int32_t j = 0; j < n_projections; j++) {
                        const nd_projection *p = &projections[j];
                        const int32_t emitted = t - 1 - p->delay;
                        if (p->target != k || emitted < 1) continue;
                        propagate(p, spikes[p->source] + ((int64_t)b * steps + emitted - 1) * p->n_source, acc);
                        q->wraps += deliver(p, acc, sums);
                    }
                    for (int32_t i = 0; i < q->size; i++) {
                        acc[i] = nd_wrap32(sums[i]);
                        q->wraps += acc[i] != sums[i];
                    }
                    nd_cuba(q, acc, u + at, v + at, frozen + at, q->active + (int64_t)b * q->size, spikes[k] + row);
                }
                if (q->u_trace) memcpy(q->u_trace + row, u + at, sizeof(int32_t) * (size_t)q->size);
                if (q->v_trace) memcpy(q->v_trace + row, v + at, sizeof(int32_t) * (size_t)q->size);
            }
        }
    }
    free(u);
    free(v);
    free(frozen);
    free(acc);
    free(sums);
    return failed;
}
