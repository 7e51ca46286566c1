/* Threads that help one worker with parts of a task. */
#ifndef ND_CREW_H
#define ND_CREW_H

#include "worker.h"

#define ND_WORTH_THREADS 1000000 /* nanoseconds of work; below it is not worth waking anybody */

typedef struct nd_crew nd_crew;

/* So many helpers, or fewer; NULL if there is none. */
nd_crew *nd_crew_open(const nd_worker *lead, int32_t helpers);
/* The lead's, opened when first asked for: starting threads takes as long as a small network. */
nd_crew *nd_crew_of(nd_worker *lead);
/* Ends them and adds their counts to the lead's; of NULL nothing. */
void nd_crew_close(nd_crew *crew, nd_worker *lead);

/* Does parts 0..parts - 1 of a task, each once, by `part` on the lead's worker or a helper's; returns when all are done. */
void nd_crew_run(nd_crew *crew, nd_worker *lead, int32_t parts, void (*part)(nd_worker *w, int32_t number, const void *what),
                 const void *what);

/* The helpers stand by, wide awake, for tasks of a few microseconds each; all else of the lead stays as it is until they
 * are released. */
void nd_crew_hold(nd_crew *crew, const nd_worker *lead);
void nd_crew_release(nd_crew *crew);

#endif
