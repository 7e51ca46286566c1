/* Lists of senders; numpy: np.flatnonzero of each row of messages. */
#include "events.h"

#include <stdlib.h>

#include "vec.h"

int nd_events_init(nd_events *e, int32_t steps) {
    e->start = calloc((size_t)steps + 1, sizeof *e->start);
    e->capacity = 1024;
    e->index = malloc(sizeof *e->index * (size_t)e->capacity);
    return e->start && e->index;
}

void nd_events_free(nd_events *e) {
    free(e->start);
    free(e->index);
}

static int reserve(nd_events *e, int64_t needed) {
    if (needed <= e->capacity) return 1;
    int64_t capacity = 2 * e->capacity;
    while (capacity < needed) capacity *= 2;
    int32_t *larger = realloc(e->index, sizeof *larger * (size_t)capacity);
    if (!larger) return 0;
    e->index = larger;
    e->capacity = capacity;
    return 1;
}

static inline int32_t *emit(int32_t *out, uint64_t mask, int32_t base) {
    for (; mask; mask &= mask - 1) *out++ = base + __builtin_ctzll(mask);
    return out;
}

/* Bit k: whether byte k of 64 is not 0. */
static inline uint64_t nonzero(const uint8_t *bytes) {
#if ND_BYTES == 64
    const __m512i x = _mm512_loadu_si512(bytes);
    return _mm512_test_epi8_mask(x, x);
#elif ND_BYTES == 32
    uint64_t mask = 0;
    for (int k = 0; k < 2; k++) {
        const __m256i x = _mm256_loadu_si256((const __m256i *)(bytes + 32 * k));
        const uint32_t zeros = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(x, _mm256_setzero_si256()));
        mask |= (uint64_t)~zeros << (32 * k);
    }
    return mask;
#else
    uint64_t mask = 0;
    for (int k = 0; k < 8; k++) {
        uint64_t word;
        memcpy(&word, bytes + 8 * k, 8);
        if (!word) continue;
        for (int j = 0; j < 8; j++) mask |= (uint64_t)(bytes[8 * k + j] != 0) << (8 * k + j);
    }
    return mask;
#endif
}

int nd_events_append_bytes(nd_events *e, int32_t t, const uint8_t *row, int32_t size) {
    if (!reserve(e, e->start[t - 1] + size)) return 0;
    int32_t *out = e->index + e->start[t - 1];
    int32_t i = 0;
    for (; i + 64 <= size; i += 64) out = emit(out, nonzero(row + i), i);
    if (i < size) {
        uint8_t rest[64] = {0};
        memcpy(rest, row + i, (size_t)(size - i));
        out = emit(out, nonzero(rest), i);
    }
    e->start[t] = out - e->index;
    return 1;
}

int nd_events_append_words(nd_events *e, int32_t t, const int32_t *row, int32_t size) {
    if (!reserve(e, e->start[t - 1] + size)) return 0;
    int32_t *out = e->index + e->start[t - 1];
    for (int32_t i = 0; i < size; i++)
        if (row[i]) *out++ = i;
    e->start[t] = out - e->index;
    return 1;
}
