/* A whole simulation; numpy: simulate/reference.py, run_reference.
 *
 * Samples are independent: threads claim them, some at a time, and each thread adds up its own counts. Within a sample
 * the strongly connected components of the network run one after the other, those without a cycle over all steps at once
 * (their inputs are known by then), the others step by step.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#ifndef _WIN32
#include <pthread.h>
#endif

#include "worker.h"

#define MOST_SAMPLES 16   /* at a time, so that a tile's weights stay near */
#define MOST_STEPS 1024   /* at a time, which bounds the lists of senders */

/* The row of an output for a sample and step: where it is kept, or in the worker's own memory. */
static void *row_of(const nd_worker *w, const nd_population *q, int32_t output, int32_t sample, int32_t t) {
    const int32_t r = q->first_raster + output;
    const nd_raster *raster = &w->net.rasters[r];
    const int64_t row = (int64_t)(w->first_sample + sample) * w->net.steps + w->offset + t - 1;
    if (raster->form == ND_MESSAGES)
        return raster->values ? (int32_t *)raster->values + row * q->size : w->messages + (int64_t)output * nd_padded(q->size);
    if (raster->values) return (uint64_t *)raster->values + row * nd_words(q->size);
    return w->words[r] + (q->is_tiled ? (int64_t)sample * w->steps + t - 1 : 0) * nd_words(q->size);
}

/* Lists who sent what in that step. */
static int listen(nd_worker *w, const nd_population *q, int32_t output, int32_t sample, int32_t t) {
    const int32_t r = q->first_raster + output;
    const void *row = row_of(w, q, output, sample, t);
    return w->net.rasters[r].form == ND_MESSAGES ? nd_events_append_messages(&w->events[r], nd_row(w, sample, t), row, q->size)
                                                 : nd_events_append_words(&w->events[r], nd_row(w, sample, t), row, q->size);
}

static int listen_to_input(nd_worker *w, int32_t r, int32_t sample, int32_t t) {
    const nd_raster *raster = &w->net.rasters[r];
    nd_events *e = &w->events[r];
    const int64_t to = nd_row(w, sample, t), step = (int64_t)w->offset + t - 1;
    const int64_t row = (int64_t)(w->first_sample + sample) * raster->steps + step;
    if (step >= raster->steps) return nd_events_append_list(e, to, NULL, 0);
    switch (raster->form) {
        case ND_MESSAGES: return nd_events_append_messages(e, to, (int32_t *)raster->values + row * raster->size, raster->size);
        case ND_FLAGS: return nd_events_append_flags(e, to, (uint8_t *)raster->values + row * raster->size, raster->size);
        case ND_BITS:
            return nd_events_append_words(e, to, (uint64_t *)raster->values + row * nd_words(raster->size), raster->size);
        default:
            return nd_events_append_list(e, to, (int32_t *)raster->values + raster->starts[row],
                                         raster->starts[row + 1] - raster->starts[row]);
    }
}

static void count_active(nd_population *q, const nd_worker *w, int32_t *const *registers) {
    for (int32_t i = 0; i < q->size; i++) {
        int any = q->constant[i] != 0;
        for (int32_t k = 0; k < q->n_ports; k++) any |= w->ports[k][i] != 0;
        for (int32_t r = 0; r < q->n_registers; r++) any |= registers[r][i] != 0;
        q->active += any;
    }
}

static int is_live(const nd_population *q, int64_t step) { return step >= q->first && step <= q->last; }

/* Sets the state of neurons from..to - 1 to 0 where the population's schedule says so. */
static void reset(const nd_population *q, int64_t step, int32_t *const *registers, int32_t from, int32_t to) {
    if (!q->reset_interval || step % q->reset_interval != q->reset_offset % q->reset_interval) return;
    for (int32_t r = 0; r < q->n_state; r++) memset(registers[r] + from, 0, sizeof(int32_t) * (size_t)(to - from));
}

static void trace(const nd_worker *w, const nd_population *q, int32_t *const *registers, int32_t sample, int32_t t,
                  int32_t from, int32_t to) {
    const int64_t row = (int64_t)(w->first_sample + sample) * w->net.steps + w->offset + t - 1;
    for (int32_t r = 0; r < q->n_registers; r++)
        if (q->traces[r])
            memcpy(q->traces[r] + row * q->size + from, registers[r] + from, sizeof(int32_t) * (size_t)(to - from));
}

/* A step of a model that is not cuba. */
static int model_step(nd_worker *w, int32_t k, int32_t sample, int32_t t) {
    nd_population *q = &w->populations[k];
    int32_t *const *registers = w->registers[k];
    const int failed = nd_gather(w, k, sample, t);
    if (failed) return failed;
    for (int32_t i = 0; i < q->n_ports; i++) w->ports[i] = w->inputs + (size_t)i * (size_t)nd_padded(q->size);
    for (int32_t o = 0; o < q->n_outputs; o++) w->outputs[o] = row_of(w, q, o, sample, t);
    count_active(q, w, registers);
    q->step(q, w->ports, registers, w->outputs);
    return ND_DONE;
}

static int live_step(nd_worker *w, int32_t k, int32_t sample, int32_t t) {
    nd_population *q = &w->populations[k];
    reset(q, w->before + t, w->registers[k], 0, q->size);
    if (q->step) return model_step(w, k, sample, t);
    uint64_t *words = row_of(w, q, 0, sample, t);
    if (q->is_narrow) {
        nd_gather_narrow(w, k, sample, t);
        nd_cuba_narrow(q, 0, q->size, q->map_at ? w->maps[q->first_projection] : w->narrow, w->registers[k], words);
        return ND_DONE;
    }
    const int failed = nd_gather(w, k, sample, t);
    if (!failed) nd_cuba_wide(q, 0, q->size, w->inputs, w->registers[k], words);
    return failed;
}

static int any_step(nd_worker *w, int32_t k, int32_t sample, int32_t t) {
    const nd_population *q = &w->populations[k];
    const int live = is_live(q, w->before + t);
    for (int32_t o = 0; o < q->n_outputs; o++) {
        const int is_words = w->net.rasters[q->first_raster + o].form == ND_BITS;
        if (live && (!q->step || !is_words)) continue; /* writes whole rows */
        memset(row_of(w, q, o, sample, t), 0,
               is_words ? sizeof(uint64_t) * (size_t)nd_words(q->size) : sizeof(int32_t) * (size_t)q->size);
    }
    if (live) {
        const int failed = live_step(w, k, sample, t);
        if (failed) return failed;
    }
    trace(w, q, w->registers[k], sample, t, 0, q->size);
    for (int32_t o = 0; o < q->n_outputs; o++)
        if (!listen(w, q, o, sample, t)) return ND_NO_MEMORY;
    return ND_DONE;
}

/* All steps of one tile, so that its sums and state stay near. */
static void tile_steps(nd_worker *w, int32_t k, int32_t tile, int32_t sample, int32_t steps, int by_dots) {
    nd_population *q = &w->populations[k];
    int32_t *const *registers = w->registers[k];
    const int32_t columns = nd_tile_columns(), from = tile * columns;
    const int32_t to = from + columns < q->size ? from + columns : q->size;
    for (int32_t t = 1; t <= steps; t++) {
        uint64_t *words = row_of(w, q, 0, sample, t);
        int16_t *sums = w->narrow + (by_dots ? (t - 1) % ND_STEPS * columns : 0);
        if (by_dots && (t - 1) % ND_STEPS == 0) nd_gather_dots(w, k, tile, sample, t);
        if (is_live(q, w->before + t)) {
            reset(q, w->before + t, registers, from, to);
            if (!q->is_narrow) memset(w->inputs, 0, sizeof(int32_t) * (size_t)columns);
            if (!by_dots) nd_gather_tile(w, k, tile, sample, t);
            else if (!tile) nd_count_synapses(w, k, sample, t);
            if (q->is_narrow) nd_cuba_narrow(q, from, to, sums, registers, words);
            else nd_cuba_wide(q, from, to, w->inputs, registers, words);
        } else {
            memset(words + from / ND_WORD, 0, sizeof(uint64_t) * (size_t)nd_words(to - from));
            memset(sums, 0, sizeof *sums * (size_t)columns);
        }
        trace(w, q, registers, sample, t, from, to);
    }
    if (by_dots) memset(w->narrow, 0, sizeof *w->narrow * (size_t)(ND_STEPS * columns));
}

/* Some columns after the other, each of all samples. */
static int run_tiled(nd_worker *w, int32_t k, int32_t samples, int32_t steps) {
    const nd_population *q = &w->populations[k];
    int by_dots[MOST_SAMPLES];
    for (int32_t s = 0; s < samples; s++) by_dots[s] = q->is_narrow && nd_prefers_dots(w, k, s, steps);
    for (int32_t tile = 0; tile * nd_tile_columns() < q->size; tile++)
        for (int32_t s = 0; s < samples; s++) {
            if (samples > 1) nd_worker_restart_population(w, k);
            tile_steps(w, k, tile, s, steps, by_dots[s]);
        }
    for (int32_t s = 0; s < samples; s++)
        for (int32_t t = 1; t <= steps; t++)
            if (!listen(w, q, 0, s, t)) return ND_NO_MEMORY;
    return ND_DONE;
}

static int run_steps(nd_worker *w, int32_t k, int32_t samples, int32_t steps) {
    const int32_t component = w->populations[k].component;
    for (int32_t s = 0; s < samples; s++) {
        for (int32_t other = k; samples > 1 && other < w->net.n_populations; other++)
            if (w->populations[other].component == component) nd_worker_restart_population(w, other);
        for (int32_t t = 1; t <= steps; t++)
            for (int32_t other = k; other < w->net.n_populations; other++) {
                const int failed = w->populations[other].component == component ? any_step(w, other, s, t) : ND_DONE;
                if (failed) return failed;
            }
    }
    return ND_DONE;
}

/* The next steps of some samples; more than one sample are run from their start to their end. */
static int run_samples(nd_worker *w, int32_t samples, int32_t steps) {
    int32_t inputs_from = 0;
    for (int32_t k = 0; k < w->net.n_populations; k++) inputs_from += w->populations[k].n_outputs;
    for (int32_t r = inputs_from; r < w->net.n_rasters; r++)
        for (int32_t s = 0; s < samples; s++)
            for (int32_t t = 1; t <= steps; t++)
                if (!listen_to_input(w, r, s, t)) return ND_NO_MEMORY;
    for (int32_t component = 0; component < w->net.n_populations; component++)
        for (int32_t k = 0; k < w->net.n_populations; k++) {
            if (w->populations[k].component != component) continue;
            const int failed = w->populations[k].is_tiled ? run_tiled(w, k, samples, steps) : run_steps(w, k, samples, steps);
            if (failed) return failed;
            break;
        }
    for (int32_t r = 0; r < w->net.n_rasters; r++) {
        nd_events *e = &w->events[r];
        const int64_t rows = nd_row(w, samples - 1, steps) + 1;
        w->sent[r] += e->start[rows] - e->start[w->history];
        if (w->history) nd_events_keep(e, rows, w->history);
    }
    w->before += steps;
    return ND_DONE;
}

typedef struct {
    nd_network net;
    int32_t samples_at_once;
    atomic_int next_sample, failed;
} job;

typedef struct {
    nd_worker worker;
    job *job;
} share;

static int run_some(nd_worker *w, int32_t first, int32_t samples) {
    w->first_sample = first;
    nd_worker_restart(w);
    for (w->offset = 0; w->offset < w->net.steps; w->offset += w->steps) {
        const int32_t left = w->net.steps - w->offset;
        const int failed = run_samples(w, samples, left < w->steps ? left : w->steps);
        if (failed) return failed;
    }
    return ND_DONE;
}

static void *work(void *given) {
    share *s = given;
    job *j = s->job;
    for (int32_t first; !atomic_load(&j->failed);) {
        if ((first = atomic_fetch_add(&j->next_sample, j->samples_at_once)) >= j->net.batch) break;
        const int32_t left = j->net.batch - first;
        const int failed = run_some(&s->worker, first, left < j->samples_at_once ? left : j->samples_at_once);
        if (failed) atomic_store(&j->failed, failed);
    }
    return NULL;
}

/* Adds a worker's counts to the network's. */
static void add_counts(const nd_worker *w, nd_population *populations, nd_raster *rasters) {
    for (int32_t k = 0; k < w->net.n_populations; k++) {
        populations[k].active += w->populations[k].active;
        populations[k].syn_ops += w->populations[k].syn_ops;
        populations[k].wraps += w->populations[k].wraps;
        populations[k].saturations += w->populations[k].saturations;
    }
    for (int32_t r = 0; r < w->net.n_rasters; r++) rasters[r].sent += w->sent[r];
}

static int32_t longest_latency(const nd_network *net) {
    int32_t longest = 0;
    for (int32_t i = 0; i < net->n_projections; i++)
        if (net->projections[i].latency > longest) longest = net->projections[i].latency;
    return longest;
}

/* Samples that a thread claims at a time. */
static int32_t samples_at_once(const nd_network *net, int32_t threads) {
    if (net->steps > MOST_STEPS) return 1;
    const int32_t some = net->batch / (4 * threads);
    return some < 1 ? 1 : some > MOST_SAMPLES ? MOST_SAMPLES : some;
}

/* Returns ND_DONE or what failed. */
ND_EXPORT int nd_run(nd_population *populations, int32_t n_populations, const nd_projection *projections,
                     int32_t n_projections, nd_raster *rasters, int32_t n_rasters, int32_t batch, int32_t steps,
                     int32_t threads) {
    job j = {{populations, projections, rasters, n_populations, n_projections, n_rasters, batch, steps}, 1, 0, 0};
    const int32_t at_once = steps > MOST_STEPS ? MOST_STEPS : steps;
    const int32_t history = steps > MOST_STEPS ? longest_latency(&j.net) : 0;
    j.samples_at_once = samples_at_once(&j.net, threads);
    share *shares = calloc((size_t)threads, sizeof *shares);
    if (!shares) return ND_NO_MEMORY;
    int32_t made = 0;
    while (made < threads && nd_worker_init(&shares[made].worker, &j.net, j.samples_at_once, at_once, history))
        shares[made++].job = &j;
    if (made < threads) nd_worker_free(&shares[made].worker);
    if (!made) j.failed = ND_NO_MEMORY;
#ifndef _WIN32
    pthread_t *others = calloc((size_t)threads, sizeof *others);
    int32_t started = 1;
    while (others && started < made && !pthread_create(&others[started], NULL, work, &shares[started])) started++;
#endif
    if (made) work(&shares[0]);
#ifndef _WIN32
    for (int32_t k = 1; k < started && made; k++) pthread_join(others[k], NULL);
    free(others);
#endif
    for (int32_t k = 0; k < made; k++) {
        add_counts(&shares[k].worker, populations, rasters);
        nd_worker_free(&shares[k].worker);
    }
    free(shares);
    return atomic_load(&j.failed);
}

/* A sample that goes on from call to call. */
ND_EXPORT nd_worker *nd_open(const nd_population *populations, int32_t n_populations, const nd_projection *projections,
                             int32_t n_projections, const nd_raster *rasters, int32_t n_rasters, int32_t steps) {
    const nd_network net = {populations, projections, rasters, n_populations, n_projections, n_rasters, 1, steps};
    nd_worker *w = calloc(1, sizeof *w);
    if (!w) return NULL;
    if (nd_worker_init(w, &net, 1, steps < MOST_STEPS ? steps : MOST_STEPS, longest_latency(&net))) return w;
    nd_worker_free(w);
    free(w);
    return NULL;
}

/* The next steps; traces and rasters as given now, of which the same are kept as were when it was opened. */
ND_EXPORT int nd_advance(nd_worker *w, nd_population *populations, nd_raster *rasters, int32_t steps) {
    w->net.rasters = rasters;
    w->net.steps = steps;
    memset(w->sent, 0, sizeof *w->sent * (size_t)w->net.n_rasters);
    for (int32_t k = 0; k < w->net.n_populations; k++) {
        nd_population *q = &w->populations[k];
        q->traces = populations[k].traces;
        q->active = q->syn_ops = q->wraps = q->saturations = 0;
    }
    for (w->offset = 0; w->offset < steps; w->offset += w->steps) {
        const int32_t left = steps - w->offset;
        const int failed = run_samples(w, 1, left < w->steps ? left : w->steps);
        if (failed) return failed;
    }
    add_counts(w, populations, rasters);
    return ND_DONE;
}

ND_EXPORT void nd_restart(nd_worker *w) { nd_worker_restart(w); }

ND_EXPORT void nd_close(nd_worker *w) {
    nd_worker_free(w);
    free(w);
}
