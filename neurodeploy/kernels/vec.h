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

#define ND_LANES (ND_BYTES / 4) /* int32 per vector */
#define ND_INLINE static inline __attribute__((always_inline))

typedef int32_t nd_i32 __attribute__((vector_size(ND_BYTES)));
typedef uint32_t nd_u32 __attribute__((vector_size(ND_BYTES)));
typedef int16_t nd_i16 __attribute__((vector_size(ND_BYTES)));
typedef int16_t nd_half16 __attribute__((vector_size(ND_BYTES / 2)));
typedef int8_t nd_half8 __attribute__((vector_size(ND_BYTES / 2)));
typedef int8_t nd_quarter8 __attribute__((vector_size(ND_BYTES / 4)));

ND_INLINE nd_i32 nd_load(const int32_t *at) {
    nd_i32 x;
    memcpy(&x, at, sizeof x);
    return x;
}

ND_INLINE void nd_store(int32_t *at, nd_i32 x) { memcpy(at, &x, sizeof x); }

ND_INLINE nd_i32 nd_all(int32_t x) { return x - (nd_i32){0}; }

/* Whether any lane is not 0. */
ND_INLINE int nd_any(nd_i32 x) {
#if ND_BYTES == 64
    return _mm512_test_epi32_mask((__m512i)x, (__m512i)x) != 0;
#elif ND_BYTES == 32
    return !_mm256_testz_si256((__m256i)x, (__m256i)x);
#else
    uint64_t halves[2];
    memcpy(halves, &x, sizeof halves);
    return (halves[0] | halves[1]) != 0;
#endif
}

/* Products of the low 16 bits of each lane, as signed numbers: x * k where both fit 16 bits and k >= 0. */
ND_INLINE nd_i32 nd_mul16(nd_i32 x, nd_i32 k) {
#if ND_BYTES == 64
    return (nd_i32)_mm512_madd_epi16((__m512i)x, (__m512i)k);
#elif ND_BYTES == 32
    return (nd_i32)_mm256_madd_epi16((__m256i)x, (__m256i)k);
#elif defined(__SSE2__)
    return (nd_i32)_mm_madd_epi16((__m128i)x, (__m128i)k);
#else
    return x * k;
#endif
}

ND_INLINE nd_i32 nd_clip(nd_i32 x, nd_i32 low, nd_i32 high) {
#if ND_BYTES == 64
    return (nd_i32)_mm512_min_epi32(_mm512_max_epi32((__m512i)x, (__m512i)low), (__m512i)high);
#elif ND_BYTES == 32
    return (nd_i32)_mm256_min_epi32(_mm256_max_epi32((__m256i)x, (__m256i)low), (__m256i)high);
#elif defined(__SSE4_1__)
    return (nd_i32)_mm_min_epi32(_mm_max_epi32((__m128i)x, (__m128i)low), (__m128i)high);
#else
    const nd_i32 below = x < low, above = x > high;
    return (x & ~(below | above)) | (low & below) | (high & above);
#endif
}

/* int8 to int16. */
ND_INLINE nd_i16 nd_widen8(const int8_t *at) {
#if ND_BYTES == 64
    return (nd_i16)_mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)at));
#elif ND_BYTES == 32
    return (nd_i16)_mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)at));
#elif defined(__SSE4_1__)
    return (nd_i16)_mm_cvtepi8_epi16(_mm_loadl_epi64((const __m128i *)at));
#else
    nd_half8 x;
    memcpy(&x, at, sizeof x);
    return __builtin_convertvector(x, nd_i16);
#endif
}

/* int16 to int32, the lower or the upper half. */
ND_INLINE nd_i32 nd_widen16(nd_i16 x, const int upper) {
#if ND_BYTES == 64
    return (nd_i32)_mm512_cvtepi16_epi32(upper ? _mm512_extracti64x4_epi64((__m512i)x, 1) : _mm512_castsi512_si256((__m512i)x));
#elif ND_BYTES == 32
    return (nd_i32)_mm256_cvtepi16_epi32(upper ? _mm256_extracti128_si256((__m256i)x, 1) : _mm256_castsi256_si128((__m256i)x));
#else
    nd_half16 halves[2];
    memcpy(halves, &x, sizeof x);
    return __builtin_convertvector(halves[upper], nd_i32);
#endif
}

/* 1 byte per lane: 1 where the lane is all ones, 0 where it is 0. */
ND_INLINE void nd_store_flags(uint8_t *at, nd_i32 mask) {
#if ND_BYTES == 64
    _mm_storeu_si128((__m128i *)at, _mm512_cvtepi32_epi8(_mm512_srli_epi32((__m512i)mask, 31)));
#elif ND_BYTES == 32
    const __m256i flags = _mm256_srli_epi32((__m256i)mask, 31);
    const __m128i pairs = _mm_packs_epi32(_mm256_castsi256_si128(flags), _mm256_extracti128_si256(flags, 1));
    _mm_storel_epi64((__m128i *)at, _mm_packs_epi16(pairs, pairs));
#else
    const nd_quarter8 bytes = __builtin_convertvector(mask, nd_quarter8) & 1;
    memcpy(at, &bytes, sizeof bytes);
#endif
}

ND_INLINE int64_t nd_sum(nd_i32 x) {
    int64_t total = 0;
    for (int k = 0; k < ND_LANES; k++) total += x[k];
    return total;
}

#endif
