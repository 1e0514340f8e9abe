/* SPDX-License-Identifier: Apache-2.0
 *
 * pushrow.h - tables of what the words of a push service mean for the queue.
 *
 * What is our own fault, key or account or topic, waits and is told of
 * (ON_ROUTE): it would fail all mail of the domain.
 */
#ifndef IMPEL_LIB_PUSHROW_H
#define IMPEL_LIB_PUSHROW_H

#include <stddef.h>
#include <stdint.h>

#include <impel/module.h>

struct pushrow {
    const char *name; /* as the service says it */
    uint8_t verdict, blame;
    uint8_t flags; /* the module's */
    uint16_t status[3];
    int32_t retry_s; /* unless the service says when; 0: as the queue likes */
};
enum { /* short, so that a row is a line */
    FAILS = IMPEL_FAILED,
    AGAIN = IMPEL_RETRY,
    ON_DEVICE = IMPEL_BLAME_RCPT,
    ON_MESSAGE = IMPEL_BLAME_MESSAGE,
    ON_SESSION = IMPEL_BLAME_SESSION,
    ON_HOST = IMPEL_BLAME_HOST,
    ON_ROUTE = IMPEL_BLAME_ROUTE
};

/* The row of that name, which may be NULL; NULL: none of them. */
const struct pushrow *pushrow_find(
    const struct pushrow *row, size_t n, const char *name);
/* An answer with that status of HTTP.  after: Retry-After in ms, <= 0: none;
 * what is blamed on a host is then blamed on the route, as another address of
 * the service is no way around it.  text is lent. */
struct impel_result pushrow_result(
    const struct pushrow *row, int code, int64_t after, const char *text);

#endif
