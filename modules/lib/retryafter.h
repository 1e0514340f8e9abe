/* SPDX-License-Identifier: Apache-2.0
 *
 * retryafter.h - when a server of HTTP wants to be asked again (RFC 9110
 * 10.2.3).
 */
#ifndef IMPEL_LIB_RETRYAFTER_H
#define IMPEL_LIB_RETRYAFTER_H

#include <impel/module.h>

enum { RETRYAFTER_MOST_MS = 86400 * 1000 };
/* The value of Retry-After, seconds or a date: ms from now, at most a day; -1:
 * it says nothing of use.  wall: ms. */
int64_t retryafter_read(struct impel_str value, int64_t wall);

#endif
