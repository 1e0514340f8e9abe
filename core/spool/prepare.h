/* SPDX-License-Identifier: Apache-2.0
 *
 * prepare.h - make the table of segments of a spool that is being opened.
 *
 * Heads of all segments, aborted commits and small values.  A segment without
 * a good index is read from end to end, its torn tail is cut, damage is
 * quarantined and named, and its index is made again.
 */
#ifndef IMPEL_PREPARE_H
#define IMPEL_PREPARE_H

#include "spool/liveness.h"

struct spool;

/* Also sets the counters of s from which it goes on. */
int prepare_segments(struct spool *s, struct err *e);

/* The index of any segment: a copy of the one in memory, the file, or made by
 * reading the segment.  Release with index_fini(). */
int prepare_index(
    struct spool *s, struct live_segment *seg, struct index *to, struct err *e);

#endif
