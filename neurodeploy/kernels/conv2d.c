/* Conv2d in PyTorch order, scattered from each message; numpy: connections/conv.py, Conv2d.propagate.
 *
 * A source pixel (y, x) meets output (oy, ox) through tap (ky, kx) where oy * stride = y + pad - ky * dilation; the
 * tables `meets_y` and `meets_x` say so. Sums are channels last, (h_out, w_out, c_out), so that a tap's weights for all
 * channels are added at once.
 *
 * Spikes: |sum| < 2^31, checked when the network is built; graded sums fit 63 bits by the same bound.
 */
#include "nd.h"

/* One scatter for each kind of sum: `ADD` is added for every weight w[o] of a tap. */
#define SCATTER(NAME, SUM, ADD)                                                                             \
    static void NAME(const nd_projection *p, int32_t channel, int32_t y, int32_t x, int64_t message, SUM *acc) { \
        const int32_t group_out = p->c_out / p->groups, group_in = p->c_in / p->groups;                     \
        const int32_t *kernel = (const int32_t *)p->weights + (int64_t)channel * p->kh * p->kw * group_out; \
        SUM *maps = acc + (channel / group_in) * group_out;                                                 \
        (void)message;                                                                                      \
        for (int32_t ky = 0; ky < p->kh; ky++) {                                                            \
            const int32_t oy = p->meets_y[y * p->kh + ky];                                                  \
            if (oy < 0) continue;                                                                           \
            for (int32_t kx = 0; kx < p->kw; kx++) {                                                        \
                const int32_t ox = p->meets_x[x * p->kw + kx];                                              \
                if (ox < 0) continue;                                                                       \
                const int32_t *w = kernel + (ky * p->kw + kx) * group_out;                                  \
                SUM *out = maps + ((int64_t)oy * p->w_out + ox) * p->c_out;                                 \
                for (int32_t o = 0; o < group_out; o++) out[o] += ADD;                                      \
            }                                                                                               \
        }                                                                                                   \
    }

SCATTER(scatter_spike, int32_t, w[o])
SCATTER(scatter_graded, int64_t, w[o] * message)

void nd_conv2d(const nd_projection *p, const int32_t *list, int64_t count, int32_t *acc) {
    const int32_t plane = p->h_in * p->w_in;
    for (int64_t k = 0; k < count; k++) {
        const int32_t at = list[k] % plane;
        scatter_spike(p, list[k] / plane, at / p->w_in, at % p->w_in, 1, acc);
    }
}

void nd_conv2d_graded(const nd_projection *p, const int32_t *list, int64_t count, const int32_t *messages, int64_t *acc) {
    const int32_t plane = p->h_in * p->w_in;
    for (int64_t k = 0; k < count; k++) {
        const int32_t at = list[k] % plane;
        scatter_graded(p, list[k] / plane, at / p->w_in, at % p->w_in, messages[list[k]], acc);
    }
}
