/* Structures shared with neurodeploy/simulate/engine.py (ctypes): keep the two in step, and raise the number in
 * version.c with every change. */
#ifndef ND_H
#define ND_H

#include <stdint.h>

#define ND_EXPORT __attribute__((visibility("default")))

#define ND_PADDING 16 /* zeros behind fields, state and inputs, so that vectors may reach beyond the last neuron */

enum { ND_DENSE = 0, ND_SPARSE = 1, ND_CONV2D = 2, ND_DIRECT = 3 };

/* What one output or input sends: (batch, steps, size), uint8 where it is 0 or 1 only, else int32; silent afterwards. */
typedef struct {
    void *values;
    int32_t size, graded, steps;
    int64_t sent; /* messages but 0, counted */
} nd_raster;

typedef struct nd_population nd_population;

/* One step of a population, `nd_<model>`: reads the inputs by port, updates the registers in the model's order, writes
 * one message per neuron to each output, uint8 or int32 as its raster; adds overflows to wraps and saturations. */
typedef void (*nd_step)(nd_population *p, const int32_t *const *inputs, int32_t *const *state, void *const *outputs);

struct nd_population {
    nd_step step;
    int32_t size, n_ports, n_outputs, first_raster;
    int32_t n_registers, n_state;      /* state = registers, which count as activity, then hidden ones */
    int32_t first, last;               /* live steps, counted from 1, inclusive */
    int32_t reset_interval, reset_offset; /* state = 0 before steps t with t % interval == offset % interval; 0: never */
    int32_t component;                 /* number of its strongly connected component; they run in this order */
    int32_t is_recurrent;              /* whether the component has a cycle: then it runs step by step */
    int32_t fits32;                    /* no sum of synapse outputs can leave 32 bits */
    int32_t is_tiled;                  /* a cuba population fed by dense projections that have tiles only, no cycle */
    int32_t is_regular;                /* see nd_cuba_is_regular; counts its own activity */
    const int32_t *const *fields;      /* (size, then ND_PADDING zeros) each, as NeuronModel.kernel_fields orders them */
    const int32_t *const *initial;     /* (size) for each state */
    const int32_t *constant;           /* (size) bias */
    int32_t *const *traces;            /* for each register (batch, steps, size) or NULL */
    int64_t active;                    /* updates with input, bias or a nonzero register */
    int64_t syn_ops, wraps, saturations;
};

/* Synapses. Weights by kind: dense int16 (n_source, n_target); sparse int16 (nnz) with indptr (n_source + 1) and
 * indices (targets); conv2d int32 (c_in, kh, kw, c_out / groups), the kernel of one source channel contiguous.
 * Where all weights >> weight_shift fit 8 bits: dense has tiles; sparse has small weights with short indices, or both
 * in one word, index << 8 | weight. */
typedef struct {
    int32_t kind;
    int32_t source, target, port;  /* source: index of a raster; target: of a population; port: of its inputs */
    int32_t weight_exp, latency;   /* a message of step t arrives at t + latency */
    int32_t graded, products_wrap; /* graded 0: every message but 0 counts as 1 */
    int32_t n_source, n_target;
    const void *weights;
    const int64_t *indptr;
    const int32_t *indices;
    const int64_t *fan_out;        /* (n_source) synapses of each source; NULL for dense */
    const int8_t *tiles;           /* dense: weights >> weight_shift as dense.c lays them out, or NULL */
    const int8_t *small;           /* sparse: weights >> weight_shift (nnz), or NULL */
    const uint16_t *short_indices; /* sparse: with small */
    const uint32_t *packed;        /* sparse: index << 8 | (uint8_t)(weight >> weight_shift), or NULL */
    int32_t weight_shift;
    int32_t tile_limit;            /* so many rows of tiles are sure to sum up within 16 bits */
    const int32_t *meets_y, *meets_x; /* conv2d: output row that each (source row, tap) adds to, or -1; so columns */
    int32_t c_in, h_in, w_in, c_out, h_out, w_out, kh, kw, groups;
} nd_projection;

/* acc (n_target) += W s for the `count` sources in `list` that sent something in one step; of a conv2d channels last. */
void nd_dense(const nd_projection *p, const int32_t *list, int64_t count, int32_t *acc);
void nd_sparse(const nd_projection *p, const int32_t *list, int64_t count, int32_t *acc);
/* The same with all weights times 2^exponent, exponent >= 0. */
void nd_sparse_shifted(const nd_projection *p, const int32_t *list, int64_t count, int32_t exponent, int32_t *acc);
void nd_conv2d(const nd_projection *p, const int32_t *list, int64_t count, int32_t *acc);

/* The same for graded messages (n_source): exact; or with products_wrap every product wraps to int32 before it is
 * added, and the number of those that did is returned. */
int64_t nd_dense_graded(const nd_projection *p, const int32_t *list, int64_t count, const int32_t *messages, int64_t *acc);
int64_t nd_sparse_graded(const nd_projection *p, const int32_t *list, int64_t count, const int32_t *messages, int64_t *acc);
void nd_conv2d_graded(const nd_projection *p, const int32_t *list, int64_t count, const int32_t *messages, int64_t *acc);

/* acc (columns of the tile) += W s, see dense.c. */
void nd_dense_tile(const nd_projection *p, int32_t tile, const int32_t *list, int64_t count, int32_t *acc);
ND_EXPORT int32_t nd_tile_columns(void);

ND_EXPORT void nd_cuba(nd_population *p, const int32_t *const *inputs, int32_t *const *state, void *const *outputs);
/* Neurons from..to - 1; a: their inputs; state and spikes: of the whole population. Counts activity, too. */
void nd_cuba_range(nd_population *p, int32_t from, int32_t to, const int32_t *a, int32_t *const *state, uint8_t *spikes);

static inline int32_t nd_wrap32(int64_t x) { return (int32_t)(uint32_t)(uint64_t)x; }

/* Lower 24 bits as a signed number. */
static inline int32_t nd_wrap24(int64_t x) {
    return (int32_t)(((uint32_t)(uint64_t)x + (UINT32_C(1) << 23)) & 0xFFFFFF) - (INT32_C(1) << 23);
}

static inline int64_t nd_shift_left(int64_t x, int32_t bits) { return (int64_t)((uint64_t)x << bits); }

#endif
