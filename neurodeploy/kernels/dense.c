/* Dense: sums[i] += sum over j of W[i, j] * s[j]; numpy: connections/dense.py, Dense.propagate.
 *
 * Spikes: |sum| <= 256 * n_source < 2^31, checked when the network is handed over.
 *
 * Tiles: columns (targets) in groups of COLUMNS, weights >> weight_shift as int8, [tile][source][width]; a tile is as
 * wide as COLUMNS, the last one the smallest of COLUMNS / 4, / 2, / 1 that holds its columns, filled up with zeros. Of a
 * vector of bytes number 2 j is the weight of column j, plus 128, and number 2 j + 1 that of column j + half the vector.
 * So a vector of 16-bit words is the sum of both, the second times 256, and shifted by 8 the second alone: two additions
 * and a shift for twice as many columns as a word holds. The sums stay in registers, in 16 bits, for as many rows as are
 * sure to fit; they may wrap in between.
 */
#include "events.h"
#include "nd.h"
#include "vec.h"

#define WIDTH ND_HALF_LANES
#define MOST 4 /* vectors of bytes in a tile */
#define COLUMNS (MOST * ND_BYTES)
#define AHEAD 4 /* rows fetched before they are needed; behind the last of a step lie those of the next */
_Static_assert(AHEAD <= ND_BEYOND, "entries that may be read");

int32_t nd_tile_columns(void) { return COLUMNS; }

int32_t nd_part_from(int32_t n, int32_t parts, int32_t part) {
    const int64_t tiles = (n + COLUMNS - 1) / COLUMNS * (int64_t)part / parts;
    return tiles * COLUMNS < n ? (int32_t)(tiles * COLUMNS) : n;
}
int32_t nd_vector_bytes(void) { return ND_BYTES; }

void nd_dense(const nd_projection *p, const int32_t *list, int64_t count, int32_t *sums) {
    const int16_t *weights = p->weights;
    const int32_t n = p->n_target;
    for (int64_t k = 0; k < count; k++) {
        const int16_t *row = weights + (int64_t)list[k] * n;
        for (int32_t i = 0; i < n; i++) sums[i] += row[i];
    }
}

int64_t nd_dense_graded(const nd_projection *p, const int32_t *list, int64_t count, const int32_t *messages, int64_t *sums) {
    const int16_t *weights = p->weights;
    const int32_t n = p->n_target;
    int64_t wraps = 0;
    for (int64_t k = 0; k < count; k++) {
        const int64_t message = messages[k];
        const int16_t *row = weights + (int64_t)list[k] * n;
        for (int32_t i = 0; i < n; i++) {
            const int64_t product = row[i] * message;
            const int64_t held = p->products_wrap ? nd_wrap32(product) : product;
            wraps += held != product;
            sums[i] += held;
        }
    }
    return wraps;
}

/* Sums of some rows: of the columns j, and j + WIDTH, of each vector. */
ND_INLINE void add_rows(const int8_t *tile, const int32_t *list, int64_t count, nd_u16 *first, nd_u16 *second,
                        const int vectors) {
    nd_u16 both[MOST], upper[MOST];
#pragma GCC unroll 4
    for (int j = 0; j < vectors; j++) both[j] = upper[j] = (nd_u16){0};
    for (int64_t k = 0; k < count; k++) {
        const int8_t *row = tile + (int64_t)list[k] * vectors * ND_BYTES;
        const intptr_t later = (intptr_t)tile + (intptr_t)list[k + AHEAD] * vectors * ND_BYTES;
#pragma GCC unroll 4
        for (int j = 0; j < vectors; j++) {
            __builtin_prefetch((const void *)(later + j * ND_BYTES));
            nd_u16 words = nd_load16(row + j * ND_BYTES);
            ND_LOADED(words);
            both[j] += words;
            upper[j] += (nd_u16)((nd_i16)words >> 8);
        }
    }
    const uint16_t biases = (uint16_t)(128 * count);
#pragma GCC unroll 4
    for (int j = 0; j < vectors; j++) {
        first[j] = both[j] - (upper[j] << 8) - biases;
        second[j] = upper[j];
    }
}

ND_INLINE void tile_narrow(const int8_t *tile, const int32_t *list, int64_t count, int16_t *sums, const int vectors) {
    nd_u16 first[MOST], second[MOST];
    add_rows(tile, list, count, first, second, vectors);
#pragma GCC unroll 4
    for (int j = 0; j < vectors; j++, sums += 2 * WIDTH) {
        nd_store16(sums, nd_load16(sums) + first[j]);
        nd_store16(sums + WIDTH, nd_load16(sums + WIDTH) + second[j]);
    }
}

ND_INLINE void add_widened(int32_t *sums, nd_u16 x) {
    int16_t words[WIDTH];
    nd_store16(words, x);
    nd_store(sums, nd_load(sums) + nd_widen16(words));
    nd_store(sums + ND_LANES, nd_load(sums + ND_LANES) + nd_widen16(words + ND_LANES));
}

ND_INLINE void tile_wide(const int8_t *tile, const int32_t *list, int64_t count, int32_t limit, int32_t *sums,
                         const int vectors) {
    for (; count > 0; list += limit, count -= limit) {
        nd_u16 first[MOST], second[MOST];
        add_rows(tile, list, count < limit ? count : limit, first, second, vectors);
#pragma GCC unroll 4
        for (int j = 0; j < vectors; j++) {
            add_widened(sums + 2 * j * WIDTH, first[j]);
            add_widened(sums + (2 * j + 1) * WIDTH, second[j]);
        }
    }
}

/* Vectors of bytes in a tile. */
static inline int vectors_of(const nd_projection *p, int32_t tile) {
    const int32_t left = p->n_target - tile * COLUMNS;
    return left > 2 * ND_BYTES ? 4 : left > ND_BYTES ? 2 : 1;
}

void nd_dense_tile(const nd_projection *p, int32_t tile, const int32_t *list, int64_t count, int16_t *sums) {
    const int8_t *weights = p->tiles + (int64_t)tile * p->n_source * COLUMNS;
    switch (vectors_of(p, tile)) {
        case 4: tile_narrow(weights, list, count, sums, 4); break;
        case 2: tile_narrow(weights, list, count, sums, 2); break;
        default: tile_narrow(weights, list, count, sums, 1);
    }
}

void nd_dense_tile_wide(const nd_projection *p, int32_t tile, const int32_t *list, int64_t count, int32_t *sums) {
    const int8_t *weights = p->tiles + (int64_t)tile * p->n_source * COLUMNS;
    switch (vectors_of(p, tile)) {
        case 4: tile_wide(weights, list, count, p->tile_limit, sums, 4); break;
        case 2: tile_wide(weights, list, count, p->tile_limit, sums, 2); break;
        default: tile_wide(weights, list, count, p->tile_limit, sums, 1);
    }
}
