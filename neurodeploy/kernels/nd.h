/* Structures shared with neurodeploy/simulate/structs.py (ctypes): keep the two in step, and raise the number in
 * version.c with every change. */
#ifndef ND_H
#define ND_H

#include <stdint.h>

#define ND_EXPORT __attribute__((visibility("default")))

#define ND_WORD 64 /* neurons per word of a raster; fields, state and sums are filled up with zeros to a multiple of it */

static inline int32_t nd_words(int32_t size) { return (size + ND_WORD - 1) / ND_WORD; }
static inline int32_t nd_padded(int32_t size) { return nd_words(size) * ND_WORD; }

enum { ND_DENSE = 0, ND_SPARSE = 1, ND_CONV2D = 2, ND_DIRECT = 3 };
enum { ND_BITS = 0, ND_MESSAGES = 1, ND_FLAGS = 2, ND_EVENTS = 3 };

/* What one output or input sends in each step: bits, uint64 words of neurons from the lowest bit on; messages, int32;
 * of inputs also flags, bytes of 0 and 1, and events, int32 addresses in ascending order. */
typedef struct {
    void *values;          /* (batch, steps, nd_words(size) or size); events (starts[batch * steps]); NULL: not kept */
    const int64_t *starts; /* events: first one of each (sample, step), and their number */
    int32_t size, form;
    int32_t steps;         /* silent afterwards */
    int64_t sent;          /* messages but 0, counted */
} nd_raster;

typedef struct nd_population nd_population;

/* One step of a population, `nd_<model>`: reads the inputs by port, updates the registers in the model's order, and
 * writes to each output one int32 message per neuron, or sets bits in words that are 0; adds overflows to wraps and
 * saturations. */
typedef void (*nd_step)(nd_population *p, const int32_t *const *inputs, int32_t *const *state, void *const *outputs);

struct nd_population {
    nd_step step;                      /* NULL: nd_cuba_* of cuba.c */
    int32_t size, n_ports, n_outputs, first_raster;
    int32_t first_projection, n_projections; /* those into it */
    int32_t n_registers, n_state;      /* state = registers, which count as activity, then hidden ones */
    int32_t first, last;               /* live steps, counted from 1, inclusive */
    int32_t fires_from, fires_until;   /* steps in which spikes are possible, counted from 1, inclusive; cuba */
    int32_t is_quiet;                  /* whether the step at hand is none of them */
    int32_t reset_interval, reset_offset; /* state = 0 before steps t with t % interval == offset % interval; 0: never */
    int32_t component;                 /* number of its strongly connected component; they run in this order */
    int32_t is_recurrent;              /* whether the component has a cycle: then it runs step by step */
    int32_t fits32;                    /* no sum of synapse outputs can leave 32 bits */
    int32_t is_narrow;                 /* a cuba population whose inputs are sums of 16 bits, times 2^input_exp */
    int32_t input_exp;
    int32_t is_tiled;                  /* a cuba population fed by dense projections with tiles only, no cycle */
    int32_t is_regular;                /* cuba: no refractory period, moderate biases */
    int32_t is_plain;                  /* narrow: one kept share of u, of v, one threshold for all; u is sure to stay
                                          within 24 bits; reset to 0 */
    int32_t parts;                     /* that threads may share a step by, 0: none; see nd_part_from */
    int32_t has_bias, v_is_bound;      /* cuba: any bias is not 0; plain: v is sure to stay within 24 bits */
    const int32_t *const *fields;      /* (padded) each, as NeuronModel.kernel_fields orders them */
    const int32_t *lanes[4];           /* cuba: kept of u, kept of v, register that v must exceed, bias: (padded), or */
    int32_t lane_masks[4];             /* ND_WORD equal ones where the mask is ND_WORD - 1, else it is -1 */
    const int32_t *const *initial;     /* (size) for each state */
    const int32_t *constant;           /* (size) bias */
    const int32_t *map_at;             /* narrow, one convolution only: where each vector of sums lies in its map */
    int32_t *const *traces;            /* for each register (batch, steps, size) or NULL */
    int64_t active;                    /* updates with input, bias or a nonzero register */
    int64_t syn_ops, wraps, saturations;
};

/* Synapses. What of the weights is there depends on kind and target:
 *   narrow: int8 weights in units of 2^weight_shift: `tiles` of dense, `small` + `short_indices` or `packed` of sparse;
 *           int16 `taps` of a convolution, in units of 2^input_exp of the target
 *   else: int16 `weights`, dense (n_source, n_target) or sparse with `indices`, also sparse int8 ones and dense `tiles`;
 *           int32 `taps` of a convolution; int32 `weights` of a convolution of graded messages, see conv2d.c. */
typedef struct {
    int32_t kind;
    int32_t source, target, port;  /* source: index of a raster; target: of a population; port: of its inputs */
    int32_t weight_exp, latency;   /* a message of step t arrives at t + latency */
    int32_t graded, products_wrap; /* graded 0: every message but 0 counts as 1 */
    int32_t n_source, n_target;
    const void *weights;
    const int64_t *indptr;         /* sparse: first synapse of each source */
    const int64_t *cuts;           /* sparse: begin and end of each source's synapses in each part of the targets,
                                      (parts, n_source, 2), or NULL */
    const int32_t *indices;
    const int32_t *fan_out;        /* conv2d, direct: (n_source) synapses of each source */
    const int8_t *tiles;           /* dense, see dense.c */
    const int8_t *dots;            /* dense, see dot.c, or NULL */
    const int8_t *small;
    const uint16_t *short_indices;
    const uint32_t *packed;        /* index << 8 | (uint8_t)weight */
    const uint8_t *delays;         /* narrow sparse: steps beyond `latency` of each synapse, below `ring`; or NULL */
    int32_t ring;                  /* a power of two */
    int32_t weight_shift;
    int32_t tile_limit;            /* not narrow: so many rows of tiles are sure to sum up within 16 bits */
    const void *taps;
    const int32_t *base, *tap;     /* conv2d: for each source where its block lies in the map, and in the taps; bytes */
    const int32_t *vector_at;      /* conv2d: where each vector of a block lies behind its base; bytes */
    const int32_t *at;             /* conv2d: where in the map the sums of each target pixel begin */
    int32_t vectors, map_size;
    const int32_t *meets_y, *meets_x; /* graded conv2d: output row each (source row, tap) adds to, or -1; so columns */
    int32_t c_in, h_in, w_in, c_out, h_out, w_out, kh, kw, groups;
    int32_t channels_last;         /* conv2d: whether the target's neurons are in that order, else channels first */
} nd_projection;

/* sums (n_target) += W s for the `count` sources in `list` that sent something in one step. */
void nd_dense(const nd_projection *p, const int32_t *list, int64_t count, int32_t *sums);
void nd_sparse(const nd_projection *p, const int32_t *list, int64_t count, int32_t *sums);
/* The same with all weights times 2^exponent, exponent >= 0. */
void nd_sparse_shifted(const nd_projection *p, const int32_t *list, int64_t count, int32_t exponent, int32_t *sums);
/* The same in 16 bits, for one part of the targets, or for all of them: part ND_ALL. Returns the number of synapses. */
#define ND_ALL (-1)
int64_t nd_sparse_narrow(const nd_projection *p, int32_t part, const int32_t *list, int64_t count, int16_t *sums);

/* The same with a delay for each synapse: into row (step + delay) % ring of sums (ring, nd_padded(n_target)), and counted
 * in that of `arrivals` (ring); needs `packed`. */
void nd_sparse_delayed(const nd_projection *p, const int32_t *list, int64_t count, int32_t step, int16_t *sums,
                       int64_t *arrivals);

/* A convolution into its map of borders and channels last, int16 or int32; and from there, which clears it, to sums. */
void nd_conv2d_narrow(const nd_projection *p, const int32_t *list, int64_t count, int16_t *map);
void nd_conv2d_wide(const nd_projection *p, const int32_t *list, int64_t count, int32_t *map);
void nd_conv2d_collect_narrow(const nd_projection *p, int16_t *map, int16_t *sums);
void nd_conv2d_collect_wide(const nd_projection *p, int32_t *map, int32_t *sums);

/* The same for graded messages (count), one for each in `list`: exact; or with products_wrap every product wraps to
 * int32 before it is added, and the number of those that did is returned. */
int64_t nd_dense_graded(const nd_projection *p, const int32_t *list, int64_t count, const int32_t *messages, int64_t *sums);
int64_t nd_sparse_graded(const nd_projection *p, const int32_t *list, int64_t count, const int32_t *messages, int64_t *sums);
void nd_conv2d_graded(const nd_projection *p, const int32_t *list, int64_t count, const int32_t *messages, int64_t *sums);

/* sums (columns of the tile) += W s, see dense.c. */
void nd_dense_tile(const nd_projection *p, int32_t tile, const int32_t *list, int64_t count, int16_t *sums);
void nd_dense_tile_wide(const nd_projection *p, int32_t tile, const int32_t *list, int64_t count, int32_t *sums);
ND_EXPORT int32_t nd_tile_columns(void);
/* The first target of a part, whole tiles, of n targets; that of part `parts` is n. */
int32_t nd_part_from(int32_t n, int32_t parts, int32_t part);
/* The same for ND_STEPS steps at a time, of which flags (n_source, and up to whole quads) say who spiked; see dot.c.
 * sums: (ND_STEPS, columns of a whole tile). */
#define ND_STEPS 6
void nd_dots(const nd_projection *p, int32_t tile, const uint8_t *const *flags, int16_t *sums);
/* The share of sources that spike from which on they are quicker than nd_dense_tile (measured, 1000 to 1000); above 100:
 * there are none. */
ND_EXPORT int32_t nd_dots_from_percent(void);
ND_EXPORT int32_t nd_vector_bytes(void);

/* One step of neurons from..to - 1, multiples of ND_WORD but for the last; state and words: of the whole population.
 * Counts activity. Narrow sums, those of `from` first or in a map, are cleared; wide ones, those of `from` first, not. */
void nd_cuba_narrow(nd_population *p, int32_t from, int32_t to, int16_t *sums, int32_t *const *state, uint64_t *words);
void nd_cuba_wide(nd_population *p, int32_t from, int32_t to, const int32_t *sums, int32_t *const *state, uint64_t *words);

static inline void nd_set(void *words, int32_t i, int fired) {
    ((uint64_t *)words)[i / ND_WORD] |= (uint64_t)(fired != 0) << (i % ND_WORD);
}

static inline int32_t nd_wrap32(int64_t x) { return (int32_t)(uint32_t)(uint64_t)x; }

/* Lower 24 bits as a signed number. */
static inline int32_t nd_wrap24(int64_t x) {
    return (int32_t)(((uint32_t)(uint64_t)x + (UINT32_C(1) << 23)) & 0xFFFFFF) - (INT32_C(1) << 23);
}

static inline int64_t nd_shift_left(int64_t x, int32_t bits) { return (int64_t)((uint64_t)x << bits); }

#endif
