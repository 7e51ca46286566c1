/* Local search on km1 within the limits of the parts; definition in neurodeploy/mapping/hyper/definition.py, refine. */
#include "hyper.h"

#include <stdlib.h>

#define TRIES 4
#define FEW 512 /* a pass that moves fewer than one vertex of so many is the last */

static void take(const nd_hyper *h, int32_t edge, int32_t synapses, int32_t q) {
    const int64_t first = h->entry_ptr[edge];
    int64_t at = first;
    while (h->entry_part[at] != q) at++;
    int64_t *counts = h->counts + (int64_t)q * ND_COUNTS;
    counts[ND_WORDS] -= hyper_row_words(h, edge, h->entry_count[at]);
    h->entry_count[at] -= synapses;
    counts[ND_WORDS] += hyper_row_words(h, edge, h->entry_count[at]);
    if (h->entry_count[at]) return;
    const int64_t last = first + --h->used[edge];
    h->entry_part[at] = h->entry_part[last];
    h->entry_count[at] = h->entry_count[last];
    counts[ND_AXONS]--;
    if (h->owner[edge] >= 0) h->counts[(int64_t)h->part[h->owner[edge]] * ND_COUNTS + ND_SLOTS] -= h->slot_cost;
}

static void give(const nd_hyper *h, int32_t edge, int32_t synapses, int32_t q) {
    const int64_t first = h->entry_ptr[edge], end = first + h->used[edge];
    int64_t at = first;
    while (at < end && h->entry_part[at] != q) at++;
    int64_t *counts = h->counts + (int64_t)q * ND_COUNTS;
    if (at == end) {
        h->used[edge]++;
        h->entry_part[at] = q;
        h->entry_count[at] = 0;
        counts[ND_AXONS]++;
        if (h->owner[edge] >= 0) h->counts[(int64_t)h->part[h->owner[edge]] * ND_COUNTS + ND_SLOTS] += h->slot_cost;
    }
    counts[ND_WORDS] -= hyper_row_words(h, edge, h->entry_count[at]);
    h->entry_count[at] += synapses;
    counts[ND_WORDS] += hyper_row_words(h, edge, h->entry_count[at]);
}

/* The vertex leaves its part for b; everything counted follows. */
static void move(const nd_hyper *h, int32_t v, int32_t b) {
    const int32_t a = h->part[v];
    int64_t *from = h->counts + (int64_t)a * ND_COUNTS, *to = h->counts + (int64_t)b * ND_COUNTS;
    for (int64_t k = h->in_ptr[v]; k < h->in_ptr[v + 1]; k++)
        take(h, h->in_edge[k], h->synapses ? h->synapses[k] : 1, a);
    int64_t slots = h->slots[v];
    for (int64_t k = h->own_ptr[v]; k < h->own_ptr[v + 1]; k++) slots += h->slot_cost * h->used[h->own_edge[k]];
    const int64_t change[ND_COUNTS] = {[ND_NEURONS] = 1, [ND_SLOTS] = slots, [ND_LOAD] = h->load[v]};
    for (int c = 0; c < ND_COUNTS; c++) {
        from[c] -= change[c];
        to[c] += change[c];
    }
    h->part[v] = b;
    for (int64_t k = h->in_ptr[v]; k < h->in_ptr[v + 1]; k++)
        give(h, h->in_edge[k], h->synapses ? h->synapses[k] : 1, b);
}

typedef struct {
    int64_t *score;   /* (parts): weight of the edges of the vertex that are there without it */
    int32_t *present; /* (parts): how many of those that it is a pin of, and does not own, have a pin there */
    int64_t *before;  /* (parts), of try_move */
    int32_t *touched; /* parts with a score */
    uint8_t *seen;    /* (parts): touched, or tried */
    int64_t n, foreign, work; /* foreign: edges that it is a pin of, and does not own */
} search;

/* Whether b is sure to break a limit with v, from what is known without a move; `before`: needs of v's part. */
static int hopeless(const nd_hyper *h, int32_t v, int32_t b, int strictly, const int64_t *before, const search *s) {
    int64_t counts[ND_COUNTS];
    for (int c = 0; c < ND_COUNTS; c++) counts[c] = h->counts[(int64_t)b * ND_COUNTS + c];
    counts[ND_NEURONS]++;
    counts[ND_LOAD] += h->load[v];
    counts[ND_SLOTS] += h->slots[v];
    counts[ND_AXONS] += s->foreign - s->present[b];
    for (int64_t row = 0; row < h->rows; row++) {
        const int64_t need = hyper_need(h, counts, row);
        if (need > h->limit[row] && (strictly || need >= before[row])) return 1;
    }
    return 0;
}

/* Moves v to b unless that breaks a limit: b may be over one only where it then is less so than v's part was, and not at
 * all if `strictly`; a part that sends to v may not get over a limit on slots. Returns whether it moved. */
static int try_move(const nd_hyper *h, int32_t v, int32_t b, int strictly, const search *s) {
    int64_t *slots_before = s->before;
    const int32_t a = h->part[v];
    int64_t before[ND_MOST_ROWS];
    for (int64_t row = 0; row < h->rows; row++) before[row] = hyper_need(h, h->counts + (int64_t)a * ND_COUNTS, row);
    if (hopeless(h, v, b, strictly, before, s)) return 0;
    if (h->slot_cost)
        for (int64_t k = h->in_ptr[v]; k < h->in_ptr[v + 1]; k++) {
            const int32_t sender = h->owner[h->in_edge[k]];
            if (sender >= 0) slots_before[h->part[sender]] = h->counts[(int64_t)h->part[sender] * ND_COUNTS + ND_SLOTS];
        }
    move(h, v, b);
    int legal = 1;
    for (int64_t row = 0; row < h->rows && legal; row++) {
        const int64_t need = hyper_need(h, h->counts + (int64_t)b * ND_COUNTS, row);
        legal = need <= h->limit[row] || (!strictly && need < before[row]);
    }
    if (h->slot_cost)
        for (int64_t k = h->in_ptr[v]; k < h->in_ptr[v + 1] && legal; k++) {
            const int32_t sender = h->owner[h->in_edge[k]];
            if (sender < 0 || sender == v) continue;
            const int64_t *counts = h->counts + (int64_t)h->part[sender] * ND_COUNTS;
            if (h->part[sender] == b || counts[ND_SLOTS] <= slots_before[h->part[sender]]) continue;
            for (int64_t row = 0; row < h->rows; row++) legal &= hyper_need(h, counts, row) <= h->limit[row];
        }
    if (!legal) move(h, v, a);
    return legal;
}

static int sends_to_itself(const nd_hyper *h, int32_t v, int32_t edge) {
    for (int64_t k = h->in_ptr[v]; k < h->in_ptr[v + 1]; k++)
        if (h->in_edge[k] == edge) return h->synapses ? h->synapses[k] : 1;
    return 0;
}

static inline void add(search *s, int32_t q, int64_t weight, int present) {
    if (!s->seen[q]) {
        s->seen[q] = 1;
        s->touched[s->n++] = q;
    }
    s->score[q] += weight;
    s->present[q] += present;
}

static void score(const nd_hyper *h, int32_t v, search *s) {
    const int32_t a = h->part[v];
    s->foreign = 0;
    for (int64_t k = h->in_ptr[v]; k < h->in_ptr[v + 1]; k++) {
        const int32_t e = h->in_edge[k], sender = h->owner[e];
        if (sender == v) continue;
        s->foreign++;
        const int32_t own = h->synapses ? h->synapses[k] : 1, home = sender < 0 ? -1 : h->part[sender];
        const int64_t weight = h->weight[e], first = h->entry_ptr[e], end = first + h->used[e];
        int at_home = 0;
        for (int64_t at = first; at < end; at++) {
            const int32_t q = h->entry_part[at];
            if (q == a && h->entry_count[at] == own) continue;
            at_home |= q == home;
            add(s, q, weight, 1);
        }
        if (home >= 0 && !at_home) add(s, home, weight, 0);
        s->work += end - first + 1;
    }
    for (int64_t k = h->own_ptr[v]; k < h->own_ptr[v + 1]; k++) {
        const int32_t e = h->own_edge[k], own = sends_to_itself(h, v, e);
        const int64_t first = h->entry_ptr[e], end = first + h->used[e];
        for (int64_t at = first; at < end; at++)
            if (h->entry_part[at] != a || h->entry_count[at] > own) add(s, h->entry_part[at], h->weight[e], 0);
        s->work += end - first + 1;
    }
}

/* Passes over the vertices in an order until few move, or `work` entries have been looked at. Returns how many
 * moves there were, or -1 for want of memory. */
ND_EXPORT int64_t nd_hyper_refine(const nd_hyper *h, const int32_t *order, int64_t passes, int64_t work) {
    const size_t parts = (size_t)h->parts;
    search s = {.score = calloc(parts, sizeof(int64_t)), .before = calloc(parts, sizeof(int64_t)),
                .present = calloc(parts, sizeof(int32_t)),
                .touched = calloc(parts, sizeof(int32_t)), .seen = calloc(parts, 1)};
    int64_t moves = s.score && s.present && s.before && s.touched && s.seen ? 0 : -1;
    for (int64_t pass = 0, last = 0; pass < passes && moves >= last && s.work < work; pass++) {
        for (int64_t i = 0; i < h->vertices && s.work < work; i++) {
            const int32_t v = order[i], a = h->part[v];
            int over = 0;
            for (int64_t row = 0; row < h->rows; row++)
                over |= hyper_need(h, h->counts + (int64_t)a * ND_COUNTS, row) > h->limit[row];
            score(h, v, &s);
            const int64_t stay = s.score[a], here = h->counts[(int64_t)a * ND_COUNTS + ND_NEURONS];
            for (int tries = 0; tries < TRIES; tries++) {
                int32_t best = -1;
                int64_t gain = 0, size = 0;
                for (int64_t k = 0; k < s.n; k++) {
                    const int32_t q = s.touched[k];
                    if (q == a || s.seen[q] == 2) continue;
                    const int64_t g = s.score[q] - stay, n = h->counts[(int64_t)q * ND_COUNTS + ND_NEURONS];
                    if (!over && (g < 0 || (g == 0 && n >= here))) continue;
                    if (best < 0 || g > gain || (g == gain && (n < size || (n == size && q < best)))) {
                        best = q;
                        gain = g;
                        size = n;
                    }
                }
                if (best < 0) break;
                s.seen[best] = 2;
                if (try_move(h, v, best, gain < 0, &s)) {
                    moves++;
                    break;
                }
            }
            for (int64_t k = 0; k < s.n; k++)
                s.score[s.touched[k]] = s.present[s.touched[k]] = s.seen[s.touched[k]] = 0;
            s.n = 0;
        }
        if (moves - last <= h->vertices / FEW) break;
        last = moves;
    }
    free(s.score);
    free(s.present);
    free(s.before);
    free(s.touched);
    free(s.seen);
    return moves;
}
