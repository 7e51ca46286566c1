/* Vectors of the machine's width, as GCC and Clang extensions, and the few instructions that these do not reach. */
#ifndef ND_VEC_H
#define ND_VEC_H

#include <stdint.h>
#include <string.h>

#if defined(__AVX512BW__) && defined(__AVX512VL__)
#define ND_BYTES 64
#elif defined(__AVX2__)
#define ND_BYTES 32
#else
#define ND_BYTES 16
#endif
#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#endif

#define ND_LANES (ND_BYTES / 4)       /* int32 per vector */
#define ND_HALF_LANES (ND_BYTES / 2)  /* int16 per vector */
#define ND_VECTORS 4                  /* of a group */
#define ND_GROUP (ND_VECTORS * ND_LANES)
#define ND_INLINE static inline __attribute__((always_inline))

/* Keeps GCC from computing addresses of a pointer's neighbours ahead, and running out of registers for them. */
#define ND_HERE(POINTER) __asm__("" : "+r"(POINTER))

/* Keeps the compiler from loading a vector again for each use. */
#if defined(__x86_64__)
#define ND_LOADED(VECTOR) __asm__("" : "+v"(VECTOR))
#elif defined(__aarch64__)
#define ND_LOADED(VECTOR) __asm__("" : "+w"(VECTOR))
#else
#define ND_LOADED(VECTOR)
#endif

typedef int32_t nd_i32 __attribute__((vector_size(ND_BYTES)));
typedef uint32_t nd_u32 __attribute__((vector_size(ND_BYTES)));
typedef int16_t nd_i16 __attribute__((vector_size(ND_BYTES)));
typedef uint16_t nd_u16 __attribute__((vector_size(ND_BYTES)));
typedef int16_t nd_half16 __attribute__((vector_size(ND_BYTES / 2)));

ND_INLINE nd_i32 nd_load(const int32_t *at) {
    nd_i32 x;
    memcpy(&x, at, sizeof x);
    return x;
}

ND_INLINE void nd_store(int32_t *at, nd_i32 x) { memcpy(at, &x, sizeof x); }

ND_INLINE nd_u16 nd_load16(const void *at) {
    nd_u16 x;
    memcpy(&x, at, sizeof x);
    return x;
}

ND_INLINE void nd_store16(void *at, nd_u16 x) { memcpy(at, &x, sizeof x); }

ND_INLINE nd_i32 nd_all(int32_t x) { return x - (nd_i32){0}; }

/* ND_LANES int16 as int32. */
ND_INLINE nd_i32 nd_widen16(const int16_t *at) {
#if ND_BYTES == 64
    return (nd_i32)_mm512_cvtepi16_epi32(_mm256_loadu_si256((const __m256i *)at));
#elif ND_BYTES == 32
    return (nd_i32)_mm256_cvtepi16_epi32(_mm_loadu_si128((const __m128i *)at));
#elif defined(__SSE4_1__)
    return (nd_i32)_mm_cvtepi16_epi32(_mm_loadl_epi64((const __m128i *)at));
#else
    nd_half16 x;
    memcpy(&x, at, sizeof x);
    return __builtin_convertvector(x, nd_i32);
#endif
}

#ifdef __SSE2__
#define ND_HAS_PAIRS
/* Sums of the products of both halves of each lane, as signed numbers. */
ND_INLINE nd_i32 nd_pairs(nd_i32 x, nd_i32 y) {
#if ND_BYTES == 64
    return (nd_i32)_mm512_madd_epi16((__m512i)x, (__m512i)y);
#elif ND_BYTES == 32
    return (nd_i32)_mm256_madd_epi16((__m256i)x, (__m256i)y);
#else
    return (nd_i32)_mm_madd_epi16((__m128i)x, (__m128i)y);
#endif
}
#endif

/* x where the mask has ones, else y. */
ND_INLINE nd_i32 nd_select(nd_i32 mask, nd_i32 x, nd_i32 y) {
#if ND_BYTES == 64
    return (nd_i32)_mm512_ternarylogic_epi32((__m512i)mask, (__m512i)x, (__m512i)y, 0xCA);
#else
    return (x & mask) | (y & ~mask);
#endif
}

ND_INLINE nd_i32 nd_max(nd_i32 x, nd_i32 y) {
#if ND_BYTES == 64
    return (nd_i32)_mm512_max_epi32((__m512i)x, (__m512i)y);
#elif ND_BYTES == 32
    return (nd_i32)_mm256_max_epi32((__m256i)x, (__m256i)y);
#elif defined(__SSE4_1__)
    return (nd_i32)_mm_max_epi32((__m128i)x, (__m128i)y);
#else
    const nd_i32 above = x > y;
    return (x & above) | (y & ~above);
#endif
}

ND_INLINE nd_i32 nd_min(nd_i32 x, nd_i32 y) {
#if ND_BYTES == 64
    return (nd_i32)_mm512_min_epi32((__m512i)x, (__m512i)y);
#elif ND_BYTES == 32
    return (nd_i32)_mm256_min_epi32((__m256i)x, (__m256i)y);
#elif defined(__SSE4_1__)
    return (nd_i32)_mm_min_epi32((__m128i)x, (__m128i)y);
#else
    const nd_i32 below = x < y;
    return (x & below) | (y & ~below);
#endif
}

/* Some of the lanes. */
typedef struct {
#if ND_BYTES == 64
    __mmask16 others; /* bits of those not chosen */
#else
    nd_i32 lanes; /* all ones, or 0 */
#endif
} nd_choice;

#if ND_BYTES != 64
ND_INLINE uint32_t nd_bits(nd_i32 lanes) {
#if ND_BYTES == 32
    return (uint32_t)_mm256_movemask_ps((__m256)lanes);
#elif defined(__SSE2__)
    return (uint32_t)_mm_movemask_ps((__m128)lanes);
#else
    const nd_i32 each = lanes & (nd_i32){1, 2, 4, 8};
    return (uint32_t)(each[0] | each[1] | each[2] | each[3]);
#endif
}
#endif

ND_INLINE nd_choice nd_above(nd_i32 x, nd_i32 y) {
#if ND_BYTES == 64
    return (nd_choice){_mm512_cmple_epi32_mask((__m512i)x, (__m512i)y)};
#else
    return (nd_choice){x > y};
#endif
}

/* Bit k stands for lane k. */
ND_INLINE uint32_t nd_chosen(nd_choice c) {
#if ND_BYTES == 64
    return (uint32_t)c.others ^ 0xFFFF;
#else
    return nd_bits(c.lanes);
#endif
}

/* Bits of the lanes that are not 0. */
ND_INLINE uint32_t nd_nonzero(nd_i32 x) {
#if ND_BYTES == 64
    return _mm512_test_epi32_mask((__m512i)x, (__m512i)x);
#else
    return nd_bits((nd_i32)(x != 0));
#endif
}

/* `total` plus 1 in the lanes in which x is not 0. */
ND_INLINE nd_i32 nd_count(nd_i32 total, nd_i32 x) {
#if ND_BYTES == 64
    const __m512i one = _mm512_set1_epi32(1);
    return (nd_i32)_mm512_add_epi32((__m512i)total, _mm512_min_epu32((__m512i)x, one));
#else
    return total - (nd_i32)(x != 0);
#endif
}

ND_INLINE int64_t nd_sum(nd_i32 x) {
    int64_t total = 0;
    for (int k = 0; k < ND_LANES; k++) total += x[k];
    return total;
}

/* x in the chosen lanes, 0 in the others. */
ND_INLINE nd_i32 nd_where(nd_choice c, nd_i32 x) {
#if ND_BYTES == 64
    return (nd_i32)_mm512_maskz_mov_epi32((__mmask16)~c.others, (__m512i)x);
#else
    return x & c.lanes;
#endif
}

/* 0 in the chosen lanes, x in the others. */
ND_INLINE nd_i32 nd_except(nd_choice c, nd_i32 x) {
#if ND_BYTES == 64
    return (nd_i32)_mm512_maskz_mov_epi32(c.others, (__m512i)x);
#else
    return x & ~c.lanes;
#endif
}

#endif
