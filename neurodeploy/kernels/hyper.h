/* A population as a hypergraph: vertices are its neurons, an edge is a source neuron with the vertices that it has
 * synapses on, its pins. Shared with neurodeploy/mapping/hyper/structs.py (ctypes): keep the two in step, and raise the
 * number in version.c with every change. numpy and the meaning of every rule: neurodeploy/mapping/hyper/. */
#ifndef HYPER_H
#define HYPER_H

#include "nd.h"

enum { ND_NEURONS, ND_AXONS, ND_WORDS, ND_SLOTS, ND_LOAD, ND_COUNTS };

#define ND_MOST_ROWS 16

typedef struct {
    int64_t vertices, edges, parts, rows;
    const int64_t *in_ptr; /* (vertices + 1) and in_edge: edges that each vertex is a pin of, ascending */
    const int32_t *in_edge;
    const int64_t *pin_ptr; /* (edges + 1) and pin: pins of each edge, ascending */
    const int32_t *pin;
    const int32_t *owner;   /* (edges) vertex that sends, or -1 */
    const int64_t *own_ptr; /* (vertices + 1) and own_edge: edges that each vertex sends */
    const int32_t *own_edge;
    const int64_t *weight; /* (edges) cost of each remote part */
    const int32_t *kind;   /* (edges) and words (kinds, longest + 1): memory of a row by its synapses */
    const int64_t *words;
    int64_t longest;
    const int32_t *synapses;    /* like in_edge: synapses of the pin; NULL: one each */
    const int64_t *load, *slots; /* (vertices) work per step; out-axon slots outside this hypergraph */
    int64_t slot_cost;           /* out-axon slots for each part that an owned edge reaches */
    const int64_t *dense_words;  /* (vertices + 1) memory of dense rows by the neurons of a part */
    const int64_t *factor, *limit; /* (rows, ND_COUNTS), (rows): limits on sums of counts */
    int32_t *part;                 /* (vertices) */
    const int64_t *entry_ptr;      /* (edges + 1): room for the entries of each edge, the parts that hold its pins */
    int32_t *entry_part, *entry_count, *used; /* part and synapses there; (edges) number of entries */
    int64_t *counts;                          /* (parts, ND_COUNTS) */
} nd_hyper;

static inline int64_t hyper_row_words(const nd_hyper *h, int32_t edge, int64_t synapses) {
    return h->words[h->kind[edge] * (h->longest + 1) + synapses];
}

/* What a part of these counts needs of a limited resource. */
static inline int64_t hyper_need(const nd_hyper *h, const int64_t *counts, int64_t row) {
    const int64_t *factor = h->factor + row * ND_COUNTS;
    int64_t need = factor[ND_WORDS] * h->dense_words[counts[ND_NEURONS]];
    for (int c = 0; c < ND_COUNTS; c++) need += factor[c] * counts[c];
    return need;
}

#endif
