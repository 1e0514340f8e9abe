/* SPDX-License-Identifier: Apache-2.0
 *
 * spool_options.h - what may be configured about messages on disk and in
 * memory (MC 3.12).
 */
#ifndef IMPEL_SPOOL_OPTIONS_H
#define IMPEL_SPOOL_OPTIONS_H

#include "conf/scope.h"
#include "spool/spool.h"

enum {
    SPOOL_SPOOLBASE,
    SPOOL_SPOOL_MODE, /* PERMS */
    SPOOL_SPOOL_SYNC, /* SPOOL_SYNC_* of spool.h */
    SPOOL_LARGE_MESSAGE_THRESHOLD,
    SPOOL_SPOOL_SEGMENT_SIZE,
    SPOOL_SPOOL_MIN_FREE,       /* SIZE */
    SPOOL_SPOOL_MIN_FREE_FILES, /* inodes */
    SPOOL_SPOOL_COMPACT_AT,     /* percent dead */
    SPOOL_SPOOL_COMPACT_RATE,   /* bytes a second */
    SPOOL_MAX_RESIDENT_BYTES,
    SPOOL_MEMORY_GOAL,       /* percent */
    SPOOL_MEMORY_HWM,        /* percent */
    SPOOL_MEMORY_LIMIT,      /* SIZE; 0: of the control group or the machine */
    SPOOL_MODULE_STATE_LIMIT /* SIZE; 0: none */
};
extern struct option_set spool_options;

/* The spool's settings of a configuration; texts borrow from its generation. */
void spool_config_from(const struct scope *global, struct spool_config *c);

#endif
