/* A whole simulation: samples, then steps, then populations; numpy: simulate/reference.py, run_reference. */
#include <stdlib.h>
#include <string.h>

#include "nd.h"

enum { DONE = 0, NO_MEMORY = 1, CONVOLUTION_OVERFLOWED = 2 };

/* Scratch for the largest population, sender and model. */
typedef struct {
    int32_t *state;   /* of all populations, one after the other */
    int32_t *acc, *inputs;
    int64_t *wide, *sums;
    uint8_t *spikes;
    int32_t **registers;
    const int32_t **ports;
    void **outputs;
} scratch;

static void free_scratch(scratch *s) {
    free(s->state);
    free(s->acc);
    free(s->inputs);
    free(s->wide);
    free(s->sums);
    free(s->spikes);
    free(s->registers);
    free(s->ports);
    free(s->outputs);
}

static int allocate(scratch *s, const nd_population *populations, int32_t n_populations,
                    const nd_projection *projections, int32_t n_projections) {
    size_t total = 1, size = 1, source = 1, ports = 1, state = 1, outputs = 1;
    for (const nd_population *q = populations; q < populations + n_populations; q++) {
        total += (size_t)q->size * (size_t)q->n_state;
        if ((size_t)q->size > size) size = (size_t)q->size;
        if ((size_t)q->n_ports > ports) ports = (size_t)q->n_ports;
        if ((size_t)q->n_state > state) state = (size_t)q->n_state;
        if ((size_t)q->n_outputs > outputs) outputs = (size_t)q->n_outputs;
    }
    for (const nd_projection *p = projections; p < projections + n_projections; p++)
        if ((size_t)p->n_source > source) source = (size_t)p->n_source;
    s->state = malloc(sizeof(int32_t) * total);
    s->acc = malloc(sizeof(int32_t) * size);
    s->inputs = malloc(sizeof(int32_t) * size * ports);
    s->wide = malloc(sizeof(int64_t) * size);
    s->sums = malloc(sizeof(int64_t) * size * ports);
    s->spikes = malloc(source);
    s->registers = malloc(sizeof(int32_t *) * state);
    s->ports = malloc(sizeof(int32_t *) * ports);
    s->outputs = malloc(sizeof(void *) * outputs);
    return s->state && s->acc && s->inputs && s->wide && s->sums && s->spikes && s->registers &&
           s->ports && s->outputs;
}

/* Adds an output, shifted and wrapped, to its sum; returns whether it wrapped. `held` is what the sum was wrapped to. */
static inline int64_t add_output(const nd_projection *p, int64_t exact, int64_t held, int64_t *sum) {
    int64_t output;
    if (p->kind == ND_CONV2D) {
        output = nd_wrap24(held);
    } else if (p->weight_exp >= 0) {
        exact = nd_shift_left(exact, p->weight_exp);
        output = nd_wrap32(nd_shift_left(held, p->weight_exp));
    } else {
        exact >>= -p->weight_exp;
        output = nd_wrap32(held >> -p->weight_exp);
    }
    *sum += output;
    return exact != output;
}

static int64_t deliver_spikes(const nd_projection *p, const uint8_t *spikes, scratch *s, int64_t *sums) {
    int64_t wraps = 0;
    memset(s->acc, 0, sizeof(int32_t) * (size_t)p->n_target);
    if (p->kind == ND_DENSE) nd_dense(p, spikes, s->acc);
    else if (p->kind == ND_SPARSE) nd_sparse(p, spikes, s->acc);
    else nd_conv2d(p, spikes, s->acc);
    for (int32_t i = 0; i < p->n_target; i++) wraps += add_output(p, s->acc[i], s->acc[i], &sums[i]);
    return wraps;
}

/* Returns how many values wrapped, or -1 where a convolution left 32 bits. */
static int64_t deliver_graded(const nd_projection *p, const int32_t *messages, scratch *s, int64_t *sums) {
    int64_t wraps = 0;
    memset(s->wide, 0, sizeof(int64_t) * (size_t)p->n_target);
    if (p->kind == ND_DENSE) wraps += nd_dense_graded(p, messages, s->wide);
    else if (p->kind == ND_SPARSE) wraps += nd_sparse_graded(p, messages, s->wide);
    else nd_conv2d_graded(p, messages, s->wide);
    for (int32_t i = 0; i < p->n_target; i++) {
        const int64_t held = p->products_wrap ? s->wide[i] : nd_wrap32(s->wide[i]);
        if (p->kind == ND_CONV2D && held != s->wide[i]) return -1;
        wraps += add_output(p, s->wide[i], held, &sums[i]);
    }
    return wraps;
}

static int64_t deliver(const nd_projection *p, const nd_raster *raster, int64_t row, scratch *s, int64_t *sums) {
    if (p->kind == ND_DIRECT) {
        for (int32_t i = 0; i < p->n_target; i++)
            sums[i] += raster->graded ? ((const int32_t *)raster->values)[row + i] : ((const uint8_t *)raster->values)[row + i];
        return 0;
    }
    /* values of a raster of 0 and 1 count as they are */
    if (!raster->graded) return deliver_spikes(p, (const uint8_t *)raster->values + row, s, sums);
    const int32_t *messages = (const int32_t *)raster->values + row;
    if (p->graded) return deliver_graded(p, messages, s, sums);
    for (int32_t j = 0; j < p->n_source; j++) s->spikes[j] = messages[j] != 0;
    return deliver_spikes(p, s->spikes, s, sums);
}

static void count_active(const nd_population *q, const scratch *s, int64_t *active) {
    for (int32_t i = 0; i < q->size; i++) {
        int any = q->constant[i] != 0;
        for (int32_t k = 0; k < q->n_ports; k++) any |= s->ports[k][i] != 0;
        for (int32_t r = 0; r < q->n_registers; r++) any |= s->registers[r][i] != 0;
        active[i] += any;
    }
}

/* Step t of population k in sample b. */
static int live_step(nd_population *q, int32_t k, const nd_projection *projections, int32_t n_projections,
                     const nd_raster *rasters, int64_t b, int32_t t, int32_t steps, scratch *s) {
    if (q->reset_interval && t % q->reset_interval == q->reset_offset % q->reset_interval)
        for (int32_t r = 0; r < q->n_state; r++) memset(s->registers[r], 0, sizeof(int32_t) * (size_t)q->size);
    memset(s->sums, 0, sizeof(int64_t) * (size_t)q->size * (size_t)q->n_ports);
    for (const nd_projection *p = projections; p < projections + n_projections; p++) {
        const int32_t emitted = t - p->latency;
        if (p->target != k || emitted < 1) continue;
        const int64_t row = (b * steps + emitted - 1) * p->n_source;
        const int64_t wraps = deliver(p, &rasters[p->source], row, s, s->sums + (int64_t)p->port * q->size);
        if (wraps < 0) return CONVOLUTION_OVERFLOWED;
        q->wraps += wraps;
    }
    for (int32_t port = 0; port < q->n_ports; port++) {
        int32_t *input = s->inputs + (int64_t)port * q->size;
        const int64_t *sum = s->sums + (int64_t)port * q->size;
        for (int32_t i = 0; i < q->size; i++) {
            input[i] = nd_wrap32(sum[i]);
            q->wraps += input[i] != sum[i];
        }
        s->ports[port] = input;
    }
    count_active(q, s, q->active + b * q->size);
    for (int32_t o = 0; o < q->n_outputs; o++) {
        const nd_raster *raster = &rasters[q->first_raster + o];
        s->outputs[o] = (char *)raster->values + (b * steps + t - 1) * q->size * (raster->graded ? 4 : 1);
    }
    q->step(q, s->ports, s->registers, s->outputs);
    return DONE;
}

static int run_sample(nd_population *populations, int32_t n_populations, const nd_projection *projections,
                      int32_t n_projections, const nd_raster *rasters, int64_t b, int32_t steps, scratch *s) {
    int32_t *at = s->state;
    for (nd_population *q = populations; q < populations + n_populations; q++)
        for (int32_t r = 0; r < q->n_state; r++, at += q->size)
            memcpy(at, q->initial[r], sizeof(int32_t) * (size_t)q->size);
    for (int32_t t = 1; t <= steps; t++) {
        at = s->state;
        for (int32_t k = 0; k < n_populations; k++) {
            nd_population *q = &populations[k];
            for (int32_t r = 0; r < q->n_state; r++, at += q->size) s->registers[r] = at;
            if (t >= q->first && t <= q->last) {
                const int failed = live_step(q, k, projections, n_projections, rasters, b, t, steps, s);
                if (failed) return failed;
            }
            for (int32_t r = 0; r < q->n_registers; r++)
                if (q->traces[r])
                    memcpy(q->traces[r] + (b * steps + t - 1) * q->size, s->registers[r], sizeof(int32_t) * (size_t)q->size);
        }
    }
    return DONE;
}

/* rasters: those of the populations, which are written, then those of the inputs. Returns DONE or what failed. */
ND_EXPORT int nd_run(nd_population *populations, int32_t n_populations, const nd_projection *projections,
                     int32_t n_projections, const nd_raster *rasters, int32_t batch, int32_t steps) {
    scratch s = {0};
    int failed = allocate(&s, populations, n_populations, projections, n_projections) ? DONE : NO_MEMORY;
    for (int32_t b = 0; b < batch && !failed; b++)
        failed = run_sample(populations, n_populations, projections, n_projections, rasters, b, steps, &s);
    free_scratch(&s);
    return failed;
}
