/* Structures shared with neurodeploy/simulate/engine.py (ctypes): keep the two in step, and raise the number in
 * version.c with every change. */
#ifndef ND_H
#define ND_H

#include <stdint.h>

#define ND_EXPORT __attribute__((visibility("default")))

enum { ND_RESET_ZERO = 0, ND_RESET_SUBTRACT = 1, ND_RESET_NONE = 2 };
enum { ND_DENSE = 0, ND_SPARSE = 1, ND_CONV2D = 2 };

/* Compartments of one population. Arrays of `size` int32 unless said otherwise. */
typedef struct {
    int32_t size;
    int32_t reset;
    int32_t first, last;     /* live steps, counted from 1, inclusive */
    int32_t reset_interval, reset_offset; /* u = v = 0 before steps t with t % interval == offset % interval; 0: never */
    const int32_t *du, *dv, *vth, *bias, *u0, *v0, *refractory; /* bias: mantissa already shifted by its exponent */
    int32_t *u_trace, *v_trace; /* (batch, steps, size) or NULL */
    int64_t *active;            /* (batch, size): updates with input, bias or a nonzero register */
    int64_t wraps, saturations;
} nd_population;

/* Synapses. Weights by kind: dense int16 (n_source, n_target); sparse int16 (nnz) with indptr (n_source + 1) and
 * indices (targets); conv2d int32 (c_in, kh, kw, c_out / groups), the kernel of one source channel contiguous. */
typedef struct {
    int32_t kind;
    int32_t source, target;  /* source: index into the spike arrays; target: index of a population */
    int32_t weight_exp, delay;
    int32_t n_source, n_target;
    const void *weights;
    const int64_t *indptr;
    const int32_t *indices;
    int32_t c_in, h_in, w_in, c_out, h_out, w_out, kh, kw;
    int32_t stride_y, stride_x, pad_y, pad_x, dilation_y, dilation_x, groups;
} nd_projection;

/* acc (n_target) += W s for the spikes s (n_source) of one step. */
void nd_dense(const nd_projection *p, const uint8_t *spikes, int32_t *acc);
void nd_sparse(const nd_projection *p, const uint8_t *spikes, int32_t *acc);
void nd_conv2d(const nd_projection *p, const uint8_t *spikes, int32_t *acc);

/* One step of a population; returns nothing, counts overflows in p. */
void nd_cuba(nd_population *p, const int32_t *a, int32_t *u, int32_t *v, int32_t *frozen, int64_t *active,
             uint8_t *spikes);

static inline int32_t nd_wrap32(int64_t x) { return (int32_t)(uint32_t)(uint64_t)x; }

#endif
