/* A whole simulation; numpy: simulate/reference.py, run_reference.
 *
 * Samples are independent: threads claim them one by one, and each thread adds up its own counts. Within a sample the
 * strongly connected components of the network run one after the other, those without a cycle over all steps at once
 * (their inputs are known by then), the others step by step.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#ifndef _WIN32
#include <pthread.h>
#endif

#include "events.h"
#include "nd.h"

enum { DONE = 0, NO_MEMORY = 1, CONVOLUTION_OVERFLOWED = 2 };

typedef struct {
    const nd_population *populations;
    const nd_projection *projections;
    const nd_raster *rasters;
    int32_t n_populations, n_projections, n_rasters, batch, steps;
    atomic_int next_sample, failed;
} job;

/* One thread's share: own counts, own state, scratch for the largest population, sender and model. */
typedef struct {
    const job *job;
    nd_population *populations; /* copies, for their counts */
    int64_t *sent;              /* by raster */
    nd_events *events;          /* by raster */
    int32_t *state;             /* of all populations, one after the other */
    int32_t ***registers;       /* by population */
    int32_t *acc, *inputs;
    int64_t *wide, *sums;
    const int32_t **ports;
    void **outputs;
} worker;

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

/* The sum of target i; those of a convolution are channels last. */
static inline int64_t place(const nd_projection *p, int32_t i) {
    if (p->kind != ND_CONV2D) return i;
    const int32_t plane = p->h_out * p->w_out;
    return (int64_t)(i % plane) * p->c_out + i / plane;
}

static void add_channels(const nd_projection *p, const int32_t *acc, int32_t *inputs) {
    const int32_t plane = p->h_out * p->w_out;
    for (int32_t o = 0; o < p->c_out; o++)
        for (int32_t i = 0; i < plane; i++) inputs[(int64_t)o * plane + i] += acc[(int64_t)i * p->c_out + o];
}

/* Sums that fit 32 bits, shifted (floor). */
static void add_shifted(const int32_t *acc, int32_t n, int32_t exponent, int32_t *inputs) {
    if (exponent >= 0)
        for (int32_t i = 0; i < n; i++) inputs[i] += (int32_t)((uint32_t)acc[i] << exponent);
    else
        for (int32_t i = 0; i < n; i++) inputs[i] += acc[i] >> -exponent;
}

static void propagate(const nd_projection *p, const int32_t *list, int64_t count, int32_t *acc) {
    memset(acc, 0, sizeof(int32_t) * (size_t)p->n_target);
    if (p->kind == ND_DENSE) nd_dense(p, list, count, acc);
    else if (p->kind == ND_SPARSE) nd_sparse(p, list, count, acc);
    else nd_conv2d(p, list, count, acc);
}

/* Returns how many values wrapped, or -1 where a convolution left 32 bits. */
static int64_t deliver_graded(const nd_projection *p, const int32_t *list, int64_t count, const int32_t *messages,
                              int64_t *wide, int64_t *sums) {
    int64_t wraps = 0;
    memset(wide, 0, sizeof(int64_t) * (size_t)p->n_target);
    if (p->kind == ND_DENSE) wraps += nd_dense_graded(p, list, count, messages, wide);
    else if (p->kind == ND_SPARSE) wraps += nd_sparse_graded(p, list, count, messages, wide);
    else nd_conv2d_graded(p, list, count, messages, wide);
    for (int32_t i = 0; i < p->n_target; i++) {
        const int64_t sum = wide[place(p, i)], held = p->products_wrap ? sum : nd_wrap32(sum);
        if (p->kind == ND_CONV2D && held != sum) return -1;
        wraps += add_output(p, sum, held, &sums[i]);
    }
    return wraps;
}

static void count_syn_ops(nd_population *q, const nd_projection *p, const int32_t *list, int64_t count) {
    if (!p->fan_out) q->syn_ops += count * p->n_target;
    else
        for (int64_t k = 0; k < count; k++) q->syn_ops += p->fan_out[list[k]];
}

/* What arrives at step t: senders and their number; 0 if nothing can. */
static int arriving(const worker *w, const nd_projection *p, int32_t t, const int32_t **list, int64_t *count) {
    const nd_events *e = &w->events[p->source];
    const int32_t emitted = t - p->latency;
    if (emitted < 1) return 0;
    *list = e->index + e->start[emitted - 1];
    *count = e->start[emitted] - e->start[emitted - 1];
    return 1;
}

/* Inputs of population k at step t, from all its projections. */
static int gather(worker *w, int32_t k, int64_t b, int32_t t) {
    nd_population *q = &w->populations[k];
    const size_t all = (size_t)q->size * (size_t)q->n_ports;
    memset(w->inputs, 0, sizeof(int32_t) * (all + ND_PADDING));
    if (!q->fits32) memset(w->sums, 0, sizeof(int64_t) * all);
    for (const nd_projection *p = w->job->projections; p < w->job->projections + w->job->n_projections; p++) {
        const int32_t *list;
        int64_t count, wraps = 0;
        if (p->target != k || !arriving(w, p, t, &list, &count)) continue;
        const nd_raster *raster = &w->job->rasters[p->source];
        const int32_t emitted = t - p->latency;
        int64_t *sums = w->sums + (int64_t)p->port * q->size;
        int32_t *inputs = w->inputs + (int64_t)p->port * q->size;
        const int32_t *messages =
            raster->graded && emitted <= raster->steps
                ? (const int32_t *)raster->values + (b * raster->steps + emitted - 1) * raster->size : NULL;
        count_syn_ops(q, p, list, count);
        if (p->kind == ND_DIRECT) {
            for (int64_t s = 0; s < count; s++) {
                const int32_t value = raster->graded ? messages[list[s]] : 1;
                if (q->fits32) inputs[list[s]] += value;
                else sums[list[s]] += value;
            }
        } else if (raster->graded && p->graded) {
            wraps = count ? deliver_graded(p, list, count, messages, w->wide, sums) : 0;
        } else if (count && q->fits32 && p->kind == ND_SPARSE && p->weight_exp >= 0) {
            nd_sparse_shifted(p, list, count, p->weight_exp, inputs);
        } else if (count) { /* values of a raster of 0 and 1 count as they are */
            propagate(p, list, count, w->acc);
            if (!q->fits32)
                for (int32_t i = 0; i < p->n_target; i++) {
                    const int32_t sum = w->acc[place(p, i)];
                    wraps += add_output(p, sum, sum, &sums[i]);
                }
            else if (p->kind == ND_CONV2D) add_channels(p, w->acc, inputs);
            else add_shifted(w->acc, p->n_target, p->weight_exp, inputs);
        }
        if (wraps < 0) return CONVOLUTION_OVERFLOWED;
        q->wraps += wraps;
    }
    if (!q->fits32)
        for (size_t i = 0; i < all; i++) {
            w->inputs[i] = nd_wrap32(w->sums[i]);
            q->wraps += w->inputs[i] != w->sums[i];
        }
    return DONE;
}

static void count_active(nd_population *q, const worker *w, int32_t *const *registers) {
    for (int32_t i = 0; i < q->size; i++) {
        int any = q->constant[i] != 0;
        for (int32_t k = 0; k < q->n_ports; k++) any |= w->ports[k][i] != 0;
        for (int32_t r = 0; r < q->n_registers; r++) any |= registers[r][i] != 0;
        q->active += any;
    }
}

static int resets(const nd_population *q, int32_t t) {
    return q->reset_interval && t % q->reset_interval == q->reset_offset % q->reset_interval;
}

static int live_step(worker *w, int32_t k, int64_t b, int32_t t) {
    nd_population *q = &w->populations[k];
    int32_t *const *registers = w->registers[k];
    if (resets(q, t))
        for (int32_t r = 0; r < q->n_state; r++) memset(registers[r], 0, sizeof(int32_t) * (size_t)q->size);
    const int failed = gather(w, k, b, t);
    if (failed) return failed;
    for (int32_t port = 0; port < q->n_ports; port++) w->ports[port] = w->inputs + (int64_t)port * q->size;
    if (q->step != nd_cuba) count_active(q, w, registers);
    for (int32_t o = 0; o < q->n_outputs; o++) {
        const nd_raster *raster = &w->job->rasters[q->first_raster + o];
        w->outputs[o] = (char *)raster->values + (b * raster->steps + t - 1) * q->size * (raster->graded ? 4 : 1);
    }
    q->step(q, w->ports, registers, w->outputs);
    return DONE;
}

/* Lists of what sender r sent at step t, for those that come after. */
static int listen(worker *w, int32_t r, int64_t b, int32_t t) {
    const nd_raster *raster = &w->job->rasters[r];
    nd_events *e = &w->events[r];
    if (t > raster->steps) {
        e->start[t] = e->start[t - 1];
        return 1;
    }
    const int64_t row = (b * raster->steps + t - 1) * raster->size;
    return raster->graded ? nd_events_append_words(e, t, (const int32_t *)raster->values + row, raster->size)
                          : nd_events_append_bytes(e, t, (const uint8_t *)raster->values + row, raster->size);
}

/* Step t of population k, live or not: its messages, its traces. */
static int any_step(worker *w, int32_t k, int64_t b, int32_t t) {
    nd_population *q = &w->populations[k];
    if (t >= q->first && t <= q->last) {
        const int failed = live_step(w, k, b, t);
        if (failed) return failed;
    }
    for (int32_t r = 0; r < q->n_registers; r++)
        if (q->traces[r])
            memcpy(q->traces[r] + (b * w->job->steps + t - 1) * q->size, w->registers[k][r], sizeof(int32_t) * (size_t)q->size);
    for (int32_t o = 0; o < q->n_outputs; o++)
        if (!listen(w, q->first_raster + o, b, t)) return NO_MEMORY;
    return DONE;
}

/* All steps of population k, some columns after the other, so that their sums and state stay near. */
static int all_steps_tiled(worker *w, int32_t k, int64_t b) {
    nd_population *q = &w->populations[k];
    const nd_raster *raster = &w->job->rasters[q->first_raster];
    const int32_t columns = nd_tile_columns(), steps = w->job->steps;
    int32_t *const *registers = w->registers[k];
    for (int32_t tile = 0; tile * columns < q->size; tile++) {
        const int32_t from = tile * columns, to = from + columns < q->size ? from + columns : q->size;
        const size_t bytes = sizeof(int32_t) * (size_t)(to - from);
        for (int32_t t = 1; t <= steps; t++) {
            if (t >= q->first && t <= q->last) {
                if (resets(q, t))
                    for (int32_t r = 0; r < q->n_state; r++) memset(registers[r] + from, 0, bytes);
                memset(w->inputs, 0, bytes + sizeof(int32_t) * ND_PADDING);
                for (const nd_projection *p = w->job->projections; p < w->job->projections + w->job->n_projections; p++) {
                    const int32_t *list;
                    int64_t count;
                    if (p->target != k || !arriving(w, p, t, &list, &count) || !count) continue;
                    if (!tile) count_syn_ops(q, p, list, count);
                    memset(w->acc, 0, sizeof(int32_t) * (size_t)columns);
                    nd_dense_tile(p, tile, list, count, w->acc);
                    add_shifted(w->acc, to - from, p->weight_shift + p->weight_exp, w->inputs);
                }
                nd_cuba_range(q, from, to, w->inputs, registers, (uint8_t *)raster->values + (b * steps + t - 1) * q->size);
            }
            for (int32_t r = 0; r < q->n_registers; r++)
                if (q->traces[r])
                    memcpy(q->traces[r] + (b * steps + t - 1) * q->size + from, registers[r] + from, bytes);
        }
    }
    for (int32_t t = 1; t <= steps; t++)
        if (!listen(w, q->first_raster, b, t)) return NO_MEMORY;
    return DONE;
}

static int run_component(worker *w, int32_t component, int64_t b) {
    const int32_t n = w->job->n_populations, steps = w->job->steps;
    for (int32_t k = 0; k < n; k++) {
        const nd_population *q = &w->populations[k];
        if (q->component != component) continue;
        if (q->is_recurrent) {
            for (int32_t t = 1; t <= steps; t++)
                for (int32_t other = k; other < n; other++) {
                    const int failed = w->populations[other].component == component ? any_step(w, other, b, t) : DONE;
                    if (failed) return failed;
                }
            return DONE;
        }
        if (q->is_tiled) return all_steps_tiled(w, k, b);
        for (int32_t t = 1; t <= steps; t++) {
            const int failed = any_step(w, k, b, t);
            if (failed) return failed;
        }
        return DONE;
    }
    return DONE;
}

static int run_sample(worker *w, int64_t b) {
    const int32_t n = w->job->n_populations;
    int32_t inputs_from = 0;
    for (int32_t k = 0; k < n; k++) {
        const nd_population *q = &w->populations[k];
        inputs_from += q->n_outputs;
        for (int32_t r = 0; r < q->n_state; r++)
            memcpy(w->registers[k][r], q->initial[r], sizeof(int32_t) * (size_t)q->size);
    }
    for (int32_t r = inputs_from; r < w->job->n_rasters; r++)
        for (int32_t t = 1; t <= w->job->steps; t++)
            if (!listen(w, r, b, t)) return NO_MEMORY;
    for (int32_t component = 0; component < n; component++) {
        const int failed = run_component(w, component, b);
        if (failed) return failed;
    }
    for (int32_t r = 0; r < w->job->n_rasters; r++) w->sent[r] += w->events[r].start[w->job->steps];
    return DONE;
}

static void free_worker(worker *w) {
    for (int32_t r = 0; w->events && r < w->job->n_rasters; r++) nd_events_free(&w->events[r]);
    if (w->registers) free(w->registers[0]);
    void *const blocks[] = {w->populations, w->sent, w->events, w->state, w->registers, w->acc, w->inputs,
                            w->wide, w->sums, w->ports, w->outputs};
    for (size_t k = 0; k < sizeof blocks / sizeof *blocks; k++) free(blocks[k]);
}

static int make_worker(worker *w, const job *j) {
    size_t state = 1, registers = 1, size = (size_t)nd_tile_columns(), ports = 1, outputs = 1;
    for (const nd_population *q = j->populations; q < j->populations + j->n_populations; q++) {
        state += (size_t)(q->size + ND_PADDING) * (size_t)q->n_state;
        registers += (size_t)q->n_state;
        if ((size_t)q->size > size) size = (size_t)q->size;
        if ((size_t)q->n_ports > ports) ports = (size_t)q->n_ports;
        if ((size_t)q->n_outputs > outputs) outputs = (size_t)q->n_outputs;
    }
    *w = (worker){.job = j};
    w->populations = malloc(sizeof *w->populations * (size_t)(j->n_populations + 1));
    w->sent = calloc((size_t)j->n_rasters + 1, sizeof *w->sent);
    w->events = calloc((size_t)j->n_rasters + 1, sizeof *w->events);
    w->state = calloc(state, sizeof(int32_t));
    w->registers = calloc((size_t)j->n_populations + 1, sizeof *w->registers);
    w->acc = malloc(sizeof(int32_t) * size);
    w->inputs = calloc(size * ports + ND_PADDING, sizeof(int32_t));
    w->wide = malloc(sizeof(int64_t) * size);
    w->sums = malloc(sizeof(int64_t) * size * ports);
    w->ports = malloc(sizeof *w->ports * ports);
    w->outputs = malloc(sizeof *w->outputs * outputs);
    int32_t **pointers = w->registers ? w->registers[0] = malloc(sizeof *pointers * registers) : NULL;
    if (!w->populations || !w->sent || !w->events || !w->state || !pointers || !w->acc || !w->inputs || !w->wide ||
        !w->sums || !w->ports || !w->outputs)
        return 0;
    int32_t *at = w->state;
    for (int32_t k = 0; k < j->n_populations; k++) {
        w->populations[k] = j->populations[k];
        nd_population *q = &w->populations[k];
        q->active = q->syn_ops = q->wraps = q->saturations = 0;
        w->registers[k] = pointers;
        for (int32_t r = 0; r < q->n_state; r++, at += q->size + ND_PADDING) *pointers++ = at;
    }
    for (int32_t r = 0; r < j->n_rasters; r++)
        if (!nd_events_init(&w->events[r], j->steps)) return 0;
    return 1;
}

static void *work(void *given) {
    worker *w = given;
    job *j = (job *)w->job;
    for (int32_t b; !atomic_load(&j->failed) && (b = atomic_fetch_add(&j->next_sample, 1)) < j->batch;) {
        const int failed = run_sample(w, b);
        if (failed) atomic_store(&j->failed, failed);
    }
    return NULL;
}

/* rasters: those of the populations, which are written, then those of the inputs. Returns DONE or what failed. */
ND_EXPORT int nd_run(nd_population *populations, int32_t n_populations, const nd_projection *projections,
                     int32_t n_projections, nd_raster *rasters, int32_t n_rasters, int32_t batch, int32_t steps,
                     int32_t threads) {
    job j = {populations, projections, rasters, n_populations, n_projections, n_rasters, batch, steps, 0, 0};
    worker *workers = calloc((size_t)threads, sizeof *workers);
    if (!workers) return NO_MEMORY;
    int32_t made = 0;
    while (made < threads && make_worker(&workers[made], &j)) made++;
    if (made < threads) {
        free_worker(&workers[made]);
        if (!made) j.failed = NO_MEMORY;
    }
#ifndef _WIN32
    pthread_t *others = calloc((size_t)threads, sizeof *others);
    int32_t started = 1;
    while (others && started < made && !pthread_create(&others[started], NULL, work, &workers[started])) started++;
#endif
    if (made) work(&workers[0]);
#ifndef _WIN32
    for (int32_t k = 1; k < started && made; k++) pthread_join(others[k], NULL);
    free(others);
#endif
    for (int32_t k = 0; k < made; k++) {
        for (int32_t i = 0; i < n_populations; i++) {
            populations[i].active += workers[k].populations[i].active;
            populations[i].syn_ops += workers[k].populations[i].syn_ops;
            populations[i].wraps += workers[k].populations[i].wraps;
            populations[i].saturations += workers[k].populations[i].saturations;
        }
        for (int32_t r = 0; r < n_rasters; r++) rasters[r].sent += workers[k].sent[r];
        free_worker(&workers[k]);
    }
    free(workers);
    return atomic_load(&j.failed);
}
