/* SPDX-License-Identifier: Apache-2.0
 *
 * tlscache.h - sessions that servers are ready to resume, by what they were
 * made with.
 *
 * One for the process, whatever loop asks.  Each is given out once (RFC 8446
 * C.4), the newest first; what is not asked for goes after an hour, or when
 * there are too many.
 */
#ifndef IMPEL_TLSCACHE_H
#define IMPEL_TLSCACHE_H

#include <stdbool.h>
#include "base/secret.h"

enum {
    TLSCACHE_MOST = 2048,      /* in all */
    TLSCACHE_EACH = 8,         /* of one key */
    TLSCACHE_DATA_MAX = 16384, /* octets of one */
    TLSCACHE_LIFE_MS = 3600000
};

/* data is copied; one that is too large is not kept. */
void tlscache_put(struct str key, struct str data, int64_t now);
/* Into *to, which the caller wipes (secret_fini()); false: there is none. */
bool tlscache_take(struct str key, struct secret *to, int64_t now);
size_t tlscache_count(void);
void tlscache_drop(void); /* all */

#endif
