/* SPDX-License-Identifier: Apache-2.0
 *
 * pending.h - DONEs and ATTEMPTs that recovery met before their ACCEPT.
 *
 * Recovery reads newest first, so all of a message's results are here when its
 * ACCEPT is met.  One thread.
 */
#ifndef IMPEL_PENDING_H
#define IMPEL_PENDING_H

#include "spool/index.h"

struct pending { /* a result, copied out of an index */
    struct pending *next;
    uint64_t id, lsn;
    struct spool_place at;
    uint8_t type;
    bool all;
    uint32_t run_count;
    union {
        struct record_run one;
        const struct record_run *many;
    } run; /* by pending_runs() */
    /* Of an ATTEMPT; a DONE has no memory for what follows. */
    int64_t next_attempt;
    uint32_t retries;
    uint32_t moved_n; /* of a text behind the domain's */
    struct str domain;
};
static inline struct str
pending_moved(const struct pending *p)
{
    return str_make(p->domain.p + p->domain.n, p->moved_n);
}
static inline const struct record_run *
pending_runs(const struct pending *p)
{
    return p->run_count == 1 ? &p->run.one : p->run.many;
}
struct pending_table { /* zeroed memory is empty */
    struct pending **slots;
    size_t count, size;
    struct pending_block *blocks;
};
void pending_fini(struct pending_table *t);
void pending_add(
    struct pending_table *t, uint32_t segment, const struct index_entry *e);
/* All results of a message, newest first, taken out of the table; the memory
 * stays until pending_fini(). */
struct pending *pending_take(struct pending_table *t, uint64_t id);

#endif
