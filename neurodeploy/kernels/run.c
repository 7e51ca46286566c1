/* A whole simulation: samples are independent, threads claim them, some at a time, and each thread adds up its own
 * counts. A single sample is one thread's, which the others help with large layers.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#ifndef _WIN32
#include <pthread.h>
#endif

#include "crew.h"
#include "worker.h"

#define FEW_WEIGHTS (1 << 18) /* bytes that stay near anyhow */
#define MOST_STEPS 1024       /* at a time, which bounds the lists of senders */

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
        const int failed = nd_run_samples(w, samples, left < w->steps ? left : w->steps);
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

static void add_counts(const nd_worker *w, nd_population *populations, nd_raster *rasters) {
    nd_add_counts(w, populations);
    for (int32_t r = 0; r < w->net.n_rasters; r++) rasters[r].sent += w->sent[r];
}

static int32_t longest_latency(const nd_network *net) {
    int32_t longest = 0;
    for (int32_t i = 0; i < net->n_projections; i++)
        if (net->projections[i].latency > longest) longest = net->projections[i].latency;
    return longest;
}

/* Samples that a thread claims at a time: one, unless it pays to read the weights of tiles for several. */
static int32_t samples_at_once(const nd_network *net, int32_t threads) {
    int64_t weights = 0;
    for (int32_t i = 0; i < net->n_projections; i++)
        if (net->populations[net->projections[i].target].is_tiled)
            weights += (int64_t)net->projections[i].n_source * net->projections[i].n_target;
    if (net->steps > MOST_STEPS || weights < FEW_WEIGHTS) return 1;
    const int32_t some = net->batch / (4 * threads);
    return some < 1 ? 1 : some > ND_MOST_SAMPLES ? ND_MOST_SAMPLES : some;
}

/* Returns ND_DONE or what failed. */
ND_EXPORT int nd_run(nd_population *populations, int32_t n_populations, const nd_projection *projections,
                     int32_t n_projections, nd_raster *rasters, int32_t n_rasters, int32_t batch, int32_t steps,
                     int32_t threads) {
    job j = {{populations, projections, rasters, n_populations, n_projections, n_rasters, batch, steps}, 1, 0, 0};
    const int32_t at_once = steps > MOST_STEPS ? MOST_STEPS : steps;
    const int32_t history = steps > MOST_STEPS ? longest_latency(&j.net) : 0;
    int32_t helpers = 0;
    for (int32_t k = 0; k < n_populations; k++)
        if (batch == 1 && (populations[k].is_tiled || populations[k].parts)) helpers = threads - 1;
    if (batch < threads) threads = batch;
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
    if (made) {
        nd_worker *first = &shares[0].worker;
        first->helpers = helpers;
        work(&shares[0]);
        nd_crew_close(first->crew, first);
    }
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

/* The next steps; traces, fields and rasters as given now, of which the same are kept as were when it was opened. */
ND_EXPORT int nd_advance(nd_worker *w, nd_population *populations, nd_raster *rasters, int32_t steps) {
    w->net.rasters = rasters;
    w->net.steps = steps;
    memset(w->sent, 0, sizeof *w->sent * (size_t)w->net.n_rasters);
    for (int32_t k = 0; k < w->net.n_populations; k++) {
        nd_population *q = &w->populations[k];
        const nd_population *now = &populations[k];
        q->traces = now->traces;
        q->fields = now->fields, q->constant = now->constant;
        memcpy(q->lanes, now->lanes, sizeof q->lanes);
        memcpy(q->lane_masks, now->lane_masks, sizeof q->lane_masks);
        q->is_regular = now->is_regular, q->is_plain = now->is_plain;
        q->has_bias = now->has_bias, q->v_is_bound = now->v_is_bound;
        q->active = q->syn_ops = q->wraps = q->saturations = 0;
    }
    for (w->offset = 0; w->offset < steps; w->offset += w->steps) {
        const int32_t left = steps - w->offset;
        const int failed = nd_run_samples(w, 1, left < w->steps ? left : w->steps);
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
