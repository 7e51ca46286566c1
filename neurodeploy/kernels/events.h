/* Who sent a message in each step, as lists of indices: the form that synapses read. */
#ifndef ND_EVENTS_H
#define ND_EVENTS_H

#include <stdint.h>

#define ND_BEYOND 16 /* entries behind the last that may be read, whatever they are, and written */

/* Senders of a row: index[start[row]] .. index[start[row + 1] - 1], ascending; if graded, with what they sent. */
typedef struct {
    int64_t *start;
    int32_t *index, *message;
    int64_t capacity;
} nd_events;

/* Room for so many rows; 0 where memory ran out. */
int nd_events_init(nd_events *e, int64_t rows, int is_graded);
void nd_events_free(nd_events *e);

/* Fills the next row, number `row`: from words of bits, flags, messages, or addresses; 0 where memory ran out. */
int nd_events_append_words(nd_events *e, int64_t row, const uint64_t *words, int32_t size);
/* The same of some of the bits, from number `from` on, whole words, into a list of one row. */
int nd_events_of_part(nd_events *e, const uint64_t *words, int32_t from, int32_t to);
int nd_events_append_parts(nd_events *e, int64_t row, const nd_events *parts, int32_t count);
int nd_events_append_flags(nd_events *e, int64_t row, const uint8_t *flags, int32_t size, int32_t *are_flags);
int nd_events_append_messages(nd_events *e, int64_t row, const int32_t *messages, int32_t size);
int nd_events_append_list(nd_events *e, int64_t row, const int32_t *list, int64_t count);

/* Makes the last `kept` of `rows` rows the first ones. */
void nd_events_keep(nd_events *e, int64_t rows, int64_t kept);

#endif
