/* SPDX-License-Identifier: Apache-2.0
 *
 * qualify.h - addresses that a client says without a domain.
 */
#ifndef IMPEL_QUALIFY_H
#define IMPEL_QUALIFY_H

#include "base/arena.h"
#include "intake/intake_int.h"

/* local becomes local@domain where the options name one.  What is returned is
 * the argument, or stands in the arena or the options. */
struct str qualify_sender(
    const struct intake_session *is, struct arena *arena, struct str a);
/* <postmaster>, whom anybody may write to (RFC 5321 4.5.1), becomes an address
 * whatever the options say; *to_us: it was he. */
struct str qualify_recipient(const struct intake_session *is,
    struct arena *arena, struct str a, bool *to_us);

#endif
