/* A worker's memory. */
#ifdef __linux__
#include <sys/mman.h>
#endif
#include <stdlib.h>
#include <string.h>

#include "worker.h"

#define LINE 64
#define HUGE_PAGE ((size_t)1 << 21)

/* Memory from a cache line on, in large pages where there is much. */
static void *room(size_t bytes) {
    const size_t unit = bytes >= HUGE_PAGE / 2 ? HUGE_PAGE : LINE;
    const size_t whole = (bytes + unit) / unit * unit;
#ifdef _WIN32
    return malloc(whole);
#else
    void *at = NULL;
    if (posix_memalign(&at, unit, whole)) return NULL;
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    if (unit == HUGE_PAGE) madvise(at, whole, MADV_HUGEPAGE);
#endif
    return at;
#endif
}

static void *zeros(size_t bytes) {
    void *at = room(bytes);
    return at ? memset(at, 0, bytes) : NULL;
}

static size_t largest(size_t a, int64_t b) { return (int64_t)a > b ? a : (size_t)b; }

static size_t map_bytes(const nd_worker *w, const nd_projection *p) {
    if (p->delays) return sizeof(int16_t) * (size_t)p->ring * (size_t)nd_padded(p->n_target);
    return (w->net.populations[p->target].is_narrow ? sizeof(int16_t) : sizeof(int32_t)) * (size_t)p->map_size;
}

void nd_worker_restart_population(nd_worker *w, int32_t k) {
    const nd_population *q = &w->populations[k];
    const size_t size = (size_t)q->size, silent = (size_t)nd_padded(q->size) - size;
    for (int32_t r = 0; r < q->n_state; r++) {
        memcpy(w->registers[k][r], q->initial[r], sizeof(int32_t) * size);
        memset(w->registers[k][r] + size, 0, sizeof(int32_t) * silent);
    }
    for (int32_t i = q->first_projection; i < q->first_projection + q->n_projections; i++) {
        const nd_projection *p = &w->net.projections[i];
        if (!p->delays) continue;
        memset(w->maps[i], 0, map_bytes(w, p));
        memset(w->arrivals[i], 0, sizeof(int64_t) * (size_t)p->ring);
    }
}

void nd_worker_restart(nd_worker *w) {
    w->before = 0;
    for (int32_t k = 0; k < w->net.n_populations; k++) nd_worker_restart_population(w, k);
    for (int32_t r = 0; r < w->net.n_rasters; r++)
        memset(w->events[r].start, 0, sizeof(int64_t) * (size_t)(w->history + 1));
}

static int allocate_state(nd_worker *w) {
    const int32_t n = w->net.n_populations;
    size_t state = 0, registers = 0;
    for (int32_t k = 0; k < n; k++) {
        const nd_population *q = &w->net.populations[k];
        state += (size_t)nd_padded(q->size) * (size_t)q->n_state;
        registers += (size_t)q->n_state;
    }
    w->state = room(sizeof(int32_t) * state);
    w->registers = calloc((size_t)n + 1, sizeof *w->registers);
    int32_t **pointers = w->registers ? w->registers[0] = malloc(sizeof *pointers * (registers + 1)) : NULL;
    if (!w->state || !pointers) return 0;
    int32_t *at = w->state;
    for (int32_t k = 0; k < n; k++) {
        const nd_population *q = &w->net.populations[k];
        w->registers[k] = pointers;
        for (int32_t r = 0; r < q->n_state; r++, at += nd_padded(q->size)) *pointers++ = at;
    }
    return 1;
}

static int allocate_scratch(nd_worker *w) {
    const int64_t columns = nd_tile_columns();
    size_t size = (size_t)columns, narrow = (size_t)(ND_STEPS * columns), ports = 1, outputs = 1;
    for (const nd_population *q = w->net.populations; q < w->net.populations + w->net.n_populations; q++) {
        if (q->is_tiled) continue; /* columns at a time */
        if (q->is_narrow) narrow = largest(narrow, (q->size + columns - 1) / columns * columns);
        else size = largest(size, nd_padded(q->size));
        ports = largest(ports, q->n_ports);
        outputs = largest(outputs, q->n_outputs);
    }
    w->narrow = zeros(sizeof(int16_t) * narrow);
    w->wide = zeros(sizeof(int32_t) * size);
    w->inputs = zeros(sizeof(int32_t) * size * ports);
    w->messages = zeros(sizeof(int32_t) * size * outputs);
    w->products = zeros(sizeof(int64_t) * size);
    w->sums = zeros(sizeof(int64_t) * size * ports);
    w->ports = malloc(sizeof *w->ports * ports);
    w->outputs = malloc(sizeof *w->outputs * outputs);
    return w->narrow && w->wide && w->inputs && w->messages && w->products && w->sums && w->ports && w->outputs;
}

static int allocate_rasters(nd_worker *w) {
    const int64_t rows = (int64_t)w->samples * (w->history + w->steps);
    w->events = calloc((size_t)w->net.n_rasters + 1, sizeof *w->events);
    w->words = calloc((size_t)w->net.n_rasters + 1, sizeof *w->words);
    w->sent = calloc((size_t)w->net.n_rasters + 1, sizeof *w->sent);
    w->flags = calloc((size_t)w->net.n_rasters + 1, sizeof *w->flags);
    for (int32_t k = 0; k < w->net.n_populations; k++)
        if (w->net.populations[k].parts > w->n_parts) w->n_parts = w->net.populations[k].parts;
    w->parts = calloc((size_t)w->n_parts + 1, sizeof *w->parts);
    if (!w->events || !w->words || !w->sent || !w->flags || !w->parts) return 0;
    for (int32_t part = 0; part < w->n_parts; part++)
        if (!nd_events_init(&w->parts[part], 1, 0)) return 0;
    for (int32_t r = 0; r < w->net.n_rasters; r++)
        if (!nd_events_init(&w->events[r], rows, w->net.rasters[r].form == ND_MESSAGES)) return 0;
    for (int32_t k = 0; k < w->net.n_populations; k++) {
        const nd_population *q = &w->net.populations[k];
        for (int32_t r = q->first_raster; r < q->first_raster + q->n_outputs; r++) {
            const size_t kept = q->is_tiled ? (size_t)w->samples * (size_t)w->steps : 1;
            if (w->net.rasters[r].form != ND_BITS || w->net.rasters[r].values) continue;
            if (!(w->words[r] = zeros(sizeof(uint64_t) * kept * (size_t)nd_words(q->size)))) return 0;
        }
    }
    return 1;
}

static int allocate_maps(nd_worker *w) {
    w->maps = calloc((size_t)w->net.n_projections + 1, sizeof *w->maps);
    w->arrivals = calloc((size_t)w->net.n_projections + 1, sizeof *w->arrivals);
    if (!w->maps || !w->arrivals) return 0;
    for (int32_t i = 0; i < w->net.n_projections; i++) {
        const nd_projection *p = &w->net.projections[i];
        if ((p->taps || p->delays) && !(w->maps[i] = zeros(map_bytes(w, p)))) return 0;
        if (p->delays && !(w->arrivals[i] = zeros(sizeof(int64_t) * (size_t)p->ring))) return 0;
    }
    return 1;
}

static int copy_populations(nd_worker *w, const nd_population *from) {
    const size_t n = (size_t)w->net.n_populations;
    w->populations = malloc(sizeof *w->populations * (n + 1));
    if (!w->populations) return 0;
    memcpy(w->populations, from, sizeof *w->populations * n);
    for (size_t k = 0; k < n; k++) {
        nd_population *q = &w->populations[k];
        q->active = q->syn_ops = q->wraps = q->saturations = 0;
    }
    return 1;
}

void nd_add_counts(const nd_worker *w, nd_population *populations) {
    for (int32_t k = 0; k < w->net.n_populations; k++) {
        populations[k].active += w->populations[k].active;
        populations[k].syn_ops += w->populations[k].syn_ops;
        populations[k].wraps += w->populations[k].wraps;
        populations[k].saturations += w->populations[k].saturations;
    }
}

int nd_worker_init_helper(nd_worker *w, const nd_worker *lead) {
    *w = (nd_worker){.net = lead->net};
    return copy_populations(w, lead->populations) && allocate_scratch(w);
}

void nd_worker_follow(nd_worker *w, const nd_worker *lead) {
    const nd_worker own = *w;
    *w = *lead;
    w->populations = own.populations;
    w->narrow = own.narrow, w->wide = own.wide, w->inputs = own.inputs, w->messages = own.messages;
    w->products = own.products, w->sums = own.sums, w->ports = own.ports, w->outputs = own.outputs;
}

void nd_worker_free_helper(nd_worker *w) {
    void *const blocks[] = {w->populations, w->narrow, w->wide, w->inputs, w->messages, w->products, w->sums, w->ports,
                            w->outputs};
    for (size_t k = 0; k < sizeof blocks / sizeof *blocks; k++) free(blocks[k]);
}

int nd_worker_init(nd_worker *w, const nd_network *net, int32_t samples, int32_t steps, int32_t history) {
    *w = (nd_worker){.net = *net, .samples = samples, .steps = steps, .history = history};
    if (!copy_populations(w, net->populations) || !allocate_state(w) || !allocate_scratch(w) || !allocate_rasters(w) ||
        !allocate_maps(w))
        return 0;
    nd_worker_restart(w);
    return 1;
}

void nd_worker_free(nd_worker *w) {
    for (int32_t r = 0; w->events && r < w->net.n_rasters; r++) nd_events_free(&w->events[r]);
    for (int32_t part = 0; w->parts && part < w->n_parts; part++) nd_events_free(&w->parts[part]);
    for (int32_t r = 0; w->words && r < w->net.n_rasters; r++) free(w->words[r]);
    for (int32_t r = 0; w->flags && r < w->net.n_rasters; r++) free(w->flags[r]);
    for (int32_t i = 0; w->maps && i < w->net.n_projections; i++) free(w->maps[i]);
    for (int32_t i = 0; w->arrivals && i < w->net.n_projections; i++) free(w->arrivals[i]);
    if (w->registers) free(w->registers[0]);
    void *const blocks[] = {w->populations, w->sent, w->events, w->parts, w->words, w->flags, w->maps, w->arrivals, w->state, w->registers, w->narrow,
                            w->wide, w->inputs, w->messages, w->products, w->sums, w->ports, w->outputs};
    for (size_t k = 0; k < sizeof blocks / sizeof *blocks; k++) free(blocks[k]);
}
