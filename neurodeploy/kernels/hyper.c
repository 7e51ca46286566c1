/* Hypergraphs: transposition, first counts and filling parts in an order; definition in
 * neurodeploy/mapping/hyper/definition.py. */
#include "hyper.h"

#include <stdlib.h>
#include <string.h>

/* Compressed rows of the transpose of compressed rows: ptr (rows + 1) and index to out_ptr (columns + 1, zeros) and
 * out_index; out_at, where given, gets the place in index of each. */
ND_EXPORT void nd_hyper_transpose(int64_t rows, int64_t columns, const int64_t *ptr, const int32_t *index,
                                  int64_t *out_ptr, int32_t *out_index) {
    for (int64_t k = 0; k < ptr[rows]; k++) out_ptr[index[k] + 1]++;
    for (int64_t c = 0; c < columns; c++) out_ptr[c + 1] += out_ptr[c];
    for (int64_t r = 0; r < rows; r++)
        for (int64_t k = ptr[r]; k < ptr[r + 1]; k++) out_index[out_ptr[index[k]]++] = (int32_t)r;
    for (int64_t c = columns; c > 0; c--) out_ptr[c] = out_ptr[c - 1];
    out_ptr[0] = 0;
}

/* Entries and counts of the parts that h->part names; entries and counts are 0 before. `grouped`: the vertices of the
 * first part, then those of the second, and so on, so that an edge's entry for a part is its last one. */
ND_EXPORT void nd_hyper_count(const nd_hyper *h, const int32_t *grouped) {
    for (int64_t i = 0; i < h->vertices; i++) {
        const int32_t v = grouped[i], q = h->part[v];
        int64_t *counts = h->counts + (int64_t)q * ND_COUNTS;
        counts[ND_NEURONS]++;
        counts[ND_LOAD] += h->load[v];
        counts[ND_SLOTS] += h->slots[v];
        for (int64_t k = h->in_ptr[v]; k < h->in_ptr[v + 1]; k++) {
            const int32_t e = h->in_edge[k], synapses = h->synapses ? h->synapses[k] : 1;
            const int64_t end = h->entry_ptr[e] + h->used[e];
            int64_t at = end - 1;
            if (h->used[e] == 0 || h->entry_part[at] != q) {
                at = end;
                h->used[e]++;
                h->entry_part[at] = q;
                counts[ND_AXONS]++;
            }
            counts[ND_WORDS] -= hyper_row_words(h, e, h->entry_count[at]);
            h->entry_count[at] += synapses;
            counts[ND_WORDS] += hyper_row_words(h, e, h->entry_count[at]);
        }
    }
    for (int64_t e = 0; e < h->edges; e++)
        if (h->owner[e] >= 0)
            h->counts[(int64_t)h->part[h->owner[e]] * ND_COUNTS + ND_SLOTS] += h->slot_cost * h->used[e];
}

/* Parts filled one after the other in an order, each until the next vertex does not fit; h->part is written, entries are
 * not read. A vertex that fits no part gets one of its own. Returns the number of parts, or -1 for want of memory. */
ND_EXPORT int64_t nd_hyper_fill(const nd_hyper *h, const int32_t *order) {
    int32_t *in_part = malloc(sizeof(int32_t) * (size_t)(h->edges + 1)); /* last part that has a pin of the edge */
    int32_t *here = malloc(sizeof(int32_t) * (size_t)(h->edges + 1));    /* its synapses there */
    if (!in_part || !here) {
        free(in_part);
        free(here);
        return -1;
    }
    memset(in_part, -1, sizeof(int32_t) * (size_t)(h->edges + 1));
    int32_t q = 0;
    int64_t counts[ND_COUNTS] = {0};
    for (int64_t i = 0; i < h->vertices; i++) {
        const int32_t v = order[i];
        for (int tries = 0; tries < 2; tries++) {
            int64_t more[ND_COUNTS];
            memcpy(more, counts, sizeof counts);
            more[ND_NEURONS]++;
            more[ND_LOAD] += h->load[v];
            more[ND_SLOTS] += h->slots[v];
            for (int64_t k = h->in_ptr[v]; k < h->in_ptr[v + 1]; k++) {
                const int32_t e = h->in_edge[k];
                const int64_t synapses = h->synapses ? h->synapses[k] : 1, before = in_part[e] == q ? here[e] : 0;
                more[ND_AXONS] += before == 0;
                more[ND_WORDS] += hyper_row_words(h, e, before + synapses) - hyper_row_words(h, e, before);
            }
            int fits = 1;
            for (int64_t row = 0; row < h->rows; row++) fits &= hyper_need(h, more, row) <= h->limit[row];
            if (fits || counts[ND_NEURONS] == 0) {
                memcpy(counts, more, sizeof counts);
                break;
            }
            q++;
            memset(counts, 0, sizeof counts);
        }
        h->part[v] = q;
        for (int64_t k = h->in_ptr[v]; k < h->in_ptr[v + 1]; k++) {
            const int32_t e = h->in_edge[k], synapses = h->synapses ? h->synapses[k] : 1;
            here[e] = (in_part[e] == q ? here[e] : 0) + synapses;
            in_part[e] = q;
        }
    }
    free(in_part);
    free(here);
    return h->vertices ? q + 1 : 0;
}
