/* SPDX-License-Identifier: Apache-2.0
 *
 * loginlimit.h - failed logins by address.
 *
 * Of the process, for all loops and listeners; bounded: when it is full, the
 * address that has failed longest ago is forgotten.  IPv6 counts by /64; peers
 * without an address (Unix sockets) are one.
 *
 * Any thread.
 */
#ifndef IMPEL_LOGINLIMIT_H
#define IMPEL_LOGINLIMIT_H

#include "base/cidr.h"
#include "base/tokens.h"

enum { LOGINLIMIT_MAX = 65536 }; /* addresses */

/* May that address try (again)?  rate.count 0: always. */
bool loginlimit_has(
    const struct cidr *addr, struct throttle_rate rate, int64_t now);
/* One has failed. */
void loginlimit_failed(
    const struct cidr *addr, struct throttle_rate rate, int64_t now);
size_t loginlimit_count(void);
void loginlimit_drop(void); /* forget all */

#endif
