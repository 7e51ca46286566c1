/* An order of the vertices in which those that share edges are close; definition in
 * neurodeploy/mapping/hyper/definition.py, locality_order. */
#include "hyper.h"

#include <stdlib.h>

#define UNIT (INT64_C(1) << 20)

typedef struct {
    int64_t x;
    int32_t vertex;
} key;

typedef struct {
    const nd_hyper *h;
    int32_t *order, *segment, *queue, *mark, *edges; /* mark (edges): token of the last visit */
    int64_t *x, *sum;                                 /* (vertices), (edges) */
    int32_t *number;                                  /* (edges) */
    key *keys;
    int32_t token;
} work;

static int by_key(const void *a, const void *b) {
    const key *one = a, *two = b;
    if (one->x != two->x) return one->x < two->x ? -1 : 1;
    return one->vertex < two->vertex ? -1 : one->vertex > two->vertex;
}

static void reach(work *w, int32_t u, int32_t segment, int64_t level, int64_t *end) {
    if (u < 0 || w->segment[u] != segment || w->x[u] >= 0) return;
    w->x[u] = level;
    w->queue[(*end)++] = u;
}

static void visit(work *w, int32_t e, int32_t segment, int64_t level, int64_t *end) {
    if (w->mark[e] == w->token) return;
    w->mark[e] = w->token;
    for (int64_t k = w->h->pin_ptr[e]; k < w->h->pin_ptr[e + 1]; k++) reach(w, w->h->pin[k], segment, level, end);
    reach(w, w->h->owner[e], segment, level, end);
}

/* Levels of a breadth-first search over order[low..high), other components after the first; returns the last vertex. */
static int32_t levels(work *w, int64_t low, int64_t high, int32_t start) {
    const nd_hyper *h = w->h;
    const int32_t segment = w->segment[start];
    int64_t end = 0, done = 0, next = low, level = 0;
    w->token++;
    for (int64_t i = low; i < high; i++) w->x[w->order[i]] = -1;
    reach(w, start, segment, 0, &end);
    while (end < high - low || done < end) {
        if (done == end) {
            while (w->x[w->order[next]] >= 0) next++;
            reach(w, w->order[next], segment, level + 2, &end);
        }
        const int32_t v = w->queue[done++];
        level = w->x[v];
        for (int64_t k = h->in_ptr[v]; k < h->in_ptr[v + 1]; k++) visit(w, h->in_edge[k], segment, level + 1, &end);
        for (int64_t k = h->own_ptr[v]; k < h->own_ptr[v + 1]; k++) visit(w, h->own_edge[k], segment, level + 1, &end);
    }
    return w->queue[end - 1];
}

static void collect(work *w, int32_t e, int64_t x, int64_t *n) {
    if (w->mark[e] != w->token) {
        w->mark[e] = w->token;
        w->edges[(*n)++] = e;
        w->sum[e] = w->number[e] = 0;
    }
    w->sum[e] += x;
    w->number[e]++;
}

/* Every vertex to the mean of its edges, each of which is the mean of its vertices. */
static void smooth(work *w, int64_t low, int64_t high) {
    const nd_hyper *h = w->h;
    int64_t n = 0;
    w->token++;
    for (int64_t i = low; i < high; i++) {
        const int32_t v = w->order[i];
        for (int64_t k = h->in_ptr[v]; k < h->in_ptr[v + 1]; k++) collect(w, h->in_edge[k], w->x[v], &n);
        for (int64_t k = h->own_ptr[v]; k < h->own_ptr[v + 1]; k++) collect(w, h->own_edge[k], w->x[v], &n);
    }
    for (int64_t k = 0; k < n; k++) w->sum[w->edges[k]] /= w->number[w->edges[k]];
    for (int64_t i = low; i < high; i++) {
        const int32_t v = w->order[i];
        const int64_t degree = h->in_ptr[v + 1] - h->in_ptr[v] + h->own_ptr[v + 1] - h->own_ptr[v];
        int64_t total = 0;
        for (int64_t k = h->in_ptr[v]; k < h->in_ptr[v + 1]; k++) total += w->sum[h->in_edge[k]];
        for (int64_t k = h->own_ptr[v]; k < h->own_ptr[v + 1]; k++) total += w->sum[h->own_edge[k]];
        if (degree) w->x[v] = total / degree;
    }
}

/* Sorts order[low..high) by smoothed levels, in the direction in which it already is. */
static void arrange(work *w, int64_t low, int64_t high, int64_t rounds) {
    const int32_t far = levels(w, low, high, w->order[low]);
    levels(w, low, high, far);
    for (int64_t i = low; i < high; i++) w->x[w->order[i]] *= UNIT;
    for (int64_t r = 0; r < rounds; r++) smooth(w, low, high);
    const int64_t middle = low + (high - low) / 2;
    int64_t front = 0, back = 0;
    for (int64_t i = low; i < middle; i++) front += w->x[w->order[i]];
    for (int64_t i = middle; i < high; i++) back += w->x[w->order[i]];
    for (int64_t i = low; i < high; i++) {
        const int32_t v = w->order[i];
        w->keys[i - low] = (key){front > back ? -w->x[v] : w->x[v], v};
    }
    qsort(w->keys, (size_t)(high - low), sizeof(key), by_key);
    for (int64_t i = low; i < high; i++) w->order[i] = w->keys[i - low].vertex;
}

/* order (vertices): bisected until pieces have at most `leaf` vertices. Returns 0, or -1 for want of memory. */
ND_EXPORT int32_t nd_hyper_order(const nd_hyper *h, int64_t rounds, int64_t leaf, int32_t *order) {
    const size_t n = (size_t)h->vertices, m = (size_t)h->edges;
    work w = {.h = h, .order = order};
    w.segment = calloc(n + 1, sizeof *w.segment);
    w.queue = malloc((n + 1) * sizeof *w.queue);
    w.mark = calloc(m + 1, sizeof *w.mark);
    w.edges = malloc((m + 1) * sizeof *w.edges);
    w.x = malloc((n + 1) * sizeof *w.x);
    w.sum = malloc((m + 1) * sizeof *w.sum);
    w.number = malloc((m + 1) * sizeof *w.number);
    w.keys = malloc((n + 1) * sizeof *w.keys);
    int32_t failed = 0, named = 0;
    if (!w.segment || !w.queue || !w.mark || !w.edges || !w.x || !w.sum || !w.number || !w.keys) failed = -1;
    for (int64_t v = 0; v < h->vertices && !failed; v++) order[v] = (int32_t)v;
    /* breadth first: pieces of a level are of sizes that differ by one at most */
    for (int64_t pieces = 1; !failed && h->vertices / pieces > leaf; pieces *= 2)
        for (int64_t p = 0; p < pieces; p++) {
            const int64_t low = p * h->vertices / pieces, high = (p + 1) * h->vertices / pieces;
            if (high - low < 2) continue;
            named++;
            for (int64_t i = low; i < high; i++) w.segment[order[i]] = named;
            arrange(&w, low, high, rounds);
        }
    free(w.segment);
    free(w.queue);
    free(w.mark);
    free(w.edges);
    free(w.x);
    free(w.sum);
    free(w.number);
    free(w.keys);
    return failed;
}
