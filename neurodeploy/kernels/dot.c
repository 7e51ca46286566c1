/* Dense at high activity: the sums of a tile as dot products of bytes, ND_STEPS steps at a time, so that a weight is
 * read once for all of them; numpy: connections/dense.py, Dense.propagate. Same sums as nd_dense_tile, which reads the
 * weights of spikes only.
 *
 * Weights: [tile][part][quad of sources][vector][column][source of the quad], a part being 4 vectors of columns; spikes:
 * one byte of 0 or 1 for each source, filled up to whole quads.
 *
 * Without the instruction for it, a product of bytes is added up in 16 bits by twos; these fit, being sums of some of
 * the weights of a narrow population.
 */
#include "nd.h"
#include "vec.h"

#define PART (4 * ND_LANES)

#if defined(__SSSE3__)

/* Sums of pairs of products, flags being below 2. */
ND_INLINE nd_i32 pairs(nd_i32 flags, nd_i32 weights) {
#if ND_BYTES == 64
    return (nd_i32)_mm512_maddubs_epi16((__m512i)flags, (__m512i)weights);
#elif ND_BYTES == 32
    return (nd_i32)_mm256_maddubs_epi16((__m256i)flags, (__m256i)weights);
#else
    return (nd_i32)_mm_maddubs_epi16((__m128i)flags, (__m128i)weights);
#endif
}

ND_INLINE void add_sums(int16_t *sums, nd_i32 x) {
#if ND_BYTES == 64
    const __m256i old = _mm256_loadu_si256((const __m256i *)sums);
    _mm256_storeu_si256((__m256i *)sums, _mm256_add_epi16(old, _mm512_cvtepi32_epi16((__m512i)x)));
#else
    for (int k = 0; k < ND_LANES; k++) sums[k] = (int16_t)(sums[k] + x[k]);
#endif
}

#define AT_ONCE (ND_BYTES == 64 ? 4 : 2) /* vectors of a part, so that all sums are in registers */

/* Of each step by a name of its own: GCC keeps an array of arrays in memory. */
#define STEPS(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5)
_Static_assert(ND_STEPS == 6, "as many as STEPS has");
#define BEGIN(T) VECTOR totals##T[AT_ONCE] = {{0}};
#define MULTIPLY(T)                                                                               \
    do {                                                                                          \
        memcpy(&quad, flags[T] + 4 * q, sizeof quad);                                             \
        _Pragma("GCC unroll 4") for (int j = 0; j < AT_ONCE; j++) ADD(totals##T[j], quad, x[j]);  \
    } while (0);
#define END(T)                                                    \
    _Pragma("GCC unroll 4") for (int j = 0; j < AT_ONCE; j++)     \
        add_sums(sums + T * nd_tile_columns() + j * ND_LANES, RESULT(totals##T[j]));
#define PRODUCTS                                                                                                     \
    STEPS(BEGIN)                                                                                                     \
    for (int32_t q = 0; q < quads; q++, weights += 4 * ND_BYTES) {                                                   \
        nd_i32 x[AT_ONCE];                                                                                           \
        int32_t quad;                                                                                                \
        _Pragma("GCC unroll 4") for (int j = 0; j < AT_ONCE; j++) memcpy(&x[j], weights + j * ND_BYTES, ND_BYTES);   \
        STEPS(MULTIPLY)                                                                                              \
    }                                                                                                                \
    STEPS(END)

static void by_pairs(const int8_t *weights, int32_t quads, const uint8_t *const *flags, int16_t *sums) {
#define VECTOR nd_u16
#define ADD(TOTAL, QUAD, X) TOTAL += (nd_u16)pairs(nd_all(QUAD), X)
#define RESULT(TOTAL) (((nd_i32)(TOTAL) >> 16) + (nd_i32)((nd_u32)(TOTAL) << 16 >> 16))
    PRODUCTS
#undef VECTOR
#undef ADD
#undef RESULT
}

#if ND_BYTES == 64
int nd_cpu_multiplies_bytes(void);

__attribute__((target("avx512vnni"))) static void by_quads(const int8_t *weights, int32_t quads,
                                                           const uint8_t *const *flags, int16_t *sums) {
#define VECTOR nd_i32
#define ADD(TOTAL, QUAD, X) TOTAL = (nd_i32)_mm512_dpbusd_epi32((__m512i)TOTAL, _mm512_set1_epi32(QUAD), (__m512i)X)
#define RESULT(TOTAL) TOTAL
    PRODUCTS
}
#endif

int32_t nd_dots_from_percent(void) {
#if ND_BYTES == 64
    return nd_cpu_multiplies_bytes() ? 34 : 58;
#else
    return ND_BYTES == 32 ? 65 : 80;
#endif
}

void nd_dots(const nd_projection *p, int32_t tile, const uint8_t *const *flags, int16_t *sums) {
    const int32_t columns = nd_tile_columns(), quads = (p->n_source + 3) / 4, left = p->n_target - tile * columns;
    const int32_t width = left > columns / 2 ? columns : left > columns / 4 ? columns / 2 : columns / 4;
    const int8_t *weights = p->dots + (int64_t)tile * columns * quads * 4;
    for (int32_t from = 0; from < width; from += PART, weights += (int64_t)quads * 4 * ND_BYTES) {
#if ND_BYTES == 64
        if (nd_cpu_multiplies_bytes()) {
            by_quads(weights, quads, flags, sums + from);
            continue;
        }
#endif
        for (int j = 0; j < 4; j += AT_ONCE)
            by_pairs(weights + j * ND_BYTES, quads, flags, sums + from + j * ND_LANES);
    }
}

#else

int32_t nd_dots_from_percent(void) { return 101; }

void nd_dots(const nd_projection *p, int32_t tile, const uint8_t *const *flags, int16_t *sums) {
    (void)p, (void)tile, (void)flags, (void)sums;
}

#endif
