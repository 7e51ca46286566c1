/* Parts are claimed one by one: a helper that does not run takes none, and the lead waits for no more than the parts that
 * others are at. */
#include "crew.h"

#ifdef _WIN32

nd_crew *nd_crew_open(const nd_worker *lead, int32_t helpers) { return (void)lead, (void)helpers, (nd_crew *)0; }
void nd_crew_close(nd_crew *crew, nd_worker *lead) { (void)crew, (void)lead; }
void nd_crew_run(nd_crew *crew, nd_worker *lead, int32_t parts, void (*part)(nd_worker *, int32_t, const void *),
                 const void *what) {
    (void)crew;
    for (int32_t k = 0; k < parts; k++) part(lead, k, what);
}

#else

#include <pthread.h>
#include <stdlib.h>

typedef struct {
    nd_crew *crew;
    nd_worker worker;
    pthread_t thread;
} helper;

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

static void *help(void *given) {
    helper *h = given;
    nd_crew *c = h->crew;
    pthread_mutex_lock(&c->mutex);
    for (int64_t seen = 0;;) {
        while (c->calls == seen && !c->ends) pthread_cond_wait(&c->called, &c->mutex);
        if (c->ends) break;
        seen = c->calls;
        if (c->next >= c->parts) continue; /* too late for this one */
        nd_worker_follow(&h->worker, c->lead);
        do_parts(c, &h->worker);
    }
    pthread_mutex_unlock(&c->mutex);
    return NULL;
}

nd_crew *nd_crew_open(const nd_worker *lead, int32_t helpers) {
    nd_crew *c = calloc(1, sizeof *c);
    if (!c || !(c->helpers = calloc((size_t)helpers, sizeof *c->helpers))) {
        free(c);
        return NULL;
    }
    pthread_mutex_init(&c->mutex, NULL);
    pthread_cond_init(&c->called, NULL);
    pthread_cond_init(&c->finished, NULL);
    while (c->count < helpers) {
        helper *h = &c->helpers[c->count];
        h->crew = c;
        if (!nd_worker_init_helper(&h->worker, lead) || pthread_create(&h->thread, NULL, help, h)) {
            nd_worker_free_helper(&h->worker);
            break;
        }
        c->count++;
    }
    return c;
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
    free(c);
}

void nd_crew_run(nd_crew *c, nd_worker *lead, int32_t parts, void (*part)(nd_worker *, int32_t, const void *),
                 const void *what) {
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
