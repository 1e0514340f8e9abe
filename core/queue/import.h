/* SPDX-License-Identifier: Apache-2.0
 *
 * import.h - `spool import`: the mail of a spool whose daemon is stopped
 * becomes mail of this one, under new ids.
 *
 * All of it, or nothing, and never twice: the new ids are a range that was
 * reserved on disk before; what is stored under them is nobody's until a mark
 * is on disk that says how far the import has come in both spools.  Then it
 * goes to its queues.  After a crash the range's rest is void: it is taken out
 * of the spool by recovery, and imported anew when somebody asks.  The mark
 * stays for ever, so whoever imports the same spool again gets what is new.
 */
#ifndef IMPEL_IMPORT_H
#define IMPEL_IMPORT_H

#include "queue/scheduler_int.h"

/* Is a message nobody's: stored by an import that did not come so far (at
 * recovery), or by one that runs? */
bool import_is_void(const struct scheduler *s, uint64_t id);
/* Recovery has met such a message: it goes. */
void import_drop(struct scheduler *s, const struct found *f);
/* Recovery is over: forget those ranges, once nothing is left in them. */
void import_recovered(struct scheduler *s);

void import_init(struct scheduler *s); /* the spool is open */
void import_fini(struct scheduler *s);

#endif
