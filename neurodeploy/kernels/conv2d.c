/* Conv2d in PyTorch order, scattered from each message; numpy: connections/conv.py, Conv2d.propagate.
 *
 * Spikes are added to a map, channels last, with so wide a border that no tap of any source falls outside; what lands on
 * the border is never read, and may wrap. Each source adds a block of the taps, `tap`, at its place in the map, `base`:
 * vectors, filled up with zeros, each at `vector_at` behind the base. Sources that follow each other in the list and have
 * one base (the channels of a pixel; with strides, the pixels of a cell) are summed in registers first, so that a sum
 * pooling before the convolution costs nothing. Sums fit 16 bits in narrow maps, as the target's bound says, and 32 in
 * wide ones, checked when the network is built.
 *
 * Graded messages: a source pixel (y, x) meets output (oy, ox) through tap (ky, kx) where oy * stride = y + pad - ky *
 * dilation; the tables `meets_y` and `meets_x` say so; weights (c_in, kh, kw, c_out / groups), sums channels last; they
 * fit 63 bits, by the same check.
 */
#include "nd.h"
#include "vec.h"

#define MOST 16 /* vectors of a block that are in registers at a time */

/* `vectors` vectors of every block, from vector `from` on. */
#define SCATTER(NAME, VECTOR)                                                                                \
    ND_INLINE void NAME(const nd_projection *p, const int32_t *list, int64_t count, char *map, int32_t from, \
                        const int vectors) {                                                                 \
        const int32_t *bases = p->base, *tap_of = p->tap, *at = p->vector_at + from;                         \
        const char *taps = (const char *)p->taps + from * ND_BYTES;                                          \
        for (int64_t k = 0; k < count;) {                                                                    \
            const int32_t base = bases[list[k]];                                                             \
            VECTOR sums[MOST];                                                                               \
            const char *tap = taps + tap_of[list[k]];                                                        \
            ND_HERE(tap);                                                                                    \
            _Pragma("GCC unroll 16") for (int j = 0; j < vectors; j++)                                       \
                memcpy(&sums[j], tap + j * ND_BYTES, ND_BYTES);                                              \
            for (k++; k < count && bases[list[k]] == base; k++) {                                            \
                tap = taps + tap_of[list[k]];                                                                \
                ND_HERE(tap);                                                                                \
                _Pragma("GCC unroll 16") for (int j = 0; j < vectors; j++) {                                 \
                    VECTOR x;                                                                                \
                    memcpy(&x, tap + j * ND_BYTES, ND_BYTES);                                                \
                    sums[j] += x;                                                                            \
                }                                                                                            \
            }                                                                                                \
            char *out = map + base;                                                                          \
            ND_HERE(at);                                                                                     \
            _Pragma("GCC unroll 16") for (int j = 0; j < vectors; j++) {                                     \
                VECTOR x;                                                                                    \
                memcpy(&x, out + at[j], ND_BYTES);                                                           \
                x += sums[j];                                                                                \
                memcpy(out + at[j], &x, ND_BYTES);                                                           \
            }                                                                                                \
        }                                                                                                    \
    }

#define CASE(SCATTER, VECTORS) \
    case VECTORS: SCATTER(p, list, count, map, from, VECTORS); break;
#define ALL_SIZES(NAME, SCATTER, TYPE)                                                           \
    void NAME(const nd_projection *p, const int32_t *list, int64_t count, TYPE *map) {           \
        for (int32_t from = 0; from < p->vectors; from += MOST) switch (p->vectors - from) {     \
                CASE(SCATTER, 1) CASE(SCATTER, 2) CASE(SCATTER, 3) CASE(SCATTER, 4)              \
                CASE(SCATTER, 5) CASE(SCATTER, 6) CASE(SCATTER, 7) CASE(SCATTER, 8)              \
                CASE(SCATTER, 9) CASE(SCATTER, 10) CASE(SCATTER, 11) CASE(SCATTER, 12)           \
                CASE(SCATTER, 13) CASE(SCATTER, 14) CASE(SCATTER, 15)                            \
                default: SCATTER(p, list, count, map, from, MOST);                               \
            }                                                                                    \
    }

SCATTER(scatter_narrow, nd_u16)
SCATTER(scatter_wide, nd_u32)
#define NARROW(P, LIST, COUNT, MAP, FROM, VECTORS) scatter_narrow(P, LIST, COUNT, (char *)(MAP), FROM, VECTORS)
#define WIDE(P, LIST, COUNT, MAP, FROM, VECTORS) scatter_wide(P, LIST, COUNT, (char *)(MAP), FROM, VECTORS)
ALL_SIZES(nd_conv2d_narrow, NARROW, int16_t)
ALL_SIZES(nd_conv2d_wide, WIDE, int32_t)

#define COLLECT(NAME, TYPE)                                                                              \
    void NAME(const nd_projection *p, TYPE *map, TYPE *sums) {                                           \
        const int32_t plane = p->h_out * p->w_out, channels = p->c_out;                                  \
        const int64_t pixel = p->channels_last ? channels : 1, channel = p->channels_last ? 1 : plane;   \
        for (int32_t i = 0; i < plane; i++) {                                                            \
            TYPE *from = map + p->at[i], *to = sums + i * pixel;                                         \
            for (int32_t o = 0; o < channels; o++) to[o * channel] = (TYPE)(to[o * channel] + from[o]);  \
            memset(from, 0, sizeof(TYPE) * (size_t)channels);                                            \
        }                                                                                                \
    }

COLLECT(nd_conv2d_collect_narrow, int16_t)
COLLECT(nd_conv2d_collect_wide, int32_t)

void nd_conv2d_graded(const nd_projection *p, const int32_t *list, int64_t count, const int32_t *messages, int64_t *sums) {
    const int32_t plane = p->h_in * p->w_in, group_out = p->c_out / p->groups, group_in = p->c_in / p->groups;
    for (int64_t k = 0; k < count; k++) {
        const int32_t channel = list[k] / plane, y = list[k] % plane / p->w_in, x = list[k] % p->w_in;
        const int32_t *kernel = (const int32_t *)p->weights + (int64_t)channel * p->kh * p->kw * group_out;
        int64_t *maps = sums + (channel / group_in) * group_out;
        for (int32_t ky = 0; ky < p->kh; ky++) {
            const int32_t oy = p->meets_y[y * p->kh + ky];
            if (oy < 0) continue;
            for (int32_t kx = 0; kx < p->kw; kx++) {
                const int32_t ox = p->meets_x[x * p->kw + kx];
                if (ox < 0) continue;
                const int32_t *w = kernel + (ky * p->kw + kx) * group_out;
                int64_t *out = maps + ((int64_t)oy * p->w_out + ox) * p->c_out;
                for (int32_t o = 0; o < group_out; o++) out[o] += w[o] * (int64_t)messages[k];
            }
        }
    }
}
