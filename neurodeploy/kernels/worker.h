/* What one thread needs to run samples: own counts, own state, lists of senders, scratch. */
#ifndef ND_WORKER_H
#define ND_WORKER_H

#include "events.h"
#include "nd.h"

/* A network with what one call gives it. */
typedef struct {
    const nd_population *populations;
    const nd_projection *projections;
    const nd_raster *rasters; /* those of the populations, which are written, then those of the inputs */
    int32_t n_populations, n_projections, n_rasters;
    int32_t batch, steps;
} nd_network;

typedef struct {
    nd_network net;
    int32_t samples, steps, history; /* at most so many at a time; steps before them that delays reach back to */
    int64_t before;             /* steps that are done */
    int32_t first_sample, offset; /* where the rasters hold what is run now: sample, and steps before */
    struct nd_crew *crew;       /* threads that help with a single sample, or NULL; so many are called when needed */
    int32_t helpers;
    nd_population *populations; /* copies, for their counts */
    int64_t *sent;              /* by raster */
    nd_events *events;          /* by raster, rows (samples, history + steps) */
    nd_events *parts;           /* of one step, by part of the population at hand */
    int32_t n_parts;            /* most of a population */
    uint64_t **words;           /* by raster of bits: of all samples and steps if tiled, else one row */
    void **maps;                /* by projection: of a convolution of spikes, or the ring of one with delays */
    int64_t **arrivals;         /* by projection: synapses that each row of its ring holds */
    int32_t *state;             /* of all populations, one after the other */
    int32_t ***registers;       /* by population */
    int16_t *narrow;            /* narrow sums, of 0 between steps; those of ND_STEPS steps if tiled */
    uint8_t **flags;            /* by raster or NULL: bytes of who spiked, see inputs.c */
    int32_t *wide, *inputs, *messages; /* wide of 0 between steps, too */
    int64_t *products, *sums;
    const int32_t **ports;
    void **outputs;
} nd_worker;

/* Room for `samples` at a time of `steps` each; 0 where memory ran out: to be freed all the same. */
int nd_worker_init(nd_worker *w, const nd_network *net, int32_t samples, int32_t steps, int32_t history);
void nd_worker_free(nd_worker *w);
/* A helper of `lead`: own counts and scratch; all else is the lead's, taken anew by nd_worker_follow. */
int nd_worker_init_helper(nd_worker *w, const nd_worker *lead);
void nd_worker_follow(nd_worker *w, const nd_worker *lead);
void nd_worker_free_helper(nd_worker *w);

/* Registers as at the start of a sample, and nothing under way. */
void nd_worker_restart(nd_worker *w);
void nd_worker_restart_population(nd_worker *w, int32_t k);

static inline int64_t nd_row(const nd_worker *w, int32_t sample, int32_t step) {
    return (int64_t)sample * (w->history + w->steps) + w->history + step - 1;
}

/* Adds a worker's counts to the network's. */
void nd_add_counts(const nd_worker *w, nd_population *populations);

#define ND_MOST_SAMPLES 16 /* at a time, so that a tile's weights stay near */

/* The next steps of some samples; more than one sample are run from their start to their end. Returns what failed. */
int nd_run_samples(nd_worker *w, int32_t samples, int32_t steps);

enum { ND_DONE = 0, ND_NO_MEMORY = 1, ND_CONVOLUTION_OVERFLOWED = 2, ND_NOT_FLAGS = 3 };

/* Narrow sums, or inputs, of population k for step t of a sample, from all its projections; see inputs.c. */
void nd_gather_narrow(nd_worker *w, int32_t k, int32_t sample, int32_t t);
int nd_gather(nd_worker *w, int32_t k, int32_t sample, int32_t t);
/* Narrow sums of one of the parts of a population. */
void nd_gather_part(nd_worker *w, int32_t k, int32_t part, int32_t sample, int32_t t);
/* What delays hold back goes on, in a step in which population k is idle. */
void nd_pass_idle(nd_worker *w, int32_t k, int32_t sample, int32_t t);
/* The same of some columns, from tiles. */
void nd_gather_tile(nd_worker *w, int32_t k, int32_t tile, int32_t sample, int32_t t);
/* Whether dot products of bytes are quicker for population k and a sample; then everything is there for them. */
int nd_prefers_dots(nd_worker *w, int32_t k, int32_t sample, int32_t steps);
/* Counts the synapses that step t reaches, which nd_gather_dots does not. */
void nd_count_synapses(nd_worker *w, int32_t k, int32_t sample, int32_t t);
/* Narrow sums of some columns for ND_STEPS steps from step t on, by dot products. */
void nd_gather_dots(nd_worker *w, int32_t k, int32_t tile, int32_t sample, int32_t t);

#endif
