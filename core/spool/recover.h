/* SPDX-License-Identifier: Apache-2.0
 *
 * recover.h - what was in the spool before this start.
 *
 * prepare.h has read heads and small values already.  A thread enumerates, hot
 * segments newest first and cold ones last, and tells the scheduler of each
 * message that is not finished.  The results that compaction moved to cold
 * segments are read before everything, so that a message is only met when all
 * of its results are known.
 */
#ifndef IMPEL_RECOVER_H
#define IMPEL_RECOVER_H

#include "spool/liveness.h"

struct spool;
struct found;
struct recover;

/* Enumerate: on a thread, or (offline) on this one without telling anybody. */
int recover_start(struct spool *s, struct recover **to, struct err *e);
void recover_run(struct spool *s);
/* The same, telling fn of each message on this thread, until it says false. */
typedef bool recover_found_f(void *arg, const struct found *f);
void recover_list(struct spool *s, recover_found_f *fn, void *arg);
void recover_stop(struct recover **r);

#endif
