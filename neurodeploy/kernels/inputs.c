/* From the messages of earlier steps to the inputs of a population; numpy: simulate/synapses.py, arriving. */
#include <stdlib.h>
#include <string.h>

#include "worker.h"

/* What arrives in one step. */
typedef struct {
    const int32_t *list, *messages;
    int64_t count;
} arrival;

static arrival arriving(const nd_worker *w, const nd_projection *p, int32_t sample, int32_t t) {
    const nd_events *e = &w->events[p->source];
    const int32_t emitted = t - p->latency;
    if (emitted < 1 - w->history) return (arrival){0};
    const int64_t row = nd_row(w, sample, emitted), from = e->start[row];
    return (arrival){e->index + from, e->message ? e->message + from : NULL, e->start[row + 1] - from};
}

static int64_t synapses(const nd_projection *p, arrival a) {
    int64_t total = 0;
    if (p->kind == ND_DENSE) return a.count * p->n_target;
    if (p->kind == ND_SPARSE)
        for (int64_t k = 0; k < a.count; k++) total += p->indptr[a.list[k] + 1] - p->indptr[a.list[k]];
    else
        for (int64_t k = 0; k < a.count; k++) total += p->fan_out[a.list[k]];
    return total;
}

/* Sums that fit 32 bits: shifted (floor), added, and cleared. */
static void add_shifted(int32_t *wide, int32_t n, int32_t exponent, int32_t *inputs) {
    for (int32_t i = 0; i < n; i++) {
        inputs[i] += exponent >= 0 ? (int32_t)((uint32_t)wide[i] << exponent) : wide[i] >> -exponent;
        wide[i] = 0;
    }
}

void nd_gather_tile(nd_worker *w, int32_t k, int32_t tile, int32_t sample, int32_t t) {
    nd_population *q = &w->populations[k];
    for (int32_t i = q->first_projection; i < q->first_projection + q->n_projections; i++) {
        const nd_projection *p = &w->net.projections[i];
        const arrival a = arriving(w, p, sample, t);
        if (!a.count) continue;
        if (!tile) q->syn_ops += synapses(p, a);
        if (q->is_narrow) {
            nd_dense_tile(p, tile, a.list, a.count, w->narrow);
            continue;
        }
        nd_dense_tile_wide(p, tile, a.list, a.count, w->wide);
        add_shifted(w->wide, nd_tile_columns(), p->weight_shift + p->weight_exp, w->inputs);
    }
}

/* Rows of flags before those of the first step that is kept; as many follow the last one. */
#define SILENT ND_STEPS
#define MOST_FLAGS ((int64_t)1 << 26)

static inline int64_t quads_of(int32_t size) { return ((int64_t)size + 3) / 4 * 4; }

static inline int64_t flag_rows(const nd_worker *w) { return SILENT + w->history + w->steps + ND_STEPS; }

/* Flags of a raster's steps of a sample: as bytes what the lists say. */
static int fill_flags(nd_worker *w, int32_t r, int32_t sample, int32_t steps) {
    const int64_t row = quads_of(w->net.rasters[r].size), rows = flag_rows(w);
    if (row * rows * w->samples > MOST_FLAGS) return 0;
    if (!w->flags[r] && !(w->flags[r] = calloc((size_t)(rows * w->samples), (size_t)row))) return 0;
    uint8_t *flags = w->flags[r] + (sample * rows + SILENT) * row;
    const nd_events *e = &w->events[r];
    memset(flags, 0, (size_t)((w->history + steps) * row));
    for (int32_t t = 1 - w->history; t <= steps; t++, flags += row) {
        const int64_t at = nd_row(w, sample, t);
        for (int64_t k = e->start[at]; k < e->start[at + 1]; k++) flags[e->index[k]] = 1;
    }
    return 1;
}

int nd_prefers_dots(nd_worker *w, int32_t k, int32_t sample, int32_t steps) {
    const nd_population *q = &w->populations[k];
    const nd_projection *from = w->net.projections + q->first_projection, *to = from + q->n_projections;
    int64_t spikes = 0, most = 0;
    for (const nd_projection *p = from; p < to; p++) {
        const nd_events *e = &w->events[p->source];
        if (!p->dots || p->latency > w->history + SILENT) return 0;
        spikes += e->start[nd_row(w, sample, steps) + 1] - e->start[nd_row(w, sample, 1)];
        most += (int64_t)p->n_source * steps;
    }
    if (spikes * 100 <= most * nd_dots_from_percent()) return 0;
    for (const nd_projection *p = from; p < to; p++)
        if (!fill_flags(w, p->source, sample, steps)) return 0;
    return 1;
}

void nd_gather_dots(nd_worker *w, int32_t k, int32_t tile, int32_t sample, int32_t t) {
    nd_population *q = &w->populations[k];
    for (int32_t i = q->first_projection; i < q->first_projection + q->n_projections; i++) {
        const nd_projection *p = &w->net.projections[i];
        const uint8_t *flags[ND_STEPS];
        for (int32_t s = 0; s < ND_STEPS; s++) {
            const int64_t row = sample * flag_rows(w) + SILENT + w->history + t + s - 1 - p->latency;
            flags[s] = w->flags[p->source] + row * quads_of(p->n_source);
        }
        nd_dots(p, tile, flags, w->narrow);
    }
}

void nd_count_synapses(nd_worker *w, int32_t k, int32_t sample, int32_t t) {
    nd_population *q = &w->populations[k];
    for (int32_t i = q->first_projection; i < q->first_projection + q->n_projections; i++)
        q->syn_ops += synapses(&w->net.projections[i], arriving(w, &w->net.projections[i], sample, t));
}

/* Puts what was sent in the step before into the ring of a projection with delays. */
static int16_t *into_ring(nd_worker *w, int32_t i, int32_t sample, int32_t t) {
    const nd_projection *p = &w->net.projections[i];
    const arrival a = arriving(w, p, sample, t);
    const int32_t step = (int32_t)((w->before + t) % p->ring);
    nd_sparse_delayed(p, a.list, a.count, step, w->maps[i], w->arrivals[i]);
    return (int16_t *)w->maps[i] + (int64_t)step * nd_padded(p->n_target);
}

/* Clears the row of the step and returns how many synapses it held. */
static int64_t clear_row(nd_worker *w, int32_t i, int32_t t, int16_t *row) {
    const nd_projection *p = &w->net.projections[i];
    int64_t *arrived = &w->arrivals[i][(w->before + t) % p->ring];
    const int64_t count = *arrived;
    *arrived = 0;
    if (count) memset(row, 0, sizeof *row * (size_t)p->n_target);
    return count;
}

void nd_pass_idle(nd_worker *w, int32_t k, int32_t sample, int32_t t) {
    const nd_population *q = &w->populations[k];
    for (int32_t i = q->first_projection; i < q->first_projection + q->n_projections; i++)
        if (w->net.projections[i].delays) clear_row(w, i, t, into_ring(w, i, sample, t));
}

static void gather_delayed(nd_worker *w, int32_t k, int32_t i, int32_t sample, int32_t t) {
    int16_t *row = into_ring(w, i, sample, t);
    for (int32_t n = 0; n < w->net.projections[i].n_target; n++) w->narrow[n] = (int16_t)(w->narrow[n] + row[n]);
    w->populations[k].syn_ops += clear_row(w, i, t, row);
}

void nd_gather_narrow(nd_worker *w, int32_t k, int32_t sample, int32_t t) {
    nd_population *q = &w->populations[k];
    for (int32_t i = q->first_projection; i < q->first_projection + q->n_projections; i++) {
        const nd_projection *p = &w->net.projections[i];
        if (p->delays) {
            gather_delayed(w, k, i, sample, t);
            continue;
        }
        const arrival a = arriving(w, p, sample, t);
        if (!a.count) continue;
        if (p->kind == ND_SPARSE) {
            q->syn_ops += nd_sparse_narrow(p, ND_ALL, a.list, a.count, w->narrow);
            continue;
        }
        q->syn_ops += synapses(p, a);
        if (p->kind == ND_CONV2D) {
            nd_conv2d_narrow(p, a.list, a.count, w->maps[i]);
            if (!q->map_at) nd_conv2d_collect_narrow(p, w->maps[i], w->narrow);
        } else {
            for (int32_t tile = 0; tile * nd_tile_columns() < q->size; tile++)
                nd_dense_tile(p, tile, a.list, a.count, w->narrow + tile * nd_tile_columns());
        }
    }
}

void nd_gather_part(nd_worker *w, int32_t k, int32_t part, int32_t sample, int32_t t) {
    nd_population *q = &w->populations[k];
    for (int32_t i = q->first_projection; i < q->first_projection + q->n_projections; i++) {
        const nd_projection *p = &w->net.projections[i];
        const arrival a = arriving(w, p, sample, t);
        if (p->kind == ND_SPARSE) {
            q->syn_ops += nd_sparse_narrow(p, part, a.list, a.count, w->narrow);
            continue;
        }
        const int32_t from = nd_part_from(q->size, q->parts, part), to = nd_part_from(q->size, q->parts, part + 1);
        for (int32_t at = from; at < to; at += nd_tile_columns())
            nd_dense_tile(p, at / nd_tile_columns(), a.list, a.count, w->narrow + at);
        if (!from) q->syn_ops += synapses(p, a);
    }
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

/* Where the graded sum of target i is; those of a convolution are channels last. */
static inline int64_t place(const nd_projection *p, int32_t i) {
    if (p->kind != ND_CONV2D) return i;
    const int32_t plane = p->h_out * p->w_out;
    return (int64_t)(i % plane) * p->c_out + i / plane;
}

/* Returns how many values wrapped, or -1 where a convolution left 32 bits. */
static int64_t deliver_graded(const nd_projection *p, arrival a, int64_t *products, int64_t *sums) {
    int64_t wraps = 0;
    memset(products, 0, sizeof(int64_t) * (size_t)p->n_target);
    if (p->kind == ND_DENSE) wraps += nd_dense_graded(p, a.list, a.count, a.messages, products);
    else if (p->kind == ND_SPARSE) wraps += nd_sparse_graded(p, a.list, a.count, a.messages, products);
    else nd_conv2d_graded(p, a.list, a.count, a.messages, products);
    for (int32_t i = 0; i < p->n_target; i++) {
        const int64_t sum = products[place(p, i)], held = p->products_wrap ? sum : nd_wrap32(sum);
        if (p->kind == ND_CONV2D && held != sum) return -1;
        wraps += add_output(p, sum, held, &sums[i]);
    }
    return wraps;
}

static void propagate(const nd_projection *p, arrival a, void *map, int32_t *sums) {
    if (p->kind == ND_DENSE) {
        nd_dense(p, a.list, a.count, sums);
    } else if (p->kind == ND_SPARSE) {
        nd_sparse(p, a.list, a.count, sums);
    } else {
        nd_conv2d_wide(p, a.list, a.count, map);
        nd_conv2d_collect_wide(p, map, sums);
    }
}

/* Spikes, of which values of a raster of messages count as one, into sums that cannot leave 32 bits. */
static void deliver(nd_worker *w, int32_t i, arrival a, int32_t *inputs) {
    const nd_projection *p = &w->net.projections[i];
    if (p->kind == ND_SPARSE && p->weight_exp >= 0) {
        nd_sparse_shifted(p, a.list, a.count, p->weight_exp, inputs);
    } else if (p->kind == ND_CONV2D) {
        propagate(p, a, w->maps[i], inputs);
    } else {
        propagate(p, a, NULL, w->wide);
        add_shifted(w->wide, p->n_target, p->weight_exp, inputs);
    }
}

int nd_gather(nd_worker *w, int32_t k, int32_t sample, int32_t t) {
    nd_population *q = &w->populations[k];
    const size_t stride = (size_t)nd_padded(q->size), all = stride * (size_t)q->n_ports;
    memset(w->inputs, 0, sizeof(int32_t) * all);
    if (!q->fits32) memset(w->sums, 0, sizeof(int64_t) * all);
    for (int32_t i = q->first_projection; i < q->first_projection + q->n_projections; i++) {
        const nd_projection *p = &w->net.projections[i];
        const arrival a = arriving(w, p, sample, t);
        if (!a.count) continue;
        int64_t *sums = w->sums + (size_t)p->port * stride, wraps = 0;
        int32_t *inputs = w->inputs + (size_t)p->port * stride;
        q->syn_ops += synapses(p, a);
        if (p->kind == ND_DIRECT) {
            for (int64_t s = 0; s < a.count; s++) {
                const int32_t value = a.messages ? a.messages[s] : 1;
                if (q->fits32) inputs[a.list[s]] += value;
                else sums[a.list[s]] += value;
            }
        } else if (a.messages && p->graded) {
            wraps = deliver_graded(p, a, w->products, sums);
        } else if (q->fits32) {
            deliver(w, i, a, inputs);
        } else {
            propagate(p, a, w->maps[i], w->wide);
            for (int32_t j = 0; j < p->n_target; j++) wraps += add_output(p, w->wide[j], w->wide[j], &sums[j]);
            memset(w->wide, 0, sizeof(int32_t) * (size_t)p->n_target);
        }
        if (wraps < 0) return ND_CONVOLUTION_OVERFLOWED;
        q->wraps += wraps;
    }
    if (!q->fits32)
        for (size_t i = 0; i < all; i++) {
            w->inputs[i] = nd_wrap32(w->sums[i]);
            q->wraps += w->inputs[i] != w->sums[i];
        }
    return ND_DONE;
}
