/* SPDX-License-Identifier: Apache-2.0
 *
 * spool_options.h - what may be configured about messages on disk and in
 * memory (MC 3.12).
 */
#ifndef IMPEL_SPOOL_OPTIONS_H
#define IMPEL_SPOOL_OPTIONS_H

#include "conf/option.h"

enum {
    SPOOL_SPOOLBASE,
    SPOOL_SPOOL_MODE, /* PERMS */
    SPOOL_SPOOL_SYNC, /* SPOOL_SYNC_* */
    SPOOL_FORCE_FSYNC,
    SPOOL_LARGE_MESSAGE_THRESHOLD,
    SPOOL_SPOOL_SEGMENT_SIZE,
    SPOOL_SPOOL_MIN_FREE,       /* SIZE */
    SPOOL_SPOOL_MIN_FREE_FILES, /* inodes */
    SPOOL_SPOOL_COMPACT_AT,     /* percent dead */
    SPOOL_SPOOL_COMPACT_RATE,   /* bytes a second */
    SPOOL_MAX_RESIDENT_BYTES,
    SPOOL_MEMORY_GOAL, /* percent */
    SPOOL_MEMORY_HWM   /* percent */
};
enum { SPOOL_SYNC_COMMIT, SPOOL_SYNC_NONE };
extern struct option_set spool_options;

#endif
