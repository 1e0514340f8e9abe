/* SPDX-License-Identifier: Apache-2.0
 *
 * notice.h - bounces and reports of delivery on their way to the spool.
 *
 * A notification is a message like any other: built with a content builder,
 * stored by the spool, queued once it is durable.  Only then is the parcel
 * finished that it speaks of.  Recipients of one message that fail together
 * share one.
 */
#ifndef IMPEL_NOTICE_H
#define IMPEL_NOTICE_H

#include "queue/dsn.h"
#include "queue/scheduler_int.h"

/* p is FAILING: tell who is to be told, then finish it.  result: one for each
 * of its recipients, taken over.  m: NULL: it is read first, and its records
 * are written then.  mta: the host that said so, or empty.  doom: held until
 * it is finished; or NULL. */
void notice_fail(struct parcel *p, struct message *m, struct str mta,
    struct result *result, struct doom *doom);
/* These recipients still wait; those who want to know hear of it.  result: one
 * each, taken over; until: wall ms at which they are given up. */
void notice_delay(struct queue *q, struct message *m, const uint32_t *rcpt,
    struct result *result, size_t count, int64_t until);
/* These recipients were delivered; those who asked hear of it. */
void notice_success(struct queue *q, struct message *m, struct str mta,
    const uint32_t *rcpt, const struct result *result, size_t count);

/* Word of a recipient that came after it was delivered. */
struct notice_late {
    struct generation *generation;
    const struct scope *scope; /* of the recipient, in generation */
    struct str binding;
    struct message *about; /* an envelope of that one recipient */
    enum dsn_action action;
    const struct result *result; /* copied */
    /* Stored with the notification or not at all; lent until done(). */
    struct spool_value with;
    void (*done)(void *arg, bool stored); /* false: the daemon stops */
    void *arg;
};
void notice_late(struct scheduler *s, const struct notice_late *l);

/* Each holds memory and reads until it is stored: what fails mail by the
 * thousand stops at so many, and looks again. */
enum { NOTICES_MOST = 1024, NOTICE_FULL_MS = 50 };
bool notice_has_room(const struct scheduler *s);

#endif
