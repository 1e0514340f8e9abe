/* SPDX-License-Identifier: Apache-2.0
 *
 * compact_int.h - one segment's compaction, for compact.c and offline use.
 */
#ifndef IMPEL_COMPACT_INT_H
#define IMPEL_COMPACT_INT_H

#include "spool/append.h"
#include "spool/packer.h"
#include "spool/prepare.h"

struct compact_out { /* where copies go: cold segments, one after another */
    struct spool *spool;
    struct appender out;
    void (*pause)(void *arg, uint64_t bytes); /* after each write, or NULL */
    void *pause_arg;
    uint64_t bytes;        /* written so far */
    struct packer *packer; /* made when it is first needed */
};
/* Copy what lives in seg (its flag `compacting` is set by the caller, under
 * the lock) and publish it.  After 0 the segment may be given back. */
int compact_segment(
    struct compact_out *c, struct live_segment *seg, struct err *e);
/* Seal the cold segment in use. */
void compact_out_fini(struct compact_out *c);

#endif
