/* Dense: acc[i] += sum over j of W[i, j] * s[j]; numpy: connections/dense.py, Dense.propagate.
 *
 * Spikes: |sum| <= 256 * n_source < 2^31, checked when the network is handed over.
 *
 * Tiles: columns (targets) in groups of COLUMNS, weights >> tile_shift as int8, [tile][source][width]; a tile is as wide
 * as COLUMNS, the last one the smallest of COLUMNS / 8, / 4, / 2, / 1 that holds its columns, filled up with zeros. The
 * sums of a tile stay in registers, in 16 bits, for as many rows as are sure to fit.
 */
#include "nd.h"
#include "vec.h"

#define WIDTH (ND_BYTES / 2) /* int16 per vector */
#define COLUMNS (8 * WIDTH)

int32_t nd_tile_columns(void) { return COLUMNS; }

void nd_dense(const nd_projection *p, const int32_t *list, int64_t count, int32_t *acc) {
    const int16_t *weights = p->weights;
    const int32_t n = p->n_target;
    for (int64_t k = 0; k < count; k++) {
        const int16_t *row = weights + (int64_t)list[k] * n;
        for (int32_t i = 0; i < n; i++) acc[i] += row[i];
    }
}

int64_t nd_dense_graded(const nd_projection *p, const int32_t *list, int64_t count, const int32_t *messages, int64_t *acc) {
    const int16_t *weights = p->weights;
    const int32_t n = p->n_target;
    int64_t wraps = 0;
    for (int64_t k = 0; k < count; k++) {
        const int64_t message = messages[list[k]];
        const int16_t *row = weights + (int64_t)list[k] * n;
        for (int32_t i = 0; i < n; i++) {
            const int64_t product = row[i] * message;
            const int64_t held = p->products_wrap ? nd_wrap32(product) : product;
            wraps += held != product;
            acc[i] += held;
        }
    }
    return wraps;
}

ND_INLINE void add_widened(int32_t *acc, nd_i16 x) {
    nd_store(acc, nd_load(acc) + nd_widen16(x, 0));
    nd_store(acc + ND_LANES, nd_load(acc + ND_LANES) + nd_widen16(x, 1));
}

ND_INLINE void add_rows(const int8_t *tile, const int32_t *list, int64_t count, int32_t limit, int32_t *acc, const int vectors) {
    while (count > 0) {
        const int64_t rows = count < limit ? count : limit;
        nd_i16 sums[8];
#pragma GCC unroll 8
        for (int j = 0; j < vectors; j++) sums[j] = (nd_i16){0};
        for (int64_t k = 0; k < rows; k++) {
            const int8_t *row = tile + (int64_t)list[k] * vectors * WIDTH;
#pragma GCC unroll 8
            for (int j = 0; j < vectors; j++) sums[j] += nd_widen8(row + j * WIDTH);
        }
#pragma GCC unroll 8
        for (int j = 0; j < vectors; j++) add_widened(acc + j * WIDTH, sums[j]);
        list += rows;
        count -= rows;
    }
}

void nd_dense_tile(const nd_projection *p, int32_t tile, const int32_t *list, int64_t count, int32_t *acc) {
    const int8_t *weights = p->tiles + (int64_t)tile * p->n_source * COLUMNS;
    const int32_t left = p->n_target - tile * COLUMNS;
    if (left > 4 * WIDTH) add_rows(weights, list, count, p->tile_limit, acc, 8);
    else if (left > 2 * WIDTH) add_rows(weights, list, count, p->tile_limit, acc, 4);
    else if (left > WIDTH) add_rows(weights, list, count, p->tile_limit, acc, 2);
    else add_rows(weights, list, count, p->tile_limit, acc, 1);
}
