/* Parts are claimed one by one: a helper that does not run takes none, and the lead waits for no more than the parts that
 * others are at. Held helpers watch for the next turn without sleeping; a part is then claimed by writing the turn's
 * number over that of the turn before, and what the turn is about is read after that, while the lead has to wait.
 */
#include "crew.h"

#ifdef _WIN32

nd_crew *nd_crew_of(nd_worker *lead) { return (void)lead, (nd_crew *)0; }
nd_crew *nd_crew_open(const nd_worker *lead, int32_t helpers) { return (void)lead, (void)helpers, (nd_crew *)0; }
void nd_crew_close(nd_crew *crew, nd_worker *lead) { (void)crew, (void)lead; }
void nd_crew_run(nd_crew *crew, nd_worker *lead, int32_t parts, void (*part)(nd_worker *, int32_t, const void *),
                 const void *what) {
    (void)crew;
    for (int32_t k = 0; k < parts; k++) part(lead, k, what);
}
void nd_crew_hold(nd_crew *crew, const nd_worker *lead) { (void)crew, (void)lead; }
void nd_crew_release(nd_crew *crew) { (void)crew; }

#else

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PATIENCE 50         /* looks that the lead has for a helper to begin, before it does that one's part */
#define SPINS 3000          /* looks at what is to change, before others are let run */
#define YIELDS 100          /* and so many times that, before a helper sleeps */
#define NAP_NS 50000
#define STALL_NS 200000     /* so much longer than its own parts took the lead waits for no reason but a busy machine */
#define MOST_CAUTION 1024   /* turns that the lead takes alone after a stall */

#if defined(__x86_64__) || defined(__i386__)
#define PAUSE() __builtin_ia32_pause()
#elif defined(__aarch64__)
#define PAUSE() __asm__ volatile("yield")
#else
#define PAUSE() ((void)0)
#endif

typedef struct {
    nd_crew *crew;
    nd_worker worker;
    pthread_t thread;
    int32_t number; /* from 1 on; the part that it claims first */
} helper;

/* What one thread writes for others, on a cache line of its own. */
typedef struct {
    _Alignas(64) atomic_int number; /* of the turn; last of all */
    int32_t parts;
    void (*part)(nd_worker *w, int32_t number, const void *what);
    const void *what;
} task;

typedef struct {
    _Alignas(64) atomic_int value;
} line;

struct nd_crew {
    pthread_mutex_t mutex;
    pthread_cond_t called, finished;
    int64_t calls;  /* tasks so far */
    int32_t ends;   /* whether there will be no more */
    int32_t next, parts, done; /* of the task: part to be claimed, number, how many are done */
    void (*part)(nd_worker *w, int32_t number, const void *what);
    const void *what;
    const nd_worker *lead;
    int32_t count;
    helper *helpers;
    int32_t most, inside;     /* parts of a turn; helpers that watch */
    int32_t caution, alone;   /* turns that the lead takes alone after a stall; and now */
    task turn;
    line left, held;          /* parts of the turn that are not done; whether helpers are to watch */
    line *claims;             /* for each part the number of the last turn that it was claimed for */
};

/* Claims and does parts until none is left. The mutex is held on the way in and out. */
static void do_parts(nd_crew *c, nd_worker *w) {
    while (c->next < c->parts) {
        const int32_t number = c->next++;
        pthread_mutex_unlock(&c->mutex);
        c->part(w, number, c->what);
        pthread_mutex_lock(&c->mutex);
        if (++c->done == c->parts) pthread_cond_signal(&c->finished);
    }
}

/* Does a part of a turn unless it is claimed. */
static void take(nd_crew *c, nd_worker *w, int turn, int32_t number) {
    int before = turn - 1;
    if (atomic_load_explicit(&c->claims[number].value, memory_order_relaxed) != before ||
        !atomic_compare_exchange_strong(&c->claims[number].value, &before, turn))
        return;
    if (number < c->turn.parts) c->turn.part(w, number, c->turn.what);
    atomic_fetch_sub_explicit(&c->left.value, 1, memory_order_release);
}

/* Watches for turns until released. The mutex is held on the way in and out. */
static void watch(nd_crew *c, helper *h) {
    nd_worker_follow(&h->worker, c->lead);
    c->inside++;
    pthread_mutex_unlock(&c->mutex);
    int seen = atomic_load(&c->turn.number);
    for (int32_t idle = 0; atomic_load_explicit(&c->held.value, memory_order_relaxed); idle++) {
        const int turn = atomic_load_explicit(&c->turn.number, memory_order_acquire);
        if (turn != seen) {
            take(c, &h->worker, turn, h->number);
            seen = turn, idle = 0;
        } else if (idle < SPINS) {
            PAUSE();
        } else if (idle < SPINS + YIELDS) {
            sched_yield();
        } else {
            idle--;
            nanosleep(&(struct timespec){0, NAP_NS}, NULL);
        }
    }
    pthread_mutex_lock(&c->mutex);
    if (--c->inside == 0) pthread_cond_signal(&c->finished);
}

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* A task while the helpers watch. */
static void run_turn(nd_crew *c, nd_worker *lead, int32_t parts, void (*part)(nd_worker *, int32_t, const void *),
                     const void *what) {
    if (c->alone > 0) {
        c->alone--;
        for (int32_t k = 0; k < parts; k++) part(lead, k, what);
        return;
    }
    c->turn.part = part, c->turn.what = what, c->turn.parts = parts;
    atomic_store_explicit(&c->left.value, c->most, memory_order_relaxed);
    const int turn = atomic_load_explicit(&c->turn.number, memory_order_relaxed) + 1;
    const int64_t start = now_ns();
    atomic_store_explicit(&c->turn.number, turn, memory_order_release);
    take(c, lead, turn, 0);
    const int64_t own_end = now_ns();
    int64_t end = own_end;
    for (int32_t idle = 0; atomic_load_explicit(&c->left.value, memory_order_acquire) > 0; idle++) {
        if (idle == PATIENCE)
            for (int32_t k = 1; k < c->most; k++) take(c, lead, turn, k);
        if (idle < SPINS) {
            PAUSE();
            continue;
        }
        sched_yield();
        end = now_ns();
    }
    if (end - own_end > own_end - start + STALL_NS) {
        c->caution = 2 * c->caution + 8 < MOST_CAUTION ? 2 * c->caution + 8 : MOST_CAUTION;
        c->alone = c->caution;
    } else if (c->caution > 0) {
        c->caution--;
    }
}

static void *help(void *given) {
    helper *h = given;
    nd_crew *c = h->crew;
    pthread_mutex_lock(&c->mutex);
    for (int64_t seen = 0;;) {
        while (c->calls == seen && !c->ends) pthread_cond_wait(&c->called, &c->mutex);
        if (c->ends) break;
        seen = c->calls;
        if (atomic_load(&c->held.value)) {
            watch(c, h);
            continue;
        }
        if (c->next >= c->parts) continue; /* too late for this one */
        nd_worker_follow(&h->worker, c->lead);
        do_parts(c, &h->worker);
    }
    pthread_mutex_unlock(&c->mutex);
    return NULL;
}

/* Zeros from a cache line on. */
static void *lines(size_t bytes) {
    void *at = NULL;
    if (posix_memalign(&at, sizeof(line), bytes)) return NULL;
    return memset(at, 0, bytes);
}

nd_crew *nd_crew_open(const nd_worker *lead, int32_t helpers) {
    const size_t claims = sizeof(line) * (size_t)(helpers + 1);
    nd_crew *c = lines(sizeof *c);
    if (!c) return NULL;
    c->most = helpers + 1;
    c->helpers = calloc((size_t)helpers, sizeof *c->helpers);
    c->claims = lines(claims);
    if (!c->helpers || !c->claims) {
        free(c->helpers);
        free(c->claims);
        free(c);
        return NULL;
    }
    pthread_mutex_init(&c->mutex, NULL);
    pthread_cond_init(&c->called, NULL);
    pthread_cond_init(&c->finished, NULL);
    while (c->count < helpers) {
        helper *h = &c->helpers[c->count];
        h->crew = c, h->number = c->count + 1;
        if (!nd_worker_init_helper(&h->worker, lead) || pthread_create(&h->thread, NULL, help, h)) {
            nd_worker_free_helper(&h->worker);
            break;
        }
        c->count++;
    }
    return c;
}

nd_crew *nd_crew_of(nd_worker *lead) {
    if (lead->helpers) lead->crew = nd_crew_open(lead, lead->helpers);
    lead->helpers = 0;
    return lead->crew;
}

void nd_crew_close(nd_crew *c, nd_worker *lead) {
    if (!c) return;
    pthread_mutex_lock(&c->mutex);
    c->ends = 1;
    pthread_cond_broadcast(&c->called);
    pthread_mutex_unlock(&c->mutex);
    for (int32_t k = 0; k < c->count; k++) {
        pthread_join(c->helpers[k].thread, NULL);
        nd_add_counts(&c->helpers[k].worker, lead->populations);
        nd_worker_free_helper(&c->helpers[k].worker);
    }
    pthread_mutex_destroy(&c->mutex);
    pthread_cond_destroy(&c->called);
    pthread_cond_destroy(&c->finished);
    free(c->helpers);
    free(c->claims);
    free(c);
}

void nd_crew_hold(nd_crew *c, const nd_worker *lead) {
    pthread_mutex_lock(&c->mutex);
    c->lead = lead;
    atomic_store(&c->held.value, 1);
    c->calls++;
    pthread_cond_broadcast(&c->called);
    pthread_mutex_unlock(&c->mutex);
}

void nd_crew_release(nd_crew *c) {
    pthread_mutex_lock(&c->mutex);
    atomic_store(&c->held.value, 0);
    while (c->inside) pthread_cond_wait(&c->finished, &c->mutex);
    pthread_mutex_unlock(&c->mutex);
}

void nd_crew_run(nd_crew *c, nd_worker *lead, int32_t parts, void (*part)(nd_worker *, int32_t, const void *),
                 const void *what) {
    if (atomic_load_explicit(&c->held.value, memory_order_relaxed)) {
        run_turn(c, lead, parts, part, what);
        return;
    }
    pthread_mutex_lock(&c->mutex);
    c->part = part, c->what = what, c->lead = lead;
    c->parts = parts, c->next = c->done = 0;
    c->calls++;
    pthread_cond_broadcast(&c->called);
    do_parts(c, lead);
    while (c->done < c->parts) pthread_cond_wait(&c->finished, &c->mutex);
    pthread_mutex_unlock(&c->mutex);
}

#endif
