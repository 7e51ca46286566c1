/* The steps of some samples; numpy: simulate/reference.py, run_reference.
 *
 * Within a sample the strongly connected components of the network run one after the other, those without a cycle over
 * all steps at once (their inputs are known by then), the others step by step.
 */
#include <stdatomic.h>
#include <string.h>

#include "crew.h"
#include "worker.h"

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

/* Returns what failed. */
static int listen_to_input(nd_worker *w, int32_t r, int32_t sample, int32_t t) {
    const nd_raster *raster = &w->net.rasters[r];
    nd_events *e = &w->events[r];
    const int64_t to = nd_row(w, sample, t), step = (int64_t)w->offset + t - 1;
    const int64_t row = (int64_t)(w->first_sample + sample) * raster->steps + step;
    const int32_t size = raster->size;
    int32_t is_legal = 1;
    int done;
    if (step >= raster->steps) {
        done = nd_events_append_list(e, to, NULL, 0);
    } else if (raster->form == ND_FLAGS) {
        done = nd_events_append_flags(e, to, (uint8_t *)raster->values + row * size, size, &is_legal);
    } else if (raster->form == ND_MESSAGES) {
        done = nd_events_append_messages(e, to, (int32_t *)raster->values + row * size, size);
    } else {
        const int64_t *from = raster->starts + row;
        done = nd_events_append_list(e, to, (int32_t *)raster->values + from[0], from[1] - from[0]);
    }
    return !done ? ND_NO_MEMORY : is_legal ? ND_DONE : ND_NOT_FLAGS;
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

/* Before a step of neurons from..to - 1: whether they may fire, and 0 in their state where the schedule says so. */
static void begin(nd_population *q, int64_t step, int32_t *const *registers, int32_t from, int32_t to) {
    q->is_quiet = step < q->fires_from || step > q->fires_until;
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

/* A step of one part of a population whose steps threads share, up to the list of who spiked. */
typedef struct {
    int32_t population, sample, t;
    atomic_int *failed;
} moment;

static void run_part(nd_worker *w, int32_t part, const void *what) {
    const moment *m = what;
    nd_population *q = &w->populations[m->population];
    int32_t *const *registers = w->registers[m->population];
    const int32_t from = nd_part_from(q->size, q->parts, part), to = nd_part_from(q->size, q->parts, part + 1);
    w->parts[part].start[1] = 0;
    if (from == to) return;
    begin(q, w->before + m->t, registers, from, to);
    nd_gather_part(w, m->population, part, m->sample, m->t);
    uint64_t *words = row_of(w, q, 0, m->sample, m->t);
    nd_cuba_narrow(q, from, to, w->narrow + from, registers, words);
    if (!nd_events_of_part(&w->parts[part], words, from, to)) atomic_store(m->failed, ND_NO_MEMORY);
}

static int shared_step(nd_worker *w, int32_t k, int32_t sample, int32_t t) {
    const nd_population *q = &w->populations[k];
    atomic_int failed = ND_DONE;
    nd_crew_run(w->crew, w, q->parts, run_part, &(moment){k, sample, t, &failed});
    trace(w, q, w->registers[k], sample, t, 0, q->size);
    nd_events *e = &w->events[q->first_raster];
    return nd_events_append_parts(e, nd_row(w, sample, t), w->parts, q->parts) ? atomic_load(&failed) : ND_NO_MEMORY;
}

static int live_step(nd_worker *w, int32_t k, int32_t sample, int32_t t) {
    nd_population *q = &w->populations[k];
    begin(q, w->before + t, w->registers[k], 0, q->size);
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
    if (live && w->crew && q->parts) return shared_step(w, k, sample, t);
    for (int32_t o = 0; o < q->n_outputs; o++) {
        const int is_words = w->net.rasters[q->first_raster + o].form == ND_BITS;
        if (live && (!q->step || !is_words)) continue; /* writes whole rows */
        memset(row_of(w, q, o, sample, t), 0,
               is_words ? sizeof(uint64_t) * (size_t)nd_words(q->size) : sizeof(int32_t) * (size_t)q->size);
    }
    if (live) {
        const int failed = live_step(w, k, sample, t);
        if (failed) return failed;
    } else {
        nd_pass_idle(w, k, sample, t);
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
            begin(q, w->before + t, registers, from, to);
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

typedef struct {
    int32_t population, steps, by_dots;
} layer;

static void run_tile(nd_worker *w, int32_t tile, const void *what) {
    const layer *l = what;
    tile_steps(w, l->population, tile, 0, l->steps, l->by_dots);
}

/* About how many nanoseconds all steps of a tiled population take. */
static int64_t work_of(const nd_worker *w, int32_t k, int32_t steps) {
    const nd_population *q = &w->populations[k];
    int64_t synapses = 0;
    for (int32_t i = q->first_projection; i < q->first_projection + q->n_projections; i++) {
        const int64_t *start = w->events[w->net.projections[i].source].start;
        synapses += (start[nd_row(w, 0, steps) + 1] - start[nd_row(w, 0, 1)]) * q->size;
    }
    return synapses / 32 + (int64_t)q->size * steps / 4;
}

/* Some columns after the other, each of all samples; of a single sample by all threads that are free. */
static int run_tiled(nd_worker *w, int32_t k, int32_t samples, int32_t steps) {
    const nd_population *q = &w->populations[k];
    const int32_t tiles = (q->size + nd_tile_columns() - 1) / nd_tile_columns();
    int by_dots[ND_MOST_SAMPLES];
    for (int32_t s = 0; s < samples; s++) by_dots[s] = q->is_narrow && nd_prefers_dots(w, k, s, steps);
    if (samples == 1 && work_of(w, k, steps) >= ND_WORTH_THREADS && nd_crew_of(w)) {
        nd_crew_run(w->crew, w, tiles, run_tile, &(layer){k, steps, by_dots[0]});
    } else {
        for (int32_t tile = 0; tile < tiles; tile++)
            for (int32_t s = 0; s < samples; s++) {
                if (samples > 1) nd_worker_restart_population(w, k);
                tile_steps(w, k, tile, s, steps, by_dots[s]);
            }
    }
    for (int32_t s = 0; s < samples; s++)
        for (int32_t t = 1; t <= steps; t++)
            if (!listen(w, q, 0, s, t)) return ND_NO_MEMORY;
    return ND_DONE;
}

static int all_steps(nd_worker *w, int32_t k, int32_t samples, int32_t steps) {
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

/* The steps of a component one after the other; threads stand by where they share some. */
static int run_steps(nd_worker *w, int32_t k, int32_t samples, int32_t steps) {
    int shares = 0;
    for (int32_t other = k; other < w->net.n_populations; other++)
        shares |= w->populations[other].component == w->populations[k].component && w->populations[other].parts;
    shares = shares && nd_crew_of(w);
    if (shares) nd_crew_hold(w->crew, w);
    const int failed = all_steps(w, k, samples, steps);
    if (shares) nd_crew_release(w->crew);
    return failed;
}

/* The next steps of some samples; more than one sample are run from their start to their end. */
int nd_run_samples(nd_worker *w, int32_t samples, int32_t steps) {
    int32_t inputs_from = 0;
    for (int32_t k = 0; k < w->net.n_populations; k++) inputs_from += w->populations[k].n_outputs;
    for (int32_t r = inputs_from; r < w->net.n_rasters; r++)
        for (int32_t s = 0; s < samples; s++)
            for (int32_t t = 1; t <= steps; t++) {
                const int failed = listen_to_input(w, r, s, t);
                if (failed) return failed;
            }
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
