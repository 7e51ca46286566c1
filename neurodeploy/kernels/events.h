/* Who sent a message in each step, as lists of indices: the form that synapses read. */
#ifndef ND_EVENTS_H
#define ND_EVENTS_H

#include <stdint.h>

/* Senders of step t (from 1): index[start[t - 1]] .. index[start[t] - 1], ascending. */
typedef struct {
    int64_t *start;
    int32_t *index;
    int64_t capacity;
} nd_events;

/* Room for so many steps; 0 where memory ran out. */
int nd_events_init(nd_events *e, int32_t steps);
void nd_events_free(nd_events *e);

/* Appends step t, the next one, from a row of messages; 0 where memory ran out. */
int nd_events_append_bytes(nd_events *e, int32_t t, const uint8_t *row, int32_t size);
int nd_events_append_words(nd_events *e, int32_t t, const int32_t *row, int32_t size);

#endif
