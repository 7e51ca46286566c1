/* What this machine can do at most of the work that spiking networks are made of, for floors.py: floors THREADS.
 *
 * Each line of the output is a kind of work, its size and the best rate of all threads together, each on memory of its
 * own: `read` BYTES, bytes/s; `rows` BYTES, int8 weights summed per s into int16 registers from a matrix of that size;
 * `scatter` TARGETS, random 16-bit read-modify-writes per s; `lif` NEURONS and `lif_bias` NEURONS, exact neuron
 * updates per s (decays of 24-bit registers toward zero, int16 input, reset, spikes as bits).
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#if defined(__AVX512BW__)
#define BYTES 64
#elif defined(__AVX2__)
#define BYTES 32
#else
#define BYTES 16
#endif
typedef int32_t i32 __attribute__((vector_size(BYTES)));
typedef int16_t i16 __attribute__((vector_size(BYTES)));
#define LANES (BYTES / 4)
#define REGISTERS 8
#define COLUMNS (REGISTERS * BYTES / 2)

#define TURN_S 2e-3 /* long beside the barrier, short beside a time slice */
#define TURNS 60
#define MOST_S 2.0 /* on a busy machine: for all turns */
#define BIG_TURNS 8
#define ROW_LIST 4096
#define EVENT_LIST 65536
#define PACKED (1 << 16) /* from so many targets an index has 24 bits and shares its word with the weight */
#define HUGE (2 << 20)

static int n_threads;
static atomic_int arrived, generation;

static void barrier(void) {
    const int now = atomic_load(&generation);
    if (atomic_fetch_add(&arrived, 1) == n_threads - 1) {
        atomic_store(&arrived, 0);
        atomic_store(&generation, now + 1);
        return;
    }
    for (int k = 0; atomic_load(&generation) == now; k++)
        if (k > 2000) sched_yield();
}

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

static uint64_t draw(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

static void *room(size_t bytes) {
    const size_t whole = (bytes + HUGE - 1) / HUGE * HUGE;
    void *at = aligned_alloc(HUGE, whole);
    if (!at) exit(1);
    madvise(at, whole, MADV_HUGEPAGE);
    memset(at, 1, whole);
    return at;
}

static i32 load(const void *at) {
    i32 x;
    memcpy(&x, at, sizeof x);
    return x;
}

typedef struct {
    size_t size;
    int32_t *u, *v, *bias;
    int16_t *input;
    const int8_t *bytes;
    uint32_t *list;
    uint64_t *masks;
    void *kept[5];
    volatile int32_t sink;
} memory;

/* GCC 12 splits the conversions of whole vectors; so by name. */
static inline i16 widen8(const int8_t *at) {
#if BYTES == 64
    return (i16)_mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)at));
#elif BYTES == 32
    return (i16)_mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)at));
#else
    int8_t x __attribute__((vector_size(BYTES / 2)));
    memcpy(&x, at, sizeof x);
    return __builtin_convertvector(x, i16);
#endif
}

static inline i32 widen16(const int16_t *at) {
#if BYTES == 64
    return (i32)_mm512_cvtepi16_epi32(_mm256_loadu_si256((const __m256i *)at));
#elif BYTES == 32
    return (i32)_mm256_cvtepi16_epi32(_mm_loadu_si128((const __m128i *)at));
#else
    int16_t x __attribute__((vector_size(BYTES / 2)));
    memcpy(&x, at, sizeof x);
    return __builtin_convertvector(x, i32);
#endif
}

/* One kind of work: `once` does `units` of it. */
typedef struct {
    void (*once)(memory *m);
    double units;
} work;

typedef struct {
    const char *name;
    size_t size;
} job;

static void read_once(memory *m) {
    i32 sums[REGISTERS] = {0};
    for (size_t k = 0; k + REGISTERS * BYTES <= m->size; k += REGISTERS * BYTES)
#pragma GCC unroll 8
        for (int j = 0; j < REGISTERS; j++) sums[j] |= load(m->bytes + k + j * BYTES);
    for (int j = 1; j < REGISTERS; j++) sums[0] |= sums[j];
    m->sink = sums[0][0];
}

static void rows_once(memory *m) {
    i16 sums[REGISTERS] = {0};
    for (int k = 0; k < ROW_LIST; k++) {
        const int8_t *row = m->bytes + (size_t)m->list[k] * COLUMNS;
#pragma GCC unroll 8
        for (int j = 0; j < REGISTERS; j++) {
            sums[j] += widen8(row + j * (BYTES / 2));
        }
    }
    for (int j = 1; j < REGISTERS; j++) sums[0] += sums[j];
    m->sink = sums[0][0];
}

static void scatter_packed_once(memory *m) {
    int16_t *sums = m->input;
#pragma GCC unroll 8
    for (int k = 0; k < EVENT_LIST; k++) sums[m->list[k] >> 8] += (int8_t)m->list[k];
}

static void scatter_short_once(memory *m) {
    int16_t *sums = m->input;
    const uint16_t *targets = (const uint16_t *)m->list;
#pragma GCC unroll 8
    for (int k = 0; k < EVENT_LIST; k++) sums[targets[k]] += m->bytes[k];
}

/* x * k / 4096 toward zero: both halves of x and k fit 16 bits. */
static inline i32 products(i32 x, i32 k) {
#if BYTES == 64
    return (i32)_mm512_madd_epi16((__m512i)x, (__m512i)k);
#elif BYTES == 32
    return (i32)_mm256_madd_epi16((__m256i)x, (__m256i)k);
#else
    return x * k;
#endif
}

static inline i32 decay(i32 x, i32 k) {
    const i32 low = (i32){0} + 4095;
    return products(x >> 12, k) + ((products(x & low, k) + ((x >> 31) & low)) >> 12);
}

static inline uint32_t bits(i32 fired) {
#if BYTES == 64
    return _mm512_movepi32_mask((__m512i)fired);
#elif BYTES == 32
    return (uint32_t)_mm256_movemask_ps((__m256)fired);
#else
    uint32_t all = 0;
    for (int k = 0; k < LANES; k++) all |= (uint32_t)(fired[k] & 1) << k;
    return all;
#endif
}

static inline void update(memory *m, int biased) {
    const i32 keep_u = (i32){0} + 3072, keep_v = (i32){0} + 3840, threshold = (i32){0} + (1 << 20);
    for (size_t n = 0; n < m->size; n += 64) {
        uint64_t spikes = 0;
#pragma GCC unroll 4
        for (int k = 0; k < 64; k += LANES) {
            const i32 x = widen16(m->input + n + k);
            memset(m->input + n + k, 0, LANES * sizeof(int16_t));
            const i32 u = decay(load(m->u + n + k), keep_u) + (x << 6);
            i32 v = decay(load(m->v + n + k), keep_v) + u;
            if (biased) v += load(m->bias + n + k);
            const i32 fired = v > threshold;
            v &= ~fired;
            memcpy(m->u + n + k, &u, sizeof u);
            memcpy(m->v + n + k, &v, sizeof v);
            spikes |= (uint64_t)bits(fired) << k;
        }
        m->masks[n / 64] = spikes;
    }
}

static void lif_once(memory *m) { update(m, 0); }
static void lif_bias_once(memory *m) { update(m, 1); }

/* Memory of one thread, and the work. */
static work prepare(const job *what, memory *m) {
    uint64_t state = 1;
    m->size = what->size;
    if (!strcmp(what->name, "read")) {
        m->bytes = m->kept[0] = room(m->size);
        return (work){read_once, m->size / (REGISTERS * BYTES) * (double)(REGISTERS * BYTES)};
    }
    if (!strcmp(what->name, "rows")) {
        m->bytes = m->kept[0] = room(m->size);
        m->list = m->kept[1] = room(ROW_LIST * sizeof(uint32_t));
        for (int k = 0; k < ROW_LIST; k++) m->list[k] = draw(&state) % (m->size / COLUMNS);
        return (work){rows_once, (double)ROW_LIST * COLUMNS};
    }
    if (!strcmp(what->name, "scatter")) {
        const int packed = m->size > PACKED;
        m->input = m->kept[0] = room(m->size * sizeof(int16_t));
        m->list = m->kept[1] = room(EVENT_LIST * sizeof(uint32_t));
        m->bytes = m->kept[2] = room(EVENT_LIST);
        for (int k = 0; k < EVENT_LIST; k++) {
            const uint32_t target = draw(&state) % m->size;
            if (packed) m->list[k] = target << 8 | 1;
            else ((uint16_t *)m->list)[k] = target;
        }
        return (work){packed ? scatter_packed_once : scatter_short_once, EVENT_LIST};
    }
    const double neurons = m->size;
    m->size = (m->size + 63) / 64 * 64;
    m->u = m->kept[0] = room(m->size * sizeof(int32_t));
    m->v = m->kept[1] = room(m->size * sizeof(int32_t));
    m->bias = m->kept[2] = room(m->size * sizeof(int32_t));
    m->input = m->kept[3] = room(m->size * sizeof(int16_t));
    m->masks = m->kept[4] = room(m->size / 8);
    return (work){strcmp(what->name, "lif") ? lif_bias_once : lif_once, neurons};
}

static const job *what;
static atomic_long repeats, turns; /* or compilers read them before a barrier */
static double best;

static double seconds(const work *w, memory *m, long times) {
    const double began = now_s();
    for (long k = 0; k < times; k++) w->once(m);
    return now_s() - began;
}

/* `leads`: the thread that keeps the clock. */
static void *measure(void *leads) {
    memory m = {0};
    const work w = prepare(what, &m);
    seconds(&w, &m, 1);
    if (leads) {
        const double one_s = seconds(&w, &m, 1);
        repeats = 1 + (long)(TURN_S / (one_s + 1e-9));
        turns = one_s > TURN_S ? BIG_TURNS : TURNS;
    }
    const double started = now_s();
    for (long turn = 0; barrier(), turn < turns; turn++) {
        barrier();
        const double began = now_s();
        seconds(&w, &m, repeats);
        barrier();
        const double ended = now_s(), rate = n_threads * repeats * w.units / (ended - began);
        if (leads && rate > best) best = rate;
        if (leads && ended - started > MOST_S) turns = 0;
    }
    for (int k = 0; k < 5; k++) free(m.kept[k]);
    return 0;
}

int main(int count, char **arguments) {
    static const job jobs[] = {
        {"read", 1 << 14},     {"read", 1 << 15},     {"read", 1 << 18},      {"read", 1 << 19},
        {"read", 1 << 20},     {"read", 1 << 22},     {"read", 1 << 24},      {"read", 1 << 29},
        {"rows", 1 << 14},     {"rows", 1 << 18},     {"scatter", 1 << 13},   {"scatter", 10000},
        {"scatter", 1 << 15},  {"scatter", 1 << 17},  {"scatter", 1 << 19},   {"scatter", 1000000},
        {"scatter", 1 << 21},  {"lif", 1000},         {"lif", 10000},         {"lif_bias", 10000},
        {"lif_bias", 100000},  {"lif_bias", 1000000},
    };
    n_threads = count > 1 ? atoi(arguments[1]) : 1;
    if (n_threads < 1 || n_threads > 256) return 2;
    printf("vector %d 0\n", BYTES);
    for (size_t k = 0; k < sizeof jobs / sizeof *jobs; k++) {
        pthread_t others[256];
        what = &jobs[k], best = 0;
        for (int t = 1; t < n_threads; t++)
            if (pthread_create(&others[t], 0, measure, 0)) return 1;
        measure(&best);
        for (int t = 1; t < n_threads; t++) pthread_join(others[t], 0);
        printf("%s %zu %.4g\n", what->name, what->size, best);
    }
    return 0;
}
