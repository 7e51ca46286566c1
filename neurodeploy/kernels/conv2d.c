/* Conv2d in PyTorch order, scattered from each message; numpy: connections/conv.py, Conv2d.propagate.
 * A source pixel (y, x) meets output (oy, ox) through tap (ky, kx) where oy * stride = y + pad - ky * dilation.
 * Spikes: |sum| < 2^31, checked when the network is built; graded sums fit 63 bits by the same bound. */
#include "nd.h"

/* One scatter for each kind of sum: `ADD` is done for every weight w of a tap and its sum *out. */
#define SCATTER(NAME, SUM, ADD)                                                                             \
    static void NAME(const nd_projection *p, int32_t channel, int32_t y, int32_t x, int64_t message, SUM *acc) { \
        const int32_t group_out = p->c_out / p->groups, group_in = p->c_in / p->groups;                     \
        const int32_t *kernel = (const int32_t *)p->weights + (int64_t)channel * p->kh * p->kw * group_out; \
        const int64_t plane = (int64_t)p->h_out * p->w_out;                                                 \
        SUM *maps = acc + (channel / group_in) * group_out * plane;                                         \
        (void)message;                                                                                      \
        for (int32_t ky = 0; ky < p->kh; ky++) {                                                            \
            const int32_t ty = y + p->pad_y - ky * p->dilation_y;                                           \
            if (ty < 0 || ty % p->stride_y || ty / p->stride_y >= p->h_out) continue;                       \
            for (int32_t kx = 0; kx < p->kw; kx++) {                                                        \
                const int32_t tx = x + p->pad_x - kx * p->dilation_x;                                       \
                if (tx < 0 || tx % p->stride_x || tx / p->stride_x >= p->w_out) continue;                   \
                const int32_t *w = kernel + (ky * p->kw + kx) * group_out;                                  \
                SUM *out = maps + (ty / p->stride_y) * p->w_out + tx / p->stride_x;                         \
                for (int32_t o = 0; o < group_out; o++) out[o * plane] += ADD;                              \
            }                                                                                               \
        }                                                                                                   \
    }

SCATTER(scatter_spike, int32_t, w[o])
SCATTER(scatter_graded, int64_t, w[o] * message)

void nd_conv2d(const nd_projection *p, const uint8_t *spikes, int32_t *acc) {
    for (int32_t c = 0; c < p->c_in; c++)
        for (int32_t y = 0; y < p->h_in; y++)
            for (int32_t x = 0; x < p->w_in; x++)
                if (*spikes++) scatter_spike(p, c, y, x, 1, acc);
}

void nd_conv2d_graded(const nd_projection *p, const int32_t *messages, int64_t *acc) {
    for (int32_t c = 0; c < p->c_in; c++)
        for (int32_t y = 0; y < p->h_in; y++)
            for (int32_t x = 0; x < p->w_in; x++, messages++)
                if (*messages) scatter_graded(p, c, y, x, *messages, acc);
}
