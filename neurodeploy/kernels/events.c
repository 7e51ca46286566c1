/* Lists of senders; numpy: np.flatnonzero of each row of messages. */
#include "events.h"

#include <stdlib.h>

#include "nd.h"
#include "vec.h"

#define AT_ONCE 16 /* words of flags */

int nd_cpu_packs_bytes(void);

int nd_events_init(nd_events *e, int64_t rows, int is_graded) {
    e->start = calloc((size_t)rows + 1, sizeof *e->start);
    e->capacity = 1024;
    e->index = malloc(sizeof *e->index * (size_t)(e->capacity + ND_BEYOND));
    e->message = is_graded ? malloc(sizeof *e->message * (size_t)e->capacity) : NULL;
    return e->start && e->index && (e->message || !is_graded);
}

void nd_events_free(nd_events *e) {
    free(e->start);
    free(e->index);
    free(e->message);
}

static int reserve(nd_events *e, int64_t needed) {
    if (needed <= e->capacity) return 1;
    int64_t capacity = 2 * e->capacity;
    while (capacity < needed) capacity *= 2;
    int32_t *larger = realloc(e->index, sizeof *larger * (size_t)(capacity + ND_BEYOND));
    if (!larger) return 0;
    e->index = larger;
    if (e->message) {
        if (!(larger = realloc(e->message, sizeof *larger * (size_t)capacity))) return 0;
        e->message = larger;
    }
    e->capacity = capacity;
    return 1;
}

/* Numbers of the set bits of words, from `base` on; writes up to ND_BEYOND entries too many. */
static int32_t *list_bit_by_bit(int32_t *out, const uint64_t *words, int32_t count, int32_t base) {
    for (int32_t k = 0; k < count; k++, base += ND_WORD) {
        uint64_t word = words[k];
        int32_t *const end = out + __builtin_popcountll(word);
        while (word)
            for (int j = 0; j < 4; j++) { /* of an empty word: something that the next entry overwrites */
                *out++ = base + __builtin_ctzll(word | (UINT64_C(1) << 63));
                word &= word - 1;
            }
        out = end;
    }
    return out;
}

#if ND_BYTES == 64
/* The same with numbers of a byte each, packed. */
__attribute__((target("avx512vbmi2"))) static int32_t *list_by_bytes(int32_t *out, const uint64_t *words, int32_t count,
                                                                     int32_t base) {
    uint8_t numbers[ND_WORD];
    for (int k = 0; k < ND_WORD; k++) numbers[k] = (uint8_t)k;
    const __m512i all = _mm512_loadu_si512(numbers);
    for (int32_t k = 0; k < count; k++, base += ND_WORD) {
        const int set = __builtin_popcountll(words[k]);
        const __m512i packed = _mm512_maskz_compress_epi8(words[k], all), from = _mm512_set1_epi32(base);
        _mm512_storeu_si512(out, _mm512_add_epi32(from, _mm512_cvtepu8_epi32(_mm512_castsi512_si128(packed))));
        if (__builtin_expect(set > 16, 0)) {
            const __m128i rest[] = {_mm512_extracti32x4_epi32(packed, 1), _mm512_extracti32x4_epi32(packed, 2),
                                    _mm512_extracti32x4_epi32(packed, 3)};
            for (int j = 0; 16 * (j + 1) < set; j++)
                _mm512_storeu_si512(out + 16 * (j + 1), _mm512_add_epi32(from, _mm512_cvtepu8_epi32(rest[j])));
        }
        out += set;
    }
    return out;
}
#endif

static int32_t *list_words(int32_t *out, const uint64_t *words, int32_t count, int32_t base) {
#if ND_BYTES == 64
    if (nd_cpu_packs_bytes()) return list_by_bytes(out, words, count, base);
#endif
    return list_bit_by_bit(out, words, count, base);
}

int nd_events_append_words(nd_events *e, int64_t row, const uint64_t *words, int32_t size) {
    if (!reserve(e, e->start[row] + size)) return 0;
    e->start[row + 1] = list_words(e->index + e->start[row], words, nd_words(size), 0) - e->index;
    return 1;
}

int nd_events_of_part(nd_events *e, const uint64_t *words, int32_t from, int32_t to) {
    if (!reserve(e, to - from)) return 0;
    e->start[1] = list_words(e->index, words + from / ND_WORD, nd_words(to - from), from) - e->index;
    return 1;
}

int nd_events_append_parts(nd_events *e, int64_t row, const nd_events *parts, int32_t count) {
    e->start[row + 1] = e->start[row];
    for (int32_t k = 0; k < count; k++) {
        const int64_t at = e->start[row + 1], more = parts[k].start[1];
        if (!reserve(e, at + more)) return 0;
        if (more) memcpy(e->index + at, parts[k].index, sizeof *e->index * (size_t)more);
        e->start[row + 1] = at + more;
    }
    return 1;
}

/* Bit k: whether byte k of 64 is not 0; and to `any` the bits that any byte has. */
static inline uint64_t nonzero(const uint8_t *bytes, nd_u16 *any) {
    uint64_t mask = 0;
#if ND_BYTES == 64
    const __m512i x = _mm512_loadu_si512(bytes);
    *any |= (nd_u16)x;
    mask = _mm512_test_epi8_mask(x, x);
#elif ND_BYTES == 32
    for (int k = 0; k < 2; k++) {
        const __m256i x = _mm256_loadu_si256((const __m256i *)(bytes + 32 * k));
        *any |= (nd_u16)x;
        const uint32_t zeros = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(x, _mm256_setzero_si256()));
        mask |= (uint64_t)~zeros << (32 * k);
    }
#else
    for (int k = 0; k < 4; k++) *any |= nd_load16(bytes + 16 * k);
    for (int k = 0; k < 8; k++) {
        uint64_t word;
        memcpy(&word, bytes + 8 * k, 8);
        if (!word) continue;
        for (int j = 0; j < 8; j++) mask |= (uint64_t)(bytes[8 * k + j] != 0) << (8 * k + j);
    }
#endif
    return mask;
}

int nd_events_append_flags(nd_events *e, int64_t row, const uint8_t *flags, int32_t size, int32_t *are_flags) {
    if (!reserve(e, e->start[row] + size)) return 0;
    int32_t *out = e->index + e->start[row];
    nd_u16 any = {0};
    for (int32_t i = 0; i < size; i += AT_ONCE * ND_WORD) {
        uint64_t words[AT_ONCE];
        int32_t count = 0;
        for (; count < AT_ONCE && i + (count + 1) * ND_WORD <= size; count++)
            words[count] = nonzero(flags + i + count * ND_WORD, &any);
        const int32_t whole = i + count * ND_WORD;
        if (count < AT_ONCE && whole < size) {
            uint8_t rest[ND_WORD] = {0};
            memcpy(rest, flags + whole, (size_t)(size - whole));
            words[count++] = nonzero(rest, &any);
        }
        out = list_words(out, words, count, i);
    }
    e->start[row + 1] = out - e->index;
    *are_flags = !nd_nonzero((nd_i32)any & nd_all(~0x01010101));
    return 1;
}

int nd_events_append_messages(nd_events *e, int64_t row, const int32_t *messages, int32_t size) {
    if (!reserve(e, e->start[row] + size)) return 0;
    int64_t at = e->start[row];
    for (int32_t i = 0; i < size; i++) {
        if (!messages[i]) continue;
        e->index[at] = i;
        e->message[at++] = messages[i];
    }
    e->start[row + 1] = at;
    return 1;
}

int nd_events_append_list(nd_events *e, int64_t row, const int32_t *list, int64_t count) {
    if (!reserve(e, e->start[row] + count)) return 0;
    if (count) memcpy(e->index + e->start[row], list, sizeof *list * (size_t)count);
    e->start[row + 1] = e->start[row] + count;
    return 1;
}

void nd_events_keep(nd_events *e, int64_t rows, int64_t kept) {
    const int64_t from = e->start[rows - kept], count = e->start[rows] - from;
    memmove(e->index, e->index + from, sizeof *e->index * (size_t)count);
    if (e->message) memmove(e->message, e->message + from, sizeof *e->message * (size_t)count);
    for (int64_t r = 0; r <= kept; r++) e->start[r] = e->start[rows - kept + r] - from;
}
