/* SPDX-License-Identifier: Apache-2.0
 *
 * transfer.h - one HTTPS request and its answer, by libcurl on a loop, to
 * addresses that are known.  For fetch.c.
 *
 * Loop thread only.  curl resolves nothing itself: a name without an address
 * here is an error.
 */
#ifndef IMPEL_TRANSFER_H
#define IMPEL_TRANSFER_H

#include "net/fetch.h"

struct transfers; /* those of a loop */
struct transfers *transfers_new(struct loop *l, struct err *e);
void transfers_free(struct transfers **t); /* when none is left */

struct transfer_request {
    const struct fetch_request *what; /* lent until the end */
    const char *url, *host;           /* in its stead; host without brackets */
    uint16_t port;
    const struct cidr *address;
    size_t address_count;
    const char *ca; /* a file, or NULL: the system's */
    int64_t timeout_ms;
};
struct transfer_answer {
    struct fetch_answer is;
    struct buf *body;     /* of ANSWERED: what is.body lends, to be taken away
                             and wiped by who takes it; else NULL */
    const char *redirect; /* where a 3xx points to, whole; or NULL */
};
struct transfer;
/* In a later turn; the transfer is still there and to be ended. */
typedef void transfer_done_f(void *arg, const struct transfer_answer *a);
/* NULL: curl refuses it. */
struct transfer *transfer_start(struct transfers *t,
    const struct transfer_request *r, transfer_done_f *done, void *arg,
    struct err *e);
void transfer_end(struct transfer **t); /* drops the connection */

#endif
